"""`measure`: compare a segmentation with a reference."""

import argparse
import json
import math


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `measure`."""
    parser = commands.add_parser(
        "measure", help="compare a segmentation with a reference: Dice, surface distances, volumes"
    )
    parser.add_argument("prediction", help="image file; what is not zero is the structure")
    parser.add_argument("reference", help="image file on the same grid")
    parser.add_argument("--label", type=int, help="the value of the structure in both files, when they hold several")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the measures of one pair of masks."""
    import SimpleITK as sitk

    from liverpair.errors import InputError
    from liverpair.measures.masks import label_mask
    from liverpair.measures.results import table_text
    from liverpair.measures.summary import segmentation_measures
    from liverpair.study import read_image

    masks = [read_image(path) for path in (arguments.prediction, arguments.reference)]
    if arguments.label is not None:
        masks = [label_mask(labels, arguments.label) for labels in masks]
        if not any(sitk.GetArrayViewFromImage(mask).any() for mask in masks):
            raise InputError(f"Neither file holds the value {arguments.label}.")
    measures = segmentation_measures(*masks)
    if arguments.json:
        print(json.dumps({name: value if math.isfinite(value) else None for name, value in measures.items()}, indent=2))
    else:
        print(table_text([{"measure": name, "value": value} for name, value in measures.items()]))
    return 0
