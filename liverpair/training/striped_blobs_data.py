"""Images of striped blobs as training samples for the published experiment on channels that are not aligned."""

import numpy as np
import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, Dataset

from liverpair.synthesis.striped_blobs import StripedBlobs, StripedBlobsSettings, striped_blobs
from liverpair.training.coded_pairs_data import TRAINING, VALIDATION
from liverpair.training.workers import training_loader


def sample_of(blobs: StripedBlobs) -> dict[str, torch.Tensor]:
    """An image as a sample of `SegmentationTask`: "image" (2, y, x), "target" (1, y, x) and, for scores, the "region"
    (1, y, x) in which the target can be told."""
    return {
        "image": torch.from_numpy(blobs.images),
        "target": torch.from_numpy(blobs.target[None].astype(np.float32)),
        "region": torch.from_numpy(blobs.decidable[None]),
    }


class StripedBlobsImages(Dataset):
    """`count` images, each from a seed of its own."""

    def __init__(self, settings: StripedBlobsSettings, count: int, stream: tuple[int, ...]):
        self.settings, self.count, self.stream = settings, count, stream

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return sample_of(striped_blobs(np.random.default_rng((*self.stream, index)), self.settings))


class StripedBlobsData(lightning.LightningDataModule):
    """New images at every step, as published, and a fixed set for validation.

    Parameters
    ----------
    blobs
        How images are drawn.
    images_per_epoch, validation_images, batch_size, workers, seed
        As their names say.
    """

    def __init__(
        self,
        blobs: StripedBlobsSettings = StripedBlobsSettings(),
        images_per_epoch: int = 800,
        validation_images: int = 24,
        batch_size: int = 8,
        workers: int = 1,
        seed: int = 0,
    ):
        super().__init__()
        self.blobs, self.images_per_epoch, self.validation_images = blobs, images_per_epoch, validation_images
        self.batch_size, self.workers, self.seed = batch_size, workers, seed

    def train_dataloader(self) -> DataLoader:
        """Images never seen before."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        return self._loader(self.images_per_epoch, (TRAINING, self.seed, epoch), self.workers)

    def val_dataloader(self) -> DataLoader:
        """The same images every time."""
        return self._loader(self.validation_images, (VALIDATION, self.seed), 0)

    def _loader(self, count: int, stream: tuple[int, ...], workers: int) -> DataLoader:
        images = StripedBlobsImages(self.blobs, count, stream)
        return training_loader(images, workers, self.batch_size)
