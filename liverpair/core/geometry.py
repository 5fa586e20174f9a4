"""Grids, resampling and boxes in millimeters.

Images are `SimpleITK.Image`; physical points are LPS millimeters; spacing, size and index tuples are (x, y, z);
numpy arrays are (z, y, x).
"""

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError

Vector = tuple[float, float, float]

INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}
# Beyond a patient: 3 m lets whole-body volumes through, 1 cm thin slabs. Networks compute in float32, in which a
# difference of two values must not overflow.
MAX_WIDTH_MM = 3000.0
MIN_WIDTH_MM = 10.0
MAX_MAGNITUDE = 1e38
IDENTITY_DIRECTION = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie: size (x, y, z) in voxels, spacing in mm, origin in LPS mm, direction row by
    row.
    """

    size: tuple[int, int, int]
    spacing: Vector
    origin: Vector
    direction: tuple[float, ...]

    @classmethod
    def of(cls, image: sitk.Image) -> "Grid":
        """The grid of a 3-D image."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def axes(self) -> np.ndarray:
        """(3, 3) matrix whose columns are the unit vectors of the x, y and z index axes in LPS."""
        return np.array(self.direction).reshape(3, 3)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the array on this grid: (z, y, x)."""
        return self.size[::-1]

    def point(self, index: Vector | np.ndarray) -> np.ndarray:
        """LPS point in mm of a continuous (x, y, z) index."""
        return np.asarray(self.origin) + self.axes @ (np.asarray(index, float) * self.spacing)

    def index(self, point: Vector | np.ndarray) -> np.ndarray:
        """Continuous (x, y, z) index of an LPS point in mm."""
        return (self.axes.T @ (np.asarray(point, float) - self.origin)) / self.spacing

    def image(self, fill: float = 0.0, pixel_type: int = sitk.sitkFloat32) -> sitk.Image:
        """A new image on this grid with every voxel at `fill`."""
        blank = sitk.Image(list(self.size), pixel_type)
        blank.SetSpacing(self.spacing)
        blank.SetOrigin(self.origin)
        blank.SetDirection(self.direction)
        return sitk.ShiftScale(blank, fill, 1.0, pixel_type) if fill else blank

    def same_as(self, other: "Grid", tolerance_mm: float = 1e-3) -> bool:
        """Whether every voxel of both grids lies at the same place, within `tolerance_mm`."""
        if self.size != other.size:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.size])).reshape(3, -1).T
        return all(np.abs(self.point(c) - other.point(c)).max() <= tolerance_mm for c in corners)


def check_volume(image: sitk.Image, name: str) -> None:
    """Raise `InputError` unless `image` is a scalar 3-D volume that can be segmented; `name` ("T1", "T2") is who
    the sentence speaks of.
    """
    if image.GetDimension() != 3:
        raise InputError(
            f"{name} has {image.GetDimension()} dimensions; LiverPair needs one 3-D volume.",
            "Choose a single time point.",
        )
    components = image.GetNumberOfComponentsPerPixel()
    if components != 1:
        raise InputError(f"{name} has {components} components; LiverPair needs a scalar volume.")
    check_voxels(sitk.GetArrayViewFromImage(image), Grid.of(image), name)


def check_voxels(values: np.ndarray, grid: Grid, name: str) -> None:
    """As `check_volume`, for the voxels (z, y, x) of a scalar 3-D volume that lie on `grid`."""
    if min(grid.size) < 2:
        raise InputError(
            f"{name} is a single slice; LiverPair needs a volume of at least two slices in every direction."
        )
    if not all(math.isfinite(s) and s > 0 for s in grid.spacing):
        raise InputError(f"{name} has voxel spacing {grid.spacing}; every spacing must be above zero.")
    if not all(math.isfinite(v) for v in grid.origin):
        raise InputError(f"{name} has an invalid origin {grid.origin}.", "Export it again.")
    if not np.isfinite(grid.axes).all() or np.abs(grid.axes.T @ grid.axes - np.eye(3)).max() > 1e-3:
        raise InputError(
            f"{name} has axes that are not at right angles.",
            "Resample it onto straight axes first; in 3D Slicer, harden its transform.",
        )
    if np.issubdtype(values.dtype, np.complexfloating):
        raise InputError(f"{name} holds complex numbers; LiverPair needs a magnitude image.")
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise InputError(f"{name} has voxels that are not a number (NaN) or infinite.", "Replace them and try again.")
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise InputError(f"{name} has the same value in every voxel; there is nothing to see in it.")
    if max(-low, high) > MAX_MAGNITUDE:
        raise InputError(f"{name} has values beyond ±{MAX_MAGNITUDE:g}.", "Rescale its values.")
    if np.float32(low) == np.float32(high):
        raise InputError(
            f"{name} has values too close to each other for single precision: {low:g} to {high:g}.",
            "Rescale its values.",
        )
    widths = [n * s for n, s in zip(grid.size, grid.spacing)]
    for width in (max(widths), min(widths)):
        if not MIN_WIDTH_MM <= width <= MAX_WIDTH_MM:
            shown = f"{width / 1000:.3g} m" if width > MAX_WIDTH_MM else f"{width:.3g} mm"
            raise InputError(f"{name} would be {shown} wide; check its voxel spacing.")


def to_lps(image: sitk.Image) -> sitk.Image:
    """`image` with its axes permuted and flipped so that they lie nearest to L, P and S, itself where they do. No voxel
    is interpolated.
    """
    orientation = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    return image if orientation == "LPS" else sitk.DICOMOrient(image, "LPS")


def working_grid(image: sitk.Image, spacing_mm: Vector) -> Grid:
    """The grid with spacing `spacing_mm` along the image's own axes in LPS order (an oblique image stays oblique)
    that covers the same block.
    """
    own = Grid.of(to_lps(image))
    size = tuple(max(1, math.ceil(n * s / t - 1e-6)) for n, s, t in zip(own.size, own.spacing, spacing_mm))
    center = own.point([(n - 1) / 2 for n in own.size])
    corner = own.axes @ (np.array([(n - 1) / 2 for n in size]) * spacing_mm)
    return Grid(size, tuple(float(t) for t in spacing_mm), tuple(center - corner), own.direction)


def resample(image: sitk.Image, grid: Grid, interpolation: str = "linear", fill: float = 0.0) -> sitk.Image:
    """`image` on `grid`, in scanner space; outside the image the value is `fill`. Keeps the pixel type."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(grid.size)
    resampler.SetOutputSpacing(grid.spacing)
    resampler.SetOutputOrigin(grid.origin)
    resampler.SetOutputDirection(grid.direction)
    resampler.SetInterpolator(INTERPOLATORS[interpolation])
    resampler.SetDefaultPixelValue(fill)
    resampler.SetUseNearestNeighborExtrapolator(False)
    return resampler.Execute(image)


