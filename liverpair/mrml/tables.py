"""The measures of a run as a table node that a radiologist can read and copy."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import vtk

from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml import provenance as provenance_attributes


def show_measures(table_node, result: Mapping) -> None:
    """Fill a table node with the two columns Measure and Value from the worker's result of the job "segment".

    Whatever the table held is replaced; measures that were not taken have no row. The provenance is kept with the node,
    not written into the table. Displacements, LPS in the result,
    are RAS here as everywhere in Slicer.
    """
    fill(table_node, ("Measure", "Value"), measure_rows(result))
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


def measure_rows(result: Mapping) -> Iterator[tuple[str, str]]:
    """The rows (measure, value) of a result, in the order in which they are read; "maps" in it, beside what the worker
    says, are the names of the maps' volumes by title."""
    for side in Side:
        if result.get(side):
            yield f"Liver volume {side.title} (ml)", f"{result[side]['volume_ml']:.0f}"
            if result[side].get("expected_dice") is not None:
                yield f"Expected Dice {side.title}", f"{result[side]['expected_dice']:.2f}"
    yield from (result.get("maps") or {}).items()
    measures = result.get("measures") or {}
    if measures.get("dice_as_scanned") is not None:
        yield "Dice of the two livers as scanned", f"{measures['dice_as_scanned']:.2f}"
    offset = measures.get("offset_t1_to_t2_mm")
    if offset is not None:
        for axis, millimeters in zip("RAS", frames.flip(offset)):
            yield f"Centroid offset T1 \N{MINUS SIGN} T2 {axis} (mm)", f"{0.0 - millimeters:.1f}"
    for note in result.get("notes") or ():
        yield "Note", str(note)
