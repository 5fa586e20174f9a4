"""`fine-tune`: train a model of the catalogue further on one's own studies."""

import argparse
from collections.abc import Mapping
from typing import Any

from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.studies import run_once
from liverpair.jobs.fine_tune_request import FineTuneRequest


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `fine-tune`."""
    parser = commands.add_parser(
        "fine-tune",
        help="train a model further on your own studies",
        usage="python -m liverpair fine-tune MODEL STUDIES --name NAME [options]",
        description="Studies are folders with t1, t2, t1_liver and t2_liver, for a detector with lesions.json too. "
        "Some are kept aside: the model is measured on them before and after, and learns nothing from them. The new "
        "model is then among the others. Stopped, the same command goes on. Visits of one patient belong on one side: "
        "name those kept aside with --aside.",
    )
    parser.add_argument("model", metavar="MODEL", help="name or folder of the model to start from")
    parser.add_argument("studies", metavar="STUDIES", help="a folder of annotated studies")
    add_options(parser, FineTuneRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train what the command line names."""
    return run_once("fine_tune", given_options(arguments, FineTuneRequest), [], False, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    studies = f"{len(result['trained_on'])} studies, measured on {', '.join(result['aside'])}"
    return [f"The model '{result['model']}' was trained on {studies}: {result['folder']}", *result["notes"]]
