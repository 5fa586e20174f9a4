"""Stomach, small bowel and colon."""

import numpy as np

from liverpair.synthesis.body import Body
from liverpair.synthesis.frame import Frame, Tissue, smooth_path, tube_depth
from liverpair.synthesis.patient import TYPICAL_LIVER_LENGTH_MM, Patient
from liverpair.synthesis.shapes import smooth_noise

SMALL_BOWEL_CONTENT = (Tissue.BOWEL_FLUID, Tissue.BOWEL_CHYME, Tissue.GUT_WALL)


def paint_stomach(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    """From the left dome forward and across the midline, fluid behind and gas in front: the patient lies supine."""
    w, d, fill = patient.cavity_half_width, patient.cavity_half_depth, patient.stomach_filling
    down = patient.liver_length / TYPICAL_LIVER_LENGTH_MM
    jitter = rng.normal(0, 5, (5, 3))
    controls = np.array(
        (
            (0.44 * w, 0.12 * d, -48 * down),
            (0.46 * w, -0.22 * d, -72 * down),
            (0.36 * w, -0.48 * d, -104 * down),
            (0.12 * w, -0.50 * d, -118 * down),
            (-0.14 * w, -0.34 * d, -108 * down),
        )
    )
    radii = fill * np.array((37, 36, 28, 21, 13))
    path = smooth_path(np.column_stack([controls + jitter, radii]), 5.0)
    window, depth = tube_depth(frame, path[:, :3], path[:, 3])
    _, y, z = frame.axes()
    z = z[window[0]]
    folds = 2.5 * smooth_noise(depth.shape, (2.0, 2.5, 2.5), rng)
    depth = np.minimum(depth, body.depth[window] - 3.0)
    depth = np.minimum(depth, body.diaphragm[:, window[1], window[2]] - 3.5 - z)
    patch = labels[window]
    free = patch == Tissue.VISCERAL_FAT
    patch[free & (depth > 0)] = Tissue.GUT_WALL
    lumen = free & (depth + folds > 4.5)
    patch[lumen] = Tissue.STOMACH_CONTENT
    if lumen.any():
        height = np.broadcast_to(y[:, window[1]], depth.shape)
        patch[lumen & (height < np.quantile(height[lumen], patient.stomach_gas))] = Tissue.GAS


def paint_colon(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    """Up the right flank to the liver, across the front, down the left flank, with haustra."""
    w, d = patient.cavity_half_width, patient.cavity_half_depth
    flexure = -0.86 * patient.liver_length
    controls = np.array(
        (
            (-0.64 * w, 0.10 * d, flexure - 110),
            (-0.66 * w, 0.12 * d, flexure - 50),
            (-0.58 * w, -0.20 * d, flexure - 22),
            (-0.40 * w, -0.58 * d, flexure - 14),
            (-0.10 * w, -0.70 * d, flexure - 24),
            (0.25 * w, -0.66 * d, flexure - 6),
            (0.58 * w, -0.40 * d, flexure + 26),
            (0.74 * w, 0.10 * d, flexure + 36),
            (0.74 * w, 0.22 * d, flexure - 20),
            (0.72 * w, 0.20 * d, flexure - 110),
        )
    ) + rng.normal(0, 6, (10, 3))
    path = smooth_path(controls, 4.0)
    radii = (
        rng.uniform(14, 19)
        * (1 + 0.2 * np.sin(np.arange(len(path)) * 4.0 / 5.0))
        * (1 + 0.2 * smooth_noise((len(path),), 12.0, rng))
    )
    window, depth = tube_depth(frame, path, np.clip(radii, 9, 24))
    depth = np.minimum(depth, body.depth[window] - 2.0)
    patch = labels[window]
    free = patch == Tissue.VISCERAL_FAT
    patch[free & (depth > 0)] = Tissue.GUT_WALL
    lumen = free & (depth > 2.2)
    clumps = smooth_noise(depth.shape, (3.0, 4.0, 4.0), rng)
    y = frame.axes()[1][:, window[1]]
    patch[lumen] = Tissue.FAECES
    patch[lumen & (clumps - 0.02 * (y + 40) > 1.2 - 1.6 * patient.colon_gas)] = Tissue.GAS


def paint_small_bowel(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    """Short winding loops in the middle and lower abdomen, each with one kind of content."""
    w, d = patient.cavity_half_width, patient.cavity_half_depth
    top = -0.62 * patient.liver_length
    for _ in range(patient.bowel_loops):
        start = np.array((rng.uniform(-0.45, 0.62) * w, rng.uniform(-0.62, 0.15) * d, top - abs(rng.normal(0, 75))))
        heading = rng.standard_normal(3)
        points = [start]
        for _ in range(int(rng.integers(4, 9))):
            heading = 0.6 * heading / np.linalg.norm(heading) + 0.6 * rng.standard_normal(3)
            points.append(points[-1] + 17 * heading / np.linalg.norm(heading))
        path = smooth_path(points, 5.0)
        radius = rng.uniform(7.5, 13.0)
        window, depth = tube_depth(frame, path, np.full(len(path), radius))
        if not depth.size:
            continue
        depth = np.minimum(depth, body.depth[window] - 2.0)
        patch = labels[window]
        free = patch == Tissue.VISCERAL_FAT
        patch[free & (depth > 0)] = Tissue.GUT_WALL
        folds = 1.0 * smooth_noise(depth.shape, (1.0, 1.2, 1.2), rng)
        content = SMALL_BOWEL_CONTENT[rng.choice(3, p=(0.55, 0.3, 0.15))]
        patch[free & (depth + folds > 2.4)] = content
