"""Images of striped blobs as training samples for the published experiment on channels that are not aligned."""

from functools import partial

import numpy as np
import torch

from liverpair.training.generated_data import DrawnData
from reproduction.toys.striped_blobs import StripedBlobs, StripedBlobsSettings, striped_blobs


def sample_of(blobs: StripedBlobs) -> dict[str, torch.Tensor]:
    """An image as a sample of `SegmentationTask`: "image" (2, y, x), "target" (1, y, x) and, for scores, the "region"
    (1, y, x) in which the target can be told."""
    return {
        "image": torch.from_numpy(blobs.images),
        "target": torch.from_numpy(blobs.target[None].astype(np.float32)),
        "region": torch.from_numpy(blobs.decidable[None]),
    }


def drawn_sample(rng: np.random.Generator, settings: StripedBlobsSettings) -> dict[str, torch.Tensor]:
    """A new image, as `sample_of` gives it."""
    return sample_of(striped_blobs(rng, settings))


class StripedBlobsData(DrawnData):
    """New images of striped blobs at every step.

    Parameters
    ----------
    blobs
        How images are drawn.
    **options
        Those of `DrawnData`.
    """

    def __init__(self, blobs: StripedBlobsSettings = StripedBlobsSettings(), **options):
        super().__init__(draw=partial(drawn_sample, settings=blobs), collate=None, **options)
        self.blobs = blobs
