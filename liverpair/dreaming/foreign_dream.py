"""Dreaming on a network that others trained: what it sees of an image, and the network itself, in the units of dreams.

Its own tool prepares the image: spacing, orientation and normalization are those of its plans or its configuration. A
dream counts intensities from 0 to 1; so what the network sees is scaled by constants that depend on its kind of
normalization alone, and scaled back within the network.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import SimpleITK as sitk
import torch
from torch import nn

from liverpair.bundle import Bundle
from liverpair.bundle.foreign import NNUNET, check_files
from liverpair.bundle.monai import load_monai
from liverpair.bundle.nnunet import load_nnunet
from liverpair.core.errors import BundleError
from liverpair.core.geometry import Grid, resample
from liverpair.engine.monai_engine import MonaiModel
from liverpair.engine.nnunet_engine import NnUNet

Z_SCORES, UNIT = (16.0, -4.0), (1.0, 0.0)
"""Factor and summand from a dream's intensities to the network's: 0 to 1 are 4 standard deviations below the mean to 12
above it, or 0 to 1."""


class ForeignNetwork(nn.Module):
    """The log-odds (1, 1, z, y, x) of what is meant, of an image (1, 1, z, y, x) in the intensities of dreams.

    `axes`: which axes (z, y, x) of the image are those of the network, in its order. `excluding`: whether its outputs
    exclude each other.
    """

    def __init__(
        self,
        network: nn.Module,
        units: tuple[float, float],
        channels: Sequence[int],
        excluding: bool,
        axes: Sequence[int] = (0, 1, 2),
        multiple_of: Sequence[int] = (1, 1, 1),
    ):
        super().__init__()
        self.network, self.units, self.channels, self.excluding = network, units, list(channels), excluding
        self.there = (0, 1, *(axis + 2 for axis in axes))
        self.back = tuple(int(n) for n in np.argsort(self.there))
        self.multiple_of = tuple(multiple_of)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """As the class says."""
        factor, summand = self.units
        answer = self.network((image * factor + summand).permute(self.there))
        logits = (answer[0] if isinstance(answer, list | tuple) else answer).permute(self.back)
        chosen = logits[:, self.channels].amax(dim=1, keepdim=True)
        others = [number for number in range(logits.shape[1]) if number not in self.channels]
        return chosen - logits[:, others].amax(dim=1, keepdim=True) if self.excluding and others else chosen


@dataclass(frozen=True)
class ForeignDream:
    """A model of others for dreams: the network, one of the same kind before any training, and `view`, what it sees of
    an image: (z, y, x) in the network's intensities, and where that lies."""

    network: ForeignNetwork
    rebuild: Callable[[], nn.Module]
    view: Callable[[sitk.Image], tuple[np.ndarray, Grid]]
    patch: tuple[int, int, int] | None


@lru_cache(maxsize=1)
def foreign_dream(bundle: Bundle) -> ForeignDream:
    """The model of `bundle` for dreams; of several folds, the first. Raises `BundleError` and `MissingPackageError`."""
    check_files(bundle.foreign, bundle.folder, bundle.name, contents=True)
    if bundle.foreign.kind == NNUNET:
        return _of_nnunet(load_nnunet(bundle.foreign, bundle.folder, bundle.name), bundle)
    return _of_monai(load_monai(bundle.foreign, bundle.folder, bundle.name), bundle)


def foreign_subject(bundle: Bundle, image: sitk.Image, center_mm: Sequence[float] | None) -> tuple[np.ndarray, Grid]:
    """What the network sees of `image`, in the intensities of dreams: a patch of the size it was trained on, around
    `center_mm` (LPS; the middle of the image where that is None); all where it takes any size."""
    made = foreign_dream(bundle)
    seen, grid = made.view(image)
    factor, summand = made.network.units
    seen = (seen - summand) / factor
    if made.patch is None:
        return seen, grid
    middle = grid.index(center_mm)[::-1] if center_mm is not None else np.subtract(seen.shape, 1) / 2
    start = [int(np.clip(round(m - p / 2), 0, max(0, n - p))) for m, p, n in zip(middle, made.patch, seen.shape)]
    part = tuple(slice(first, first + p) for first, p in zip(start, made.patch))
    cut = np.ascontiguousarray(seen[part])
    return cut, Grid(cut.shape[::-1], grid.spacing, tuple(map(float, grid.point(start[::-1]))), grid.direction)


def limits_of(seen: np.ndarray, grid: Grid, image: sitk.Image) -> tuple[float, float]:
    """The intensities of `image` that became 0 and 1 in `seen`: of the line that fits best."""
    own = sitk.GetArrayFromImage(resample(sitk.Cast(image, sitk.sitkFloat32), grid)).ravel()
    slope, start = np.polyfit(own, seen.ravel(), 1)
    return (float(-start / slope), float((1 - start) / slope)) if slope > 0 else (0.0, 1.0)


def _of_nnunet(model: NnUNet, bundle: Bundle) -> ForeignDream:
    schemes = model.configuration.normalization_schemes
    units = {"RescaleTo01Normalization": UNIT, "RescaleTo01": UNIT}.get(schemes[0], Z_SCORES)
    if schemes[0] == "NoNormalization" or len(model.configuration.patch_size) != 3:
        raise BundleError(
            f"Model '{bundle.name}' cannot dream: it sees raw intensities, or slices.", "Choose another model."
        )
    if bundle.strategy != "single":
        raise BundleError(f"Model '{bundle.name}' cannot dream: it looks at two images.", "Choose another model.")
    axes = tuple(model.plans.transpose_forward)

    def wrapped(network: nn.Module) -> ForeignNetwork:
        return ForeignNetwork(
            network, units, bundle.foreign.channels, not model.labels.has_regions, axes, model.multiple_of
        )

    def view(image: sitk.Image) -> tuple[np.ndarray, Grid]:
        ordered = sitk.DICOMOrient(image, "RAS") if model.reader.endswith("Reorient") else image
        array = sitk.GetArrayFromImage(ordered).astype(np.float32)
        seen, start, spacing = model.seen(array, ordered.GetSpacing()[::-1])
        own = Grid.of(ordered)
        corner = (np.asarray(start) - 0.5 + np.divide(spacing, own.spacing[::-1]) / 2)[::-1]
        place = tuple(map(float, own.point(corner)))
        return seen, Grid(seen.shape[::-1], tuple(map(float, spacing[::-1])), place, own.direction)

    patch = [0, 0, 0]
    for axis, side in zip(axes, model.configuration.patch_size):
        patch[axis] = int(side)
    return ForeignDream(wrapped(model.network), lambda: wrapped(model.untrained()), view, tuple(patch))


def _of_monai(model: MonaiModel, bundle: Bundle) -> ForeignDream:
    units = Z_SCORES if model.normalizes else UNIT

    def rebuild() -> nn.Module:
        fresh = model.untrained()
        if fresh is None:
            raise BundleError(
                f"Model '{bundle.name}' is TorchScript, of which there is no untrained one.",
                "Leave out the baseline of random weights.",
            )
        return ForeignNetwork(fresh, units, bundle.foreign.channels, model.excluding)

    def view(image: sitk.Image) -> tuple[np.ndarray, Grid]:
        seen = model.seen(image)
        return sitk.GetArrayFromImage(seen), Grid.of(seen)

    network = copy.deepcopy(model.network)
    return ForeignDream(
        ForeignNetwork(network, units, bundle.foreign.channels, model.excluding), rebuild, view, model.window
    )
