"""How well networks use a channel that is not aligned: Dice, answers blob by blob, and Dice over translations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import torch
from scipy import ndimage
from torch.utils.data import default_collate

from liverpair.training.segmentation import SegmentationTask, batch_dice
from reproduction.toys.striped_blobs import (
    POSITION,
    STRIPES,
    StripedBlobs,
    StripedBlobsSettings,
    StripedScene,
    kind_of_nearest,
    striped_blobs,
    striped_scene,
)
from reproduction.training.generated_data import TEST, DrawnSamples
from reproduction.training.toy_data import blobs_sample

RING_DIRECTIONS = 16
BATCH = 8


@dataclass(frozen=True)
class BlobAnswers:
    """What a network says of blobs, one entry each.

    Attributes:
        output: mean output over the blob where the position channel shows it.
        wanted: bool: whether it should be 1.
        striped: bool: whether the striped channel shows enough of the blob to tell.
        gone: bool: whether the striped channel shows nothing of it.
        misleading: bool: whether the striped blob that lies nearest is of the other kind.
    """

    output: np.ndarray
    wanted: np.ndarray
    striped: np.ndarray
    gone: np.ndarray
    misleading: np.ndarray

    @classmethod
    def joined(cls, answers: "Sequence[BlobAnswers]") -> "BlobAnswers":
        """Those of several images."""
        return cls(*(np.concatenate([getattr(own, field.name) for own in answers]) for field in fields(cls)))

    def right(self, which: np.ndarray) -> int:
        """How many of these blobs have an output on the right side of 0.5."""
        return int(np.sum((self.output > 0.5)[which] == self.wanted[which]))

    def mean_output(self, which: np.ndarray) -> float:
        """Over these blobs; NaN when there are none."""
        return _mean(self.output[which])

    def certainty(self, which: np.ndarray) -> float:
        """Mean distance of the output from 0.5 over these blobs; NaN when there are none."""
        return _mean(np.abs(self.output[which] - 0.5))


def unseen_images(settings: StripedBlobsSettings, count: int) -> list[StripedBlobs]:
    """Images that no training saw, the same every time."""
    return list(DrawnSamples(partial(striped_blobs, settings=settings), count, (TEST, 0)))


def unseen_scenes(settings: StripedBlobsSettings, count: int, margin: int) -> list[StripedScene]:
    """Scenes that no training saw, to be translated by up to `margin` pixels along each axis."""
    return list(DrawnSamples(partial(striped_scene, settings=settings, margin=margin), count, (TEST, 1)))


@torch.no_grad()
def answer(task: SegmentationTask, images: Sequence[StripedBlobs]) -> torch.Tensor:
    """The network's logits (images, 1, y, x)."""
    batches = [images[first : first + BATCH] for first in range(0, len(images), BATCH)]
    return torch.cat([task(torch.from_numpy(np.stack([one.images for one in batch]))) for batch in batches])


def dice(images: Sequence[StripedBlobs], logits: torch.Tensor) -> float:
    """Dice at 0.5 over all images together, where the target can be told."""
    return float(batch_dice(logits, default_collate([blobs_sample(image) for image in images])))


def nearest_rule(images: Sequence[StripedBlobs], smallest: int) -> torch.Tensor:
    """Logits (images, 1, y, x) of a rule that compares no shapes: a blob is wanted when the striped blob nearest to it
    is, of those that show at least `smallest` pixels."""
    wanted = []
    for image in images:
        numbers = np.flatnonzero(image.shown[POSITION])
        answers = np.zeros(len(image.wanted) + 1, bool)
        answers[numbers + 1] = kind_of_nearest(image, numbers, np.flatnonzero(image.shown[STRIPES] >= smallest))
        wanted.append(answers[image.labels[POSITION]])
    return torch.from_numpy(np.stack(wanted)[:, None]).float() - 0.5


def blob_answers(image: StripedBlobs, output: np.ndarray, smallest: int) -> BlobAnswers:
    """The answers (y, x) to an image, for its blobs that show at least `smallest` pixels in the position channel."""
    numbers = np.flatnonzero(image.shown[POSITION] >= smallest)
    striped = image.shown[STRIPES] >= smallest
    nearest = kind_of_nearest(image, numbers, np.flatnonzero(striped))
    return BlobAnswers(
        output=np.asarray(ndimage.mean(output, image.labels[POSITION], numbers + 1), float).reshape(-1),
        wanted=image.wanted[numbers],
        striped=striped[numbers],
        gone=image.shown[STRIPES][numbers] == 0,
        misleading=nearest != image.wanted[numbers],
    )


def dice_over_shifts(
    task: SegmentationTask, scenes: Sequence[StripedScene], shifts: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Dice for each translation (y, x) of the striped channel of the scenes."""
    found = []
    for shift in shifts:
        images = [scene.seen(shift) for scene in scenes]
        found.append(dice(images, answer(task, images)))
    return np.array(found)


def ring(radius: float) -> list[tuple[int, int]]:
    """Translations (y, x) of this length, in whole pixels, in all directions."""
    angles = 2 * np.pi * np.arange(RING_DIRECTIONS) / RING_DIRECTIONS
    return [(round(radius * math.sin(angle)), round(radius * math.cos(angle))) for angle in angles]


def limit_of(amplitudes: Sequence[float], scores: Sequence[float], wanted: float) -> tuple[float, float]:
    """Between which amplitudes scores, by rising amplitude, first fall below `wanted`.

    Twice the same amplitude, interpolated, when a score before that was above; from 0 to the first amplitude, or from
    the last to infinity, when that happens outside of what was tried.
    """
    low = [score < wanted for score in scores]
    if not any(low):
        return amplitudes[-1], math.inf
    first = low.index(True)
    if first == 0:
        return 0.0, amplitudes[0]
    part = (scores[first - 1] - wanted) / (scores[first - 1] - scores[first])
    limit = amplitudes[first - 1] + part * (amplitudes[first] - amplitudes[first - 1])
    return limit, limit


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
