"""`detect`: the lesions of one pair of volumes, or of every study of a folder, linked between T1 and T2."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.commands.batch import pair_parser, run_batch, workers_of
from liverpair.commands.offset import offset_line
from liverpair.commands.record_options import add_options, given_options, options_of
from liverpair.commands.studies import other_notes, run_once
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.jobs.detect_results import existing_results
from liverpair.jobs.requests import PARTS, DetectRequest
from liverpair.jobs.study_batch import study_parts


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `detect`."""
    parser = pair_parser(
        commands,
        "detect",
        help="find the lesions in a T1 and a T2 volume and link their boxes",
        description="Volumes are NIfTI, NRRD or MetaImage files or DICOM folders. Results: lesions.json (the linked "
        "boxes), t1_boxes.mrk.json and t2_boxes.mrk.json (for Slicer), lesions.csv (measures), liver masks that were "
        "not given, t1_to_t2.tfm (registration of the livers), detection.json (what made them).",
        images="the two volumes, or the folder of one study",
        studies="process every study in this folder, DICOMDIR or zip file: subfolders with t1.nii.gz, t2.nii.gz and, "
        "if present, t1_liver.nii.gz and t2_liver.nii.gz, or patients, studies and series of DICOM files",
    )
    add_options(parser, DetectRequest, "t1_liver", "t2_liver", "liver_label", "model", "liver_model")
    add_options(parser, DetectRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in what the command line names."""
    options = options_of(arguments, DetectRequest, besides=PARTS)
    workers = workers_of(arguments)
    if arguments.studies is not None:
        if arguments.images or arguments.t1_liver or arguments.t2_liver:
            raise InputError("--studies takes volumes and masks from its folder.", "Leave out T1, T2 and their masks.")
        where = arguments.studies, arguments.output
        return run_batch("detect", *where, options, arguments.overwrite, workers, arguments.debug)
    parts: dict[str, str | None] = dict(zip(Side, arguments.images))
    if len(arguments.images) == 1 and Path(arguments.images[0]).is_dir():
        parts = study_parts(Path(arguments.images[0]))
    elif len(arguments.images) != 2:
        raise InputError(
            f"{len(arguments.images)} volumes are given; lesions are looked for in one T1 and one T2 together.",
            "Name both, or use --studies for more.",
        )
    request = {**parts, **options, **given_options(arguments, DetectRequest), "output": str(arguments.output)}
    there = existing_results(arguments.output, DetectRequest.parse(request).missing_livers)
    return run_once("detect", request, there, arguments.overwrite, report)


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.core.lesions import read_lesions

    made_by = result["provenance"]
    lowest, threshold = made_by["score_floor"], made_by["display_threshold"]
    lines = [f"{result['pairs']} lesions with a score from {lowest:g}: {result['lesions']}"]
    if lowest < threshold:
        shown = sum(pair.is_shown(threshold) for pair in read_lesions(result["lesions"]))
        lines.append(f"{shown} of them with a score from {threshold:g}, which LesionPairDetect shows at first")
    made_by_model = "Model {bundle} {version}, {engine} on {device}, {seconds:.1f} s".format(**made_by)
    return [*lines, *files_told(result), made_by_model, *other_notes(result)]


def files_told(result: Mapping[str, Any]) -> list[str]:
    """Where the files of linked lesions are, and how the livers lie, in lines for a reader."""
    return [
        f"Table: {result['table']}",
        *(f"DICOM: {path}" for kind in ("segmentations", "reports") for path in result[kind].values() if path),
        f"Boxes for Slicer: {result['boxes']['t1']} and {Path(result['boxes']['t2']).name}",
        offset_line(result["offset_t1_to_t2_mm"]),
    ]
