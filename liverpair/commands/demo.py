"""LiverPair's main job from start to end: `python -m liverpair.commands.demo [T1 T2]`.

The liver is segmented in the embedded phantom pair, or in two volumes of yours, the lesions in both are found and
linked, and a network dreams a lesion in T1, as the worker does it in Slicer. The results become files, a scene that
Slicer opens, and pictures of real MRML slice views.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.bundle.catalogue import DEFAULT_DETECTOR, DEFAULT_LIVER_MODEL
from liverpair.commands import demo_dream, demo_followup, demo_lesions
from liverpair.commands.any_text import print_any_text
from liverpair.commands.bar import progress_bar
from liverpair.commands.demo_pair import DemoPair, phantom_visit
from liverpair.commands.offset import offset_line
from liverpair.commands.record_options import add_option
from liverpair.commands.segment import warn_of_mistaken_volumes
from liverpair.core.errors import Cancelled
from liverpair.core.failures import failure_of
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS

if TYPE_CHECKING:
    from liverpair.core.lesions import Lesion

SCENE_FILE = "scene.mrb"
PAIR_PICTURE = "pair.png"
"""Where a positive and a negative LPS coordinate lead."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code: 0 done, 2 an error said in one sentence, 130 stopped."""
    print_any_text()
    parser = argparse.ArgumentParser(prog="python -m liverpair.commands.demo", description=__doc__.splitlines()[0])
    parser.add_argument("volumes", nargs="*", metavar="T1 T2", help="your volumes instead of the embedded pair")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo-output"), help="folder of the results")
    for name, earlier, what, default in (
        ("--model", "--detector", "the detector", DEFAULT_DETECTOR),
        ("--liver-model", "--bundle", "a model of the liver", DEFAULT_LIVER_MODEL),
    ):
        add_option(parser, name, earlier, default=default, help=f"name or folder of {what} (default: {default})")
    arguments = parser.parse_args(words)
    if len(arguments.volumes) not in (0, 2):
        parser.error("give no volume, for the embedded pair, or two: T1 and T2")
    try:
        run(arguments.volumes, arguments.output.absolute(), arguments.liver_model, arguments.model)
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        failure = failure_of(error)
        if failure.kind == "internal":
            raise
        print(f"liverpair: {failure.message} {failure.hint}".rstrip(), file=sys.stderr)
        return 2
    return 0


def run(
    volumes: Sequence[str], output: Path, liver_model: str = DEFAULT_LIVER_MODEL, model: str = DEFAULT_DETECTOR
) -> dict[str, Any]:
    """Segment, detect, print the measures, write files, scene and pictures to `output`. Returns the result of the job
    "segment".

    `volumes` is empty for the embedded pair, or holds the paths of T1 and T2. Raises any `LiverPairError`.
    """
    from liverpair.bundle import Catalogue
    from liverpair.io.study import write_image

    label = Catalogue().find(liver_model).labels[0]
    pair = read_pair(volumes) if volumes else embedded_pair()
    for side, image in pair.images.items():
        write_image(image, output / f"{side}.nii.gz")
    step("Segmenting the liver in both")
    request = {side: str(output / f"{side}.nii.gz") for side in Side}
    with progress_bar() as progress:
        result = JOBS["segment"]({**request, "model": [liver_model], "output": str(output)}, progress)
    print("\n".join(["", *report(pair, result), ""]))
    step("Finding the lesions in both and linking them")
    found = demo_lesions.detect(output, {side: result[side]["liver"] for side in Side}, model)
    lesions = demo_lesions.shown_pairs(found)
    print("\n".join(["", *demo_lesions.report(lesions, found, pair.lesions), ""]))
    step("Drawing slice views and saving the scene")
    write_scene(pair, result, label, lesions, output)
    if pair.later:
        step("Half a year later: following the lesions, and computing the response")
        told = demo_followup.followed(pair, pair.later(), output)
    else:
        step("Measuring, on one page")
        told = demo_followup.measured(output)
    print("\n".join(["", *demo_followup.report(told), ""]))
    step("Dreaming a lesion where T1 shows none")
    dreamt = demo_dream.dream(output, result[Side.T1]["liver"])
    print("\n".join(["", *demo_dream.report(dreamt), ""]))
    print("\n".join(["", *where_to_look(output)]))
    return result


