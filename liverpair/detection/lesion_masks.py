"""What a network draws of lesions, as masks and as linked boxes; detection with one that draws in each image alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from liverpair.bundle import Bundle
from liverpair.core.geometry import Grid, on_grid, resample
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.pairing import Found, LinkedBoxes, link
from liverpair.detection.preparation import PreparedPair, prepare_pair
from liverpair.detection.registered import Points, ways_between
from liverpair.engine import Engine
from liverpair.measures.boxes import centers
from liverpair.segmentation.prediction import grid_policy, normalization, warm_predictor

CONNECTED = ndimage.generate_binary_structure(3, 1)
"""Voxels of one lesion share a face."""


@dataclass(frozen=True)
class DrawnLesions:
    """What was drawn in one image: `labels` (z, y, x) int32, 0 or one more than a row of `found`."""

    labels: np.ndarray
    found: Found


@dataclass(frozen=True)
class MaskDetector:
    """A bundle whose network draws lesions, with what it needs to know of the images."""

    bundle: Bundle
    settings: DetectionSettings
    engine_choice: str = "auto"

    def prepare(self, images: Sequence[sitk.Image], livers: Sequence[sitk.Image]) -> PreparedPair:
        """What the network sees of T1 and T2."""
        bundle = self.bundle
        return prepare_pair(
            images, livers, grid_policy(bundle), normalization(bundle), self.settings, bundle.grid.multiple_of
        )

    def find(
        self, prepared: PreparedPair, livers: Sequence[sitk.Image], device: torch.device
    ) -> tuple[list[LinkedBoxes], list[np.ndarray], Engine, list[str]]:
        """Linked boxes in voxels; the masks (z, y, x) of T1 and of T2, in which a lesion has the number of its place
        among the links, counted from 1; the engine that drew them, and what the user should know.

        Raises what `Predictor.probabilities` raises.
        """
        predictor = warm_predictor(self.bundle, device, self.engine_choice)
        ways, notes = ways_between(prepared.grids, livers)
        drawn = []
        for channel, way in zip(prepared.channels, ways):
            probability, engine, said = predictor.probabilities(channel[None])
            notes += said
            drawn.append(drawn_lesions(probability[0], prepared.grids[0].spacing, self.settings, way))
        linked = link(drawn[0].found, drawn[1].found, self.settings.link_iou, self.settings.link_growth)
        linked = weighed(linked, self.settings.alone)
        return linked, [numbered(one.labels, linked, side) for side, one in enumerate(drawn)], engine, notes


def drawn_lesions(
    probability: np.ndarray, spacing: Sequence[float], settings: DetectionSettings, way: Callable[[Points], Points]
) -> DrawnLesions:
    """The connected parts of what is more likely lesion than not, largest score first.

    A part's score is the mean probability in it. Parts below `smallest_mm` (diameter of a ball of their volume) are
    left out, and so are those below the score floor.

    Parameters
    ----------
    probability
        Of lesion, (z, y, x).
    spacing
        Of its voxels, mm (x, y, z).
    way
        Takes centers (n, 3) in voxels to where the other image should have them.
    """
    parts, count = ndimage.label(probability > 0.5, CONNECTED)
    return kept_parts(parts, count, probability, spacing, settings, way)


def kept_parts(
    parts: np.ndarray,
    count: int,
    probability: np.ndarray,
    spacing: Sequence[float],
    settings: DetectionSettings,
    way: Callable[[Points], Points],
) -> DrawnLesions:
    """`drawn_lesions` of `count` parts that are told apart already, numbered from 1 in `parts` (z, y, x)."""
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(np.ones_like(parts), parts, numbers)
    scores = np.asarray(ndimage.mean(probability, parts, numbers)).reshape(-1)
    diameters = 2 * (3 * sizes * np.prod(spacing) / (4 * np.pi)) ** (1 / 3)
    kept = np.flatnonzero((diameters >= settings.smallest_mm) & (scores >= settings.score_floor))
    kept = kept[np.argsort(-scores[kept], kind="stable")][: settings.maximum]
    slices = ndimage.find_objects(parts)
    boxes = np.array([[[s.start for s in slices[row]], [s.stop for s in slices[row]]] for row in kept], float)
    boxes = boxes.reshape(-1, 2, 3)
    rows = np.zeros(count + 1, np.int32)
    rows[kept + 1] = np.arange(1, len(kept) + 1)
    return DrawnLesions(rows[parts], Found(boxes, scores[kept], way(centers(boxes)) - centers(boxes)))


def weighed(linked: Sequence[LinkedBoxes], alone: Sequence[float]) -> list[LinkedBoxes]:
    """The links, those that were drawn in one image only with their score times the weight in `alone` of that image;
    highest score first."""

    def judged(pair: LinkedBoxes) -> LinkedBoxes:
        if None not in pair.rows:
            return pair
        scores = (score if score is None else score * weight for score, weight in zip(pair.scores, alone))
        return replace(pair, scores=tuple(scores))

    return sorted(map(judged, linked), key=lambda pair: -pair.score)


def numbered(labels: np.ndarray, linked: Sequence[LinkedBoxes], side: int) -> np.ndarray:
    """`labels` (see `DrawnLesions`) with the numbers of the links, counted from 1, in place of rows."""
    numbers = np.zeros(labels.max(initial=0) + 1, np.int32)
    for number, pair in enumerate(linked, start=1):
        if pair.rows[side] is not None:
            numbers[pair.rows[side] + 1] = number
    return numbers[labels]


def drawn_in_boxes(probability: np.ndarray, linked: Sequence[LinkedBoxes], side: int) -> np.ndarray:
    """The voxels (z, y, x) int32 of an image that are more likely lesion than not and lie in a box of that image or
    right beside it, each with the number of the link, counted from 1; of several, of the one with the best score."""
    labels = np.zeros(probability.shape, np.int32)
    for number in range(len(linked), 0, -1):
        low, high = linked[number - 1].boxes[side]
        part = tuple(slice(max(0, int(a) - 1), max(0, int(np.ceil(b)) + 1)) for a, b in zip(np.floor(low), high))
        labels[part][probability[part] > 0.5] = number
    return labels


def on_image(labels: np.ndarray, grid: Grid, image: sitk.Image) -> sitk.Image:
    """A label map on a working grid as one on the grid of `image`, uint16."""
    return resample(on_grid(labels.astype(np.uint16), grid), Grid.of(image), "nearest")
