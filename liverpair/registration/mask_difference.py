"""Two liver masks, and the displacement of one grid that makes them differ least.

SimpleITK's own registration fills, in every voxel, a matrix with a column for every coefficient of the B-spline. Here
the spline is a product of three small matrices, one an axis: the same minimum in a twentieth of the time.
"""

from collections.abc import Callable
from copy import copy
from typing import Protocol

import numpy as np
import SimpleITK as sitk
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates
from scipy.optimize import minimize

from liverpair.core.geometry import Grid

FLAT = 1e-7
"""The gradient, per mm, at which nothing is gained any more."""


class Displacements(Protocol):
    """Displacements (3, z, y, x) in mm over a grid, linear in few numbers."""

    def field(self, numbers: np.ndarray) -> np.ndarray:
        """The displacements that `numbers` stand for."""

    def gathered(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient in the numbers of what has this gradient (3, z, y, x) in the displacements."""


class Shift:
    """One displacement of a whole grid: three numbers."""

    def __init__(self, grid: Grid):
        self.shape = grid.shape

    def field(self, numbers: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.reshape(numbers, (3, 1, 1, 1)), (3, *self.shape))

    def gathered(self, gradient: np.ndarray) -> np.ndarray:
        return gradient.sum(axis=(1, 2, 3))


class Spline:
    """A cubic B-spline over a grid.

    Attributes:
        zero: its coefficients (3, z, y, x) where nothing moves.
    """

    def __init__(self, grid: Grid, control_mm: float):
        """`control_mm`: distance of its control points, at least."""
        self.grid = grid
        self.mesh = np.maximum(1, np.floor(np.multiply(grid.size, grid.spacing) / control_mm)).astype(int)
        self.zero = np.zeros((3, *(self.mesh[::-1] + 3)))
        bump = BSpline.basis_element(np.arange(-2, 3), extrapolate=False)
        places = [np.linspace(1, cells + 1, n)[:, None] for cells, n in zip(self.mesh, grid.size)]
        self.weights = [np.nan_to_num(bump(at - np.arange(n + 3))) for at, n in zip(places, self.mesh)][::-1]

    def field(self, numbers: np.ndarray) -> np.ndarray:
        return np.einsum("zk,yl,xm,cklm->czyx", *self.weights, numbers.reshape(self.zero.shape), optimize=True)

    def gathered(self, gradient: np.ndarray) -> np.ndarray:
        return np.einsum("zk,yl,xm,czyx->cklm", *self.weights, gradient, optimize=True).ravel()

    def transform(self, numbers: np.ndarray) -> sitk.BSplineTransform:
        """The same spline as SimpleITK's."""
        made = sitk.BSplineTransform(3, 3)
        made.SetTransformDomainOrigin(self.grid.origin)
        made.SetTransformDomainDirection(self.grid.direction)
        made.SetTransformDomainPhysicalDimensions((np.subtract(self.grid.size, 1) * self.grid.spacing).tolist())
        made.SetTransformDomainMeshSize(self.mesh.tolist())
        made.SetParameters(numbers.ravel().tolist())
        return made


class MaskDifference:
    """The mean square of the difference of two soft masks, T2 displaced, where both images reach."""

    def __init__(self, t1_soft: sitk.Image, t2_soft: sitk.Image, grid: Grid, moving_grid: Grid):
        """`grid`: where they are compared; `moving_grid`: the one on which T2 is sampled, with its surroundings."""
        self.fixed = sitk.GetArrayFromImage(_on(grid, t1_soft))
        self.seen = _inside(Grid.of(t1_soft), _points(grid))
        self.points, self.t2_ends, self.moving_grid = _points(grid), Grid.of(t2_soft), moving_grid
        soft = sitk.GetArrayFromImage(_on(moving_grid, t2_soft))
        self.moving = [soft, *np.gradient(soft)[::-1]]

    def least(
        self, displacements: Displacements, start: np.ndarray, iterations: int, on_step: Callable[[], None]
    ) -> np.ndarray:
        """The numbers of `displacements`, from `start` on, for which the difference is least. `on_step()` is called in
        every iteration; what it raises ends them."""
        options = {"maxiter": iterations, "maxfun": 4 * iterations, "maxcor": 5, "gtol": FLAT}
        args = self._of, start.ravel(), (displacements,), "L-BFGS-B"
        found = minimize(*args, jac=True, options=options, callback=lambda numbers: on_step())
        return found.x

    def moved(self, shift: np.ndarray) -> "MaskDifference":
        """The same of a T2 that is displaced by `shift` to begin with."""
        moved = copy(self)
        moved.points = self.points + np.reshape(shift, (3, 1, 1, 1))
        return moved

    def _of(self, numbers: np.ndarray, displacements: Displacements) -> tuple[float, np.ndarray]:
        """The difference, and its gradient in the numbers."""
        points = self.points + displacements.field(numbers)
        counted = self.seen & _inside(self.t2_ends, points)
        if not counted.any():
            raise RuntimeError("The masks do not overlap.")
        index = _indices(self.moving_grid, points[:, counted])[::-1]
        soft, *slopes = (map_coordinates(one, index, order=1, mode="nearest") for one in self.moving)
        apart = soft - self.fixed[counted]
        gradient = np.zeros_like(points)
        per_mm = np.asarray(slopes) / np.reshape(self.moving_grid.spacing, (3, 1))
        gradient[:, counted] = self.moving_grid.axes @ per_mm * (2 * apart / apart.size)
        return float((apart**2).mean()), displacements.gathered(gradient)


def _on(grid: Grid, soft: sitk.Image) -> sitk.Image:
    """A soft mask on another grid; beyond the image it goes on as at its edge."""
    return sitk.Resample(soft, grid.image(), sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True)


def _points(grid: Grid) -> np.ndarray:
    """LPS points (3, z, y, x) of the voxels of a grid."""
    scaled = np.indices(grid.shape)[::-1] * np.reshape(grid.spacing, (3, 1, 1, 1))
    return np.einsum("ab,bzyx->azyx", grid.axes, scaled) + np.reshape(grid.origin, (3, 1, 1, 1))


def _indices(grid: Grid, points: np.ndarray) -> np.ndarray:
    """Continuous (x, y, z) indices (3, …) of LPS points (3, …)."""
    column = (3, *[1] * (points.ndim - 1))
    return np.tensordot(grid.axes.T, points - np.reshape(grid.origin, column), 1) / np.reshape(grid.spacing, column)


def _inside(grid: Grid, points: np.ndarray) -> np.ndarray:
    """Whether points (3, …) lie within the voxels of a grid."""
    index = _indices(grid, points)
    beyond = np.reshape(grid.size, (3, *[1] * (points.ndim - 1))) - 0.5
    return ((index >= -0.5) & (index <= beyond)).all(axis=0)
