"""`link`: lesions that any tool marked in T1 and in T2, linked."""

import argparse
from collections import Counter
from collections.abc import Mapping
from typing import Any

from liverpair.commands.batch import pair_parser, run_batch, workers_of
from liverpair.commands.detect import files_told
from liverpair.commands.record_options import add_options, given_options, options_of
from liverpair.commands.studies import other_notes, run_once
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.jobs.detect_results import existing_results
from liverpair.jobs.requests import LESION_PARTS, PARTS, LinkRequest


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `link`."""
    parser = pair_parser(
        commands,
        "link",
        named="T1 T2 --t1-lesions MASK --t2-lesions MASK",
        help="link the lesions that another tool marked in T1 and in T2",
        description="Lesions are a label map (each connected part of each label is one), a folder with one mask a "
        "lesion, or a DICOM segmentation. The results are those of 'detect', and t1_lesions.nii.gz and "
        "t2_lesions.nii.gz, in which a lesion has one number.",
        images="the two volumes",
        studies="link the lesions of every study in this folder: subfolders with t1, t2, t1_lesions, t2_lesions and, "
        "if present, t1_liver and t2_liver",
    )
    add_options(parser, LinkRequest, "t1_lesions", "t2_lesions", "lesion_label")
    add_options(parser, LinkRequest, "t1_liver", "t2_liver", "liver_label", "liver_model")
    add_options(parser, LinkRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Link what the command line names."""
    workers, given = workers_of(arguments), given_options(arguments, LinkRequest)
    if arguments.studies is not None:
        if arguments.images or given.keys() & {*PARTS, *LESION_PARTS}:
            raise InputError("--studies takes volumes and masks from its folder.", "Leave out T1, T2 and their masks.")
        options = options_of(arguments, LinkRequest, besides=(*PARTS, *LESION_PARTS))
        where = arguments.studies, arguments.output
        return run_batch("link", *where, options, arguments.overwrite, workers, arguments.debug)
    if len(arguments.images) != len(Side) or not given.keys() >= set(LESION_PARTS):
        raise InputError(
            "Lesions are linked between one T1 and one T2.",
            "Name both volumes, --t1-lesions and --t2-lesions, or a folder of studies with --studies.",
        )
    request = {**given, **dict(zip(Side, arguments.images)), "output": str(arguments.output)}
    there = existing_results(arguments.output, LinkRequest.parse(request).missing_livers)
    return run_once("link", request, there, arguments.overwrite, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.core.lesions import read_lesions

    kinds = Counter(pair.kind for pair in read_lesions(result["lesions"]))
    told = ", ".join(f"{kinds[kind]} in {kind}" for kind in ("both", "T1 only", "T2 only") if kinds[kind])
    first = f"{result['pairs']} lesions{f' ({told})' if told else ''}: {result['lesions']}"
    return [first, *files_told(result), *other_notes(result)]
