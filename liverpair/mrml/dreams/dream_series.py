"""The nodes of a plot of a dream: a table for each part, a series for each line, all drawn in one chart."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.mrml import pen
from liverpair.mrml.dreams import dream_folders
from liverpair.mrml.dreams.dream_lines import ITERATION, PIECE, Line, Part

PART = "LiverPair.DreamPlotPart"
LINE = "LiverPair.DreamPlotLine"
PIECES = "LiverPair.DreamPlotPieces"
CHART, SERIES, TABLE = "vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode"
STYLES = {
    "solid": slicer.vtkMRMLPlotSeriesNode.LineStyleSolid,
    "dash": slicer.vtkMRMLPlotSeriesNode.LineStyleDash,
    "dot": slicer.vtkMRMLPlotSeriesNode.LineStyleDot,
    "dash-dot": slicer.vtkMRMLPlotSeriesNode.LineStyleDashDot,
}
LEAST_ROWS = 2
"""VTK complains of every line with fewer points; rows of NaN are not drawn."""


def chart_of(dream_table):
    """The chart of a dream; None when there is none."""
    return next(iter(dream_folders.nodes_of(dream_table, CHART)), None)


def make_chart(dream_table):
    """A new chart for a dream, empty."""
    chart = _new_node(CHART, dream_table, f"{dream_table.GetName()} plot", filed=True)
    pen.letter(chart)
    chart.SetTitle(dream_table.GetName())
    chart.SetXAxisTitle("iteration")
    return chart


@contextmanager
def one_event(chart) -> Iterator[None]:
    """A block whose changes of a chart, its series and their tables are one event of the chart, so that views draw
    once."""
    was_modifying = chart.StartModify()
    try:
        yield
    finally:
        chart.EndModify(was_modifying)


def write(dream_table, chart, parts: Sequence[Part]) -> None:
    """Make the nodes show these parts: what is missing is made, what is left over removed."""
    tables = _by_attribute(dream_table, TABLE, PART)
    series = _by_attribute(dream_table, SERIES, LINE)
    drawn = []
    for part in parts:
        table = tables.pop(part.what, None) or _new_table(dream_table, part)
        fill(table, part.columns, part.pieces)
        for line in part.lines:
            node = series.pop(key_of(line), None) or _new_series(dream_table, line)
            _set(node, line, table, PIECE if part.pieces else "")
            drawn.append(node.GetID())
    if [chart.GetNthPlotSeriesNodeID(i) for i in range(chart.GetNumberOfPlotSeriesNodes())] != drawn:
        chart.RemoveAllPlotSeriesNodeIDs()
        for node_id in drawn:
            chart.AddAndObservePlotSeriesNodeID(node_id)
    for node in (*series.values(), *tables.values()):
        dream_folders.remove_node(node)


def fill(table_node, columns: Mapping[str, np.ndarray], pieces: Sequence[tuple[str, int]] = ()) -> None:
    """Put columns of numbers into a table node, and, where there are `pieces` (text, rows), a last column that says to
    which of them a row belongs. Arrays that are there already are used again.

    Where the columns are other ones, the node gets another table: a plot view lets go of its plots one by one, and
    looks at all that are left each time, so they need the columns that they had.
    """
    table = table_node.GetTable()
    wanted = [*columns, *([PIECE] if pieces else [])]
    has_others = [table.GetColumnName(number) for number in range(table.GetNumberOfColumns())] != wanted
    if has_others:
        table = vtk.vtkTable()
        table_node.RemoveAttribute(PIECES)
        for name in wanted:
            column = vtk.vtkDoubleArray() if name in columns else vtk.vtkStringArray()
            column.SetName(name)
            table.AddColumn(column)
    for name, values in columns.items():
        column = table.GetColumnByName(name)
        column.SetNumberOfTuples(max(len(values), LEAST_ROWS))
        array = vtk_to_numpy(column)
        array[: len(values)], array[len(values) :] = values, math.nan
        column.Modified()
    if pieces:
        _fill_pieces(table_node, table, pieces)
    if has_others:
        table_node.SetAndObserveTable(table)
    table.Modified()


def _fill_pieces(table_node, table: vtk.vtkTable, pieces: Sequence[tuple[str, int]]) -> None:
    """Write text, which is slow, only when it is not there yet."""
    column, written = table.GetColumnByName(PIECE), json.dumps(pieces)
    texts = [text for text, rows in pieces for _row in range(rows)]
    texts += [""] * (LEAST_ROWS - len(texts))
    if table_node.GetAttribute(PIECES) == written and column.GetNumberOfTuples() == len(texts):
        return
    column.SetNumberOfTuples(len(texts))
    for row, text in enumerate(texts):
        column.SetValue(row, text)
    table_node.SetAttribute(PIECES, written)


def key_of(line: Line) -> str:
    """What tells a line of a plot from the others: `what`, and the feature after a space where there is one."""
    return f"{line.what} {line.feature or ''}".rstrip()


def read_key(series) -> tuple[str, str | None]:
    """`what` and feature of the line that a series shows."""
    what, _, feature = (series.GetAttribute(LINE) or "").partition(" ")
    return what, feature or None


def point_of(series, index: int) -> tuple[int, float] | None:
    """Iteration and value of a point; None when there is no such point."""
    table = series.GetTableNode().GetTable() if series.GetTableNode() is not None else None
    if table is None or not 0 <= index < table.GetNumberOfRows():
        return None
    columns = [table.GetColumnByName(name) for name in (ITERATION, series.GetYColumnName())]
    if None in columns:
        return None
    iteration, value = (column.GetValue(index) for column in columns)
    return (int(iteration), float(value)) if np.isfinite(iteration) else None


def label_of(series, index: int) -> str:
    """What the piece of a line that holds a point belongs to; "" when it has only one."""
    table = series.GetTableNode().GetTable() if series.GetTableNode() is not None else None
    column = table.GetColumnByName(series.GetLabelColumnName() or "") if table is not None else None
    return column.GetValue(index) if column is not None else ""


def _set(node, line: Line, table, labels: str) -> None:
    was_modifying = node.StartModify()
    try:
        node.SetName(line.name)
        node.SetPlotType(node.PlotTypeScatter)
        node.SetMarkerStyle(node.MarkerStyleNone)
        node.SetLineStyle(STYLES[line.style])
        node.SetLineWidth(line.width)
        node.SetOpacity(line.opacity)
        node.SetColor(*(int(line.color[i : i + 2], 16) / 255 for i in (1, 3, 5)))
        if node.GetTableNodeID() != table.GetID():
            node.SetAndObserveTableNodeID(table.GetID())
        node.SetXColumnName(ITERATION)
        node.SetYColumnName(line.column)
        node.SetLabelColumnName(labels)
    finally:
        node.EndModify(was_modifying)


def _new_table(dream_table, part: Part):
    node = _new_node(TABLE, dream_table, f"{dream_table.GetName()} {part.what}", PART, part.what)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node


def _new_series(dream_table, line: Line):
    return _new_node(SERIES, dream_table, line.name, LINE, key_of(line))


def _new_node(class_name: str, dream_table, name: str, attribute: str = "", value: str = "", filed: bool = False):
    """A node of a dream, hidden from lists of nodes unless it is `filed` in the dream's folder."""
    scene = dream_table.GetScene()
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)
    node.SetName(name)
    node.SetHideFromEditors(not filed)
    if attribute:
        node.SetAttribute(attribute, value)
    scene.AddNode(node)
    dream_folders.own(dream_table, node, filed)
    return node


def _by_attribute(dream_table, class_name: str, attribute: str) -> dict[str, object]:
    nodes = dream_folders.nodes_of(dream_table, class_name)
    return {node.GetAttribute(attribute): node for node in nodes if node.GetAttribute(attribute)}
