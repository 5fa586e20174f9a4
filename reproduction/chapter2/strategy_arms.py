"""The networks of the comparison of strategies (Couteaux 2021, section 2.2.4): which there are, and how to get them."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import MANIFEST_FILE, read_manifest
from liverpair.core.errors import InputError
from liverpair.training import paired_livers_command
from reproduction.chapter3.dream_networks import default_root
from reproduction.run_folders import check_asked


@dataclass(frozen=True)
class Arm:
    """One way to segment both images, or T2 alone: one row of the tables for each seed.

    Attributes:
        key: name on the command line.
        strategy: name in the tables.
        specialised: whether a network has its fixed side or order.
        networks: configs of `train paired-livers`; together they mask `sides`.
        published: Dice in T1 and T2 and p against the reference (table 2.1).
        lost: published Dice that a foreign auxiliary image costs in T1 and T2 (table 2.2), where there is one.
    """

    key: str
    strategy: str
    specialised: bool
    networks: tuple[str, ...]
    published: tuple[float | None, float | None, float | None]
    lost: tuple[float | None, float | None] | None = None
    sides: tuple[str, ...] = field(default=("T1", "T2"))

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
    Arm("pre-registered", REGISTERED, True, ("pre-registered",), (None, 0.925, 0.007), (None, 0.054), ("T2",)),
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
            bundles = [trained(name, seed, options, training) for name in arm.networks]
            yield arm, seed, None if None in bundles else bundles


def trained(
    name: str,
    seed: int,
    options: argparse.Namespace,
    training: Sequence[str],
    run: Path | None = None,
    command: ModuleType = paired_livers_command,
) -> Bundle | None:
    """The network of a config of a training command, with a seed; None when it is not there and time is over.

    One that has all its steps is used as it is. A training that was stopped goes on. `run`: its folder. `command`: the
    module that has the configs (`CONFIGS`) and trains (`main`). Raises `InputError` when the folder holds a training
    on other data or with other options.
    """
    run = run or options.runs / "paired-livers" / f"{name}-{options.steps}-{seed}"
    whole = _steps(run / "bundle") == options.steps
    if not whole and options.deadline is not None and time.monotonic() > options.deadline:
        return None
    check_asked(run, training, str(options.data_root.resolve()))
    if whole:
        return Bundle.load(run / "bundle")
    print(f"Training {run.name}: {options.steps} steps", file=sys.stderr, flush=True)
    own = [] if options.data_root == default_root() else [f"--data.root={options.data_root}"]
    own += _own_data(options)
    command.main(
        [
            f"--config={os.path.relpath(command.CONFIGS / f'{name}.yaml')}",
            f"--seed_everything={seed}",
            f"--data.seed={seed}",
            f"--trainer.max_steps={options.steps}",
            f"--run_folder={run}",
            f"--bundle.folder={run / 'bundle'}",
            f"--data.cache={options.runs / 'cache'}",
            *own,
            *training,
        ]
    )
    return Bundle.load(run / "bundle")


def _own_data(options: argparse.Namespace) -> list[str]:
    """What the card of a network says of a user's own pairs, of which the configs know nothing."""
    if not options.others:
        return []
    train, validation = (", ".join(cases) for cases in options.others)
    return [
        f"--bundle.data={options.data_name}: trained on {train}, validated on {validation}, all steps kept",
        "--bundle.license=as its data",
        "--bundle.citation=",
        "--bundle.limits=[Trained for a comparison.]",
    ]


def _steps(folder: Path) -> int | None:
    """With how many steps the bundle in a folder was trained; None when there is none."""
    return read_manifest(folder)["training"].get("max_steps") if (folder / MANIFEST_FILE).is_file() else None


def arms_of(keys: Sequence[str] | None) -> list[Arm]:
    """The arms of these keys; all when None. Raises `InputError` for an unknown one."""
    unknown = sorted(set(keys or ()) - {arm.key for arm in ARMS})
    if unknown:
        raise InputError(f"There is no arm '{unknown[0]}'.", f"There are: {', '.join(arm.key for arm in ARMS)}.")
    return [arm for arm in ARMS if keys is None or arm.key in keys]
