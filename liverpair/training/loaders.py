"""Processes that load samples."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

AHEAD = 4
"""Batches that each process keeps ready."""


def one_thread(worker: int) -> None:
    """Keep a loading process (a `worker_init_fn`) to one thread; the others are the training's."""
    torch.set_num_threads(1)


def check_loading(per_epoch: int, batch_size: int, workers: int, seed: int) -> None:
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
