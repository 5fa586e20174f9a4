"""Which place of the T2 liver is which place of the T1 liver: a smooth registration of the two liver masks."""

from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.cache import cached_transform, key_of
from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.geometry import Grid, Vector, offset_t1_to_t2
from liverpair.core.paths import user_cache_folder
from liverpair.core.sides import Side

CACHE_VERSION = 2
"""Goes up when the registration of the same masks comes out differently."""
SMALLEST_DICE = 0.5
"""Registered masks of one liver overlap by 0.9 and more; those that overlap less are not of one."""


@dataclass(frozen=True)
class RegistrationSettings:
    """How two liver masks are registered.

    Attributes:
        working_mm: voxel of the grid on which the masks are compared.
        control_mm: distance of the control points of the displacement field, at least.
        reach_mm: distance to the surface up to which a voxel counts; it plays the low-pass filter of the published
            metric, whose gradients need smoothed masks.
        margin_mm: how far around the T1 liver the field extends.
        iterations: of the optimizer. More fit the masks better; docs/results/registration.md has the points inside.
    """

    working_mm: float = 8.0
    control_mm: float = 60.0
    reach_mm: float = 20.0
    margin_mm: float = 30.0
    iterations: int = 10


@dataclass(frozen=True)
class LiverCorrespondence:
    """Map from the T1 liver to the T2 liver.

    Attributes:
        transform: takes LPS points in mm of T1 to those of T2.
        dice: overlap of the T1 mask with the T2 mask brought onto it, where both images reach.
    """

    transform: sitk.Transform
    dice: float

    def to_t2(self, points_mm: np.ndarray) -> np.ndarray:
        """Places in T2, (..., 3) LPS mm, of places in T1."""
        points = np.asarray(points_mm, dtype=float)
        moved = [self.transform.TransformPoint(p.tolist()) for p in points.reshape(-1, 3)]
        return np.array(moved).reshape(points.shape)

    def displacement(self, points_mm: np.ndarray) -> np.ndarray:
        """Displacement T1 to T2 in mm (..., 3) at places in T1."""
        return self.to_t2(points_mm) - np.asarray(points_mm, dtype=float)

    def way_t1_to_t2(self, side: Side, point_mm: Vector) -> Vector:
        """From T1 to T2 (LPS mm), of a place in image `side`."""
        way = self.displacement(point_mm) if side is Side.T1 else np.subtract(point_mm, self.to_t1(point_mm))
        return tuple(map(float, way))

    def to_t1(self, points_mm: np.ndarray, tolerance_mm: float = 0.01, iterations: int = 50) -> np.ndarray:
        """Places in T1, (..., 3) LPS mm, of places in T2, by fixed-point iteration; the field must not fold."""
        target = np.asarray(points_mm, dtype=float)
        points = target - self.displacement(target)
        for _ in range(iterations):
            error = self.to_t2(points) - target
            points = points - error
            if np.abs(error).max(initial=0.0) < tolerance_mm:
                break
        return points


def register_livers(
    t1_liver: sitk.Image,
    t2_liver: sitk.Image,
    settings: RegistrationSettings = RegistrationSettings(),
    progress: Progress = no_progress,
) -> LiverCorrespondence:
    """Register two liver masks: a translation, then a low-resolution displacement field by descent on their difference.

    The idea is that of the published similarity metric (Couteaux 2021, section 2.3): masks only, low-pass filtered,
    mean squared difference, few parameters. The field is a cubic B-spline and the filtered mask is the signed distance
    to the surface, cut off at `reach_mm`. Where one image ends inside the liver, nothing is compared.

    Args:
        t1_liver: mask (0, 1), any grid.
        t2_liver: mask of the same patient, any grid in the same scanner space.
        settings: resolution and effort.
        progress: called in every iteration; it may raise `Cancelled`.

    Raises:
        InputError: a mask is empty.
    """
    for name, mask in (("T1", t1_liver), ("T2", t2_liver)):
        if not sitk.GetArrayViewFromImage(mask).any():
            raise InputError(f"The {name} liver mask is empty; nothing can be registered to it.")
    from liverpair.registration.mask_difference import MaskDifference, Shift, Spline  # panels of a Slicer without scipy

    grid = grid_around(t1_liver, settings.working_mm, settings.margin_mm)
    around = grid_around(t2_liver, settings.working_mm / 2, settings.reach_mm + settings.working_mm)
    soft = [soft_mask(liver, settings.reach_mm) for liver in (t1_liver, t2_liver)]
    difference = MaskDifference(*soft, grid, around)
    numbers = count(1)

    def on_step() -> None:
        progress(min(1.0, next(numbers) / (2 * settings.iterations)), "Registering the livers")

    start = np.array(offset_t1_to_t2(t1_liver, t2_liver))
    shift = difference.least(Shift(grid), start, settings.iterations, on_step)
    spline = Spline(grid, settings.control_mm)
    field = difference.moved(shift).least(spline, spline.zero, settings.iterations, on_step)
    transform = sitk.CompositeTransform([sitk.TranslationTransform(3, shift.tolist()), spline.transform(field)])
    return LiverCorrespondence(transform, overlap_of(t1_liver, t2_liver, transform))


