"""Samples that a generator draws, one after the other: never the same twice in training, always the same for scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as lightning
from torch.utils.data import DataLoader, Dataset

from liverpair.training.loaders import check_loading, training_loader

TRAINING, VALIDATION, TEST = range(3)
"""Which stream of random numbers samples come from, so that no sample is in two of them."""


class DrawnSamples(Dataset):
    """`count` samples, each drawn from a seed of its own: those of the `stream`, and its number."""

    def __init__(self, draw: Callable[[np.random.Generator], Any], count: int, stream: tuple[int, ...]):
        self.draw, self.count, self.stream = draw, count, stream

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.count:
            raise IndexError(f"there are {self.count} samples")
        return self.draw(np.random.default_rng((*self.stream, index)))


class DrawnData(lightning.LightningDataModule):
    """New samples at every step, as published for every synthetic experiment, and a fixed set for validation.

    Parameters
    ----------
    draw
        Makes a sample; must pickle, for processes make samples.
    samples_per_epoch, validation_samples, batch_size, workers, seed
        As their names say.
    collate
        Makes a batch of samples; None: torch's own.
    """

    def __init__(
        self,
        draw: Callable[[np.random.Generator], Any],
        samples_per_epoch: int = 800,
        validation_samples: int = 40,
        batch_size: int = 1,
        workers: int = 1,
        seed: int = 0,
        collate: Callable[[list[Any]], Any] | None = None,
    ):
        super().__init__()
        check_loading(samples_per_epoch, batch_size, workers, seed)
        self.draw, self.collate = draw, collate
        self.samples_per_epoch, self.validation_samples = samples_per_epoch, validation_samples
        self.batch_size, self.workers, self.seed = batch_size, workers, seed

    def train_dataloader(self) -> DataLoader:
        """Samples never seen before."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        return self._loader(self.samples_per_epoch, (TRAINING, self.seed, epoch), self.workers)

    def val_dataloader(self) -> DataLoader:
        """The same samples every time."""
        return self._loader(self.validation_samples, (VALIDATION, self.seed), 0)

    def _loader(self, count: int, stream: tuple[int, ...], workers: int) -> DataLoader:
        return training_loader(DrawnSamples(self.draw, count, stream), workers, self.batch_size, self.collate)
