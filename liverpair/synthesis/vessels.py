"""Aorta, vena cava and the branching vessels of the liver."""

import numpy as np

from liverpair.synthesis.body import Body
from liverpair.synthesis.frame import Frame, Tissue, smooth_path, tube_depth
from liverpair.synthesis.patient import Patient
from liverpair.synthesis.shapes import smooth_noise


def grow_tree(
    root: np.ndarray,
    targets: np.ndarray,
    tip_radius: float,
    exponent: float,
    rng: np.random.Generator,
    step_mm: float = 4.0,
) -> tuple[np.ndarray, np.ndarray]:
    """A tree that reaches every target from the root, each by a branch from the nearest part already grown.

    Radii follow Murray's law: a vessel that feeds n tips is tip_radius x n^(1/exponent) wide.

    Args:
        root: mm (3,).
        targets: mm (n, 3).
        tip_radius: radius of the last branches, mm.
        exponent: 3 in Murray's law; smaller makes the trunk wider.
        rng: source of the crookedness.
        step_mm: distance between points.

    Returns:
        Points (m, 3) and their radii (m,), mm.
    """
    points, parents = [np.asarray(root, dtype=float)], [-1]
    tips = []
    for target in targets[np.argsort(np.linalg.norm(targets - root, axis=1))]:
        grown = np.array(points)
        detour = np.linalg.norm(grown - target, axis=1) + 0.25 * np.linalg.norm(grown - root, axis=1)
        parent = int(np.argmin(detour))
        start = grown[parent]
        count = max(1, int(np.ceil(np.linalg.norm(target - start) / step_mm)))
        bow = rng.normal(0, 0.10, 3) * np.linalg.norm(target - start)
        for k in range(1, count + 1):
            t = k / count
            points.append(start + t * (target - start) + np.sin(np.pi * t) * bow)
            parents.append(parent if k == 1 else len(points) - 2)
        tips.append(len(points) - 1)
    fed = np.zeros(len(points))
    for tip in tips:
        node = tip
        while node >= 0:
            fed[node] += 1
            node = parents[node]
    return np.array(points), tip_radius * np.maximum(fed, 1) ** (1 / exponent)


def paint_liver_vessels(
    frame: Frame, patient: Patient, labels: np.ndarray, liver: np.ndarray, body: Body, rng: np.random.Generator
) -> None:
    """Portal branches from the hilum, hepatic veins converging on the vena cava under the diaphragm."""
    inside = np.argwhere(liver)
    positions = inside[:, ::-1] * np.array(frame.spacing) + np.array(frame.origin)
    middle = positions.mean(axis=0)
    hilum = np.array((middle[0] + 32, middle[1] + 14, middle[2] - 18))
    outlet = np.array((-0.13 * patient.cavity_half_width, body.spine_y - 32, min(-34.0, middle[2] + 38)))
    for root, tissue, count, tip, exponent in (
        (outlet, Tissue.HEPATIC_VEIN, 90, 1.5, 2.6),
        (hilum, Tissue.PORTAL_VEIN, 190, 1.55, 3.0),
    ):
        targets = positions[rng.choice(len(positions), count)]
        points, radii = grow_tree(root, targets, tip, exponent, rng)
        _paint_points(frame, labels, points, np.minimum(radii, 6.5), tissue, only=Tissue.LIVER)
    portal = smooth_path(
        (
            (*hilum, 6.5),
            (hilum[0] + 22, hilum[1] + 2, hilum[2] - 22, 7.0),
            (0.02 * patient.cavity_half_width, body.spine_y - 48, hilum[2] - 50, 7.0),
        ),
        3.0,
    )
    _paint_points(frame, labels, portal[:, :3], portal[:, 3], Tissue.PORTAL_VEIN, only=Tissue.VISCERAL_FAT)


def _paint_points(
    frame: Frame, labels: np.ndarray, points: np.ndarray, radii: np.ndarray, tissue: Tissue, only: Tissue
) -> None:
    for point, radius in zip(points, radii, strict=True):
        window = frame.window(point, (radius + 1.0,) * 3)
        dx, dy, dz = frame.offsets(window, point)
        patch = labels[window]
        patch[(dx * dx + dy * dy + dz * dz <= radius * radius) & (patch == only)] = tissue


def paint_great_vessels(
    frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator
) -> None:
    """The aorta left of the midline on the spine; the vena cava right of it, rising through the diaphragm."""
    z = frame.axes()[2].ravel()
    r = patient.aorta_radius
    front = body.spine_y - 17
    heights = np.linspace(z[0], z[-1], 9)
    aorta = np.column_stack(
        [14 + 3 * smooth_noise((9,), 1.5, rng) + 6 * (heights > -40), front - 0.6 * r + 5 * (heights > -40), heights]
    )
    cava = np.column_stack(
        [
            np.full(5, -22.0) + rng.normal(0, 1.5, 5),
            front - 6 - np.array((0, 0, 4, 14, 22)),
            np.array((z[0], -170.0, -110.0, -48.0, -5.0)),
            np.array((9.5, 10, 11, 12.5, 13)),
        ]
    )
    path = smooth_path(cava, 4.0)
    window, depth = tube_depth(frame, path[:, :3], path[:, 3])
    labels[window][depth > 0] = Tissue.VENA_CAVA
    path = smooth_path(aorta, 4.0)
    window, depth = tube_depth(frame, path, np.full(len(path), r))
    labels[window][depth > -1.2] = Tissue.VESSEL_WALL
    labels[window][depth > 0.6] = Tissue.AORTA


def paint_mesentery(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    """Renal, splenic and mesenteric vessels, and the small strands that keep visceral fat from being uniform."""
    w, front, level = patient.cavity_half_width, body.spine_y, -0.66 * patient.liver_length
    for side in (-1, 1):
        renal = smooth_path(((12 * side, front - 26, level - 24), (0.36 * side * w, front - 8, level - 40)), 3.0)
        _paint_points(frame, labels, renal, np.full(len(renal), 3.6), Tissue.VENA_CAVA, only=Tissue.VISCERAL_FAT)
        crus = ((9 * side, front - 19, level - 30), (20 * side, front - 20, -60), (26 * side, front - 14, -35))
        crus = smooth_path(crus, 3.0)
        _paint_points(frame, labels, crus, np.full(len(crus), 5.0), Tissue.MUSCLE, only=Tissue.VISCERAL_FAT)
    splenic = smooth_path(((0.02 * w, front - 46, level), (0.30 * w, front - 34, level + 14), (0.62 * w, 12, -72)), 3.0)
    _paint_points(frame, labels, splenic, np.full(len(splenic), 3.4), Tissue.PORTAL_VEIN, only=Tissue.VISCERAL_FAT)
    count = 70
    targets = np.column_stack(
        [
            rng.uniform(-0.5, 0.7, count) * w,
            rng.uniform(-0.7, 0.1, count) * patient.cavity_half_depth,
            level - np.abs(rng.normal(0, 80, count)),
        ]
    )
    root = np.array((4.0, front - 44, level))
    points, radii = grow_tree(root, targets, 1.2, 2.6, rng)
    _paint_points(frame, labels, points, np.minimum(radii, 4.5), Tissue.SMALL_VESSEL, only=Tissue.VISCERAL_FAT)
    strands = smooth_noise(labels.shape, (1.0, 1.3, 1.3), rng)
    strands += 0.6 * smooth_noise(labels.shape, (8.0, 10.0, 10.0), rng)
    labels[(labels == Tissue.VISCERAL_FAT) & (strands > 2.5)] = Tissue.SMALL_VESSEL
