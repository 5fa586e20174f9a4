"""`followup`: the lesions of a patient from visit to visit, and the response to treatment."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.studies import add_output, run_once
from liverpair.core.sides import Side
from liverpair.jobs.visit_requests import FOLLOWUP_FILES, FollowupRequest


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `followup`."""
    parser = commands.add_parser(
        "followup",
        help="link the lesions of two or more visits, and compute the response after RECIST 1.1",
        description="A visit is a study folder with volumes, liver masks, lesions.json and, where there are, masks of "
        "the lesions; or the folder of a detection. Results: lesions.json (the last visit's lesions, each with its uid "
        "of the visit before), followup.csv (a row a lesion), followup.json (the response with its arithmetic). The "
        "studies are not changed.",
    )
    parser.add_argument("baseline", help="folder of the first study")
    parser.add_argument("visits", nargs="+", help="folders of those after it, in their order")
    add_output(parser)
    add_options(parser, FollowupRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Follow what the command line names."""
    request = {**given_options(arguments, FollowupRequest), "output": str(arguments.output)}
    there = [name for name in FOLLOWUP_FILES if (arguments.output / name).exists()]
    return run_once("followup", request, there, arguments.overwrite, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.evaluation.result_files import table_text

    sides = [side for side in Side if side in result["response"]]
    lines = [" → ".join(result["visits"]), ""]
    rows = [_row(lesion, sides) for lesion in result["lesions"]]
    lines += [table_text(rows)] if rows else ["No lesion at any visit."]
    for side in sides:
        lines += ["", f"{side.title}: {result['response'][side]['category']}"]
        lines += [f"  {step}" for step in result["response"][side]["arithmetic"]]
    notes = [note for note in result["notes"] if note not in result["doubts"]]
    return [*lines, "", *notes, f"Written to {Path(result['files']['followup.json']).parent}"]


def _row(lesion: Mapping[str, Any], sides: list[Side]) -> dict[str, Any]:
    row = {"lesion": lesion["name"]}
    for side in sides:
        diameters = lesion[side]["diameters_mm"]
        row[f"{side.title} mm"] = " → ".join("?" if value is None else f"{value:.1f}" for value in diameters)
        row[f"{side.title} change"] = lesion[side]["change"]
    return row
