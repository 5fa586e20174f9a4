"""`measure`: compare a segmentation with a reference."""

import argparse
import json
import math
import sys


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `measure`."""
    parser = commands.add_parser(
        "measure", help="compare a segmentation with a reference: Dice, surface distances, volumes"
    )
    parser.add_argument("prediction", help="image file: a mask, a label map or a probability map")
    parser.add_argument("reference", help="image file on the same grid")
    parser.add_argument(
        "--label",
        help="the structure, if a file holds several: its value, or totalsegmentator, amos or chaos for the liver in "
        "such a map",
    )
    parser.add_argument("--reference-label", metavar="LABEL", help="the same for the reference, if it differs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the measures of one pair of masks."""
    from liverpair.evaluation.result_files import table_text
    from liverpair.io.study import read_image
    from liverpair.measures.masks import structure_mask
    from liverpair.measures.summary import segmentation_measures

    paths = arguments.prediction, arguments.reference
    labels = arguments.label, arguments.reference_label or arguments.label
    images, masks = [read_image(path) for path in paths], []
    for path, image, label, option in zip(paths, images, labels, ("--label", "--reference-label")):
        mask, notes = structure_mask(image, label, f"'{path}'", option)
        masks.append(mask)
        for note in notes:
            print(note, file=sys.stderr)
    measures = segmentation_measures(*masks)
    if arguments.json:
        print(json.dumps({name: value if math.isfinite(value) else None for name, value in measures.items()}, indent=2))
    else:
        print(table_text([{"measure": name, "value": value} for name, value in measures.items()]))
    return 0
