"""Two-dimensional coded pairs as training samples for the published detection experiment."""

from functools import partial

import numpy as np
import torch

from liverpair.training.detection import PairBatch, PairSample
from liverpair.training.generated_data import DrawnData
from reproduction.toys.coded_pairs import CodedPair, CodedPairSettings, coded_pair


def sample_of(pair: CodedPair) -> PairSample:
    """A coded pair as a sample; both images show every object."""
    boxes = torch.from_numpy(pair.boxes).unflatten(-1, (2, 2))
    return PairSample(
        image=torch.from_numpy(pair.images),
        boxes=boxes,
        visible=torch.ones(boxes.shape[:2], dtype=torch.bool),
        masks=torch.from_numpy((pair.labels > 0).astype(np.float32)),
    )


def drawn_sample(rng: np.random.Generator, settings: CodedPairSettings) -> PairSample:
    """A new pair, as `sample_of` gives it."""
    return sample_of(coded_pair(rng, settings))


class CodedPairsData(DrawnData):
    """New coded pairs at every step.

    Parameters
    ----------
    pairs
        How pairs are drawn.
    **options
        Those of `DrawnData`.
    """

    def __init__(self, pairs: CodedPairSettings = CodedPairSettings(), **options):
        super().__init__(draw=partial(drawn_sample, settings=pairs), collate=PairBatch.of, **options)
