"""Two-dimensional coded masks as training samples for the published experiment on the similarity constraint."""

from functools import partial

import numpy as np
import torch

from liverpair.training.generated_data import DrawnData
from reproduction.toys.coded_masks import CodedMasks, CodedMasksSettings, coded_masks


def sample_of(pair: CodedMasks) -> dict[str, torch.Tensor]:
    """A pair as a sample of `SimilarityTask`: "image" and "target", float32 (2, y, x)."""
    return {"image": torch.from_numpy(pair.images), "target": torch.from_numpy(pair.masks.astype(np.float32))}


def drawn_sample(rng: np.random.Generator, settings: CodedMasksSettings) -> dict[str, torch.Tensor]:
    """A new pair, as `sample_of` gives it."""
    return sample_of(coded_masks(rng, settings))


class CodedMasksData(DrawnData):
    """New coded masks at every step.

    Parameters
    ----------
    pairs
        How pairs are drawn.
    **options
        Those of `DrawnData`.
    """

    def __init__(self, pairs: CodedMasksSettings = CodedMasksSettings(), **options):
        super().__init__(draw=partial(drawn_sample, settings=pairs), collate=None, **options)
