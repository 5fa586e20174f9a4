"""How good segmentation is on studies whose livers were drawn by hand: measures, pictures, the test in a card."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.bundle.bundle import PICTURES_FOLDER
from liverpair.core.errors import InputError, Progress, no_progress, part_of
from liverpair.core.paths import portable_command
from liverpair.core.sides import Side
from liverpair.evaluation.outline_pictures import outline_picture
from liverpair.io.study import IMAGE_PARTS, Study, read_image
from liverpair.measures.masks import structure_mask
from liverpair.measures.summary import segmentation_measures, summarize
from liverpair.segmentation.inference import SegmentOptions, segment

SHOWN = ("dice", "hd95_mm", "assd_mm", "volume_ml", "reference_ml", "volume_error_percent")


@dataclass(frozen=True)
class References:
    """The files, or the parts (`liverpair.io.study`), of a study with livers drawn by hand, and the label of the liver
    in masks that hold several."""

    t1: str = "t1"
    t2: str = "t2"
    t1_labels: str = "t1_liver"
    t2_labels: str = "t2_liver"
    label_value: str | None = None


def score(
    bundles: Sequence[Bundle],
    studies: Path,
    names: Sequence[str] | None = None,
    files: References = References(),
    how: SegmentOptions = SegmentOptions(),
    pictures: Path | None = None,
    test: str = "test",
    progress: Progress = no_progress,
) -> list[dict[str, Any]]:
    """One record per case and side: measures of what `bundles` find together against the reference.

    `names`: of the cases, all sub-folders of `studies` when None. A picture of each volume is saved in the folder
    `pictures`, named after the `test`. Raises `InputError` for studies that cannot be scored.
    """
    cases = names or sorted(p.name for p in studies.iterdir() if p.is_dir())
    if not cases:
        raise InputError(f"There are no studies in '{studies}'.")
    rows = []
    for number, case in enumerate(cases):
        report = part_of(progress, number / len(cases), (number + 1) / len(cases))
        images = _read(studies / case, dict(zip(Side, (files.t1, files.t2))))
        references = _read(studies / case, dict(zip(Side, (files.t1_labels, files.t2_labels))))
        both = {side: images[side] for side in Side if images[side] is not None and references[side] is not None}
        if not both:
            raise InputError(
                f"Case '{case}' has no volume with a reference mask.", "Check --t1, --t2 and --t1-labels, --t2-labels."
            )
        masks = {
            side: structure_mask(
                references[side], files.label_value, f"The reference of case '{case}' {side.title}", "--label-value"
            )[0]
            for side in both
        }
        told = lambda fraction, message, case=case, report=report: report(fraction, f"{case}: {message}")  # noqa: E731
        result = segment(both.get(Side.T1), both.get(Side.T2), bundles, how, told)
        for side, image in both.items():
            if getattr(result, side) is None:  # the model looks at this volume only to segment the other
                continue
            prediction, quality = getattr(result, side).liver, getattr(result, side).quality
            measures = segmentation_measures(prediction, masks[side])
            rows.append({"case": case, "side": side.title, **{key: _rounded(measures[key]) for key in SHOWN}})
            if quality and quality.expected_dice is not None:
                rows[-1]["expected_dice"] = _rounded(quality.expected_dice)
            if pictures:
                title = f"{test}, case {case} {side.title}, Dice {measures['dice']:.3f}"
                path = pictures / picture_name(test, rows[-1])
                outline_picture(image, prediction, masks[side], title, path)
    return rows


def spread(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Means over images and the worst of them, by side: Dice, HD95 in mm, absolute volume error in %."""
    values = {}
    for side in Side:
        own = [row for row in rows if row["side"] == side.title]
        if own:
            dice = np.array([row["dice"] for row in own])
            values |= {
                f"mean_dice_{side}": float(dice.mean()),
                f"sd_dice_{side}": float(dice.std(ddof=1)) if len(dice) > 1 else None,
                f"worst_dice_{side}": float(dice.min()),
                f"mean_hd95_mm_{side}": _mean([row["hd95_mm"] for row in own]),
                f"mean_absolute_volume_error_percent_{side}": _mean(
                    [None if row["volume_error_percent"] is None else abs(row["volume_error_percent"]) for row in own]
                ),
            }
    return values


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def picture_name(test: str, row: dict[str, Any]) -> str:
    """File name of the picture of one scored volume."""
    return f"{test}_{row['case']}_{Side(row['side'])}.png"


def write_metrics(
    bundle: Bundle, name: str, description: str, command: str, rows: list[dict[str, Any]], summary: dict[str, Any]
) -> Bundle:
    """The bundle with this test, and the pictures that `score` saved, in its manifest and card."""
    pictures = [f"{PICTURES_FOLDER}/{picture_name(name, row)}" for row in rows]
    ran = portable_command(command)
    test = {"description": description, "command": ran, "cases": rows, "summary": summary, "pictures": pictures}
    return bundle.update(metrics={**bundle.metrics, name: test})


def _read(folder: Path, files: dict[str, str]) -> dict[str, sitk.Image | None]:
    parts = Study.open(folder).sources
    paths = {side: parts.get(name) if name in IMAGE_PARTS else folder / name for side, name in files.items()}
    return {side: read_image(path) if path is not None and path.exists() else None for side, path in paths.items()}


def summary_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """By side and measure: mean, spread, median and extremes."""
    return {f"{side.title}: {key}": value for side in Side for key, value in _summary(rows, side).items()}


def _summary(rows: Sequence[Mapping[str, Any]], side: Side) -> dict[str, dict[str, float | None]]:
    summary = summarize([row for row in rows if row["side"] == side.title])
    keep = ("mean", "sd", "median", "min", "max")
    return {
        key: {part: _rounded(values[part]) for part in keep}
        for key, values in summary.items()
        if key in SHOWN and values["n"]
    }


def _rounded(value: float) -> float | None:
    """Four decimals; None for a measure that is not defined, as JSON has no NaN."""
    return None if math.isnan(value) else round(value, 4)
