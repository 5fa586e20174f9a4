"""`dream`: change an image until a model sees a lesion in it, and follow the features of that lesion."""

import argparse
import re
from collections.abc import Mapping
from typing import Any

from liverpair.commands.bar import progress_bar
from liverpair.commands.record_options import add_options, given_options
from liverpair.commands.segment import NOTHING, chosen_volumes, warn_of_mistaken_volumes
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.jobs.dream_request import DreamRequest
from liverpair.jobs.dream_results import existing_dream
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import find_bundles
from liverpair.jobs.result_folder import folder_of_results


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `dream`."""
    parser = commands.add_parser(
        "dream",
        help="raise an output neuron of a model by changing the image; see which features the model asks for",
        usage="python -m liverpair dream IMAGE --model MODEL (--point X Y Z | --random-starts N) -o FOLDER [options]\n"
        "       python -m liverpair dream T1 T2 --model MODEL …",
        description="Results: trajectories.csv (every iteration), dream.json (settings, readings, provenance), "
        "original.nii.gz and frames/ (images and masks), trajectories.png and report.html. Coordinates are LPS mm.",
    )
    # argparse takes negative numbers with an exponent for options.
    parser._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$", re.IGNORECASE)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="the volume, or T1 and T2; '-' leaves one out")
    add_options(parser, DreamRequest, "t1", "t2")
    parser.add_argument("-o", "--output", type=folder_of_results, required=True, help="folder of the results")
    add_options(parser, DreamRequest, "model")
    _add_neurons(parser)
    add_options(parser, DreamRequest)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dream")
    parser.add_argument("--no-report", action="store_true", help="write no plot and no report")
    parser.set_defaults(run=run)


def _add_neurons(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("neurons to start from; each is a start of its own")
    group.add_argument(
        "--point",
        type=float,
        nargs=3,
        action="append",
        default=[],
        metavar=("X", "Y", "Z"),
        help="one neuron",
    )
    group.add_argument(
        "--box",
        type=float,
        nargs=6,
        action="append",
        default=[],
        metavar=("X", "Y", "Z", "WIDTH", "HEIGHT", "DEPTH"),
        help="the mean over a box: center, and size along the axes of the image",
    )
    add_options(group, DreamRequest, "random_starts", "t1_liver", "t2_liver", "liver_label", "side")


def run(arguments: argparse.Namespace) -> int:
    """Dream as the command line says."""
    request = request_of(arguments)
    DreamRequest.parse(request)
    if not arguments.resume and not arguments.overwrite and (there := existing_dream(arguments.output)):
        raise InputError(
            f"'{arguments.output}' already holds {there[0]}.",
            "Choose another folder, or add --resume or --overwrite.",
        )
    warn_of_mistaken_volumes(request["t1"], request["t2"])
    with progress_bar() as progress:
        result = JOBS["dream"](request, progress)
        written = None
        if not arguments.no_report:
            progress(1.0, "Writing the report")
            written = JOBS["dream_report"]({"folder": result["folder"], "output": result["folder"]}, progress)
    print("\n".join(report(result, written)))
    return 0


def request_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The request of the job that a command line means. Raises `InputError` when it is not clear which image is
    which."""
    t1, t2 = _volumes(arguments)
    side = arguments.side or (Side.T1 if t1 else Side.T2)
    starts = [{"point_mm": point} for point in arguments.point]
    starts += [{"box": box} for box in _boxes(arguments.box, t1 if side == Side.T1 else t2)]
    given = given_options(arguments, DreamRequest)
    return {**given, "t1": t1, "t2": t2, "starts": starts, "output": str(arguments.output)}


def _volumes(arguments: argparse.Namespace) -> tuple[str | None, str | None]:
    """The paths of T1 and T2; one volume without a name is the one that the model takes."""
    if len(arguments.images) != 1 or arguments.t1 or arguments.t2:
        return chosen_volumes(arguments)
    image = arguments.images[0]
    taken = [side for side in Side if side.title in find_bundles([arguments.model])[0].inputs]
    if image == NOTHING or len(taken) != 1:
        return chosen_volumes(arguments)
    return (image, None) if taken == [Side.T1] else (None, image)


def _boxes(boxes: list[list[float]], path: str | None) -> list[dict[str, Any]]:
    """Boxes along the axes of the image at `path`."""
    if not boxes or path is None:
        return []
    from liverpair.io.study import read_image

    direction = list(read_image(path).GetDirection())
    return [{"center_mm": box[:3], "size_mm": box[3:], "direction": direction} for box in boxes]


def report(result: Mapping[str, Any], written: Mapping[str, str] | None) -> list[str]:
    """The result of the jobs in lines for a reader."""
    lines = [reading["sentence"] for reading in result["readings"]]
    for entry in result["runs"]:
        lines.append(f"{entry['run']} {entry['start'] + 1}: {entry['iterations']} iterations. {entry['stopped']}")
    lines.append(f"Trajectories: {result['trajectories']}")
    if written:
        lines += [f"Plot: {written['png']}", f"Report: {written['html']}"]
    made_by = result["provenance"]
    lines.append("Model {bundle} {version}, {precision} on {device}, {seconds:.1f} s".format(**made_by))
    return lines + list(result["notes"])
