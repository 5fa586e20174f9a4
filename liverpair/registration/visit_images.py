"""Two visits of one liver, registered by their masks and then by what the images show in them: rigid, then smooth.

Masks tell where the surface is; vessels and the texture of the liver tell how it is turned inside. Months lie between
the images, and gains differ: mutual information (Mattes et al., IEEE Transactions on Medical Imaging 22, 2003) asks
only that what is alike at one visit is alike at the other. A step that makes the livers fit worse is not taken.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.cache import cached_transform, key_of
from liverpair.core.errors import InputError, Progress, no_progress, part_of
from liverpair.core.geometry import Grid
from liverpair.core.paths import user_cache_folder
from liverpair.registration.livers import LiverCorrespondence, grid_around, overlap_of
from liverpair.registration.pre_registration import execute

WIDER_MM = 24.0
"""How far beyond what is compared the later image is brought, so that a step may move it."""
CACHE_VERSION = 3
"""Goes up when the registration of the same visits comes out differently."""
SEED = 1
"""Of the voxels that are compared."""


@dataclass(frozen=True)
class ImageSettings:
    """How the images of two visits are registered.

    Attributes:
        working_mm: voxel of the grid on which they are compared.
        margin_mm: how far around the liver of the earlier visit they are compared.
        control_mm: distance of the control points of the smooth step, at least.
        bins: of the histogram.
        iterations: of each step.
        sampled: part of the voxels that are compared while a step is sought.
        most_dice_lost: by how much the livers may overlap less than before the step.
    """

    working_mm: float = 4.0
    margin_mm: float = 8.0
    control_mm: float = 50.0
    bins: int = 24
    iterations: int = 25
    sampled: float = 0.2
    most_dice_lost: float = 0.01


def refined(
    earlier: sitk.Image,
    later: sitk.Image,
    livers: tuple[sitk.Image, sitk.Image],
    by_masks: LiverCorrespondence,
    cache: Path | None = None,
    settings: ImageSettings = ImageSettings(),
    progress: Progress = no_progress,
) -> LiverCorrespondence:
    """The registration of two visits by their images, begun at the one by masks; that one itself where the images do
    not agree. Remembered on disk.

    Args:
        earlier, later: the volumes of one weighting, on any grids.
        livers: their masks (0, 1).
        by_masks: takes points of the earlier visit to those of the later one.
        cache: folder of remembered registrations; one in the user's cache when None.
        settings: resolution and effort.
        progress: called in every iteration; it may raise `Cancelled`.
    """
    folder = cache if cache is not None else user_cache_folder() / "correspondence"
    parts = [part for image in (earlier, later, *livers) for part in (repr(Grid.of(image)), _bytes(image))]
    start = [float(v) for v in by_masks.to_t2(np.array(livers[0].GetOrigin()))]
    path = folder / f"{key_of('visit images', CACHE_VERSION, asdict(settings), by_masks.dice, start, *parts)}.tfm"
    transform = cached_transform(path, lambda: _registered(earlier, later, livers, by_masks, settings, progress))
    return LiverCorrespondence(transform, overlap_of(_coarse(livers[0], settings), livers[1], transform))


def _registered(
    earlier: sitk.Image,
    later: sitk.Image,
    livers: tuple[sitk.Image, sitk.Image],
    by_masks: LiverCorrespondence,
    settings: ImageSettings,
    progress: Progress,
) -> sitk.Transform:
    grid = grid_around(livers[0], settings.working_mm, settings.margin_mm)
    fixed = sitk.Resample(_smoothed(earlier, settings), grid.image(), sitk.Transform(), sitk.sitkLinear, 0.0)
    moving = _smoothed(later, settings)
    near = sitk.BinaryDilate(livers[0] > 0, _voxels(livers[0], settings.margin_mm))
    seen = sitk.Resample(near, grid.image(), sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    coarse = _coarse(livers[0], settings)
    best, dice = by_masks.transform, overlap_of(coarse, livers[1], by_masks.transform)
    rigid = sitk.Euler3DTransform()
    rigid.SetCenter(grid.point(np.subtract(grid.size, 1) / 2).tolist())
    extent = np.multiply(grid.size, grid.spacing)
    mesh = np.maximum(1, np.floor(extent / settings.control_mm)).astype(int).tolist()
    wide = grid_around(livers[0], settings.working_mm, settings.margin_mm + WIDER_MM).image()
    for number, step in enumerate((rigid, sitk.BSplineTransformInitializer(fixed, mesh, order=3))):
        brought = sitk.Resample(moving, wide, best, sitk.sitkLinear, 0.0)
        found = _step(fixed, brought, seen, best, step, settings, part_of(progress, number / 2, (number + 1) / 2))
        if found is not None and overlap_of(coarse, livers[1], found) >= dice - settings.most_dice_lost:
            best = found
    return best


def _step(
    fixed: sitk.Image,
    moving: sitk.Image,
    seen: sitk.Image,
    start: sitk.Transform,
    step: sitk.Transform,
    settings: ImageSettings,
    progress: Progress,
) -> sitk.Transform | None:
    """`step`, found between the image of the earlier visit and the later one as `start` has brought it, and then
    `start`; None where the images do not overlap, or agree no better than before."""
    registration = sitk.ImageRegistrationMethod()
    registration.SetMetricAsMattesMutualInformation(settings.bins)
    registration.SetMetricFixedMask(seen)
    registration.SetMetricSamplingStrategy(registration.REGULAR)
    registration.SetMetricSamplingPercentage(settings.sampled, SEED)
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetInitialTransform(step, inPlace=True)
    if isinstance(step, sitk.Euler3DTransform):
        registration.SetOptimizerAsRegularStepGradientDescent(2.0, 0.05, settings.iterations)
        registration.SetOptimizerScalesFromPhysicalShift()
    else:
        registration.SetOptimizerAsLBFGSB(1e-5, settings.iterations, 5, 3 * settings.iterations)
    try:
        before = registration.MetricEvaluate(fixed, moving)
        execute(registration, fixed, moving, settings.iterations, lambda part: progress(part, "Registering the images"))
        after = registration.MetricEvaluate(fixed, moving)
    except (InputError, RuntimeError):
        return None
    if after >= before:
        return None
    both = sitk.CompositeTransform([start, step])
    both.FlattenTransform()  # files hold no composite in a composite
    return both


def _coarse(liver: sitk.Image, settings: ImageSettings) -> sitk.Image:
    """The mask on the working grid: a field takes long to bring every voxel of a volume across."""
    grid = grid_around(liver, settings.working_mm, settings.margin_mm)
    return sitk.Resample(liver > 0, grid.image(), sitk.Transform(), sitk.sitkNearestNeighbor, 0)


def _smoothed(image: sitk.Image, settings: ImageSettings) -> sitk.Image:
    """float32, so smooth that a voxel of the working grid speaks for its surroundings."""
    image = sitk.Cast(image, sitk.sitkFloat32)
    for axis, (spacing, size) in enumerate(zip(image.GetSpacing(), image.GetSize())):
        if size >= 4 and spacing < settings.working_mm:
            image = sitk.RecursiveGaussian(image, sigma=0.5 * settings.working_mm, direction=axis)
    return image


def _voxels(image: sitk.Image, radius_mm: float) -> list[int]:
    return [int(np.ceil(radius_mm / spacing)) for spacing in image.GetSpacing()]


def _bytes(image: sitk.Image) -> bytes:
    return np.ascontiguousarray(sitk.GetArrayViewFromImage(image)).tobytes()
