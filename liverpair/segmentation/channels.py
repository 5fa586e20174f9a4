"""What one forward pass shows a network: the images of a patient on one grid, in training and in use."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.bundle.strategies import Pass
from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.geometry import Grid, on_grid, resample
from liverpair.core.sides import Side
from liverpair.registration.pre_registration import PreRegistrationSettings, cached_pre_registration
from liverpair.segmentation.preparation import GridPolicy, Normalization, Prepared, prepare


def channels_of(
    one: Pass,
    images: Mapping[Side, sitk.Image],
    policy: GridPolicy,
    normalization: Normalization,
    progress: Progress = no_progress,
    cache: Path | None = None,
) -> tuple[np.ndarray, Grid]:
    """The channels (inputs, z, y, x) of a pass, float32 in [0, 1], and the grid they lie on.

    The grid is the working grid of the first image. Where other images lie as they were scanned, it is extended until
    it holds them whole, so that a liver which only they show is not cut; what an image does not show is 0. Each image
    is normalized as a whole, not over the part that another one shares with it.

    Args:
        one: the pass.
        images: by side, at least the inputs of the pass.
        policy: the working grid.
        normalization: of intensities.
        progress: called while images are registered, where the pass asks for that; it may raise `Cancelled`.
        cache: folder of remembered registrations; one in the user's cache when None.

    Raises:
        InputError: the images lie apart in scanner space.
    """
    first = prepare(images[one.inputs[0]], policy, normalization)
    if len(one.inputs) == 1:
        return first.array[None], first.grid
    same_spacing = GridPolicy(first.grid.spacing, 0.0, 0.0, policy.crop_to_body)
    others = {side: prepare(images[side], same_spacing, normalization) for side in one.inputs[1:]}
    shown = [_image(prepared) for prepared in others.values()]
    if one.registered:
        grid = first.grid
        shown = [
            sitk.Resample(image, grid.image(), pre_registration(images, one.inputs[0], side, progress, cache))
            for side, image in zip(others, shown)
        ]
    else:
        grid = _extended(first.grid, {side: prepared.grid for side, prepared in others.items()}, one.inputs[0])
        shown = [resample(image, grid) for image in shown]
    own = resample(_image(first), grid)
    return np.stack([sitk.GetArrayFromImage(image) for image in (own, *shown)]), grid


def _image(prepared: Prepared) -> sitk.Image:
    return on_grid(prepared.array, prepared.grid)


def pre_registration(
    images: Mapping[Side, sitk.Image],
    fixed: Side,
    moving: Side,
    progress: Progress = no_progress,
    cache: Path | None = None,
) -> sitk.Transform:
    """From places in the image of side `fixed` to those in `moving`; the same for every working grid."""
    settings = PreRegistrationSettings()
    policy = GridPolicy((settings.working_mm,) * 3, 0.0, 0.0)
    coarse = [_image(prepare(images[side], policy, Normalization())) for side in (fixed, moving)]
    return cached_pre_registration(*coarse, cache, settings, progress)


def _extended(grid: Grid, others: Mapping[Side, Grid], side: Side) -> Grid:
    """`grid`, that of `side`, made longer by whole voxels until it holds `others`."""
    low, high = np.zeros(3), np.subtract(grid.size, 1.0)
    for name, other in others.items():
        start, stop = _bounds(other, grid)
        if (start > np.subtract(grid.size, 0.5)).any() or (stop < -0.5).any():
            raise InputError(
                f"{side.title} and {name.title} do not overlap in scanner space, and this model looks at both "
                "together.",
                "Check that they are of one patient and one visit, or choose a model that takes one image at a time.",
            )
        low, high = np.minimum(low, np.floor(start + 1e-6)), np.maximum(high, np.ceil(stop - 1e-6))
    size = tuple(int(n) for n in high - low + 1)
    return Grid(size, grid.spacing, tuple(grid.point(low).tolist()), grid.direction)


def _bounds(other: Grid, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest index (x, y, z) on `grid` of the voxels of `other`."""
    corners: Sequence = [
        grid.index(other.point(corner)) for corner in itertools.product(*((0, n - 1) for n in other.size))
    ]
    return np.min(corners, axis=0), np.max(corners, axis=0)
