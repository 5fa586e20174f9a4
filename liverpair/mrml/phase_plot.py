"""The curve of a lesion over the dynamic phases as a plot chart of the scene.

Chart, series and table are derived, and made again for the next lesion: they are hidden from the lists of nodes.
"""

import slicer

from liverpair.core.lesion_findings import DYNAMIC, PHASES
from liverpair.core.lesions import Lesion
from liverpair.measures.phases import curve_rows, enhancement_curve
from liverpair.mrml import layouts, pen, tables

PREFIX = "LiverPair phases"
LINES = {
    "lesion": ("Lesion over native", (0.76, 0.25, 0.05)),
    "liver": ("Liver over native", (0.04, 0.31, 0.49)),
    "contrast": ("Lesion against liver", (0.45, 0.45, 0.45)),
}
PLACE, PHASE = "Place in time", "Phase"
MARGIN = 0.25
"""Of the axis of places, so that the first and the last mark are whole."""


def show(lesion: Lesion) -> bool:
    """Plot the curve of a lesion below the views; whether it has one, of two phases or more."""
    rows = curve_rows(enhancement_curve(lesion.phases))
    if len(rows) < 2:
        return False
    drawn = [key for key in LINES if all(key in row for row in rows)]
    table = _node("vtkMRMLTableNode", "table")
    titles = [PLACE, PHASE, *(LINES[key][0] for key in drawn)]
    tables.fill(table, titles, [[str(r["place"]), r["phase"], *(f"{r[key]:.1f}" for key in drawn)] for r in rows])
    _as_numbers(table, [PLACE, *(LINES[key][0] for key in drawn)])
    chart = _node("vtkMRMLPlotChartNode", "chart")
    was_modifying = chart.StartModify()
    chart.RemoveAllPlotSeriesNodeIDs()
    for key in drawn:
        title, color = LINES[key]
        series = _node("vtkMRMLPlotSeriesNode", title)
        series.SetName(title)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetXColumnName(PLACE)
        series.SetYColumnName(title)
        series.SetLabelColumnName(PHASE)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
        series.SetColor(*color)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    pen.letter(chart)
    chart.SetTitle(f"Lesion {lesion.number}")
    chart.SetXAxisTitle(", ".join(f"{DYNAMIC.index(key)} {PHASES[key]}" for key in DYNAMIC if key in lesion.phases))
    chart.SetYAxisTitle("%")
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(rows[0]["place"] - MARGIN, rows[-1]["place"] + MARGIN)
    chart.EndModify(was_modifying)
    layouts.show_plot(chart)
    return True


def _node(class_name: str, what: str):
    name = f"{PREFIX}: {what}"
    for node in slicer.util.getNodesByClass(class_name):
        if node.GetAttribute("LiverPairPhases") == what:
            return node
    node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
    node.SetAttribute("LiverPairPhases", what)
    node.SetHideFromEditors(True)
    return node


def _as_numbers(table_node, titles: list[str]) -> None:
    """The columns of these titles as numbers: Slicer plots no text."""
    import vtk

    table = table_node.GetTable()
    for title in titles:
        text = table.GetColumnByName(title)
        column = vtk.vtkDoubleArray()
        column.SetName(title)
        for row in range(text.GetNumberOfValues()):
            column.InsertNextValue(float(text.GetValue(row)))
        place = next(n for n in range(table.GetNumberOfColumns()) if table.GetColumnName(n) == title)
        table.RemoveColumn(place)
        table.InsertColumn(column, place)
    table_node.Modified()
