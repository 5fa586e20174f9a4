"""`detect`: the lesions of one pair of volumes, or of every study of a folder, linked between T1 and T2."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.bundle.catalogue import DEFAULT_DETECTOR, DEFAULT_LIVER_MODEL
from liverpair.commands.bar import progress_bar
from liverpair.commands.batch import add_batch_options, run_batch, workers_of
from liverpair.commands.earlier_options import add_option
from liverpair.commands.offset import offset_line
from liverpair.commands.studies import doubt_lines, other_notes
from liverpair.core.errors import InputError
from liverpair.jobs.detect_results import existing_results
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import LABEL_OPTION, DetectRequest
from liverpair.jobs.result_folder import folder_of_results
from liverpair.jobs.study_batch import study_parts


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `detect`."""
    parser = commands.add_parser(
        "detect",
        help="find the lesions in a T1 and a T2 volume and link their boxes",
        usage="python -m liverpair detect T1 T2 -o FOLDER [options]\n"
        "       python -m liverpair detect --studies FOLDER -o FOLDER [options]",
        description="Volumes are NIfTI, NRRD or MetaImage files or DICOM folders. Results: lesions.json (the linked "
        "boxes), t1_boxes.mrk.json and t2_boxes.mrk.json (for Slicer), lesions.csv (measures), liver masks that were "
        "not given, t1_to_t2.tfm (registration of the livers), detection.json (what made them).",
    )
    parser.add_argument("images", nargs="*", metavar="T1 T2", help="the two volumes, or the folder of one study")
    parser.add_argument(
        "--studies",
        type=Path,
        help="process every study in this folder: subfolders with t1.nii.gz, t2.nii.gz and, if present, "
        "t1_liver.nii.gz and t2_liver.nii.gz",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=folder_of_results,
        required=True,
        help="folder of the results; with --studies, one subfolder per study",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")
    parser.add_argument("--t1-liver", metavar="MASK", help="liver mask of T1 (default: segmented first)")
    parser.add_argument("--t2-liver", metavar="MASK", help="liver mask of T2 (default: segmented first)")
    parser.add_argument(
        LABEL_OPTION,
        metavar="LABEL",
        help="which label of the masks is the liver, where they hold several: a number, or totalsegmentator, amos or "
        "chaos for the liver in such a map",
    )
    parser.add_argument(
        "--model", default=DEFAULT_DETECTOR, help=f"name or folder of the detector (default: {DEFAULT_DETECTOR})"
    )
    parser.add_argument(
        "--liver-model",
        action="append",
        metavar="MODEL",
        help=f"name or folder of a model of the liver; several are averaged (default: {DEFAULT_LIVER_MODEL})",
    )
    add_option(
        parser,
        "--score-floor",
        "--threshold",
        type=float,
        metavar="SCORE",
        help="lowest score (default: the model's own)",
    )
    parser.add_argument("--alignment", help="aligned or published (default: the model's own)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps … (default: auto)")
    parser.add_argument("--engine", default="auto", help="what computes the network (default: auto)")
    parser.add_argument(
        "--no-registration",
        action="store_true",
        help="do not register the livers, which only serves to find places without lesions in the other image",
    )
    parser.add_argument(
        "--dicom",
        action="store_true",
        help="also write livers and lesions as DICOM segmentations, and reports on the lesions, of volumes read from "
        "DICOM",
    )
    parser.add_argument(
        "--accept",
        action="store_true",
        help="do not print doubts about the input and its result; they are kept with the result",
    )
    add_batch_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in what the command line names."""
    options = {
        "liver_label": arguments.liver_label,
        "accept": arguments.accept,
        "dicom": arguments.dicom,
        "model": arguments.model,
        "liver_model": arguments.liver_model or [DEFAULT_LIVER_MODEL],
        "score_floor": arguments.score_floor,
        "alignment": arguments.alignment,
        "device": arguments.device,
        "engine": arguments.engine,
        "correspondence": not arguments.no_registration,
    }
    workers = workers_of(arguments)
    if arguments.studies is not None:
        if arguments.images or arguments.t1_liver or arguments.t2_liver:
            raise InputError("--studies takes volumes and masks from its folder.", "Leave out T1, T2 and their masks.")
        where = arguments.studies, arguments.output
        return run_batch("detect", *where, options, arguments.overwrite, workers, arguments.debug)
    masks = {"t1_liver": arguments.t1_liver, "t2_liver": arguments.t2_liver}
    if len(arguments.images) == 1 and Path(arguments.images[0]).is_dir():
        parts = study_parts(Path(arguments.images[0]))
        arguments.images = [parts["t1"], parts["t2"]]
        masks = {part: mask or parts[part] for part, mask in masks.items()}
    if len(arguments.images) != 2:
        raise InputError(
            f"{len(arguments.images)} volumes are given; lesions are looked for in one T1 and one T2 together.",
            "Name both, or use --studies for more.",
        )
    t1, t2 = arguments.images
    request = {**options, **masks, "t1": t1, "t2": t2, "output": str(arguments.output)}
    wanted = DetectRequest.parse(request)
    if not arguments.overwrite and (there := existing_results(arguments.output, wanted.missing_livers)):
        raise InputError(
            f"'{arguments.output}' already holds {there[0]}.", "Choose another folder, or add --overwrite."
        )
    with progress_bar() as progress:
        result = JOBS["detect"](request, progress)
    print("\n".join(report(result)))
    for line in doubt_lines(result):
        print(line, file=sys.stderr)
    return 0


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    from liverpair.core.lesions import read_lesions

    made_by = result["provenance"]
    lowest, threshold = made_by["score_floor"], made_by["display_threshold"]
    lines = [f"{result['pairs']} lesions with a score from {lowest:g}: {result['lesions']}"]
    if lowest < threshold:
        shown = sum(pair.score >= threshold for pair in read_lesions(result["lesions"]))
        lines.append(f"{shown} of them with a score from {threshold:g}, which LesionPairDetect shows at first")
    return [
        *lines,
        f"Table: {result['table']}",
        *(f"DICOM: {path}" for kind in ("segmentations", "reports") for path in result[kind].values() if path),
        f"Boxes for Slicer: {result['boxes']['t1']} and {Path(result['boxes']['t2']).name}",
        offset_line(result["offset_t1_to_t2_mm"]),
        "Model {bundle} {version}, {engine} on {device}, {seconds:.1f} s".format(**made_by),
        *other_notes(result),
    ]
