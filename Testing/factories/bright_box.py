"""A body with one bright box at a known place, imaged on any grid."""

import math

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Grid, on_grid

CENTER = (-30.0, 10.0, 40.0)
SIZE = (60.0, 50.0, 48.0)


def direction(degrees: tuple[float, float, float]) -> np.ndarray:
    """Rotation matrix of Euler angles in degrees."""
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*(math.radians(d) for d in degrees))
    return np.array(transform.GetMatrix()).reshape(3, 3)


def grid(spacing=(2.0, 2.0, 6.0), degrees=(0.0, 0.0, 0.0), order=(0, 1, 2), flips=(1, 1, 1), extent=200.0) -> Grid:
    """A grid of about `extent` mm around the origin, whose axes are turned, permuted and flipped."""
    axes = (direction(degrees) @ np.diag(flips).astype(float))[:, list(order)]
    size = tuple(round(extent / s) for s in spacing)
    corner = -axes @ (np.multiply([(n - 1) / 2 for n in size], spacing))
    return Grid(size, spacing, tuple(corner), tuple(axes.ravel()))


def image_and_mask(on: Grid, shift=(0.0, 0.0, 0.0)) -> tuple[sitk.Image, sitk.Image]:
    """The body (value 30, radius 85 mm) with the bright box (100) moved by `shift` mm, and the box's mask."""
    z, y, x = np.indices(on.shape)
    points = np.asarray(on.origin) + (np.stack([x, y, z], axis=-1) * on.spacing) @ on.axes.T
    inside = (np.abs(points - np.add(CENTER, shift)) <= np.divide(SIZE, 2)).all(axis=-1)
    body = np.linalg.norm(points, axis=-1) < 85
    values = np.where(inside, 100.0, np.where(body, 30.0, 0.0)).astype(np.float32)
    image = on_grid(values, on)
    return image, sitk.Cast(image > 99.0, sitk.sitkUInt8)
