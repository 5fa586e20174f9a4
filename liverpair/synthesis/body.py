"""The container: skin, fat, wall with ribs, spine, diaphragm, lungs and heart."""

from dataclasses import dataclass

import numpy as np

from liverpair.synthesis.frame import Frame, Tissue, paint_ellipsoid
from liverpair.synthesis.patient import Patient
from liverpair.synthesis.shapes import smooth_noise, smooth_step

VERTEBRA_MM = 36.0
DISC_MM = 9.0


@dataclass(frozen=True)
class Body:
    """What the organs need to know about their container.

    Attributes:
        depth: distance below the inner surface of the wall, mm, negative in the wall and outside, (z, y, x).
        diaphragm: height of the diaphragm, mm, (1, y, x).
        u: position across, -1 right to 1 left in units of the body's half width without excess fat, (1, 1, x).
        v: position front (-1) to back (1), likewise, (1, y, 1).
        spine_y: y of the middle of the vertebral bodies, mm.
    """

    depth: np.ndarray
    diaphragm: np.ndarray
    u: np.ndarray
    v: np.ndarray
    spine_y: float


def build_body(frame: Frame, patient: Patient, labels: np.ndarray, rng: np.random.Generator) -> Body:
    """Paint the container into `labels` (changed in place) and describe it."""
    x, y, z = frame.axes()
    fat, depth_below_skin = _skin_depth(frame, patient, rng)
    wall = patient.wall_thickness + 0.12 * patient.cavity_half_depth * smooth_step(y, 20.0, 90.0)
    depth_below_skin[:, [0, -1], :] = depth_below_skin[:, :, [0, -1]] = -1.0
    labels[depth_below_skin > 0] = Tissue.SKIN
    labels[depth_below_skin > 2.2] = Tissue.SUBCUTANEOUS_FAT
    in_wall = depth_below_skin - fat
    layers = np.cos(2 * np.pi * in_wall / 5.5) + 1.1 * smooth_noise(frame.shape, (3.0, 2.5, 2.5), rng)
    labels[in_wall > 0] = Tissue.MUSCLE
    labels[(in_wall > 1.5) & (layers > 1.75)] = Tissue.SUBCUTANEOUS_FAT
    depth = in_wall - wall
    _paint_ribs(frame, labels, in_wall / wall, z)
    labels[depth > 0] = Tissue.VISCERAL_FAT

    u = x / (1.19 * patient.cavity_half_width)
    v = y / (1.19 * patient.cavity_half_depth)
    diaphragm = _diaphragm(frame, patient, u, v, rng)
    spine_y = 0.52 * patient.cavity_half_depth
    body = Body(depth, diaphragm, u, v, spine_y)
    _paint_chest(frame, patient, labels, body, rng)
    _paint_spine(frame, patient, labels, spine_y, rng)
    return body


