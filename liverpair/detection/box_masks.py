"""The masks of lesions in boxes that somebody drew: a network that draws lesions looks into each box. Whoever drew the
box knew where the lesion ends: what the network draws is taken where it fills the box, and else what brightness tells
(see `local_masks`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import BOX_SEGMENTATION
from liverpair.core.errors import BundleError, Progress, no_progress
from liverpair.core.geometry import Box, Grid, like, on_grid, resample
from liverpair.detection.box_crops import BoxSight
from liverpair.detection.inference import detector_of
from liverpair.detection.lesion_masks import MaskDetector
from liverpair.detection.local_masks import Window, local_mask, settled
from liverpair.detection.preparation import block_around, prepare_image
from liverpair.segmentation.prediction import grid_policy, normalization, warm_predictor

SCALES = (0.8, 0.9, 1.0, 1.15, 1.3)
"""How much larger than drawn a box is shown to a network that has learned boxes with faults; its answers are
averaged."""
CONTEXT_MM = 32.0
"""How far around a box the network sees."""
LOCAL = "brightness in the box"
"""What is said to have drawn a mask that no network drew."""


class BoxNetwork(Protocol):
    """A network that draws what a box holds.

    `name` is what is said to have drawn its masks. One that `needs_liver` is not asked without. What it draws is taken
    where the smallest block around it overlaps the box (IoU) by `least_fit`.
    """

    name: str
    needs_liver: bool
    least_fit: float

    def asked(
        self, image: sitk.Image, liver: sitk.Image | None, box: Box, window: Window
    ) -> tuple[np.ndarray, list[str]]:
        """What it draws in a window of the image (z, y, x) bool, for a box (LPS, mm); and what the user should know."""


@dataclass(frozen=True)
class _Model:
    """What the models that draw in boxes have in common: the bundle, and where it runs."""

    bundle: Bundle
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def name(self) -> str:
        """Name and version of the model."""
        return f"{self.bundle.name} {self.bundle.version}"


@dataclass(frozen=True)
class LesionNetwork(_Model):
    """A model that draws the lesions of one image at a time.

    Raises `BundleError` for a model of another kind.
    """

    needs_liver = True
    least_fit = 0.5

    def __post_init__(self) -> None:
        if not isinstance(detector_of(self.bundle), MaskDetector):
            raise BundleError(
                f"Model '{self.bundle.name}' does not draw lesions in a box.",
                "Choose lesion-in-box or lesions-real, or none: then the brightness in the box decides.",
            )

    def asked(
        self, image: sitk.Image, liver: sitk.Image | None, box: Box, window: Window
    ) -> tuple[np.ndarray, list[str]]:
        """See `BoxNetwork`."""
        probability, notes = network_probability(self.bundle, image, liver, box, self.device)
        return window.kept(sitk.GetArrayFromImage(resample(probability, window.grid)) > 0.5), notes


@dataclass(frozen=True)
class PromptedNetwork(_Model):
    """A model that has learned to draw the lesion in a box that is not quite right: what it draws may reach beyond it.

    It is asked with the box in `SCALES`, and where it is not sure brightness settles it (`local_masks.settled`).

    Raises `BundleError` for a model of another kind.
    """

    needs_liver = False
    least_fit = 0.25

    def asked(
        self, image: sitk.Image, liver: sitk.Image | None, box: Box, window: Window
    ) -> tuple[np.ndarray, list[str]]:
        """See `BoxNetwork`."""
        sight, predictor = BoxSight.of(self.bundle), warm_predictor(self.bundle, self.device, "auto")
        total, said = np.zeros(window.inside.shape), []
        for scale in SCALES:
            grid = sight.grid(image, Box(box.center_mm, tuple(scale * side for side in box.size_mm), box.direction))
            channels = sight.channels(image, grid, normalization(self.bundle))
            found, _, notes = predictor.probabilities(channels)
            total += sitk.GetArrayFromImage(resample(on_grid(found[0], grid), window.grid))
            said += notes
        values = sitk.GetArrayViewFromImage(image)[window.part].astype(np.float32)
        return window.kept(settled(values, total / len(SCALES)), beyond=True), said


def network_in_boxes(bundle: Bundle, device: torch.device) -> BoxNetwork:
    """What a model draws with. Raises `BundleError` for one that does not draw lesions."""
    return (PromptedNetwork if bundle.task == BOX_SEGMENTATION else LesionNetwork)(bundle, device)


@dataclass(frozen=True)
class BoxDrawer:
    """What draws: a network, where what it draws fills the box, or the brightness in the box."""

    network: BoxNetwork | None = None

    def draw(
        self,
        image: sitk.Image,
        boxes: Mapping[int, Box],
        liver: sitk.Image | None = None,
        progress: Progress = no_progress,
    ) -> tuple[sitk.Image, dict[int, str], list[str]]:
        """Draw the lesions of one image.

        Parameters
        ----------
        image
            The volume.
        boxes
            Around the lesions (LPS, mm), by number, above 0.
        liver
            Its mask on any grid; without one a network that must know how bright the liver is, is not asked.

        Returns
        -------
        A label map on the image's grid (uint16); of two lesions that share a voxel the one with the smaller box has it.
        By number, what drew the mask. Sentences: on boxes that hold no voxel of the image, and what a network says.
        """
        grid, values = Grid.of(image), sitk.GetArrayViewFromImage(image)
        labels, made_by, notes = np.zeros(grid.shape, np.uint16), {}, []
        ordered = sorted(boxes, key=lambda number: -float(np.prod(boxes[number].size_mm)))
        for step, number in enumerate(ordered):
            progress(step / len(ordered), f"Lesion {number}")
            window = Window.around(grid, boxes[number])
            if window is None:
                notes.append(f"The box of lesion {number} lies outside the image.")
                continue
            found, who = None, LOCAL
            if self.network is not None and (liver is not None or not self.network.needs_liver):
                found, said = self.network.asked(image, liver, boxes[number], window)
                who, notes = self.network.name, notes + said
            if found is None or window.fit(found) < self.network.least_fit:
                found, who = local_mask(values[window.part].astype(np.float32), window), LOCAL
            labels[window.part][found] = number
            made_by[number] = who
        return like(labels, image), dict(sorted(made_by.items())), list(dict.fromkeys(notes))


def network_probability(
    bundle: Bundle, image: sitk.Image, liver: sitk.Image, box: Box, device: torch.device
) -> tuple[sitk.Image, list[str]]:
    """How likely each voxel in and around a box is lesion, on the network's own grid; and what the user should know.

    Raises what `Predictor.probabilities` raises.
    """
    settings = detector_of(bundle).settings
    grid = block_around(grid_policy(bundle).grid_for(image), box.corners_mm, CONTEXT_MM, bundle.grid.multiple_of)
    channel, *_ = prepare_image(image, liver, grid, normalization(bundle), settings)
    found, _, notes = warm_predictor(bundle, device, "auto").probabilities(channel[None])
    return on_grid(found[0], grid), notes
