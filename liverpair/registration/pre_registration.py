"""One image of a patient warped onto the other before a network sees them (Couteaux 2021, section 2.2.2).

The thesis does not name its algorithm. Ours: mutual information, first an affine map, then a B-spline (Mattes et al.
2003, Rueckert et al. 1999), by SimpleITK.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.cache import cached_transform, key_of
from liverpair.core.errors import InputError, Progress, no_progress, part_of
from liverpair.core.geometry import Grid
from liverpair.core.paths import user_cache_folder

CACHE_VERSION = 1
"""Goes up when the registration of the same images comes out differently."""

AFFINE_SHARE = 0.3
"""Of the time that a registration takes."""


@dataclass(frozen=True)
class PreRegistrationSettings:
    """How two images are registered.

    Attributes:
        working_mm: voxel of the grids on which images are best given: finer ones cost time and gain nothing.
        bins: of the histogram of mutual information.
        sampling: part of the voxels at which it is computed.
        seed: of the choice of these voxels.
        affine_iterations: on each of the two resolutions.
        control_mm: distance of the control points of the B-spline, at least.
        deformable_iterations: on each of the two resolutions. Few of them, and few control points: with more, mutual
            information still rises, but the livers of our training pairs drift apart again.
    """

    working_mm: float = 4.0
    bins: int = 32
    sampling: float = 0.2
    seed: int = 1
    affine_iterations: int = 60
    control_mm: float = 100.0
    deformable_iterations: int = 10


def pre_register(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: PreRegistrationSettings = PreRegistrationSettings(),
    progress: Progress = no_progress,
) -> sitk.Transform:
    """The map from places in `fixed` to places in `moving`, LPS mm, as `sitk.Resample` takes it to warp `moving`.

    It starts from where the images were scanned. An affine map, or a B-spline on top, that does not raise the mutual
    information is left out.

    Args:
        fixed: scalar image, float32, intensities clipped (outliers would fill the histogram).
        moving: the other image of the patient, any grid in the same scanner space.
        settings: resolution and effort.
        progress: called in every iteration; it may raise `Cancelled`.

    Raises:
        InputError: the images do not overlap enough.
    """
    affine = sitk.AffineTransform(3)
    affine.SetCenter(Grid.of(fixed).point([(n - 1) / 2 for n in fixed.GetSize()]).tolist())
    registration = _registration(settings, affine)
    registration.SetOptimizerAsRegularStepGradientDescent(4.0, 0.05, settings.affine_iterations)
    registration.SetOptimizerScalesFromPhysicalShift()
    expected = 2 * settings.affine_iterations
    execute(registration, fixed, moving, expected, _named(part_of(progress, 0.0, AFFINE_SHARE), "affine"))
    identity = sitk.AffineTransform(3)
    linear = _better(fixed, moving, settings, identity, affine)

    extent = np.multiply(fixed.GetSize(), fixed.GetSpacing())
    mesh = np.maximum(1, np.floor(extent / settings.control_mm)).astype(int).tolist()
    field = sitk.BSplineTransformInitializer(fixed, mesh, order=3)
    registration = _registration(settings, field)
    registration.SetMovingInitialTransform(linear)
    evaluations = 2 * settings.deformable_iterations
    registration.SetOptimizerAsLBFGSB(1e-5, settings.deformable_iterations, 5, evaluations)
    execute(registration, fixed, moving, 2 * evaluations, _named(part_of(progress, AFFINE_SHARE, 1.0), "B-spline"))
    return _better(fixed, moving, settings, linear, sitk.CompositeTransform([linear, field]))


def cached_pre_registration(
    fixed: sitk.Image,
    moving: sitk.Image,
    cache: Path | None = None,
    settings: PreRegistrationSettings = PreRegistrationSettings(),
    progress: Progress = no_progress,
) -> sitk.Transform:
    """`pre_register`, remembered on disk: the same images and settings are registered once.

    Args:
        fixed: as in `pre_register`.
        moving: likewise.
        cache: folder of remembered registrations; one in the user's cache when None.
        settings: as in `pre_register`.
        progress: likewise.
    """
    folder = cache if cache is not None else user_cache_folder() / "pre-registration"
    voxels = [np.ascontiguousarray(sitk.GetArrayViewFromImage(image)).tobytes() for image in (fixed, moving)]
    about = [repr((Grid.of(image), image.GetPixelIDTypeAsString())) for image in (fixed, moving)]
    path = folder / f"{key_of(CACHE_VERSION, asdict(settings), about, *voxels)}.tfm"
    return cached_transform(path, lambda: pre_register(fixed, moving, settings, progress))


def _registration(settings: PreRegistrationSettings, transform: sitk.Transform) -> sitk.ImageRegistrationMethod:
    """Mutual information on two resolutions, optimizing `transform` in place."""
    registration = sitk.ImageRegistrationMethod()
    registration.SetMetricAsMattesMutualInformation(settings.bins)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    registration.SetMetricSamplingPercentage(settings.sampling, settings.seed)
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetShrinkFactorsPerLevel([4, 2])
    registration.SetSmoothingSigmasPerLevel([2 * settings.working_mm, settings.working_mm])
    registration.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    registration.SetInitialTransform(transform, inPlace=True)
    return registration


def execute(
    registration: sitk.ImageRegistrationMethod,
    fixed: sitk.Image,
    moving: sitk.Image,
    expected_iterations: int,
    progress: Callable[[float], None],
) -> None:
    """Run `registration`; what `progress` raises stops it and is raised from here.

    Raises:
        InputError: the images do not overlap enough.
    """
    iterations, raised = 0, []

    def on_iteration() -> None:
        nonlocal iterations
        iterations += 1
        try:
            progress(min(1.0, iterations / expected_iterations))
        except BaseException as error:
            raised.append(error)
            if not registration.StopRegistration():  # L-BFGS-B ends only with an error
                raise

    registration.AddCommand(sitk.sitkIterationEvent, on_iteration)
    try:
        registration.Execute(fixed, moving)
    except RuntimeError as error:
        if not raised:
            raise _apart() from error
    if raised:
        raise raised[0]


def _better(
    fixed: sitk.Image,
    moving: sitk.Image,
    settings: PreRegistrationSettings,
    simple: sitk.Transform,
    refined: sitk.Transform,
) -> sitk.Transform:
    """`refined` when its mutual information is higher than that of `simple`, else `simple`."""
    metric = []
    for transform in (simple, refined):
        registration = sitk.ImageRegistrationMethod()
        registration.SetMetricAsMattesMutualInformation(settings.bins)
        registration.SetInterpolator(sitk.sitkLinear)
        registration.SetInitialTransform(transform)
        try:
            metric.append(registration.MetricEvaluate(fixed, moving))
        except RuntimeError as error:
            raise _apart() from error
    return refined if metric[1] < metric[0] else simple


def _apart() -> InputError:
    return InputError(
        "T1 and T2 cannot be registered: they show too little of the same part of the body.",
        "Check that they are of one patient and one visit, or choose a model that does not register them.",
    )


def _named(progress: Progress, step: str) -> Callable[[float], None]:
    return lambda fraction: progress(fraction, f"Registering T1 to T2 ({step})")
