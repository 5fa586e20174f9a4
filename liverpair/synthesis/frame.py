"""The fine grid on which a phantom patient is modeled, and painting on it by position in millimeters."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
import SimpleITK as sitk


class Tissue(IntEnum):
    """What a voxel of the patient is made of."""

    AIR = 0
    SKIN = auto()
    SUBCUTANEOUS_FAT = auto()
    MUSCLE = auto()
    CORTICAL_BONE = auto()
    MARROW = auto()
    DISC = auto()
    CSF = auto()
    CORD = auto()
    LUNG = auto()
    LUNG_VESSEL = auto()
    MYOCARDIUM = auto()
    HEART_BLOOD = auto()
    VISCERAL_FAT = auto()
    LIVER = auto()
    HEPATIC_VEIN = auto()
    PORTAL_VEIN = auto()
    GALLBLADDER = auto()
    SPLEEN = auto()
    KIDNEY_CORTEX = auto()
    KIDNEY_MEDULLA = auto()
    KIDNEY_PELVIS = auto()
    PANCREAS = auto()
    GUT_WALL = auto()
    STOMACH_CONTENT = auto()
    BOWEL_FLUID = auto()
    BOWEL_CHYME = auto()
    FAECES = auto()
    GAS = auto()
    AORTA = auto()
    VESSEL_WALL = auto()
    VENA_CAVA = auto()
    SMALL_VESSEL = auto()


@dataclass(frozen=True)
class Frame:
    """An axis-aligned grid in the patient's LPS space; z = 0 is the top of the right hemidiaphragm at rest.

    Attributes:
        spacing: mm (x, y, z).
        origin: position of voxel 0, mm (x, y, z).
        shape: voxels (z, y, x).
    """

    spacing: tuple[float, float, float] = (1.6, 1.6, 2.5)
    origin: tuple[float, float, float] = (-204.0, -168.0, -290.0)
    shape: tuple[int, int, int] = (148, 211, 256)

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions x (1,1,nx), y (1,ny,1), z (nz,1,1) in mm, float32, ready to broadcast."""
        x, y, z = (
            (o + s * np.arange(n)).astype(np.float32)
            for o, s, n in zip(self.origin, self.spacing, self.shape[::-1], strict=True)
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]

    def window(self, center: Iterable[float], reach: Iterable[float]) -> tuple[slice, slice, slice]:
        """Slices (z, y, x) of the voxels within `reach` mm of `center` along each of (x, y, z)."""
        slices = []
        for c, r, o, s, n in zip(center, reach, self.origin, self.spacing, self.shape[::-1], strict=True):
            first = int(np.floor((c - r - o) / s))
            last = int(np.ceil((c + r - o) / s))
            slices.append(slice(max(0, min(n, first)), max(0, min(n, last + 1))))
        return slices[2], slices[1], slices[0]

    def offsets(self, window: tuple[slice, slice, slice], center: Iterable[float]) -> tuple[np.ndarray, ...]:
        """Positions (x, y, z) of the voxels of a window relative to `center`, mm, ready to broadcast."""
        x, y, z = self.axes()
        cx, cy, cz = (float(c) for c in center)
        return x[:, :, window[2]] - cx, y[:, window[1], :] - cy, z[window[0]] - cz

    def image(self, values: np.ndarray) -> sitk.Image:
        """The array (z, y, x) as an image in LPS mm."""
        image = sitk.GetImageFromArray(values)
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        return image


def paint_ellipsoid(
    frame: Frame,
    labels: np.ndarray,
    center: Iterable[float],
    radii: Iterable[float],
    tissue: Tissue,
    tilt: np.ndarray | None = None,
    only: Tissue | None = None,
) -> None:
    """Write a tissue into every voxel of an ellipsoid.

    Args:
        frame: the grid of `labels`.
        labels: tissue array (z, y, x), changed in place.
        center: mm (x, y, z).
        radii: semi-axes, mm, along the ellipsoid's own axes.
        tissue: what to write.
        tilt: 3 x 3 rotation whose rows are the ellipsoid's axes in (x, y, z); identity when None.
        only: write over this tissue alone.
    """
    center, radii = tuple(center), np.asarray(tuple(radii), dtype=float)
    reach = radii if tilt is None else np.full(3, radii.max())
    window = frame.window(center, reach)
    dx, dy, dz = frame.offsets(window, center)
    if tilt is None:
        inside = (dx / radii[0]) ** 2 + (dy / radii[1]) ** 2 + (dz / radii[2]) ** 2 <= 1
    else:
        a, b, c = (axis[0] * dx + axis[1] * dy + axis[2] * dz for axis in tilt)
        inside = (a / radii[0]) ** 2 + (b / radii[1]) ** 2 + (c / radii[2]) ** 2 <= 1
    patch = labels[window]
    if only is not None:
        inside = inside & (patch == only)
    patch[inside] = tissue


def tube_depth(frame: Frame, points: np.ndarray, radii: np.ndarray, margin: float = 4.0) -> tuple[tuple, np.ndarray]:
    """Distance to the surface of a tube, as the union of spheres along its center line.

    Args:
        frame: the grid.
        points: center line (n, 3), mm (x, y, z), closer together than the radius.
        radii: radius at each point, mm.
        margin: how far outside the tube distances are known, mm.

    Returns:
        The window of the frame that holds the tube, and a float32 array on it: mm, positive inside, never below
        -margin.
    """
    points, radii = np.asarray(points, dtype=float), np.asarray(radii, dtype=float)
    low = (points - radii[:, None]).min(axis=0) - margin
    high = (points + radii[:, None]).max(axis=0) + margin
    outer = frame.window((low + high) / 2, (high - low) / 2)
    depth = np.full([s.stop - s.start for s in outer], -margin, dtype=np.float32)
    for point, radius in zip(points, radii, strict=True):
        window = frame.window(point, (radius + margin,) * 3)
        dx, dy, dz = frame.offsets(window, point)
        local = tuple(slice(w.start - o.start, w.stop - o.start) for w, o in zip(window, outer, strict=True))
        patch = depth[local]
        np.maximum(patch, radius - np.sqrt(dx * dx + dy * dy + dz * dz), out=patch)
    return outer, depth


def smooth_path(controls: Iterable[Iterable[float]], step_mm: float) -> np.ndarray:
    """Points about `step_mm` apart on a Catmull-Rom curve through the control points.

    Args:
        controls: (n, 3 or more) control points, mm; further columns (a radius, say) are interpolated likewise.
        step_mm: distance between points.
    """
    p = np.asarray(tuple(tuple(c) for c in controls), dtype=float)
    padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        count = max(2, int(np.ceil(np.linalg.norm(c[:3] - b[:3]) / step_mm)))
        t = (np.arange(count) / count)[:, None]
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate([*pieces, p[-1:]])