def embedded_pair() -> DemoPair:
    """The phantom pair of seed 0, made anew."""
    step("Making the embedded pair: T1 and T2 of one phantom patient, a breath apart, T2 oblique")
    return replace(phantom_visit(), later=lambda: phantom_visit(later=True))


def read_pair(volumes: Sequence[str]) -> DemoPair:
    """The volumes at two paths. Raises `InputError`."""
    from liverpair.io.study import read_image

    step(f"Reading {' and '.join(volumes)}")
    warn_of_mistaken_volumes(*volumes)
    return DemoPair({side: read_image(path) for side, path in zip(Side, volumes)})


def report(pair: DemoPair, result: Mapping[str, Any]) -> list[str]:
    """What was measured: a table with a row for each volume, then what concerns the pair."""
    from liverpair.evaluation.result_files import table_text

    lines = [table_text([_row(side, pair, result) for side in Side]), ""]
    measures = result["measures"]
    if measures["dice_as_scanned"] is not None:
        lines.append(f"Dice of the two livers as scanned: {measures['dice_as_scanned']:.2f}")
    if measures["offset_t1_to_t2_mm"] is not None:
        lines.append(offset_line(measures["offset_t1_to_t2_mm"]))
    lines.append("Model {bundle} {version}, {engine} on {device}, {seconds:.1f} s".format(**result["provenance"]))
    return lines + list(result["notes"])


def _row(side: Side, pair: DemoPair, result: Mapping[str, Any]) -> dict[str, Any]:
    row = {"volume": side.title, "liver ml": round(result[side]["volume_ml"])}
    if side in pair.livers:
        from liverpair.core.geometry import volume_ml
        from liverpair.io.study import read_image
        from liverpair.measures.overlap import dice

        truth = pair.livers[side]
        row |= {
            "true ml": round(volume_ml(truth)),
            "Dice with the truth": dice(read_image(result[side]["liver"]), truth),
        }
    return row


def write_scene(
    pair: DemoPair,
    result: Mapping[str, Any],
    label: Mapping[str, Any],
    lesions: "Sequence[Lesion]",
    output: Path,
) -> None:
    """Segmentations as `.seg.nrrd`, linked boxes, the pictures, and everything as one `.mrb` scene."""
    from liverpair.mrml import headless, pair_scene, pictures
    from liverpair.mrml.lesions import lesion_scene

    nodes = pair_scene.build_pair_scene(pair.images, result, label)
    (t1, t1_segmentation), (t2, t2_segmentation) = nodes.of(Side.T1), nodes.of(Side.T2)
    pictures.save_png(pictures.picture_of_pair(t1, t2, t1_segmentation, t2_segmentation), output / PAIR_PICTURE)
    for side in Side:
        volume, segmentation = nodes.of(side)
        pictures.save_png(pair_scene.picture_of_slices(volume, segmentation), output / f"{side}_slices.png")
        pair_scene.save_segmentation(segmentation, output / f"{side}.seg.nrrd")
    lesion_scene.add_lesions(lesions, nodes.volumes, output / demo_lesions.LESIONS_PICTURE)
    headless.save_scene_mrb(output / SCENE_FILE)


def where_to_look(output: Path) -> list[str]:
    """The last lines: which files to open with what."""
    return [
        f"Look at {output / PAIR_PICTURE}: T1 above T2, each through the middle of its own liver;",
        "  t1_slices.png and t2_slices.png beside it show each liver from top to bottom;",
        f"  {demo_lesions.LESIONS_PICTURE} shows every lesion in T1 above itself in T2, with one number.",
        f"  {demo_followup.FOLDER}/report.html and report.pdf show masks, diameters, burden and response on one page;",
        f"  {demo_dream.DREAM_FOLDER}/report.html shows which features a network of lesions looks for.",
        f"Open {output / SCENE_FILE} in 3D Slicer: both volumes, segmentations, linked boxes, tables.",
        "  For other programs: t1.seg.nrrd, t2.seg.nrrd; t1_liver.nii.gz, t2_liver.nii.gz; measures.json;",
        "  lesions.json, lesions.csv, t1_boxes.mrk.json, t2_boxes.mrk.json.",
    ]


def step(what: str) -> None:
    """Say what is being done now."""
    print(f"== {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
