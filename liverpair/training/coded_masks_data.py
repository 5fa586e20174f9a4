"""Two-dimensional coded masks as training samples for the published experiment on the similarity constraint."""

import numpy as np
import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, Dataset

from liverpair.synthesis.coded_masks import CodedMasks, CodedMasksSettings, coded_masks
from liverpair.training.coded_pairs_data import TRAINING, VALIDATION
from liverpair.training.workers import training_loader


def sample_of(pair: CodedMasks) -> dict[str, torch.Tensor]:
    """A pair as a sample of `SimilarityTask`: "image" and "target", float32 (2, y, x)."""
    return {"image": torch.from_numpy(pair.images), "target": torch.from_numpy(pair.masks.astype(np.float32))}


class CodedMasksPairs(Dataset):
    """`count` pairs, each from a seed of its own."""

    def __init__(self, settings: CodedMasksSettings, count: int, stream: tuple[int, ...]):
        self.settings, self.count, self.stream = settings, count, stream

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return sample_of(coded_masks(np.random.default_rng((*self.stream, index)), self.settings))


class CodedMasksData(lightning.LightningDataModule):
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
        pairs: CodedMasksSettings = CodedMasksSettings(),
        pairs_per_epoch: int = 1600,
        validation_pairs: int = 32,
        batch_size: int = 8,
        workers: int = 0,
        seed: int = 0,
    ):
        super().__init__()
        self.pairs, self.pairs_per_epoch, self.validation_pairs = pairs, pairs_per_epoch, validation_pairs
        self.batch_size, self.workers, self.seed = batch_size, workers, seed

    def train_dataloader(self) -> DataLoader:
        """Pairs never seen before."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        return self._loader(self.pairs_per_epoch, (TRAINING, self.seed, epoch), self.workers)

    def val_dataloader(self) -> DataLoader:
        """The same pairs every time."""
        return self._loader(self.validation_pairs, (VALIDATION, self.seed), 0)

    def _loader(self, count: int, stream: tuple[int, ...], workers: int) -> DataLoader:
        pairs = CodedMasksPairs(self.pairs, count, stream)
        return training_loader(pairs, workers, self.batch_size)
