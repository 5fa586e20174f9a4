"""`segment`: the liver in one pair of volumes, or in every study of a folder."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.commands.batch import pair_parser, run_batch, workers_of
from liverpair.commands.offset import offset_line
from liverpair.commands.record_options import add_options, options_of
from liverpair.commands.studies import other_notes, run_once
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.jobs.requests import PARTS, SegmentRequest
from liverpair.jobs.segment_results import existing_results

NOTHING = "-"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `segment`."""
    parser = pair_parser(
        commands,
        "segment",
        help="segment the liver in a T1 and a T2 volume",
        description="Volumes are NIfTI, NRRD or MetaImage files or DICOM folders. Results lie on their input's grid.",
        images="the two volumes, '-' leaves one out; or the folder of one study",
        studies="segment every study in this folder, DICOMDIR or zip file: subfolders with t1.nii.gz and t2.nii.gz, or "
        "patients, studies and series of DICOM files",
    )
    add_options(parser, SegmentRequest, "t1", "t2", "model")
    add_options(parser, SegmentRequest)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Segment what the command line names."""
    options = options_of(arguments, SegmentRequest, besides=PARTS)
    workers = workers_of(arguments)
    if arguments.studies is not None:
        if arguments.images or arguments.t1 or arguments.t2:
            raise InputError("--studies takes the volumes from its folder.", "Leave out T1 and T2.")
        where = arguments.studies, arguments.output
        return run_batch("segment", *where, options, arguments.overwrite, workers, arguments.debug)
    t1, t2 = chosen_volumes(arguments)
    request = {**options, "t1": t1, "t2": t2, "output": str(arguments.output)}
    return run_once("segment", request, existing_results(arguments.output), arguments.overwrite, report)


def chosen_volumes(arguments: argparse.Namespace) -> tuple[str | None, str | None]:
    """The paths of T1 and T2, None for one left out. Raises `InputError` when it is not clear which is which."""
    images = arguments.images
    if images and (arguments.t1 or arguments.t2):
        raise InputError("T1 and T2 are given twice.", "Use either two names or --t1 and --t2.")
    if len(images) == 1 and Path(images[0]).is_dir():
        from liverpair.io.study import sources_of

        sources = sources_of(images[0])
        return tuple(str(sources[side]) if side in sources else None for side in Side)
    if len(images) == 1:
        raise InputError(
            f"Is '{images[0]}' T1 or T2?", "Write '-' for the volume that is left out, or use --t1 or --t2."
        )
    if len(images) > 2:
        raise InputError(
            f"{len(images)} volumes are given; LiverPair segments one T1 and one T2.", "Use --studies for more."
        )
    t1, t2 = images or (arguments.t1, arguments.t2)
    t1, t2 = (None if path in (None, NOTHING) else path for path in (t1, t2))
    if t1 is None and t2 is None:
        raise InputError("Neither T1 nor T2 is given.", "Name at least one of them.")
    return t1, t2


def warn_of_mistaken_volumes(t1: str | None, t2: str | None) -> None:
    """Say on standard error when the two file names look swapped or are the same."""
    from liverpair.io.weighting import sequence_warning

    same = t1 is not None and t2 is not None and Path(t1).resolve() == Path(t2).resolve()
    warning = sequence_warning(t1 and Path(t1).name, None, t2 and Path(t2).name, None, same)
    if warning:
        print(f"Warning: {warning}", file=sys.stderr)


def _expected(side: Mapping[str, Any]) -> str:
    expected = side.get("expected_dice")
    return "" if expected is None else f" (expected Dice {expected:.2f})"


def report(result: Mapping[str, Any]) -> list[str]:
    """The result of the job in lines for a reader."""
    lines = [
        f"{side.title} liver {result[side]['volume_ml']:.0f} ml{_expected(result[side])}  {result[side]['liver']}"
        for side in Side
        if result[side]
    ]
    measures = result["measures"]
    if measures["dice_as_scanned"] is not None:
        lines.append(f"Dice of the two livers as scanned: {measures['dice_as_scanned']:.2f}")
    if measures["offset_t1_to_t2_mm"] is not None:
        lines.append(offset_line(measures["offset_t1_to_t2_mm"]))
    made_by = result["provenance"]
    lines.append("Model {bundle} {version}, {engine} on {device}, {seconds:.1f} s".format(**made_by))
    return lines + other_notes(result)
