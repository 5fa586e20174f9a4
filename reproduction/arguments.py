"""What the command lines of the experiments share: numbers that mean something, options passed on, where results go."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import RESULTS_FOLDER


def positive(text: str) -> int:
    """A whole number from 1 on, as argparse's `type`."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def natural(text: str) -> int:
    """A whole number from 0 on, as argparse's `type`; what seeds are."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is not 0 or more")
    return number


class Different(argparse.Action):
    """Stores values that are all different: a seed that is named twice would count as two."""

    def __call__(self, parser, namespace, values, option_string=None):
        twice = [str(value) for number, value in enumerate(values) if value in values[:number]]
        if twice:
            parser.error(f"{option_string} names {twice[0]} twice")
        setattr(namespace, self.dest, list(values))


def add_seeds(parser: argparse.ArgumentParser, default: Sequence[int]) -> None:
    """`--seeds`, one network each."""
    words = " ".join(map(str, default))
    parser.add_argument(
        "--seeds",
        type=natural,
        nargs="+",
        action=Different,
        default=list(default),
        help=f"one network each (default: {words})",
    )


def add_places(parser: argparse.ArgumentParser, smoke: str) -> None:
    """`--runs`, `--results` and `--smoke`; `smoke` says what is little then."""
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the training runs")
    parser.add_argument(
        "--results", type=Path, help="folder of the results (default: docs/results; RUNS/smoke-results with --smoke)"
    )
    parser.add_argument("--smoke", action="store_true", help=f"{smoke}: does everything run?")


def results_folder(options: argparse.Namespace) -> Path:
    """Where the results go, made now: not after hours of training is a user to learn that it cannot be written to.

    What a smoke run measures never takes the place of published results unasked. Raises `InputError` when the folder
    cannot be made.
    """
    folder = options.results or (options.runs / "smoke-results" if options.smoke else RESULTS_FOLDER)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"'{folder}' cannot hold results: {error.strerror or error}.", "Choose another.") from error
    return folder


def command_of(name: str, arguments: Sequence[str]) -> str:
    """The command line that ran an experiment."""
    return shlex.join(["python", "-m", "reproduction", name, *arguments])


def joined(words: Sequence[str]) -> list[str]:
    """Options for the trainings, each one word: `--option value` becomes `--option=value`."""
    found: list[str] = []
    for word in words:
        if not word.startswith("--") and found and "=" not in found[-1]:
            found[-1] = f"{found[-1]}={word}"
        else:
            found.append(word)
    return found
