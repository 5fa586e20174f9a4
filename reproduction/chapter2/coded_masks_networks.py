"""The networks of the experiment on coded masks: which there are, how to get them, what they find."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from liverpair.training.command import checkpoint_of
from reproduction.chapter2.mask_similarity import translation_similarity
from reproduction.training import CODED_MASKS
from reproduction.training.similarity_loss import registered
from reproduction.training.similarity_task import SimilarityTask
from reproduction.trainings import trained, words_of

BATCH = 8
OTHER_PAIRS = 1000
"""Added to the seed of the third stage, which is to see no pair that the stages before it saw."""


@dataclass(frozen=True)
class Steps:
    """Steps of the three stages; the first two are trained once for each seed."""

    segmentation: int
    registration: int
    both: int


@dataclass(frozen=True)
class Found:
    """What a network makes of pairs: arrays (pairs, y, x).

    Attributes:
        images: float32 (pairs, 2, y, x).
        drawn, predicted: bool (pairs, 2, y, x).
        moved: bool, the first predicted mask as the registration network carries it onto the second.
    """

    images: np.ndarray
    drawn: np.ndarray
    predicted: np.ndarray
    moved: np.ndarray

    def dice(self) -> np.ndarray:
        """Dice (pairs, 2) of both masks with those drawn."""
        common = (self.drawn & self.predicted).sum(axis=(2, 3))
        return 2 * common / np.maximum(self.drawn.sum(axis=(2, 3)) + self.predicted.sum(axis=(2, 3)), 1)

    def gains(self) -> np.ndarray:
        """DS of the predicted masks minus DS of those drawn (pairs,), for translations."""
        return np.array([_similarity(found) - _similarity(drawn) for found, drawn in zip(self.predicted, self.drawn)])


def _similarity(masks: np.ndarray) -> float:
    return translation_similarity(*masks)[0]


def start_of(seed: int, steps: Steps, options: argparse.Namespace, training: Sequence[str]) -> Path | None:
    """Checkpoint of both networks, each trained by itself; None when it is not there and time is over."""
    run = options.runs / "coded-masks" / f"start-{steps.segmentation}-{steps.registration}-{seed}"
    own = {"model.segmentation_steps": steps.segmentation, "model.registration_steps": steps.registration}
    found = _trained(run, seed, steps.segmentation + steps.registration, options, own, training)
    return found and checkpoint_of(run)


def network_of(
    reference_weight: float, seed: int, steps: Steps, options: argparse.Namespace, training: Sequence[str]
) -> SimilarityTask | None:
    """A network trained with λ_r = `reference_weight`, λ_p = 1 - λ_r and λ_g = 1 from the start of its seed; None when
    it is not there and time is over.
    """
    start = start_of(seed, steps, options, training)
    if start is None:
        return None
    stages = f"{steps.segmentation}-{steps.registration}-{steps.both}"
    run = options.runs / "coded-masks" / f"{reference_weight:g}-{stages}-{seed}"
    own = {
        "model.segmentation_steps": 0,
        "model.registration_steps": 0,
        "model.weights.reference": f"{reference_weight:g}",
        "model.weights.similarity": f"{1 - reference_weight:g}",
        "data.seed": seed + OTHER_PAIRS,
    }
    return _trained(run, seed, steps.both, options, own, training, {"model.start_from": str(start)})


def _trained(
    run: Path,
    seed: int,
    steps: int,
    options: argparse.Namespace,
    own: Mapping[str, Any],
    training: Sequence[str],
    start: Mapping[str, Any] = MappingProxyType({}),
) -> SimilarityTask | None:
    """A run's network, trained now where it has not all its steps; None when time is over.

    `own`: settings that tell it from others; `start`: where it begins.
    """
    settings = {
        "seed_everything": seed,
        "data.seed": seed,
        "data.samples_per_epoch": BATCH * steps,
        "data.batch_size": BATCH,
        "trainer.max_steps": steps,
        **own,
        **start,
    }
    asked = [*words_of(own), *training]
    done = trained(CODED_MASKS, "coded-masks", run, settings, training, asked, options.deadline)
    return done and CODED_MASKS.kept(run)[0]


@torch.no_grad()
def find(task: SimilarityTask, samples: Sequence[dict[str, torch.Tensor]]) -> Found:
    """What a network finds in samples, at a probability of 0.5."""
    images, drawn = (torch.stack([sample[key] for sample in samples]) for key in ("image", "target"))
    predicted = task(images).sigmoid()
    moved = registered(task.registration, predicted)[:, 0]
    return Found(images.numpy(), drawn.numpy() > 0.5, predicted.numpy() > 0.5, moved.numpy() > 0.5)
