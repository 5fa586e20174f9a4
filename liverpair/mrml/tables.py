"""The measures of a run as a table node that a radiologist can read and copy."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import vtk

from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml import provenance as provenance_attributes

SHIFT = "Shift against T1: how the patient lay or breathed (mm)"


def show_measures(table_node, result: Mapping) -> None:
    """Fill a table node with the columns Measure, T1 and T2 from the worker's result of the job "segment".

    Whatever the table held is replaced; measures that were not taken have no row. The provenance is kept with the node,
    not written into the table.
    """
    fill(table_node, ("Measure", *(side.title for side in Side)), measure_rows(result))
    provenance_attributes.write(table_node, result.get("provenance") or {})


def fill(table_node, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Put columns of text into a table node, in place of what it held; the user can copy from it, not write into it.

    Double quotes become single ones, and tabs and line breaks spaces: Slicer's file of a table loses the rest of a cell
    that has one, or its row.
    """
    rows = list(rows)
    table = vtk.vtkTable()
    for number, title in enumerate(titles):
        column = vtk.vtkStringArray()
        column.SetName(title)
        for row in rows:
            column.InsertNextValue(re.sub(r"\s", " ", row[number]).replace('"', "'"))
        table.AddColumn(column)
    table_node.SetUseColumnTitleAsColumnHeader(True)
    table_node.SetLocked(True)
    table_node.SetAndObserveTable(table)


def measure_rows(result: Mapping) -> Iterator[tuple[str, str, str]]:
    """The rows (measure, in T1, in T2) of a result, in the order in which they are read; "maps" in it, beside what the
    worker says, are the names of the maps' volumes by kind and side."""
    own = {side: result.get(side) or {} for side in Side}
    measures, maps = result.get("measures") or {}, result.get("maps") or {}
    yield from _row("Liver volume (ml)", *(_number(own[side].get("volume_ml"), 0) for side in Side))
    yield from _row("Expected Dice of the mask", *(_number(own[side].get("expected_dice"), 2) for side in Side))
    yield from _row("Dice with the liver in T1, as scanned", "", _number(measures.get("dice_as_scanned"), 2))
    offset = measures.get("offset_t1_to_t2_mm")
    yield from _row(SHIFT, "", _told(frames.flip(offset)) if offset is not None else "")
    for kind in dict.fromkeys(kind for kind, _side in maps):
        yield from _row(kind, *(maps.get((kind, side), "") for side in Side))
    for note in result.get("notes") or ():
        yield "Note", str(note), ""


def _row(measure: str, t1: str, t2: str) -> Iterator[tuple[str, str, str]]:
    """The row, where there is something to say."""
    if t1 or t2:
        yield measure, t1, t2


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _told(shift_ras: Sequence[float]) -> str:
    """A shift in words, as "5 right, 16 front, 38 down"."""
    directions = (("right", "left"), ("front", "back"), ("up", "down"))
    rounded = [round(millimeters) for millimeters in shift_ras]
    parts = [f"{abs(mm)} {names[mm < 0]}" for mm, names in zip(rounded, directions) if mm]
    return ", ".join(parts) or "0"
