"""What stands in the report of a visit, before anybody draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from liverpair.core.sides import Side
from liverpair.io.lesion_csv import COLUMNS
from liverpair.measures.lesion_rows import LesionRow
from liverpair.measures.response import WORDS
from liverpair.reports.phase_curves import PhaseTold
from liverpair.reports.target_pictures import TargetPicture

SHOWN = (
    "kind",
    *(f"{side}_{key}" for side in Side for key in ("diameter_mm", "short_axis_mm", "volume_ml", "contrast")),
    "state",
)
"""Columns of the table besides the number; lesions.csv has all."""
MOST_ROWS = 14
FROM_BOX = "*"


@dataclass(frozen=True)
class TargetRow:
    """The pictures of one target lesion, side by side; None where it is not there."""

    name: str
    pictures: Sequence[TargetPicture | None]


@dataclass(frozen=True)
class VisitContent:
    """The report of a visit.

    Attributes:
        title, about: the heading and the line below it.
        targets: pictures.
        head, rows: the table of lesions; `left_out` of them do not fit.
        burden: a sentence an image.
        responses: by image, the category and how it was reckoned; empty without an earlier visit.
        changes: what became of the lesions since the visit before.
        phases: of lesions that were measured in further series, or that somebody has decided on.
        notes: what a reader must know.
        facts: settings and versions, name to value.
    """

    title: str
    about: str
    targets: Sequence[TargetRow]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: int
    burden: Sequence[str]
    responses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    changes: Sequence[str] = ()
    phases: Sequence[PhaseTold] = ()
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def table_of(rows: Sequence[LesionRow]) -> tuple[list[str], list[list[str]], int]:
    """Heading and cells of the table of lesions, largest first, and how many are left out. Numbers from boxes have a
    star."""
    columns = [next(column for column in COLUMNS if column.key == key) for key in SHOWN]
    ordered = sorted(rows, key=lambda row: (-_largest(row), row.number))
    head = ["No.", *(_heading(column) for column in columns)]
    cells = []
    for row in ordered[:MOST_ROWS]:
        line = [str(row.number)]
        for column in columns:
            boxed = column.side is not None and row.sides[column.side].measured_from == "box"
            star = FROM_BOX if boxed and column.field in ("diameter_mm", "volume_ml") else ""
            text = column.text(row)
            line.append(f"{text}{star}" if text else "–")
        cells.append(line)
    return head, cells, max(0, len(rows) - MOST_ROWS)


def burden_sentences(summary: Mapping[str, Any]) -> list[str]:
    """Tumor burden with its arithmetic, and the sums of diameters, a sentence an image."""
    said = []
    for side in Side:
        tumor, liver, percent = (summary[f"{side}_{key}"] for key in ("tumor_ml", "liver_ml", "burden_percent"))
        boxes = summary[f"{side}_from_boxes"]
        of_boxes = f", {boxes} from their boxes" if boxes else ""
        if percent is None:
            said.append(f"{side.title}: {tumor:.1f} ml of lesions{of_boxes}; without a liver mask there is no burden.")
        else:
            said.append(
                f"{side.title}: {tumor:.1f} ml of lesions{of_boxes} / {liver:.0f} ml of liver = {percent:.1f} % tumor "
                f"burden; sum of the target diameters {summary[f'{side}_sum_mm']:.1f} mm."
            )
    return said


def response_lines(followup: Mapping[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """By image: the category in words and the arithmetic; and a line on every lesion, with both diameters."""
    responses = {
        f"{Side(side).title}: {told['category']}, {WORDS[told['category']]}": list(told["arithmetic"])
        for side, told in followup["response"].items()
    }
    sides = [Side(side) for side in followup["response"]]
    changes = []
    for lesion in followup["lesions"]:
        parts = []
        for side in sides:
            values = ["?" if value is None else f"{value:.1f}" for value in lesion[side]["diameters_mm"]]
            parts.append(f"{side.title} {' → '.join(values)} mm ({lesion[side]['change']})")
        changes.append(f"Lesion {lesion['name']}: {', '.join(parts)}")
    return responses, changes


def _heading(column: Any) -> str:
    words = {"diameter_mm": "long", "short_axis_mm": "short", "volume_ml": "volume", "contrast": "contrast"}
    if column.side is None:
        return column.title
    return f"{column.side.title} {words[column.field]}, {column.unit}"


def _largest(row: LesionRow) -> float:
    return max((row.sides[side].diameter_mm or 0.0 for side in Side), default=0.0)
