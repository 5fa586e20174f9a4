"""Processes that load samples."""

import torch


def one_thread(worker: int) -> None:
    """Keep a loading process (a `worker_init_fn`) to one thread; the others are the training's."""
    torch.set_num_threads(1)
