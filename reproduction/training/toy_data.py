"""The toys as training samples, new ones at every step; each class only says how its toy is drawn."""

from functools import partial

import numpy as np
import torch

from liverpair.training.detection import PairBatch, PairSample
from reproduction.toys.coded_masks import CodedMasks, CodedMasksSettings, coded_masks
from reproduction.toys.coded_pairs import CodedPair, CodedPairSettings, coded_pair
from reproduction.toys.striped_blobs import StripedBlobs, StripedBlobsSettings, nearest_right, striped_blobs
from reproduction.training.generated_data import DrawnData


def masks_sample(pair: CodedMasks) -> dict[str, torch.Tensor]:
    """A pair as a sample of `SimilarityTask`: "image" and "target", float32 (2, y, x)."""
    return {"image": torch.from_numpy(pair.images), "target": torch.from_numpy(pair.masks.astype(np.float32))}


def pair_sample(pair: CodedPair) -> PairSample:
    """A coded pair as a sample of `DetectionTask`; both images show every object."""
    boxes = torch.from_numpy(pair.boxes).unflatten(-1, (2, 2))
    return PairSample(
        image=torch.from_numpy(pair.images),
        boxes=boxes,
        visible=torch.ones(boxes.shape[:2], dtype=torch.bool),
        masks=torch.from_numpy((pair.labels > 0).astype(np.float32)),
    )


def blobs_sample(blobs: StripedBlobs) -> dict[str, torch.Tensor]:
    """An image as a sample of `SegmentationTask`: "image" (2, y, x), "target" (1, y, x) and, for scores, the "region"
    (1, y, x) in which the target can be told."""
    return {
        "image": torch.from_numpy(blobs.images),
        "target": torch.from_numpy(blobs.target[None].astype(np.float32)),
        "region": torch.from_numpy(blobs.decidable[None]),
    }


def drawn_masks(rng: np.random.Generator, settings: CodedMasksSettings) -> dict[str, torch.Tensor]:
    """New coded masks as a sample."""
    return masks_sample(coded_masks(rng, settings))


def drawn_pair(rng: np.random.Generator, settings: CodedPairSettings) -> PairSample:
    """A new coded pair as a sample."""
    return pair_sample(coded_pair(rng, settings))


def drawn_blobs(rng: np.random.Generator, settings: StripedBlobsSettings) -> dict[str, torch.Tensor]:
    """A new image of striped blobs as a sample."""
    return blobs_sample(striped_blobs(rng, settings))


class CodedMasksData(DrawnData):
    """Coded masks, drawn as `pairs` says; `options` are those of `DrawnData`."""

    def __init__(self, pairs: CodedMasksSettings = CodedMasksSettings(), **options):
        super().__init__(draw=partial(drawn_masks, settings=pairs), collate=None, **options)


class CodedPairsData(DrawnData):
    """Coded pairs, drawn as `pairs` says; `options` are those of `DrawnData`."""

    def __init__(self, pairs: CodedPairSettings = CodedPairSettings(), **options):
        super().__init__(draw=partial(drawn_pair, settings=pairs), collate=PairBatch.of, **options)


class StripedBlobsData(DrawnData):
    """Striped blobs, drawn as `blobs` says; `options` are those of `DrawnData`.

    Raises `ValueError` for blobs that lie so far apart that the nearest striped one is of the right kind for more than
    the part `nearest_at_most`: a network would learn to look nearby, not to compare shapes.
    """

    def __init__(self, blobs: StripedBlobsSettings = StripedBlobsSettings(), nearest_at_most: float = 1.0, **options):
        super().__init__(draw=partial(drawn_blobs, settings=blobs), collate=None, **options)
        self.blobs = blobs
        if nearest_at_most < 1 and (right := nearest_right(blobs)) > nearest_at_most:
            raise ValueError(
                f"the nearest striped blob is of the right kind for {right:.0%} of the blobs, more than "
                f"{nearest_at_most:.0%}; draw them smaller and denser (blob_sigma, percentile, smallest)"
            )