def _skin_depth(frame: Frame, patient: Patient, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fat thickness (1, y, x) and distance below the skin (z, y, x), both measured toward the center, mm."""
    x, y, z = frame.axes()
    angle = np.arctan2(y, x)
    wave = np.zeros_like(angle)
    for k in (2, 3, 4, 5):
        wave += rng.normal(0, 0.018 / k) * np.cos(k * angle + float(rng.uniform(0, 2 * np.pi)))
    low = smooth_step(-z, 20.0, 260.0)
    fat = patient.fat_thickness * (0.75 + 0.35 * np.sin(angle + 0.6) ** 2 + 6 * wave) * (0.75 + 0.6 * low)
    across = patient.cavity_half_width + patient.wall_thickness
    deep = patient.cavity_half_depth + patient.wall_thickness
    shape = 1 - patient.waist * np.exp(-(((z + 250) / 50) ** 2)) - 0.10 * smooth_step(z, 10.0, 120.0)
    a, b = across * shape * (1 + wave), deep * shape * (1 + wave)
    power = np.where(y > 0, patient.outline_power + 0.5, patient.outline_power).astype(np.float32)
    rho = ((np.abs(x) / a) ** power + (np.abs(y) / b) ** power) ** (1 / power)
    radius = np.sqrt(x * x + y * y)
    muscle_depth = radius * (1 / np.maximum(rho, 1e-3) - 1)
    groove = 9.0 * np.exp(-((x / 20) ** 2)) * smooth_step(y, 30.0, 80.0)
    return fat, (muscle_depth + fat - groove).astype(np.float32)


def _paint_ribs(frame: Frame, labels: np.ndarray, through: np.ndarray, z: np.ndarray) -> None:
    """Ribs sloping down toward the front, as ellipses halfway through the wall."""
    x, y, _ = frame.axes()
    side = smooth_step(np.abs(x), 25.0, 45.0)
    cage = smooth_step(z + 0.75 * y, -125.0, -100.0) * side
    phase = 2 * np.pi * (z - 0.55 * y + 6 * np.sign(x)) / 30.0
    ring = np.cos(phase) + 0.8 - 14.0 * (through - 0.62) ** 2 - 2.0 * (1 - cage)
    labels[ring > 0.78] = Tissue.CORTICAL_BONE
    labels[ring > 1.15] = Tissue.MARROW


def _diaphragm(frame: Frame, patient: Patient, u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    across = np.where(u < -0.42, 0.43, 0.62)
    right = -20.0 * (((u + 0.42) / across) ** 2 + ((v + 0.16) / 0.44) ** 2)
    left = patient.left_dome_height - 20.0 * (((u - 0.45) / 0.42) ** 2 + ((v + 0.02) / 0.44) ** 2)
    middle = patient.cardiac_plateau - 22.0 * (((u - 0.05) / 0.7) ** 2 + ((v + 0.3) / 0.42) ** 2)
    softness = 5.0
    stacked = np.stack(np.broadcast_arrays(right, left, middle)) / softness
    top = stacked.max(axis=0)
    height = softness * (top + np.log(np.exp(stacked - top).sum(axis=0)))
    ripple = 2.0 * smooth_noise(frame.shape[1:], 14.0, rng)
    return (height + ripple).astype(np.float32)


def _paint_chest(frame: Frame, patient: Patient, labels: np.ndarray, body: Body, rng: np.random.Generator) -> None:
    x, y, z = frame.axes()
    inside = (body.depth > 0) & (z > body.diaphragm + 1.2)
    middle = (x / 42) ** 2 + ((y - body.spine_y + 22) / 46) ** 2 < 1
    front = ((x - 5) / 30) ** 2 + ((y + patient.cavity_half_depth) / 34) ** 2 < 1
    lung = inside & ~middle & ~front & (body.depth > 1.0)
    labels[inside] = Tissue.VISCERAL_FAT
    labels[lung] = Tissue.LUNG
    vessels = smooth_noise(frame.shape, (1.2, 1.6, 1.6), rng) > 2.5
    labels[lung & vessels] = Tissue.LUNG_VESSEL
    muscle = (body.depth > -1) & (np.abs(z - body.diaphragm + 0.5) < 1.8) & ~middle
    labels[muscle & ~lung] = Tissue.MUSCLE

    scale = patient.cavity_half_width / 130.0
    base = patient.cardiac_plateau
    center = (22 * scale, -38 * scale, base + 46)
    tilt = _rotation_z(np.deg2rad(-35.0))
    above = z > body.diaphragm + 2.0
    for radii, tissue in (
        ((78, 55, 62), Tissue.VISCERAL_FAT),
        ((69, 47, 55), Tissue.MYOCARDIUM),
    ):
        kept = labels.copy()
        paint_ellipsoid(frame, labels, center, np.array(radii) * scale, tissue, tilt)
        np.copyto(labels, kept, where=~above | (body.depth < 2))
    for dx, dy, radii in ((14, -8, (30, 20, 40)), (-34, 14, (26, 24, 40))):
        chamber = (center[0] + dx * scale, center[1] + dy * scale, center[2] + 8)
        radii = np.array(radii) * scale
        paint_ellipsoid(frame, labels, chamber, radii, Tissue.HEART_BLOOD, tilt, only=Tissue.MYOCARDIUM)


def _rotation_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _paint_spine(frame: Frame, patient: Patient, labels: np.ndarray, spine_y: float, rng: np.random.Generator) -> None:
    x, y, z = frame.axes()
    height = np.mod(z - patient.vertebral_phase, VERTEBRA_MM)
    disc = height < DISC_MM
    bulge = 1.5 * np.cos(2 * np.pi * (height - DISC_MM / 2) / VERTEBRA_MM)
    dy = y - spine_y
    back_muscle = ((np.abs(x) - 36) / 33) ** 2 + ((dy - 47) / 23) ** 2 < 1
    streaks = smooth_noise(frame.shape, (5.0, 1.0, 1.3), rng)
    body_here = labels != Tissue.AIR
    labels[body_here & back_muscle] = Tissue.MUSCLE
    labels[body_here & back_muscle & (streaks > 1.9)] = Tissue.SUBCUTANEOUS_FAT
    psoas = ((np.abs(x) - 34) / np.clip(3 - 0.12 * (z + 120), 3, 17)) ** 2 + ((dy - 4) / 17) ** 2 < 1
    labels[psoas & (z < -120)] = Tissue.MUSCLE
    column = (x / (23 + bulge)) ** 2 + (dy / (17 + bulge)) ** 2
    labels[(column < 1)] = Tissue.CORTICAL_BONE
    labels[(column < 0.84) & ~disc] = Tissue.MARROW
    labels[(column < 0.9) & disc] = Tissue.DISC
    arch = (x / 21) ** 2 + ((dy - 28) / 15) ** 2 < 1
    process = (np.abs(x) < 4.0) & (dy > 36) & (dy < 62) & (height > 12)
    wing = (np.abs(dy - 33) < 6) & (np.abs(x) < 38) & (height > 24)
    labels[body_here & arch & (dy > 15)] = Tissue.CORTICAL_BONE
    labels[body_here & (process | wing)] = Tissue.MARROW
    canal = (x / 9.5) ** 2 + ((dy - 26) / 7.5) ** 2
    labels[body_here & (canal < 1)] = Tissue.CSF
    labels[((x / 5.2) ** 2 + ((dy - 26) / 4.2) ** 2 < 1) & (z > -110)] = Tissue.CORD
