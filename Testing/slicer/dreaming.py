"""DeepDreamInspector: a dream is begun at a point, paused, watched, exported, saved, and compared with another."""

import math

import slicer
from hands import placeOf
from workers import engage

MODEL = "lesion-slices-t1"
LONG, SHORT = 2000, 12
VIEWS = ("LiverPairOriginal", "T1Axial")
"""In which T1 is shown, once a dream was begun and before."""


def begin(hands, iterations):
    """Begin a dream of so many iterations at the place that the views show; whether the true worker dreams it."""
    isTrue = engage(hands, "DeepDreamInspector")
    if isTrue:
        hands.choose("modelComboBox", MODEL)
    hands.press("placePointButton")
    widgets = {name: slicer.app.layoutManager().sliceWidget(name) for name in VIEWS}
    view = next(name for name, widget in widgets.items() if widget is not None and widget.visible)
    hands.clickInSlice(view, placeOf(view))
    hands.expect(hands["pointsList"].count == 1, f"one point is placed, not {hands['pointsList'].count}")
    hands.picture("point")
    run(hands, iterations)
    return isTrue


def run(hands, iterations):
    """Press Run, for so many iterations."""
    hands.typeText(hands["iterationsSpinBox"], str(iterations))
    hands.expect(hands["applyButton"].enabled, f"the dream can be begun: {hands.read('reasonLabel')}")
    hands.press("applyButton")
    hands.expect(hands.pythonWidget().context.running, f"the dream has begun: {hands.read('statusLabel')}")


def ended(hands):
    """Wait until no dream runs."""
    hands.until(lambda: not hands.pythonWidget().context.running, "the dream ends")
    hands.settle(1.0)


def pointsOf(series):
    """The points of a plotted series, x and y; rows without a value have none."""
    table = series.GetTableNode().GetTable()
    columns = [table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName())]
    points = [[column.GetVariantValue(row).ToDouble() for column in columns] for row in range(table.GetNumberOfRows())]
    return [point for point in points if all(map(math.isfinite, point))]


def a_dream_is_watched(hands):
    hands.loadDemoPair()
    isTrue = begin(hands, LONG)
    context = hands.pythonWidget().context
    if isTrue:
        dream = context.dream
        hands.until(lambda: dream.last_iteration >= 5, "the dream comes to iteration 5")
        hands.picture("dreaming")
        hands.press("pauseButton")
        ended(hands)
        hands.expect(hands.read("statusLabel").startswith("Paused"), f"it is paused: {hands.read('statusLabel')}")
        left = dream.last_iteration
        hands.press("resumeButton")
        hands.until(lambda: dream.last_iteration >= left + 5, "the dream goes on")
        hands.press("cancelButton")
    else:
        hands.leaveOut("a stand-in cannot be paused.")
    ended(hands)
    hands.expect(
        context.dream is not None and context.dream.finished, f"the dream is kept: {hands.read('statusLabel')}"
    )
    hands.press("showViewsButton")
    hands.settle(1.0)
    hands.picture("dreamt")

    chart = context.plot.chart_node
    series = [chart.GetNthPlotSeriesNode(number) for number in range(chart.GetNumberOfPlotSeriesNodes())]
    drawn = [each for each in series if each.GetTableNode() is not None and each.GetYColumnName()]
    hands.expect(len(drawn) > 0, "trajectories are drawn")
    for points in filter(None, map(pointsOf, drawn)):
        hands.clickInPlot(*points[len(points) // 2])
        hands.settle(0.5)
        if context.iteration is not None:
            break
    hands.expect(context.iteration is not None, "a click in the plot chooses an iteration")
    hands.picture("iteration")
    hands.clickCell(hands["featureTable"], 0, 1)
    hands.picture("one-feature")
    hands.clickCell(hands["featureTable"], 0, 1)

    hands.answer(hands.folder / "dream.csv")
    hands.press("exportTableButton")
    hands.expect((hands.folder / "dream.csv").is_file(), f"the trajectories are written: {hands.read('statusLabel')}")
    if isTrue:
        hands.answer(hands.folder / "dream.png")
        hands.press("exportPngButton")
        hands.until(lambda: (hands.folder / "dream.png").is_file(), "the plot is written")

    features = [row[1] for row in hands.rows("featureTable")]
    hands.saveAndLoad()
    hands.open("DeepDreamInspector")
    hands.settle(1.0)
    hands.expect([row[1] for row in hands.rows("featureTable")] == features, "the loaded dream has the same features")
    hands.press("showViewsButton")
    hands.picture("loaded")


def two_dreams_are_compared(hands):
    hands.loadDemoPair()
    begin(hands, SHORT)
    ended(hands)
    context = hands.pythonWidget().context
    first = hands["dreamSelector"].currentNode()
    run(hands, SHORT)
    ended(hands)
    hands.expect(hands["dreamSelector"].currentNode() is not first, "the second dream is on the screen")
    hands["secondSelector"].setCurrentNode(first)
    hands.settle(1.0)
    hands.picture("compared")
    for row in (0, 1, 1):
        hands.clickCell(hands["featureTable"], row, 1)
        hands.picture(f"feature-{row}")
    hands.press("fitPlotButton")
    hands.press("deleteDreamButton")
    hands.settle(1.0)
    hands.expect(context.dream is None or context.dream.alive, "a deleted dream is not shown any more")
    tables = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLTableNode")]
    hands.picture("deleted")
    hands.expect(first.GetName() in tables, f"the other dream is still there, among {tables}")
