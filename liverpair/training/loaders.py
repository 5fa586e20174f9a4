"""What the data modules of all tasks share: cases on a working grid, processes that load samples."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader, Dataset

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


class CaseData(lightning.LightningDataModule):
    """Training and validation cases of a folder of studies, prepared once.

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
