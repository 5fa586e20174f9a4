"""Options of the experiments on liver networks: which pairs, which seeds, how long."""

import argparse
import os
import time
from collections.abc import Callable, Sequence

from liverpair.core.device import choose_device
from liverpair.core.errors import InputError
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES, pair_files
from reproduction.arguments import Different, add_places, add_seeds, joined, positive, results_folder
from reproduction.chapter3.dream_networks import data_root
from reproduction.trainings import words_of

SEEDS = (0, 1)
STEPS = 1200
DATA_NAME = "CHAOS MR"
SMOKE_SPLIT = ('--data.train=["38"]', '--data.validation=["38"]')
SMOKE = (
    "--data.patch=[8,32,32]",
    "--data.patches_per_epoch=2",
    "--data.policy.spacing_mm=[8,8,12]",
    "--data.workers=0",
    '--model.arguments={"widths":[4,8],"strides":[[1,2,2]],"normalization":"group"}',
)
"""Options of a training that only shows that everything runs."""
OWN_OPTIONS = ("--data.train=", "--data.validation=", "--data.root=")
"""Options of a training that an experiment sets itself."""


def options_of(
    name: str,
    what: str,
    arguments: Sequence[str],
    extend: Callable[[argparse.ArgumentParser], None] = lambda _: None,
    seeds: Sequence[int] = SEEDS,
) -> tuple[argparse.Namespace, list[str]]:
    """The options of an experiment on trained liver networks, and what else was given, which goes to the trainings.

    `cases` are those to test on, `others` those to train and to select on, None for those of the configs. Raises
    `InputError` for cases that do not go together or are not there.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m reproduction {name}",
        description=what,
        epilog="Other options go to the trainings, such as --trainer.devices and --model.learning_rate.",
        conflict_handler="resolve",  # `extend` may give an option another meaning
    )
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--data-name", default=DATA_NAME, help=f"what to call the data (default: {DATA_NAME})")
    cases = {"nargs": "+", "metavar": "CASE", "action": Different}
    parser.add_argument("--test-cases", **cases, help=f"pairs to measure on (default: {' '.join(TEST_CASES)})")
    parser.add_argument("--train-cases", **cases, help="pairs to train on (default: those of the configs)")
    parser.add_argument("--validation-cases", **cases, help="pairs that choose among the epochs of a training")
    add_seeds(parser, seeds)
    parser.add_argument("--steps", type=positive, default=STEPS, help=f"of every training (default: {STEPS})")
    parser.add_argument("--minutes", type=float, help="start no training later than so many minutes from now")
    parser.add_argument("--device", default="auto", help="on which to measure: auto, cpu, cuda …")
    add_places(parser, "a few steps and cases")
    extend(parser)
    options, training = parser.parse_known_args(arguments)
    training = joined(training)
    options.data_root = data_root(options.data_root)
    options.cases, options.others = _cases(options)
    named = [option for option in training if option.startswith(OWN_OPTIONS)]
    if named:
        raise InputError(
            f"{named[0].partition('=')[0]} is not an option of an experiment.",
            "Name cases with --test-cases, --train-cases and --validation-cases, their folder with --data-root.",
        )
    if options.others:
        training = [*split_words(*options.others), *training]
    if options.smoke:
        options.seeds, options.steps, options.cases = [0], 2, options.cases[:2]
        training = [*(() if options.others else SMOKE_SPLIT), *SMOKE, *training]
    if options.minutes is not None and _several_processes(training):
        raise InputError(
            "--minutes is counted by each process: with several they would not end together.", "Leave it out."
        )
    for case in options.cases:
        pair_files(options.data_root, case)
    choose_device(options.device)
    options.results = results_folder(options)
    options.deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    return options, training


def data_words(options: argparse.Namespace) -> str:
    """What a table was measured on."""
    number = len(options.others[0]) if options.others else 1 if options.smoke else 11
    others = f"{number} other pair{'' if number == 1 else 's'}"
    return f"{options.data_name} test cases {', '.join(options.cases)}, trained on {others}"


def _several_processes(training: Sequence[str]) -> bool:
    """Whether a training is asked to run in more than one process, or is one of several already."""
    several = [option for option in training if option.startswith(("--trainer.devices=", "--trainer.num_nodes="))]
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 or any(not option.endswith("=1") for option in several)


def _cases(options: argparse.Namespace) -> tuple[tuple[str, ...], tuple[list[str], list[str]] | None]:
    """The cases to test on, and those to train and to select on, if the user names them."""
    uses = {
        "--test-cases": options.test_cases,
        "--train-cases": options.train_cases,
        "--validation-cases": options.validation_cases,
    }
    if not any(uses.values()):
        return TEST_CASES, None
    missing = [name for name, cases in uses.items() if not cases]
    if missing:
        raise InputError(f"{' and '.join(missing)} must be given too.", "No case may have two uses.")
    every = [case.rstrip("/") for cases in uses.values() for case in cases]
    twice = sorted({case for case in every if every.count(case) > 1})
    if twice:
        raise InputError(f"Case '{twice[0]}' is named twice.", "No case may have two uses.")
    absent = [case for case in every if not (options.data_root / case).is_dir()]
    if absent:
        raise InputError(f"There is no case '{absent[0]}' in '{options.data_root}'.")
    test, train, validation = ([case.rstrip("/") for case in cases] for cases in uses.values())
    return tuple(test), (train, validation)


def split_words(train: Sequence[str], validation: Sequence[str]) -> list[str]:
    """Options of a training on these cases."""
    return words_of({"data.train": list(train), "data.validation": list(validation)})
