"""The networks of the comparison of strategies (Couteaux 2021, section 2.2.4): which there are, and how to get them."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import MANIFEST_FILE
from liverpair.errors import InputError
from liverpair.experiments.dream_networks import data_root, default_root
from liverpair.measures.results import RESULTS_FOLDER
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES
from liverpair.training import paired_livers_command

SEEDS = (0, 1)
STEPS = 800
SMOKE = (
    '--data.train=["38"]',
    '--data.validation=["38"]',
    "--data.patch=[8,32,32]",
    "--data.patches_per_epoch=2",
    "--data.policy.spacing_mm=[8,8,12]",
    "--data.workers=0",
    '--model.arguments={"widths":[4,8],"strides":[[1,2,2]],"normalization":"group"}',
)
"""Options of a training that only shows that everything runs."""


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


def options_of(
    name: str, what: str, arguments: Sequence[str], extend: Callable[[argparse.ArgumentParser], None] = lambda _: None
) -> tuple[argparse.Namespace, list[str]]:
    """The options of an experiment on trained liver networks, and what else was given, which goes to the trainings."""
    parser = argparse.ArgumentParser(prog=f"python -m liverpair.experiments {name}", description=what)
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="one network each (default: 0 1)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of every training (default: {STEPS})")
    parser.add_argument("--minutes", type=float, help="start no training later than so many minutes from now")
    parser.add_argument("--device", default="auto", help="on which to measure: auto, cpu, cuda …")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the training runs")
    parser.add_argument("--results", type=Path, default=RESULTS_FOLDER, help="folder of the results")
    parser.add_argument("--smoke", action="store_true", help="a few steps and cases: does everything run?")
    extend(parser)
    options, training = parser.parse_known_args(arguments)
    options.cases = TEST_CASES
    if options.smoke:
        options.seeds, options.steps, options.cases = [0], 2, TEST_CASES[:2]
        training = [*SMOKE, *training]
    options.data_root = data_root(options.data_root)
    options.deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    return options, training


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
    module that has the configs (`CONFIGS`) and trains (`main`).
    """
    run = run or options.runs / "paired-livers" / f"{name}-{options.steps}-{seed}"
    if _steps(run / "bundle") == options.steps:
        return Bundle.load(run / "bundle")
    if options.deadline is not None and time.monotonic() > options.deadline:
        return None
    print(f"Training {run.name}: {options.steps} steps", file=sys.stderr, flush=True)
    root = [] if options.data_root == default_root() else [f"--data.root={options.data_root}"]
    command.main(
        [
            f"--config={os.path.relpath(command.CONFIGS / f'{name}.yaml')}",
            f"--seed_everything={seed}",
            f"--data.seed={seed}",
            f"--trainer.max_steps={options.steps}",
            f"--run_folder={run}",
            f"--bundle.folder={run / 'bundle'}",
            f"--data.cache={options.runs / 'cache'}",
            *root,
            *training,
        ]
    )
    return Bundle.load(run / "bundle")


def _steps(folder: Path) -> int | None:
    """With how many steps the bundle in a folder was trained; None when there is none."""
    path = folder / MANIFEST_FILE
    return json.loads(path.read_text(encoding="utf-8"))["training"].get("max_steps") if path.is_file() else None


def arms_of(keys: Sequence[str] | None) -> list[Arm]:
    """The arms of these keys; all when None. Raises `InputError` for an unknown one."""
    unknown = sorted(set(keys or ()) - {arm.key for arm in ARMS})
    if unknown:
        raise InputError(f"There is no arm '{unknown[0]}'.", f"There are: {', '.join(arm.key for arm in ARMS)}.")
    return [arm for arm in ARMS if keys is None or arm.key in keys]
