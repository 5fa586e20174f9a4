"""The solid organs: liver, spleen, kidneys, and the gallbladder and pancreas beside them."""

import numpy as np
from scipy import ndimage

from liverpair.synthesis.body import Body
from liverpair.synthesis.frame import Frame, Tissue, paint_ellipsoid, smooth_path, tube_depth
from liverpair.synthesis.patient import Patient
from liverpair.synthesis.shapes import smooth_noise, smooth_step

# Height of the liver's lower surface (1 at the dome, 0 at the inferior tip) along an oblique left-right
# coordinate: a long right lobe whose lower surface rises to the left until it meets the diaphragm.
LOWER_SURFACE_AT = (-1.2, -0.85, -0.68, -0.52, -0.38, -0.20, -0.04, 0.08, 0.20)
LOWER_SURFACE = (0.02, 0.05, 0.17, 0.33, 0.46, 0.55, 0.62, 0.80, 1.30)


def liver_mask(frame: Frame, patient: Patient, body: Body, rng: np.random.Generator) -> np.ndarray:
    """The liver: the space under the diaphragm, within the wall, above its own lower surface; edges rounded.

    Returns:
        bool array (z, y, x).
    """
    z = frame.axes()[2]
    u, v = body.u, body.v
    lean = np.where(v < 0, 0.50, 0.42) * v + 0.12 * v**2
    reach = patient.liver_left_reach - patient.liver_anterior_reach * v
    across = u + lean - np.where(v < 0, reach * smooth_step(-v, 0.0, 0.4), 0.0)
    relative = np.interp(across, LOWER_SURFACE_AT, LOWER_SURFACE)
    tip = 0.30 * smooth_step(np.abs(v), 0.25, 0.75) * smooth_step(-u, -0.1, 0.7)
    lower = -patient.liver_length * (1.0 - relative - tip)
    lower = lower + patient.liver_roughness * 1.5 * smooth_noise(frame.shape[1:], 16.0, rng)
    fissure = 30.0 * np.exp(-((u / 0.03) ** 2)) * smooth_step(-v, 0.15, 0.45)
    lower = ndimage.gaussian_filter(lower, (0.0, 3.0, 3.0)) + fissure

    roughness = 0.6 * patient.liver_roughness * smooth_noise(frame.shape, (9.0, 14.0, 14.0), rng)
    room = np.minimum(body.diaphragm + 1.0 - z, body.depth + 1.0)
    room = np.minimum(room, 0.7 * (z - lower) + roughness)
    spine = np.sqrt(frame.axes()[0] ** 2 + (frame.axes()[1] - body.spine_y) ** 2) - 34.0
    room = np.minimum(room, spine)
    rounded = ndimage.gaussian_filter(np.clip(room, -14.0, 14.0), (2.0, 3.2, 3.2))
    inside = (rounded > 0) & (body.depth > 0.3) & (body.diaphragm - 0.8 > z)
    components, count = ndimage.label(inside)
    sizes = np.bincount(components.ravel(), minlength=count + 1)
    sizes[0] = 0
    return components == sizes.argmax()


