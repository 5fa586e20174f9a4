"""Write `options.json`: every option of every command, and `requests.json`: what the commands ask of the jobs.

Kept as a record (see README.md): a later version need not be able to run it.
"""

import argparse
import contextlib
import io
import json
import sys
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1] / "unit")]

import quickstart  # noqa: E402
from liverpair import cli, demo  # noqa: E402
from liverpair.experiments import EXPERIMENTS  # noqa: E402
from liverpair.experiments.__main__ import main as experiments  # noqa: E402
from liverpair.synthesis import paired_lesions_evaluation  # noqa: E402
from liverpair.training import TASKS, ku_leuven_weights  # noqa: E402
from liverpair.worker.jobs import JOBS  # noqa: E402

OF_LIGHTNING = ("--trainer.", "--print_shtab")
"""Options that are not ours and change with the version of Lightning."""

COMMAND_LINES = {
    "segment": [
        "segment t1.nii.gz t2.nii.gz -o out",
        "segment --t2 t2.nii.gz -o out --bundle a --bundle b --device cpu --engine torch-fp32 --probability "
        "--uncertainty --mirror --no-largest-component --accept",
    ],
    "detect": [
        "detect t1.nii.gz t2.nii.gz -o out",
        "detect t1.nii.gz t2.nii.gz -o out --t1-liver t1_liver.nii.gz --t2-liver t2_liver.nii.gz --liver-label amos "
        "--model peaks --liver-model a --liver-model b --threshold 0.25 --alignment published --device cpu "
        "--engine torch-fp32 --no-registration --accept",
    ],
    "dream": [
        "dream t1.nii.gz --model lesion-slices-t1 --point 16 -8 0 -o out",
        "dream --t1 t1.nii.gz --t2 t2.nii.gz --side t2 --model bright-around --random-starts 3 --seed 7 -o out "
        "--iterations 15 --step 0.01 --frames 0 10 --features firstorder_Mean --device cpu",
    ],
}


class Parsed(BaseException):
    """The parser that was asked for help."""


def parser_of(main, words: list[str]) -> argparse.ArgumentParser:
    """The parser of a command line, caught when it is about to print its help."""

    def caught(parser, *_):
        raise Parsed(parser)

    with mock.patch.object(argparse.ArgumentParser, "print_help", caught), contextlib.suppress(SystemExit):
        try:
            main([*words, "--help"])
        except Parsed as error:
            return error.args[0]
    raise AssertionError(f"{words} printed no help")


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """The long and short options of a parser."""
    options = [name for action in parser._actions for name in action.option_strings]
    return [name for name in dict.fromkeys(options) if not name.startswith(OF_LIGHTNING)]


def with_subcommands(name: str, parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """The options of a parser and, below it, of its subcommands."""
    found = {name: options_of(parser)}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, child in action.choices.items():
                if word not in cli.PASSED_ON:
                    found |= with_subcommands(f"{name} {word}", child)
    return found


def all_options() -> dict[str, list[str]]:
    """Every command line of this version and its options."""
    found = with_subcommands("python -m liverpair", parser_of(cli.main, []))
    for model in ("", " lesion-pairs-t1t2"):
        words = f"evaluate{model}".split()
        found[f"python -m liverpair evaluate{model}"] = options_of(parser_of(cli.main, words))
    for task in TASKS:
        found[f"python -m liverpair train {task}"] = options_of(parser_of(cli.main, ["train", task]))
    for name in EXPERIMENTS:
        found[f"python -m liverpair.experiments {name}"] = options_of(parser_of(experiments, [name]))
    found["python -m liverpair.demo"] = options_of(parser_of(demo.main, []))
    found["python -m liverpair.training.ku_leuven_weights"] = options_of(parser_of(ku_leuven_weights.main, []))
    found["python -m liverpair.synthesis.paired_lesions_evaluation"] = options_of(
        parser_of(paired_lesions_evaluation.main, [])
    )
    return found | with_subcommands("python3 quickstart.py", parser_of(quickstart.parse, []))


def request_of(job: str, line: str) -> dict:
    """What a command line asks of its job."""
    asked = []

    def keep(request, _progress):
        asked.append(request)
        raise KeyboardInterrupt

    with mock.patch.dict(JOBS, {job: keep}), contextlib.redirect_stderr(io.StringIO()) as said:
        cli.main(line.split())
    assert asked, f"{line}: {said.getvalue()}"
    return asked[0]


def main() -> None:
    """Write both files; what the modules ask, recorded under the harness, stays in `requests.json`."""
    options = all_options()
    del options["python3 quickstart.py test"]  # they are pytest's
    (HERE / "options.json").write_text(json.dumps(options, indent=1) + "\n", encoding="utf-8")
    path = HERE / "requests.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    commands = {
        job: [{"line": line, "request": request_of(job, line)} for line in lines]
        for job, lines in COMMAND_LINES.items()
    }
    path.write_text(json.dumps({**content, "commands": commands}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
