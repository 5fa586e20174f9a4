"""`python -m liverpair evaluate`: score a bundle on a folder of studies, and write the table into the bundle's card."""

import argparse
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.bundle import PICTURES_FOLDER
from liverpair.core.errors import InputError
from liverpair.core.paths import portable_command
from liverpair.evaluation.outline_pictures import outline_picture
from liverpair.evaluation.result_files import table_text, write_results
from liverpair.io.study import read_image
from liverpair.measures.masks import structure_mask
from liverpair.measures.summary import segmentation_measures, summarize
from liverpair.segmentation.inference import SegmentOptions, segment

SIDES = ("T1", "T2")
SHOWN = ("dice", "hd95_mm", "assd_mm", "volume_ml", "reference_ml", "volume_error_percent")


def make_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="python -m liverpair evaluate", description=__doc__)
    parser.add_argument("bundle", nargs="+", help="name or folder of a bundle; several are averaged")
    parser.add_argument("studies", type=Path, help="folder of studies, one sub-folder a case")
    parser.add_argument("--cases", nargs="+", help="sub-folders to score; all when left out")
    parser.add_argument("--t1", default="t1.nii.gz", help="file of the T1 volume in a study")
    parser.add_argument("--t2", default="t2.nii.gz", help="file of the T2 volume in a study")
    parser.add_argument("--t1-labels", default="t1_liver.nii.gz", help="file of the T1 reference mask")
    parser.add_argument("--t2-labels", default="t2_liver.nii.gz", help="file of the T2 reference mask")
    parser.add_argument(
        "--label-value",
        help="label of the liver in the reference, when it holds several: a number, or totalsegmentator, amos or chaos "
        "for the liver in such a map",
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--mirror", action="store_true", help="average over mirrored images")
    parser.add_argument("--name", default="test", help="name of this test in the card")
    parser.add_argument("--description", default="", help="what the card says about the data of this test")
    parser.add_argument("--results", metavar="NAME", help="write the table to docs/results/NAME.md and .json too")
    parser.add_argument("--write", action="store_true", help="write the table and pictures into the bundle's folder")
    return parser


def main(arguments: list[str]) -> None:
    """Score, print, and with `--write` update the card. Raises `InputError` for studies that cannot be scored."""
    options = make_parser().parse_args(arguments)
    bundles = [Catalogue().find(name) for name in options.bundle]
    if options.write and len(bundles) > 1:
        raise InputError("The scores of several bundles belong to none of their cards.", "Leave out --write.")
    pictures = bundles[0].folder / PICTURES_FOLDER if options.write else None
    if pictures:
        pictures.mkdir(exist_ok=True)
    rows = score(bundles, options, pictures)
    summary = {f"{side}: {key}": value for side in SIDES for key, value in _summary(rows, side).items()}
    command = shlex.join(["python", "-m", "liverpair", "evaluate", *arguments])
    if options.results:
        data = options.description or Path(options.studies).name
        write_results(options.results, rows, command, data=data, values=spread(rows))
    else:
        print(table_text(rows))
    print(table_text([{"measure": key, **value} for key, value in summary.items()]))
    if options.write:
        write_metrics(bundles[0], options.name, options.description, command, rows, summary)


def score(bundles: list[Bundle], options: argparse.Namespace, pictures: Path | None = None) -> list[dict[str, Any]]:
    """One record per case and side: measures against the reference. Saves a picture of each in `pictures`."""
    cases = options.cases or sorted(p.name for p in options.studies.iterdir() if p.is_dir())
    if not cases:
        raise InputError(f"There are no studies in '{options.studies}'.")
    how = SegmentOptions(device=options.device, engine=options.engine, mirror=options.mirror)
    rows = []
    for case in cases:
        images = _read(options.studies / case, {"T1": options.t1, "T2": options.t2})
        references = _read(options.studies / case, {"T1": options.t1_labels, "T2": options.t2_labels})
        both = {side: images[side] for side in SIDES if images[side] is not None and references[side] is not None}
        if not both:
            raise InputError(
                f"Case '{case}' has no volume with a reference mask.", "Check --t1, --t2 and --t1-labels, --t2-labels."
            )
        masks = {
            side: structure_mask(
                references[side], options.label_value, f"The reference of case '{case}' {side}", "--label-value"
            )[0]
            for side in both
        }
        result = segment(both.get("T1"), both.get("T2"), bundles, how)
        for side, image in both.items():
            if getattr(result, side.lower()) is None:  # the model looks at this volume only to segment the other
                continue
            prediction = getattr(result, side.lower()).liver
            measures = segmentation_measures(prediction, masks[side])
            rows.append({"case": case, "side": side, **{key: _rounded(measures[key]) for key in SHOWN}})
            if pictures:
                title = f"{options.name}, case {case} {side}, Dice {measures['dice']:.3f}"
                path = pictures / picture_name(options.name, rows[-1])
                outline_picture(image, prediction, masks[side], title, path)
    return rows


def spread(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Means over images and the worst of them, by side: Dice, HD95 in mm, absolute volume error in %."""
    values = {}
    for side in SIDES:
        own = [row for row in rows if row["side"] == side]
        if own:
            dice = np.array([row["dice"] for row in own])
            values |= {
                f"mean_dice_{side.lower()}": float(dice.mean()),
                f"sd_dice_{side.lower()}": float(dice.std(ddof=1)) if len(dice) > 1 else None,
                f"worst_dice_{side.lower()}": float(dice.min()),
                f"mean_hd95_mm_{side.lower()}": _mean([row["hd95_mm"] for row in own]),
                f"mean_absolute_volume_error_percent_{side.lower()}": _mean(
                    [None if row["volume_error_percent"] is None else abs(row["volume_error_percent"]) for row in own]
                ),
            }
    return values


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def picture_name(test: str, row: dict[str, Any]) -> str:
    """File name of the picture of one scored volume."""
    return f"{test}_{row['case']}_{row['side'].lower()}.png"


def write_metrics(
    bundle: Bundle, name: str, description: str, command: str, rows: list[dict[str, Any]], summary: dict[str, Any]
) -> Bundle:
    """The bundle with this test, and the pictures that `score` saved, in its manifest and card."""
    pictures = [f"{PICTURES_FOLDER}/{picture_name(name, row)}" for row in rows]
    ran = portable_command(command)
    test = {"description": description, "command": ran, "cases": rows, "summary": summary, "pictures": pictures}
    return bundle.update(metrics={**bundle.metrics, name: test})


def _read(folder: Path, files: dict[str, str]) -> dict[str, sitk.Image | None]:
    return {side: read_image(folder / name) if (folder / name).exists() else None for side, name in files.items()}


def _summary(rows: list[dict[str, Any]], side: str) -> dict[str, dict[str, float]]:
    summary = summarize([row for row in rows if row["side"] == side])
    keep = ("mean", "sd", "median", "min", "max")
    return {
        key: {part: _rounded(values[part]) for part in keep}
        for key, values in summary.items()
        if key in SHOWN and values["n"]
    }


def _rounded(value: float) -> float | None:
    """Four decimals; None for a measure that is not defined, as JSON has no NaN."""
    return None if math.isnan(value) else round(value, 4)