def paint_spleen(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    """A crescent against the left posterior wall, under the diaphragm."""
    x, y, z = frame.axes()
    size = patient.spleen_size
    center_u, center_v, center_z = rng.uniform(0.60, 0.70), rng.uniform(0.22, 0.36), -72.0 + rng.uniform(-16, 16)
    scale = patient.cavity_half_width / 130.0
    distance = ((body.u - center_u) / 0.34) ** 2 + ((body.v - center_v) / 0.47) ** 2 + ((z - center_z) / 52.0) ** 2
    thickness = 37.0 * size * scale * np.sqrt(np.clip(1.15 - distance, 0.0, 1.0))
    room = np.minimum(body.depth, thickness - body.depth)
    room = np.minimum(room, body.diaphragm - z)
    room = np.minimum(room, 34.0 * (size - np.sqrt(distance)))
    room = ndimage.gaussian_filter(np.clip(room, -12.0, 12.0), (1.4, 2.0, 2.0))
    labels[(room > 0) & (body.depth > 0.5) & (x > 0) & (labels == Tissue.VISCERAL_FAT)] = Tissue.SPLEEN


def paint_kidneys(
    frame: Frame, patient: Patient, labels: np.ndarray, organs: np.ndarray, body: Body, rng: np.random.Generator
) -> None:
    """Two bean shapes beside the spine in a capsule of fat, with pyramids and a pelvis.

    They are numbered 2 and 3 in `organs`, since the tissues do not tell right from left.
    """
    half = patient.kidney_length / 2
    base = -patient.liver_length + 48.0 + patient.kidney_drop
    for side, number in ((-1, 2), (1, 3)):
        center = np.array(
            (
                side * (0.44 * patient.cavity_half_width + rng.uniform(-4, 4)),
                body.spine_y + rng.uniform(-9, 2),
                base + (side + 1) * 5 + rng.uniform(-6, 6),
            )
        )
        lean = np.deg2rad(rng.uniform(8, 16))
        axis = np.array((-side * np.sin(lean), 0.18, np.cos(lean)))
        axis /= np.linalg.norm(axis)
        across = np.array((side * 0.55, 0.83, 0.0))
        across -= axis * (across @ axis)
        across /= np.linalg.norm(across)
        tilt = np.stack([across, np.cross(axis, across), axis])
        width = half * rng.uniform(0.54, 0.60)
        paint_ellipsoid(
            frame, labels, center, (width + 8, width + 6, half + 8), Tissue.VISCERAL_FAT, tilt, only=Tissue.LIVER
        )
        before = labels.copy()
        paint_ellipsoid(frame, labels, center, (width, width * 0.86, half), Tissue.KIDNEY_CORTEX, tilt)
        hilum = center - np.array((side * width * 0.95, width * 0.35, 0.0))
        for k in range(9):
            angle = 2 * np.pi * k / 9 + rng.uniform(-0.2, 0.2)
            level = (k % 3 - 1) * half * 0.5
            ring = width * (0.52 if k % 3 == 1 else 0.36)
            place = center + axis * level + ring * (np.cos(angle) * tilt[0] + np.sin(angle) * tilt[1])
            paint_ellipsoid(frame, labels, place, (6.5, 6.5, 9.0), Tissue.KIDNEY_MEDULLA, only=Tissue.KIDNEY_CORTEX)
        paint_ellipsoid(frame, labels, hilum, (width * 0.48, width * 0.40, half * 0.38), Tissue.VISCERAL_FAT)
        paint_ellipsoid(frame, labels, hilum + (side * 3, 0, -4), (7, 5, 12), Tissue.KIDNEY_PELVIS)
        allowed = (before == Tissue.VISCERAL_FAT) | (before == Tissue.MUSCLE)
        allowed &= body.depth > 1.0
        np.copyto(labels, before, where=~allowed)
        window = frame.window(center, (half + 12,) * 3)
        kidney = np.isin(labels[window], (Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA))
        organs[window][kidney & (organs[window] == 0)] = number


def paint_gallbladder(
    frame: Frame, patient: Patient, labels: np.ndarray, liver: np.ndarray, body: Body, rng: np.random.Generator
) -> None:
    """A pear under the right lobe; absent when its radius is small, as after surgery."""
    if patient.gallbladder_radius < 5.0:
        return
    x = rng.uniform(-0.42, -0.28) * patient.cavity_half_width * 1.19
    y = rng.uniform(-0.45, -0.25) * patient.cavity_half_depth * 1.19
    column = liver[(slice(None), *frame.window((x, y, 0), (3, 3, 1))[1:])].any(axis=(1, 2))
    if not column.any():
        return
    bottom = frame.origin[2] + frame.spacing[2] * np.flatnonzero(column)[0]
    r = patient.gallbladder_radius
    path = smooth_path(
        ((x - 6, y - 18, bottom - 12, r), (x, y, bottom + 2, r), (x + 12, y + 22, bottom + 14, 0.35 * r)), 3.0
    )
    window, depth = tube_depth(frame, path[:, :3], path[:, 3])
    inside = body.depth[window] > 2
    labels[window][(depth > -1.5) & inside] = Tissue.GUT_WALL
    labels[window][(depth > 0) & inside] = Tissue.GALLBLADDER


def paint_pancreas(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    """A lobulated band from the duodenum across the aorta to the spleen."""
    level = -0.62 * patient.liver_length + rng.uniform(-12, 12)
    w, front = patient.cavity_half_width, body.spine_y - 58
    path = smooth_path(
        (
            (-0.26 * w, front + 2, level - 32, 15),
            (-0.20 * w, front - 6, level - 10, 14),
            (0.05 * w, front - 14, level + 2, 9),
            (0.30 * w, front + 4, level + 12, 10),
            (0.52 * w, front + 34, level + 20, 8),
        ),
        4.0,
    )
    window, depth = tube_depth(frame, path[:, :3], path[:, 3])
    lobules = 2.6 * smooth_noise(depth.shape, (1.2, 1.8, 1.8), rng)
    labels[window][(depth + lobules > 0) & (labels[window] == Tissue.VISCERAL_FAT)] = Tissue.PANCREAS
