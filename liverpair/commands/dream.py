"""`dream`: change an image until a model sees a lesion in it, and follow the features of that lesion."""

import argparse
import re
from collections.abc import Callable, Mapping
from typing import Any

from liverpair.commands.bar import progress_bar
from liverpair.commands.segment import NOTHING, chosen_volumes, warn_of_mistaken_volumes
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.jobs.dream_request import BASELINES, DreamRequest
from liverpair.jobs.dream_results import existing_dream
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import find_bundles
from liverpair.jobs.result_folder import folder_of_results

OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "direction": (str, "ascent raises the neuron, descent lowers it"),
    "activation": (str, "what is raised: logit or probability"),
    "gradient": (str, "normalized (steps of equal length) or raw"),
    "step": (float, "length of a step: RMS change of the image as a fraction of its dynamic range"),
    "iterations": (int, "maximum number of steps"),
    "patience": (int, "stop when the activation gains too little over so many steps"),
    "minimum_gain": (float, "the smallest gain that counts, as a fraction; 0 never stops"),
    "every": (int, "keep the image of every N-th iteration"),
    "threshold": (float, "probability above which a voxel belongs to the object"),
    "precision": (str, "auto, fp32 or bf16"),
    "seed": (int, "seed of random starts and baselines"),
}
"""Settings of a dream that are options of their own, with their types."""


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
    parser.add_argument("--t1", help="the T1-weighted volume, if it is the only one")
    parser.add_argument("--t2", help="the T2-weighted volume, if it is the only one")
    parser.add_argument("-o", "--output", type=folder_of_results, required=True, help="folder of the results")
    parser.add_argument("--model", required=True, help="name or folder of the model that is inspected")
    _add_neurons(parser)
    for name, (kind, text) in OPTIONS.items():
        default = getattr(DreamSettings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="…", help=f"{text} (default: {default})")
    frames = " ".join(map(str, DreamSettings.frames))
    parser.add_argument(
        "--frames", type=int, nargs="*", metavar="I", help=f"iterations whose images are kept (default: {frames})"
    )
    parser.add_argument("--no-crop", action="store_true", help="compute the whole image at every step; slower")
    parser.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="NAME",
        help="features, named as in pyradiomics: glcm_Contrast (default: the published ones)",
    )
    parser.add_argument(
        "--baseline", action="append", default=[], metavar="KIND", help=f"also run {' or '.join(BASELINES)}"
    )
    parser.add_argument("--normal-ranges", metavar="FILE", help="a file of normal-ranges (default: the model's own)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps … (default: auto)")
    parser.add_argument("--resume", action="store_true", help="resume the unfinished dream in FOLDER")
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
    group.add_argument(
        "--random-starts",
        type=int,
        default=0,
        metavar="N",
        help="N neurons in the liver where the model sees no object",
    )
    group.add_argument("--t1-liver", metavar="MASK", help="liver mask of T1 (default: segmented if needed)")
    group.add_argument("--t2-liver", metavar="MASK", help="liver mask of T2 (default: segmented if needed)")
    group.add_argument("--side", choices=tuple(Side), help="which of T1 and T2 to dream on, if both are possible")


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
    given = {name: getattr(arguments, name) for name in (*OPTIONS, "frames")}
    return {
        **{name: value for name, value in given.items() if value is not None},
        "crop": not arguments.no_crop,
        "model": arguments.model,
        "t1": t1,
        "t2": t2,
        "t1_liver": arguments.t1_liver,
        "t2_liver": arguments.t2_liver,
        "side": arguments.side,
        "starts": starts,
        "random_starts": arguments.random_starts,
        "features": arguments.features,
        "baselines": arguments.baseline,
        "normal_ranges": arguments.normal_ranges,
        "device": arguments.device,
        "output": str(arguments.output),
        "resume": arguments.resume,
    }


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
