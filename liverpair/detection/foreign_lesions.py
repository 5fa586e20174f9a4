"""Detection with a model that others trained to draw lesions in one image: run on each, then linked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from liverpair.bundle import Bundle
from liverpair.core.errors import Progress, no_progress, part_of
from liverpair.core.geometry import Grid, resample
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.lesion_masks import CONNECTED, DrawnLesions, drawn_lesions
from liverpair.detection.linking import linked_lesions
from liverpair.segmentation.foreign import ForeignEngine, probability_of

NEAR_LIVER_MM = 10.0
"""A lesion of the liver lies no farther from its mask: one that a model left out of the mask is still let in."""


@dataclass(frozen=True)
class ForeignDetector:
    """A model of others that draws lesions, with how they are linked."""

    bundle: Bundle
    settings: DetectionSettings

    def find(
        self,
        images: Sequence[sitk.Image],
        livers: Sequence[sitk.Image],
        device: torch.device,
        progress: Progress = no_progress,
    ) -> tuple[list[Lesion], tuple[sitk.Image, sitk.Image], ForeignEngine, list[str]]:
        """The lesions in T1 and T2 as pairs, label maps of them, what drew them, and what the user should know.

        Raises what `ForeignPredictor.probability` raises.
        """
        drawn, notes = [], []
        engine = ForeignEngine("none", device)
        asked = self.settings.images
        for index, (side, image, liver) in enumerate(zip(Side, images, livers, strict=True)):
            probability = np.zeros(Grid.of(image).shape, np.float32)
            if index in asked:
                step = asked.index(index)
                report = part_of(progress, step / len(asked), (step + 1) / len(asked))
                found, engine, said = probability_of(self.bundle, image, device, liver, progress=report)
                notes += said
                probability = sitk.GetArrayFromImage(found)
            lesions, said = self._near(probability, image, liver, side.title)
            drawn.append(lesions)
            notes += said
        pairs, maps, said = linked_lesions(images, drawn, livers, self.settings)
        return pairs, maps, engine, [*notes, *said]

    def _near(
        self, probability: np.ndarray, image: sitk.Image, liver: sitk.Image, name: str
    ) -> tuple[DrawnLesions, list[str]]:
        """The lesions in or beside the liver; a sentence where there were others."""
        inside = sitk.GetArrayFromImage(resample(liver != 0, Grid.of(image), "nearest")) != 0
        near = ndimage.distance_transform_edt(~inside, sampling=image.GetSpacing()[::-1]) <= NEAR_LIVER_MM
        parts, count = ndimage.label(probability > 0.5, CONNECTED)
        reached = np.zeros(count + 1, bool)
        reached[np.unique(parts[near])] = True
        reached[0] = False
        kept = np.where(reached[parts], probability, 0.0)
        lesions = drawn_lesions(kept, image.GetSpacing(), self.settings, lambda points: points)
        away = count - int(reached.sum())
        if not away:
            return lesions, []
        what = "1 part" if away == 1 else f"{away} parts"
        return lesions, [f"What the model drew in {name} away from the liver is left out: {what}."]
