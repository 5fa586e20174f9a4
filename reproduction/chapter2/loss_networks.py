"""The networks of the comparison of losses (Couteaux 2021, section 2.2.4): which there are, and how to get them.

All see one image, T1 or T2, and return its mask.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.segmentation.adversarial_losses import ADVERSARIES
from liverpair.training import paired_livers_command
from reproduction.chapter2.strategy_arms import REFERENCE, Arm, trained
from reproduction.training import adversarial_command

LOSSES = (
    Arm(REFERENCE.key, "BCE", False, REFERENCE.networks, (0.961, 0.938, None)),
    Arm("dice", "Dice", False, REFERENCE.networks, (0.959, 0.931, 0.42)),
    Arm("sum", "Dice + BCE", False, REFERENCE.networks, (0.959, 0.932, 0.74)),
    Arm("gan", "GAN", False, ("gan",), (0.950, 0.930, 0.00011)),
    Arm("embedding", "embedding", False, ("embedding",), (0.960, 0.935, 0.71)),
    Arm("gambler", "gambler", False, ("gambler",), (0.959, 0.930, 0.134)),
)
"""Rows of table 2.3; the first is the network that the strategies are compared with, too."""
GAMBLER = LOSSES[-1]
ALONE = 8
"""The segmentation network learns without its adversary for the first of so many parts of its steps."""


def run_of(loss: Arm, seed: int, options: argparse.Namespace) -> Path:
    """The folder of a training."""
    return options.runs / "paired-livers" / f"{loss.key}-{options.steps}-{seed}"


def loss_network(loss: Arm, seed: int, options: argparse.Namespace, training: Sequence[str]) -> Bundle | None:
    """The network of a loss and a seed, trained first where it is not there; None when time is over."""
    if loss.key in ADVERSARIES:
        own, command = [f"--model.adversary_from_step={options.steps // ALONE}"], adversarial_command
    else:
        named = loss.key != REFERENCE.key
        own = [f"--model.loss={loss.key}", f"--bundle.name=liver-single-{loss.key}"] if named else []
        command = paired_livers_command
    return trained(loss.networks[0], seed, options, [*own, *training], run_of(loss, seed, options), command)


def losses_of(keys: Sequence[str] | None) -> list[Arm]:
    """The losses of these keys; all when None. Raises `InputError` for an unknown one."""
    known = ["bce" if loss is LOSSES[0] else loss.key for loss in LOSSES]
    unknown = sorted(set(keys or ()) - set(known))
    if unknown:
        raise InputError(f"There is no loss '{unknown[0]}'.", f"There are: {', '.join(known)}.")
    return [loss for key, loss in zip(known, LOSSES) if keys is None or key in keys]
