"""The table of lesions: its columns, what stands in a cell, and the CSV file."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole
from liverpair.core.lesion_findings import PHASES
from liverpair.core.sides import Side
from liverpair.measures.lesion_rows import LesionRow


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        field: of `LesionRow`, or of `SideRow` where there is a side.
        heading: for readers.
        unit: "" where there is none.
        decimals: shown to readers; None for words and whole numbers.
        factor: of the value in the row to `unit`.
        side: the image that it tells of; None for the lesion as a whole.
        phase: the further series that it tells of, in which the field is one of `PhaseSignal`.
    """

    field: str
    heading: str
    unit: str = ""
    decimals: int | None = None
    factor: float = 1.0
    side: Side | None = None
    phase: str | None = None

    @property
    def key(self) -> str:
        """What the column is known by, as `t1_score`."""
        about = self.side or self.phase
        return self.field if about is None else f"{about}_{self.field}"

    @property
    def title(self) -> str:
        """Heading and unit, as they head the column of a file."""
        return f"{self.heading} ({self.unit})" if self.unit else self.heading

    def value(self, row: LesionRow) -> Any:
        """The value of a row in the column's unit; None where there is none."""
        if self.phase is not None:
            told = row.phases.get(self.phase)
        else:
            told = row if self.side is None else row.sides[self.side]
        value = None if told is None else getattr(told, self.field)
        return value if value is None or self.decimals is None else self.factor * value

    def text(self, row: LesionRow) -> str:
        """The value as a reader sees it, without unit; "" where there is none."""
        value = self.value(row)
        if value is None:
            return ""
        return str(value) if self.decimals is None else f"{value:.{self.decimals}f}"


def _of_each_side(field: str, heading: str, *about: Any) -> list[Column]:
    return [Column(field, f"{side.title} {heading}", *about, side=side) for side in Side]


COLUMNS = (
    Column("number", "Number"),
    Column("state", "State"),
    Column("kind", "Seen in"),
    *_of_each_side("score", "score", "", 2),
    *_of_each_side("measured_from", "measured from"),
    *_of_each_side("diameter_mm", "diameter", "mm", 1),
    *_of_each_side("short_axis_mm", "short axis", "mm", 1),
    *_of_each_side("slice", "slice"),
    *_of_each_side("volume_ml", "volume", "ml", 2),
    *_of_each_side("mean", "mean", "", 1),
    *_of_each_side("sd", "SD", "", 1),
    *_of_each_side("contrast", "contrast to liver", "%", 0, 100.0),
    *_of_each_side("capsule_mm", "distance to capsule", "mm", 1),
    *_of_each_side("nearest_mm", "distance to nearest lesion", "mm", 1),
    Column("displacement_mm", "Displacement", "mm", 1),
    *(Column("contrast_percent", f"Contrast {PHASES[key]}", "%", 0, phase=key) for key in PHASES),
    Column("note", "Note"),
    Column("uid", "UID"),
)
"""In the order of the file; the module's table takes its columns from here."""


def write_csv(path: str | Path, rows: Iterable[LesionRow]) -> None:
    """Write the table to a CSV file (RFC 4180, UTF-8), whole or not at all; an empty cell is a missing value.

    Numbers keep four decimals and the decimal point. Raises `InputError` when the place cannot be written to.
    """
    text = csv_text(rows)
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


def csv_text(rows: Iterable[LesionRow]) -> str:
    """The table as the text of a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.title for column in COLUMNS)
    for row in rows:
        writer.writerow(_cell(column, row) for column in COLUMNS)
    return out.getvalue()


def _cell(column: Column, row: LesionRow) -> Any:
    value = column.value(row)
    return round(value, 4) if column.decimals is not None and value is not None else value
