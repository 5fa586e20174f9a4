"""`link`: lesions that any tool marked in T1 and in T2, linked."""

import argparse
from collections import Counter
from collections.abc import Mapping
from typing import Any

from liverpair.commands.detect import files_told
from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.studies import other_notes, run_once
from liverpair.jobs.detect_results import existing_results
from liverpair.jobs.requests import LinkRequest
from liverpair.jobs.result_folder import folder_of_results


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `link`."""
    parser = commands.add_parser(
        "link",
        help="link the lesions that another tool marked in T1 and in T2",
        usage="python -m liverpair link T1 T2 --t1-lesions MASK --t2-lesions MASK -o FOLDER [options]",
        description="Lesions are a label map (each connected part of each label is one), a folder with one mask a "
        "lesion, or a DICOM segmentation. The results are those of 'detect', and t1_lesions.nii.gz and "
        "t2_lesions.nii.gz, in which a lesion has one number.",
    )
    parser.add_argument("t1", metavar="T1", help="the T1-weighted volume")
    parser.add_argument("t2", metavar="T2", help="the T2-weighted volume")
    parser.add_argument("-o", "--output", type=folder_of_results, required=True, help="folder of the results")
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")
    add_options(parser, LinkRequest, "t1_lesions", "t2_lesions", "lesion_label")
    add_options(parser, LinkRequest, "t1_liver", "t2_liver", "liver_label", "liver_model")
    add_options(parser, LinkRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Link what the command line names."""
    request = {**given_options(arguments, LinkRequest), "output": str(arguments.output)}
    there = existing_results(arguments.output, LinkRequest.parse(request).missing_livers)
    return run_once("link", request, there, arguments.overwrite, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.core.lesions import read_lesions

    kinds = Counter(pair.kind for pair in read_lesions(result["lesions"]))
    told = ", ".join(f"{kinds[kind]} in {kind}" for kind in ("both", "T1 only", "T2 only") if kinds[kind])
    first = f"{result['pairs']} lesions{f' ({told})' if told else ''}: {result['lesions']}"
    return [first, *files_told(result), *other_notes(result)]
