"""Two-dimensional coded pairs as training samples for the published detection experiment."""

import numpy as np
import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, Dataset

from liverpair.synthesis.coded_pairs import CodedPair, CodedPairSettings, coded_pair
from liverpair.training.detection import PairBatch, PairSample
from liverpair.training.workers import training_loader

TRAINING, VALIDATION, TEST = range(3)
"""Which stream of random numbers pairs come from, so that no pair is in two of them."""


def sample_of(pair: CodedPair) -> PairSample:
    """A coded pair as a sample; both images show every object."""
    boxes = torch.from_numpy(pair.boxes).unflatten(-1, (2, 2))
    return PairSample(
        image=torch.from_numpy(pair.images),
        boxes=boxes,
        visible=torch.ones(boxes.shape[:2], dtype=torch.bool),
        masks=torch.from_numpy((pair.labels > 0).astype(np.float32)),
    )


class CodedPairs(Dataset):
    """`count` pairs, each from a seed of its own."""

    def __init__(self, settings: CodedPairSettings, count: int, stream: tuple[int, ...]):
        self.settings, self.count, self.stream = settings, count, stream

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> PairSample:
        return sample_of(coded_pair(np.random.default_rng((*self.stream, index)), self.settings))


class CodedPairsData(lightning.LightningDataModule):
    """New pairs at every step, as published, and a fixed set for validation.

    Parameters
    ----------
    pairs
        How pairs are drawn.
    pairs_per_epoch, validation_pairs, batch_size, workers, seed
        As their names say.
    """

    def __init__(
        self,
        pairs: CodedPairSettings = CodedPairSettings(),
        pairs_per_epoch: int = 500,
        validation_pairs: int = 40,
        batch_size: int = 1,
        workers: int = 1,
        seed: int = 0,
    ):
        super().__init__()
        self.pairs, self.pairs_per_epoch, self.validation_pairs = pairs, pairs_per_epoch, validation_pairs
        self.batch_size, self.workers, self.seed = batch_size, workers, seed

    def train_dataloader(self) -> DataLoader:
        """Pairs never seen before."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        dataset = CodedPairs(self.pairs, self.pairs_per_epoch, (TRAINING, self.seed, epoch))
        return training_loader(dataset, self.workers, self.batch_size, PairBatch.of, ahead=8)

    def val_dataloader(self) -> DataLoader:
        """The same pairs every time."""
        dataset = CodedPairs(self.pairs, self.validation_pairs, (VALIDATION, self.seed))
        return DataLoader(dataset, batch_size=1, collate_fn=PairBatch.of)
