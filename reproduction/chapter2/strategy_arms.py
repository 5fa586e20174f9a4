"""The networks of the comparison of strategies (Couteaux 2021, section 2.2.4): which there are, and how to get them."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import MANIFEST_FILE, read_manifest
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.training.tasks import PAIRED_LIVERS, Task
from reproduction.chapter3.dream_networks import default_root
from reproduction.trainings import check_asked, trained, words_of


@dataclass(frozen=True)
class Arm:
    """One way to segment both images, or T2 alone: one row of the tables for each seed.

    Attributes:
        key: name on the command line.
        strategy: name in the tables.
        specialised: whether a network has its fixed side or order.
        networks: configs of its task; together they mask `sides`.
        published: Dice in T1 and T2 and p against the reference (table 2.1).
        lost: published Dice that a foreign auxiliary image costs in T1 and T2 (table 2.2), where there is one.
        sides: the images that are masked.
        task: what is trained.
        settings: of its trainings beyond their configs, by the number of steps.
    """

    key: str
    strategy: str
    specialised: bool
    networks: tuple[str, ...]
    published: tuple[float | None, float | None, float | None]
    lost: tuple[float | None, float | None] | None = None
    sides: tuple[Side, ...] = tuple(Side)
    task: Task = PAIRED_LIVERS
    settings: Callable[[int], Mapping[str, Any]] = lambda steps: {}

    @property
    def title(self) -> str:
        """Name of the row."""
        return f"{self.strategy}, {'specialised' if self.specialised else 'non-specialised'}"


SINGLE, DOUBLE_IN, DOUBLE_OUT, REGISTERED = (
    "single",
    "double-in single-out",
    "double-in double-out",
    "pre-registered",
)
ARMS = (
    Arm("single", SINGLE, False, ("single",), (0.961, 0.938, None)),
    Arm("single-specialised", SINGLE, True, ("single-t1", "single-t2"), (0.959, 0.929, 0.4)),
    Arm("double-in", DOUBLE_IN, False, ("double-in",), (0.955, 0.932, 0.004), (0.001, 0.016)),
    Arm(
        "double-in-specialised",
        DOUBLE_IN,
        True,
        ("double-in-t1", "double-in-t2"),
        (0.956, 0.930, 0.012),
        (0.001, 0.030),
    ),
    Arm("double-out", DOUBLE_OUT, False, ("double-out",), (0.938, 0.907, 0.0009), (0.042, 0.083)),
    Arm(
        "double-out-specialised",
        DOUBLE_OUT,
        True,
        ("double-out-specialised",),
        (0.942, 0.897, 0.0008),
        (0.023, 0.103),
    ),
    Arm("pre-registered", REGISTERED, True, ("pre-registered",), (None, 0.925, 0.007), (None, 0.054), (Side.T2,)),
)
REFERENCE = ARMS[0]
"""What the others are compared with."""
SMOKE_ARMS = ("single", "double-out-specialised", "pre-registered")
"""The arms of a smoke run."""


def networks_of(
    arms: Sequence[Arm], options: argparse.Namespace, training: Sequence[str]
) -> Iterator[tuple[Arm, int, list[Bundle] | None]]:
    """Every arm with every seed and its networks, trained first where they are not there; None when time is over.

    Seed by seed, so that every row has a first network before any has a second.
    """
    for seed in options.seeds:
        for arm in arms:
            yield arm, seed, bundles_of(arm, seed, options, training)


def bundles_of(arm: Arm, seed: int, options: argparse.Namespace, training: Sequence[str]) -> list[Bundle] | None:
    """The networks of an arm with a seed, as `trained_bundle` gets them; None when time is over."""
    training = [*words_of(arm.settings(options.steps)), *training]
    runs = [run_of(arm, name, seed, options) for name in arm.networks]
    found = [trained_bundle(*own, seed, options, training, arm.task) for own in zip(arm.networks, runs)]
    return None if None in found else found


def run_of(arm: Arm, network: str, seed: int, options: argparse.Namespace) -> Path:
    """The folder of one training of an arm."""
    name = network if len(arm.networks) > 1 else arm.key
    return options.runs / "paired-livers" / f"{name}-{options.steps}-{seed}"


def trained_bundle(
    config: str,
    run: Path,
    seed: int,
    options: argparse.Namespace,
    training: Sequence[str],
    task: Task = PAIRED_LIVERS,
) -> Bundle | None:
    """The network of a config of a task, with a seed; None when it is not there and time is over.

    One that has all its steps is used as it is. A training that was stopped goes on. Raises `InputError` when the
    folder `run` holds a training on other data or with other options.
    """
    asked = [str(options.data_root.resolve()), *training]
    settings = {
        "seed_everything": seed,
        "data.seed": seed,
        "trainer.max_steps": options.steps,
        "bundle.folder": str(run / "bundle"),
        "data.cache": str(options.runs / "cache"),
        **({} if options.data_root == default_root() else {"data.root": str(options.data_root)}),
        **_own_data(options),
    }
    if _steps(run / "bundle") == options.steps:
        check_asked(run, asked)
    elif trained(task, config, run, settings, training, asked, options.deadline) is None:
        return None
    return Bundle.load(run / "bundle")


def _own_data(options: argparse.Namespace) -> dict[str, str]:
    """What the card of a network says of a user's own pairs, of which the configs know nothing."""
    if not options.others:
        return {}
    train, validation = (", ".join(cases) for cases in options.others)
    return {
        "bundle.data": f"{options.data_name}: trained on {train}, validated on {validation}, all steps kept",
        "bundle.license": "as its data",
        "bundle.citation": "",
        "bundle.limits": "[Trained for a comparison.]",
    }


def _steps(folder: Path) -> int | None:
    """With how many steps the bundle in a folder was trained; None when there is none."""
    return read_manifest(folder)[0]["training"].get("max_steps") if (folder / MANIFEST_FILE).is_file() else None


def arms_of(keys: Sequence[str] | None) -> list[Arm]:
    """The arms of these keys; all when None. Raises `InputError` for an unknown one."""
    unknown = sorted(set(keys or ()) - {arm.key for arm in ARMS})
    if unknown:
        raise InputError(f"There is no arm '{unknown[0]}'.", f"There are: {', '.join(arm.key for arm in ARMS)}.")
    return [arm for arm in ARMS if keys is None or arm.key in keys]
