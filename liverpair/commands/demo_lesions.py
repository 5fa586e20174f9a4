"""The part of the demo that finds lesions: detection, and a table beside the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.commands.bar import progress_bar
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS

if TYPE_CHECKING:
    import SimpleITK as sitk

    from liverpair.core.lesions import Lesion

LESIONS_PICTURE = "lesions.png"


def detect(output: Path, livers: Mapping[str, str], model: str) -> dict[str, Any]:
    """Run the job "detect" on `t1.nii.gz` and `t2.nii.gz` in `output`, into that folder. Returns its result.

    `livers`: paths of the masks by side. Raises any `LiverPairError`.
    """
    request = {side: str(output / f"{side}.nii.gz") for side in Side}
    request |= {f"{side}_liver": livers[side] for side in Side}
    with progress_bar() as progress:
        return JOBS["detect"]({**request, "model": model, "output": str(output)}, progress)


def shown_pairs(result: Mapping[str, Any]) -> "list[Lesion]":
    """The lesions with a score at which the module shows them at first."""
    from liverpair.core.lesions import read_lesions

    threshold = result["provenance"]["display_threshold"]
    return [pair for pair in read_lesions(result["lesions"]) if pair.is_shown(threshold)]


def report(
    pairs: "Sequence[Lesion]", result: Mapping[str, Any], truth: "Mapping[str, sitk.Image] | None" = None
) -> list[str]:
    """A table with a row for every lesion, and, where the truth is known, what it is and how much of it was found.

    `truth`: by side, the number of the lesion in each voxel, the same in both.
    """
    from liverpair.evaluation.result_files import table_text
    from liverpair.io.lesion_csv import COLUMNS
    from liverpair.measures.burden import lesion_measures

    wanted = ("number", "kind", "t1_score", "t2_score", "t1_diameter_mm", "t2_diameter_mm")
    columns = [column for column in COLUMNS if column.key in wanted]
    rows = [{column.title: column.text(row) for column in columns} for row in lesion_measures(pairs)]
    true = true_pairs(truth) if truth else []
    if true:
        rows = [{**row, "true lesion": words} for row, words in zip(rows, hits(pairs, true), strict=True)]
    about = result["provenance"]
    lines = [table_text(rows)] if rows else ["No lesion was found."]
    lines.append("Model {bundle} {version}, {engine} on {device}, {seconds:.1f} s".format(**about))
    lines.append(
        f"Lesions with a score of {about['display_threshold']:g} or more in T1 or in T2; lesions.json holds all."
    )
    if true:
        lines.append(found_of(pairs, true))
    return lines + list(result["notes"])


def true_pairs(labels: "Mapping[str, sitk.Image]") -> "list[Lesion]":
    """The lesions of two label images as pairs of boxes; one that an image does not show has no box there."""
    from liverpair.core.lesions import Lesion, LesionBox
    from liverpair.measures.boxes import label_boxes

    boxes = {side: label_boxes(labels[side]) for side in Side}
    numbers = sorted({number for own in boxes.values() for number in own})
    return [
        Lesion(
            number,
            {side: LesionBox(own[number], "drawn") for side, own in boxes.items() if number in own},
            uid=f"truth-{number}",
        )
        for number in numbers
    ]


def hits(pairs: "Sequence[Lesion]", truth: "Sequence[Lesion]") -> list[str]:
    """Which true lesion each pair finds: its number, with the image where it is in one alone; "none"."""
    from liverpair.evaluation.score_detection import FOUND_IOU, ScoredCase

    found: dict[str, dict[str, int]] = {pair.uid: {} for pair in pairs}
    case = ScoredCase("demo", pairs, truth)
    for side in Side:
        boxes = [pair.uid for pair in pairs if side in pair.boxes and pair.score is not None]
        numbers = [lesion.number for lesion in truth if side in lesion.boxes]
        for uid, row in zip(boxes, case.image(side).matches(FOUND_IOU).found, strict=True):
            if row >= 0:
                found[uid][side] = numbers[row]
    return [_hit(own) for own in found.values()]


def _hit(numbers: Mapping[str, int]) -> str:
    if len(numbers) == len(Side) and len(set(numbers.values())) == 1:
        return str(numbers[Side.T1])
    return ", ".join(f"{number} in {side.title}" for side, number in numbers.items()) or "none"


def found_of(pairs: "Sequence[Lesion]", truth: "Sequence[Lesion]") -> str:
    """One sentence: how many of the true lesions were found and linked rightly."""
    from liverpair.evaluation.score_detection import ScoredCase, case_row

    row = case_row(ScoredCase("demo", pairs, truth), 0.0)
    linked = round(row["pairing_accuracy"] * row["judged"]) if row["judged"] else 0
    return (
        f"Of {len(truth)} true lesions, {row['t1_found']} were found in T1 and {row['t2_found']} in T2, with "
        f"{row['t1_false']} and {row['t2_false']} false boxes; {linked} of {row['judged']} found boxes have the "
        "right partner."
    )
