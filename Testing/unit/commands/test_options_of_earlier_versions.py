"""Every option of the command lines of earlier versions is still taken, or refused with the name of the new one."""

import argparse
import contextlib
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from liverpair import cli
from liverpair.commands import demo
from liverpair.synthesis import paired_lesions_evaluation
from liverpair.training import ku_leuven_weights
from liverpair.training.tasks import PUBLISHED_ONLY
from reproduction import __main__ as experiments

ROOT = Path(__file__).parents[3]
KEPT = json.loads((ROOT / "Testing" / "data" / "v0.1.0" / "options.json").read_text(encoding="utf-8"))


def quickstart(words: list[str]):
    sys.path.insert(0, str(ROOT))
    try:
        from quickstart import parse
    finally:
        sys.path.remove(str(ROOT))
    return parse(words)


PROGRAMS: dict[str, Callable[[list[str]], object]] = {
    "python -m liverpair.demo": demo.main,
    "python -m liverpair.experiments": experiments.main,
    "python -m liverpair.synthesis.paired_lesions_evaluation": paired_lesions_evaluation.main,
    "python -m liverpair.training.ku_leuven_weights": ku_leuven_weights.main,
    **{
        f"python -m liverpair train {task}": lambda words, task=task: experiments.main(["train", task, *words])
        for task in PUBLISHED_ONLY
    },
    "python -m liverpair": cli.main,
    "python3 quickstart.py": quickstart,
}
"""What each program of the earlier version is today; one whose name begins another's comes after it."""


class Caught(BaseException):
    """Carries the parser that was asked for its help; nothing on its way holds it up."""


def parser_of(main: Callable, words: list[str]) -> argparse.ArgumentParser:
    """The parser of a command, with the options that its help hides."""

    def caught(parser, *_):
        raise Caught(parser)

    with mock.patch.object(argparse.ArgumentParser, "print_help", caught):
        try:
            main([*words, "--help"])
        except Caught as error:
            return error.args[0]
    raise AssertionError(f"{words} --help prints no help")


def refusal_of(main: Callable, words: list[str]) -> str:
    """The last line that a command says about options it does not take."""
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main(words)
    return (said.getvalue().strip().splitlines() or [""])[-1]


def names_another(sentence: str, option: str) -> bool:
    """Whether a sentence about `option` names what is written now."""
    named = set(re.findall(r"(?<![\w-])--?[a-z][\w.-]*", sentence.lower()))
    return option.lower() in named and bool({name.rstrip(".") for name in named} - {option.lower()})


@pytest.mark.parametrize("command", KEPT)
def test_every_option_is_taken_or_its_successor_named(command):
    program = next(name for name in PROGRAMS if f"{command} ".startswith(f"{name} "))
    main, words = PROGRAMS[program], command.removeprefix(program).split()
    options = {name for action in parser_of(main, words)._actions for name in action.option_strings}
    gone = [name for name in KEPT[command] if name not in options]
    unnamed = [name for name in gone if not names_another(refusal_of(main, [*words, name, "1"]), name)]
    assert not unnamed, f"{command}: {', '.join(unnamed)}"


@pytest.mark.parametrize("task", PUBLISHED_ONLY)
def test_a_training_that_moved_says_where_it_is(task, capsys):
    assert cli.main(["train", task]) == 2
    assert f"python -m reproduction train {task}" in capsys.readouterr().err


def test_only_a_sentence_with_a_new_name_excuses_a_refusal():
    assert names_another("liverpair: --bundle is now called --model.", "--bundle")
    assert names_another("error: -b is --model now", "-b")
    assert not names_another("error: unrecognized arguments: --bundle 1", "--bundle")
    assert not names_another("error: the following arguments are required: -o/--output", "--bundle")
