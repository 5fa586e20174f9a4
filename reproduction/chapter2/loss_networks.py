"""The networks of the comparison of losses (Couteaux 2021, section 2.2.4): which there are, and how to get them.

All see one image, T1 or T2, and return its mask.
"""

import argparse
from collections.abc import Sequence

from liverpair.core.errors import InputError
from liverpair.training.bundle_writing import kept_task
from liverpair.training.command import LAST
from reproduction.chapter2.strategy_arms import REFERENCE, Arm, run_of
from reproduction.training import ADVERSARIAL_LIVERS
from reproduction.training.adversarial import AdversarialLiversTask

ALONE = {"gan": 2, "embedding": 2, "gambler": 8}
"""The segmentation network learns without its adversary for the first of so many parts of its steps: a discriminator
that comes in earlier has masks before it that any network would tell from drawn ones."""


def _plain(key: str, title: str, published: tuple[float, float, float]) -> Arm:
    settings = {"model.loss": key, "bundle.name": f"liver-single-{key}"}
    return Arm(key, title, False, REFERENCE.networks, published, settings=lambda steps: settings)


def _adversarial(key: str, title: str, published: tuple[float, float, float]) -> Arm:
    alone = {"settings": lambda steps: {"model.adversary_from_step": steps // ALONE[key]}}
    return Arm(key, title, False, (key,), published, task=ADVERSARIAL_LIVERS, **alone)


LOSSES = (
    Arm(REFERENCE.key, "BCE", False, REFERENCE.networks, (0.961, 0.938, None)),
    _plain("dice", "Dice", (0.959, 0.931, 0.42)),
    _plain("sum", "Dice + BCE", (0.959, 0.932, 0.74)),
    _adversarial("gan", "GAN", (0.950, 0.930, 0.00011)),
    _adversarial("embedding", "embedding", (0.960, 0.935, 0.71)),
    _adversarial("gambler", "gambler", (0.959, 0.930, 0.134)),
)
"""Rows of table 2.3; the first is the network that the strategies are compared with, too."""
GAMBLER = LOSSES[-1]


def kept_adversary(loss: Arm, seed: int, options: argparse.Namespace) -> AdversarialLiversTask:
    """The network of a loss with its adversary, as its training ended."""
    return kept_task(AdversarialLiversTask, run_of(loss, loss.key, seed, options), LAST)[0]


def losses_of(keys: Sequence[str] | None) -> list[Arm]:
    """The losses of these keys; all when None. Raises `InputError` for an unknown one."""
    known = ["bce" if loss is LOSSES[0] else loss.key for loss in LOSSES]
    unknown = sorted(set(keys or ()) - set(known))
    if unknown:
        raise InputError(f"There is no loss '{unknown[0]}'.", f"There are: {', '.join(known)}.")
    return [loss for key, loss in zip(known, LOSSES) if keys is None or key in keys]