def cached_registration(
    t1_liver: sitk.Image,
    t2_liver: sitk.Image,
    cache: Path | None = None,
    settings: RegistrationSettings = RegistrationSettings(),
    progress: Progress = no_progress,
) -> LiverCorrespondence:
    """`register_livers`, remembered on disk: the same masks and settings are registered once.

    Args:
        t1_liver: as in `register_livers`.
        t2_liver: likewise.
        cache: folder of remembered registrations; one in the user's cache when None.
        settings: as in `register_livers`.
        progress: likewise.
    """
    folder = cache if cache is not None else user_cache_folder() / "correspondence"
    masks = [part for m in (t1_liver, t2_liver) for part in (repr(Grid.of(m)), _packed(m))]
    path = folder / f"{key_of(CACHE_VERSION, asdict(settings), *masks)}.tfm"
    transform = cached_transform(path, lambda: register_livers(t1_liver, t2_liver, settings, progress).transform)
    return LiverCorrespondence(transform, overlap_of(t1_liver, t2_liver, transform))


def registered(t1_liver: sitk.Image, t2_liver: sitk.Image, progress: Progress = no_progress) -> LiverCorrespondence:
    """The registration of two masks. Raises `InputError` when they cannot be registered."""
    unlike = InputError(
        "The livers of T1 and T2 cannot be registered: their masks have too little in common.",
        "Check both masks; places are mapped by the centroids of the livers until then.",
    )
    try:
        found = cached_registration(t1_liver != 0, t2_liver != 0, progress=progress)
    except RuntimeError as error:
        raise unlike from error
    if not found.dice >= SMALLEST_DICE:
        raise unlike
    return found


def _packed(mask: sitk.Image) -> bytes:
    return np.packbits(sitk.GetArrayViewFromImage(mask) > 0).tobytes()


def soft_mask(liver: sitk.Image, reach_mm: float) -> sitk.Image:
    """Signed distance to the surface over `reach_mm`, positive inside, cut off at -1 and 1."""
    distance = sitk.SignedMaurerDistanceMap(
        liver > 0, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
    )
    return sitk.Clamp(distance / reach_mm, sitk.sitkFloat32, -1.0, 1.0)


def grid_around(liver: sitk.Image, working_mm: float, margin_mm: float) -> Grid:
    """Isotropic grid of voxels of `working_mm` along the axes of the image, around its liver with a margin."""
    own = Grid.of(liver)
    voxels = np.argwhere(sitk.GetArrayViewFromImage(liver) > 0)[:, ::-1]
    margin = margin_mm / np.array(own.spacing)
    low, high = voxels.min(axis=0) - margin, voxels.max(axis=0) + margin
    size = np.ceil((high - low) * own.spacing / working_mm).astype(int) + 1
    return Grid(tuple(size.tolist()), (working_mm,) * 3, tuple(own.point(low).tolist()), own.direction)


def overlap_of(t1_liver: sitk.Image, t2_liver: sitk.Image, transform: sitk.Transform) -> float:
    """Dice of the T1 mask and the T2 mask brought onto it by `transform` (T1 to T2), where both images reach."""
    coded = sitk.Resample((t2_liver > 0) + 1, t1_liver, transform, sitk.sitkNearestNeighbor, 0)  # 0 where T2 ends
    brought = sitk.GetArrayViewFromImage(coded)
    both = brought > 0
    a, b = sitk.GetArrayViewFromImage(t1_liver)[both] > 0, brought[both] > 1
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))
