"""A model that others trained, run on one image by its own tool: where its files are read, checked and kept warm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.bundle import Bundle
from liverpair.bundle.foreign import MONAI, TOOLS, check_files
from liverpair.bundle.monai import load_monai
from liverpair.bundle.nnunet import load_nnunet
from liverpair.core.errors import OutOfMemoryError, Progress, no_progress, part_of
from liverpair.core.geometry import Grid, mask_corners, on_grid, resample
from liverpair.core.memory import is_out_of_memory

Model = Callable[[Sequence[sitk.Image], bool, Progress], sitk.Image]
"""Takes images on one grid, whether to mirror, and who watches; returns a probability map on that grid."""


@dataclass(frozen=True)
class ForeignEngine:
    """What ran a model, as the provenance of a result tells it."""

    name: str
    device: torch.device


@dataclass(frozen=True)
class ForeignPredictor:
    """A loaded model of others."""

    bundle: Bundle
    device: torch.device
    model: Model

    def probability(
        self,
        image: sitk.Image,
        liver: sitk.Image | None = None,
        mirror: bool = False,
        progress: Progress = no_progress,
        others: Sequence[sitk.Image] = (),
    ) -> tuple[sitk.Image, ForeignEngine, list[str]]:
        """The probability map (float32) of `image` on its own grid, what made it, and what the user should know.

        `others`: what else the model looks at, on any grids; they are shown where they were scanned.
        A model for what is near the liver sees no more of the image than that, and is 0 elsewhere. On a GPU whose
        memory does not hold it, it is run on the CPU. Raises `OutOfMemoryError`, and what `progress` raises.
        """
        near = self.bundle.foreign.near_liver_mm
        shown = image if near is None or liver is None else near_mask(image, liver, near)
        given = [shown, *(resample(other, Grid.of(shown)) for other in others)]
        notes: list[str] = []
        used = self.device
        try:
            found = self.model(given, mirror, progress)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if self.device.type == "cpu":
                raise OutOfMemoryError(
                    f"Model '{self.bundle.name}' does not fit into memory with this image.",
                    "Close other programs, or cut the volume to the liver.",
                ) from error
            used = torch.device("cpu")
            notes.append(f"The memory of {self.device} does not hold '{self.bundle.name}': it was run on the CPU.")
            found = loaded(self.bundle, used).model(given, mirror, progress)
        if shown is not image:
            found = resample(found, Grid.of(image), "nearest")
        return found, ForeignEngine(f"{TOOLS[self.bundle.foreign.kind]}-fp32", used), notes


def near_mask(image: sitk.Image, mask: sitk.Image, margin_mm: float) -> sitk.Image:
    """The block of `image` around a mask, on any grid, with a margin."""
    grid = Grid.of(image)
    corners = np.array([grid.index(corner) for corner in mask_corners(mask)])
    margin = np.divide(margin_mm, grid.spacing)
    first = np.clip(np.floor(corners.min(axis=0) - margin), 0, np.subtract(grid.size, 2)).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0) + margin), first + 1, np.subtract(grid.size, 1)).astype(int)
    return image[tuple(slice(int(a), int(b) + 1) for a, b in zip(first, last))]


def loaded(bundle: Bundle, device: torch.device) -> ForeignPredictor:
    """A model of others on a device. Raises `BundleError` for files that were changed or cannot be used, and
    `MissingPackageError`."""
    foreign = bundle.foreign
    check_files(foreign, bundle.folder, bundle.name, contents=True)
    if foreign.kind == MONAI:
        monai = load_monai(foreign, bundle.folder, bundle.name, device)
        return ForeignPredictor(bundle, device, lambda images, mirror, progress: monai(images[0], mirror, progress))
    network = load_nnunet(foreign, bundle.folder, bundle.name, device)

    def run(images: Sequence[sitk.Image], mirror: bool, progress: Progress) -> sitk.Image:
        turned = network.reader.endswith("Reorient")
        ordered = [sitk.DICOMOrient(image, "RAS") if turned else image for image in images]
        array = np.stack([sitk.GetArrayFromImage(image) for image in ordered]).astype(np.float32)
        spacing, grid = ordered[0].GetSpacing()[::-1], Grid.of(ordered[0])
        found = on_grid(network.probability(array, spacing, foreign.channels, mirror, progress), grid)
        return resample(found, Grid.of(images[0]), "nearest") if turned else found

    return ForeignPredictor(bundle, device, run)


_warm: dict[tuple[str, str], ForeignPredictor] = {}


def warm_foreign(bundle: Bundle, device: torch.device, progress: Progress = no_progress) -> ForeignPredictor:
    """The predictor of this bundle, kept from the last call where possible."""
    key = (f"{bundle.folder}:{bundle.sha256}:{bundle.manifest['foreign']}", str(device))
    predictor = _warm.pop(key, None)
    if predictor is None:
        progress(0.0, f"Loading {bundle.name}")
        _warm.clear()
        predictor = loaded(bundle, device)
    _warm[key] = replace(predictor, bundle=bundle)
    return _warm[key]


def probability_of(
    bundle: Bundle,
    image: sitk.Image,
    device: torch.device,
    liver: sitk.Image | None = None,
    mirror: bool = False,
    progress: Progress = no_progress,
    others: Sequence[sitk.Image] = (),
) -> tuple[sitk.Image, ForeignEngine, list[str]]:
    """As `ForeignPredictor.probability`, of the model loaded for it where it is not yet."""
    predictor = warm_foreign(bundle, device, progress)
    return predictor.probability(image, liver, mirror, part_of(progress, 0.05, 1.0), others)