def like(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    """`array` (z, y, x) as an image on the grid of `reference`. Raises `ValueError` when the shapes differ."""
    if array.shape != reference.GetSize()[::-1]:
        raise ValueError(f"array {array.shape} does not lie on a grid of shape {reference.GetSize()[::-1]}")
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(reference)
    return image


def on_grid(array: np.ndarray, grid: Grid) -> sitk.Image:
    """`array` (z, y, x) as an image on `grid`. Raises `ValueError` when the shapes differ."""
    if array.shape != grid.shape:
        raise ValueError(f"array {array.shape} does not lie on a grid of shape {grid.shape}")
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    return image


def volume_ml(mask: sitk.Image) -> float:
    """Volume of the non-zero voxels in milliliters."""
    return float(np.count_nonzero(sitk.GetArrayViewFromImage(mask)) * np.prod(mask.GetSpacing()) / 1000.0)


def mask_corners(mask: sitk.Image) -> np.ndarray:
    """(8, 3) LPS corners of the smallest block of the mask's grid that holds all its voxels that are not zero."""
    voxels = np.argwhere(sitk.GetArrayViewFromImage(mask))
    ends = np.stack([voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5])[:, ::-1]
    picks = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    return np.array([Grid.of(mask).point(ends[pick, range(3)]) for pick in picks])


def centroid_mm(mask: sitk.Image) -> Vector | None:
    """Centroid of the non-zero voxels in LPS mm; None for an empty mask."""
    inside = sitk.GetArrayViewFromImage(mask) != 0
    counts = [inside.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    if not counts[0].any():
        return None
    middle = [float(np.average(np.arange(len(own)), weights=own)) for own in counts]
    return tuple(float(v) for v in Grid.of(mask).point(middle[::-1]))


def offset_t1_to_t2(t1_mask: sitk.Image, t2_mask: sitk.Image) -> Vector | None:
    """Centroid of the T2 mask minus that of the T1 mask in LPS mm, each on its own grid; None when one is empty."""
    t1, t2 = centroid_mm(t1_mask), centroid_mm(t2_mask)
    return None if t1 is None or t2 is None else tuple(b - a for a, b in zip(t1, t2))


@dataclass(frozen=True)
class Box:
    """A box in space: center in LPS mm, size in mm along the axes of the image it was drawn in, and that image's
    direction matrix, row by row.
    """

    center_mm: Vector
    size_mm: Vector
    direction: tuple[float, ...] = IDENTITY_DIRECTION

    @property
    def corners_mm(self) -> np.ndarray:
        """(8, 3) corners in LPS mm."""
        signs = np.array(np.meshgrid((-0.5, 0.5), (-0.5, 0.5), (-0.5, 0.5), indexing="ij")).reshape(3, -1).T
        return np.asarray(self.center_mm) + (signs * self.size_mm) @ np.array(self.direction).reshape(3, 3).T

    def moved(self, displacement_mm: Vector | np.ndarray) -> "Box":
        """The same box with its center moved by an LPS vector in mm."""
        return Box(tuple(float(c + d) for c, d in zip(self.center_mm, displacement_mm)), self.size_mm, self.direction)
