"""What the data modules of all tasks share: cases on a working grid, processes that load samples."""

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, Dataset

from liverpair.core.errors import InputError
from liverpair.segmentation.preparation import GridPolicy, Normalization

AHEAD = 4
"""Batches that each process keeps ready."""


def one_thread(worker: int) -> None:
    """Keep a loading process (a `worker_init_fn`) to one thread; the others are the training's."""
    torch.set_num_threads(1)


def check_loading(per_epoch: int = 1, batch_size: int = 1, workers: int = 0, seed: int = 0) -> None:
    """Raise `ValueError` for numbers that no training can draw samples with."""
    if min(per_epoch, batch_size) < 1:
        raise ValueError("an epoch and a batch need at least one sample")
    if min(workers, seed) < 0:
        raise ValueError("workers and seed must be 0 or more")


def training_loader(
    dataset: Dataset,
    workers: int,
    batch_size: int = 1,
    collate: Callable[[list[Any]], Any] | None = None,
    begin: Callable[[int], None] = one_thread,
    ahead: int = AHEAD,
) -> DataLoader:
    """Batches of a dataset that draws its own samples, in order, made by `workers` processes (0: by this one).

    `begin`: what each of them does first. `ahead`: batches that it keeps ready.
    """
    return DataLoader(
        dataset,
        batch_size,
        collate_fn=collate,
        num_workers=workers,
        worker_init_fn=begin,
        prefetch_factor=ahead if workers else None,
    )


class ShuffledSamples(Dataset):
    """`length` changed samples of `volumes` an epoch, every one equally often."""

    def __init__(self, volumes: Sequence[Any], length: int, seed: int):
        self.volumes, self.length, self.seed = list(volumes), length, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        drawn = self.epoch * self.length + index
        lap, place = divmod(drawn, len(self.volumes))
        order = np.random.default_rng((self.seed, lap)).permutation(len(self.volumes))
        return self.changed(self.volumes[order[place]].sample(), drawn)

    @abstractmethod
    def changed(self, sample: Any, drawn: int) -> Any:
        """The sample with what is random about it; `drawn` counts the samples of all epochs."""


class WholeSamples(Dataset):
    """The sample of each volume as it is, for validation."""

    def __init__(self, volumes: Sequence[Any]):
        self.volumes = list(volumes)

    def __len__(self) -> int:
        return len(self.volumes)

    def __getitem__(self, index: int) -> Any:
        return self.volumes[index].sample()


class CaseData(lightning.LightningDataModule):
    """Training and validation cases of a folder of studies, prepared once.

    A subclass says what volumes it trains and validates on, and how those of the training become an epoch's samples.

    Parameters
    ----------
    root
        Folder of studies, one sub-folder a case. `${LIVERPAIR_DATA}` is replaced by that environment variable.
    train, validation
        Names of the cases.
    policy, normalization
        The working grid and intensity normalization of the bundle to be made.
    workers, seed
        As their names say.
    cache
        Folder of what was prepared.
    """

    def __init__(
        self,
        root: str,
        train: list[str],
        validation: list[str],
        policy: GridPolicy,
        normalization: Normalization = Normalization(),
        workers: int = 1,
        seed: int = 0,
        cache: str = "runs/cache",
    ):
        super().__init__()
        check_loading(workers=workers, seed=seed)
        self.root, self.cache = Path(os.path.expandvars(root)), Path(cache)
        self.train_cases, self.validation_cases = train, validation
        self.policy, self.normalization = policy, normalization
        self.workers, self.seed = workers, seed

    train_volumes: list[Any]
    validation_volumes: list[Any]
    collate: Callable[[list[Any]], Any] | None = None
    """Makes a batch of samples; None: torch's own."""
    loading: Mapping[str, Any] = {}
    """How batches are loaded: the other arguments of `training_loader`."""
    nothing = ("There is no pair to train on.", "Name cases in data.train.")
    """What is wrong, and the way out, when there is no volume to train on."""

    @property
    def crop(self) -> str | None:
        """What the working grid is cropped to."""
        return "body" if self.policy.crop_to_body else None

    @property
    def epoch(self) -> int:
        """The epoch that the trainer is in."""
        return self.trainer.current_epoch if self.trainer else 0

    def trained_on(self) -> dict[str, Any]:
        """What the manifest of a bundle says of the images of its training."""
        return {"train_cases": self.train_cases, "validation_cases": self.validation_cases}

    def manifest(self) -> dict[str, Any]:
        """What else the manifest says that comes from the data: task, strategy, inputs, labels."""
        raise NotImplementedError

    @abstractmethod
    def training(self) -> list[Any]:
        """The volumes to train on, out of the cache or made."""

    @abstractmethod
    def validation(self) -> list[Any]:
        """The volumes to validate on, out of the cache or made."""

    @abstractmethod
    def epoch_samples(self) -> Dataset:
        """The samples of an epoch out of `train_volumes`; its `epoch` is set by `train_dataloader`."""

    def prepare_data(self) -> None:
        """Fill the cache once, before any process of a multi-GPU run reads it."""
        self._training(), self.validation()

    def setup(self, stage: str) -> None:
        """Find the prepared volumes; without those of the training for the stage "validate".

        Raises `InputError` when there is nothing to train on.
        """
        if stage != "validate":
            self.train_volumes = self._training()
        self.validation_volumes = self.validation()

    def _training(self) -> list[Any]:
        volumes = self.training()
        if not volumes:
            raise InputError(*self.nothing)
        return volumes

    def train_dataloader(self) -> DataLoader:
        """Samples that a new epoch draws anew."""
        dataset = self.epoch_samples()
        dataset.epoch = self.epoch
        return training_loader(dataset, self.workers, collate=self.collate, **self.loading)

    def val_dataloader(self) -> DataLoader:
        """Whole volumes, one at a time."""
        return DataLoader(WholeSamples(self.validation_volumes), collate_fn=self.collate)
