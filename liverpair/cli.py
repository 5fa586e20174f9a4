"""The command line, `python -m liverpair COMMAND …`: parsers here, what they call in `liverpair.commands`.

Exit codes: 0 done, 1 some studies of a batch failed or `doctor` found a fault, 2 an error said in one sentence, 130
stopped by Ctrl-C. A stack trace only with `--debug`.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import liverpair
from liverpair.commands import (
    detect,
    doctor,
    dream,
    evaluate,
    export,
    features,
    fine_tune,
    followup,
    link,
    masks,
    measure,
    model,
    models,
    normal_ranges,
    pacs,
    phases,
    report,
    segment,
    series,
    train,
)
from liverpair.commands.any_text import print_any_text
from liverpair.core.errors import Cancelled
from liverpair.core.failures import failure_on_command_line

PROGRAM = "python -m liverpair"

PASSED_ON: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "train": (train.run_train, "train a network: train TASK --config FILE [options of Lightning]"),
}
"""Commands that parse the rest of the line themselves."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return the exit code.

    argparse leaves with SystemExit for `--help` and misspelled options.
    """
    print_any_text()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        code = _run([word for word in words if word != "--debug"], debug)
        sys.stdout.flush()
        return code
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(f"liverpair: {failure_on_command_line(error)}", file=sys.stderr)
        return 2


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Liver oncology in paired, unregistered T1- and T2-weighted MRI.",
        epilog="COMMAND --help lists its options.",
    )
    parser.add_argument("--version", action="version", version=f"LiverPair {liverpair.__version__}")
    parser.add_argument("--debug", action="store_true", help="show the stack trace of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    segment.add_parser(commands)
    detect.add_parser(commands)
    link.add_parser(commands)
    masks.add_parser(commands)
    phases.add_parser(commands)
    evaluate.add_parser(commands)
    features.add_parser(commands)
    followup.add_parser(commands)
    report.add_parser(commands)
    model.add_parser(commands)
    fine_tune.add_parser(commands)
    dream.add_parser(commands)
    models.add_parser(commands)
    measure.add_parser(commands)
    series.add_parser(commands)
    pacs.add_parser(commands)
    export.add_parser(commands)
    normal_ranges.add_parser(commands)
    doctor.add_parser(commands)
    for name, (_, help_text) in PASSED_ON.items():
        commands.add_parser(name, help=help_text)
    return parser


def _run(words: list[str], debug: bool) -> int:
    if words and words[0] in PASSED_ON:
        return PASSED_ON[words[0]][0](words[1:])
    parsed = make_parser().parse_args(words, argparse.Namespace(debug=debug, words=words))
    return parsed.run(parsed)
