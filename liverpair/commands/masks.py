"""`masks`: the lesions drawn in the boxes of a study."""

import argparse
from collections.abc import Mapping
from typing import Any

from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.studies import add_output, run_once
from liverpair.core.sides import Side
from liverpair.jobs.masks_request import MasksRequest, masks_files
from liverpair.jobs.result_folder import folder_of_results


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `masks`."""
    parser = commands.add_parser(
        "masks",
        help="draw the lesions in the boxes of a study",
        description="The study is a folder with volumes, liver masks and lesions.json; or the folder of a detection. "
        "Results: t1_lesions.nii.gz and t2_lesions.nii.gz, the number of the lesion in each voxel, which 'features', "
        "'report' and 'followup' read beside the volumes; masks.json says what drew each. Masks that the study has "
        "stay as they are.",
    )
    parser.add_argument("study", help="folder of the study")
    add_output(parser, required=False, help="folder of the results (default: the study, beside its volumes)")
    add_options(parser, MasksRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw the lesions of what the command line names."""
    from liverpair.jobs.visit_inputs import marked_sources

    output = arguments.output or arguments.study
    request = {**given_options(arguments, MasksRequest), **marked_sources(arguments.study), "output": str(output)}
    there = [name for name in masks_files() if (folder_of_results(str(output)) / name).exists()]
    return run_once("masks", request, there, arguments.overwrite, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    lines = []
    for side in (side for side in Side if side in result["masks"]):
        made, kept = result["made_by"][side], result["kept"][side]
        who = sorted(set(made.values()))
        drawn = ", ".join(f"{sum(w == name for w in made.values())} by {name}" for name in who) or "none"
        lines.append(f"{side.title}: drawn {drawn}; there already: {len(kept)}.")
    return [*lines, *result["notes"], *(f"Written to {path}" for path in result["masks"].values() if path)]
