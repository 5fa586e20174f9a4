"""Plot views and sequence browsers of the harness: real charts, real playback."""

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import numpy as np  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402
from clean_harness import harness  # noqa: E402, F401

TRENDS = ("Rising", "Falling")


@pytest.fixture
def plot(harness):
    """A view with a chart of two series over 21 steps, the first of which are not defined."""
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalPlotView)
    steps = np.arange(21.0)
    values = np.stack([steps, np.where(steps < 3, np.nan, steps), 20 - steps], 1)
    chart = slicer.util.plot(values, 0, ["step", *TRENDS], "Trends", show=False)
    plot_view_node().SetPlotChartNodeID(chart.GetID())
    harness.wait()
    return harness.plot_view()


def plot_view_node():
    """The node of the plot view."""
    return slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode()


def selections(view) -> list[dict[str, list[int]]]:
    """A list that grows with everything the view says was selected: by series, the rows."""
    heard = []

    def on_selected(series, points):
        found = {}
        for index in range(series.GetNumberOfValues()):
            rows = points.GetItemAsObject(index)
            name = slicer.mrmlScene.GetNodeByID(series.GetValue(index)).GetYColumnName()
            found[name] = [rows.GetValue(row) for row in range(rows.GetNumberOfValues())]
        heard.append(found)

    assert view.connect("dataSelected(vtkStringArray*, vtkCollection*)", on_selected)
    return heard


def test_a_click_on_a_point_selects_it(harness, plot):
    heard = selections(plot)
    harness.click_plot(15, 15)
    assert heard[0] == {} and heard[-1] == {"Rising": [15]}, "VTK tells the former selection first"
    harness.click_plot(4, 16)
    assert heard[-1] == {"Rising": [15], "Falling": [4]}, "each series keeps its selection"
    plot.RemovePlotSelections()
    harness.click_plot(10, 3)
    assert heard[-1] == {}, "there is no point"


def test_a_plot_view_does_not_tell_its_node_but_its_widget_does(plot):
    assert plot_view_node().IsA("vtkMRMLPlotViewNode")
    with pytest.raises(AttributeError, match="mrmlPlotViewNode"):
        plot.mrmlPlotViewNode()


def test_a_drag_moves_the_plot_or_selects_what_lies_inside(harness, plot):
    heard = selections(plot)
    node = plot_view_node()
    harness.select_in_plot((8.5, 7.5), (10.5, 12.5))
    assert not any(heard) and plot.chart().GetAxis(vtk.vtkAxis.BOTTOM).GetMinimum() < -1
    plot.fitToContent()
    node.SetInteractionMode(node.InteractionModeSelectPoints)
    harness.select_in_plot((8.5, 7.5), (10.5, 12.5))
    assert heard[-1] == {"Rising": [9, 10], "Falling": [9, 10]}


def test_hovering_tells_series_and_values(harness, plot):
    assert harness.hover_plot(12, 12) == "Trends Rising = (12, 12)"
    assert harness.hover_plot(12, 8) == "Trends Falling = (12, 8)"
    assert harness.hover_plot(12, 3) == ""


def test_a_chart_that_grows_is_fitted_on_request_only(harness, plot):
    plot.harness_draw_if_stale()
    axis = plot.chart().GetAxis(vtk.vtkAxis.BOTTOM)
    assert (axis.GetMinimum(), axis.GetMaximum()) == (0, 20)
    chart = plot_view_node().GetPlotChartNode()
    table = chart.GetNthPlotSeriesNode(0).GetTableNode()
    slicer.util.updateTableFromArray(table, np.tile(np.arange(61.0)[:, None], 3), ["step", *TRENDS])
    plot.harness_draw_if_stale()
    assert axis.GetMaximum() == 20
    plot.fitToContent()
    assert axis.GetMaximum() >= 60
    assert chart.GetXAxisRange()[1] >= 60


def test_a_fixed_range_is_kept_and_a_series_without_its_column_is_not_drawn(harness, plot):
    chart = plot_view_node().GetPlotChartNode()
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(-5, 50)
    chart.GetNthPlotSeriesNode(1).SetYColumnName("absent")
    plot.harness_draw_if_stale()
    axis = plot.chart().GetAxis(vtk.vtkAxis.BOTTOM)
    assert (axis.GetMinimum(), axis.GetMaximum()) == (-5, 50)
    assert plot.chart().GetNumberOfPlots() == 1


@pytest.fixture
def browser(harness):
    """A browser of five texts at the steps 0, 10, … 40, with its widgets on screen."""
    import qt

    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Words")
    sequence.SetIndexName("step")
    sequence.SetIndexUnit("")
    for step in range(0, 50, 10):
        text = slicer.vtkMRMLTextNode()
        text.SetText(str(step))
        sequence.SetDataNodeAtValue(text, str(step))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    panel = qt.QWidget()
    column = qt.QVBoxLayout(panel)
    parts = slicer.qMRMLSequenceBrowserSeekWidget(), slicer.qMRMLSequenceBrowserPlayWidget()
    for part in parts:
        column.addWidget(part)
        part.setMRMLSequenceBrowserNode(node)
    harness.main_window.harness_show_panel(panel)
    assert not any(part.isEnabled() for part in parts)
    node.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    harness.wait()
    assert all(part.isEnabled() for part in parts)
    yield node
    harness.main_window.harness_show_panel(None)


def shown(browser) -> str:
    """The text that the browser shows."""
    return browser.GetProxyNode(browser.GetMasterSequenceNode()).GetText()


def test_sequence_is_sought_and_stepped_through(harness, browser):
    slider = harness.widget("slider_IndexValue")
    harness.press("End", slider)
    assert browser.GetSelectedItemNumber() == 4 and shown(browser) == "40"
    harness.press("Left", slider)
    assert shown(browser) == "30"
    for button, text in (("VcrFirst", "0"), ("VcrNext", "10"), ("VcrLast", "40"), ("VcrPrevious", "30")):
        harness.click(harness.widget(f"pushButton_{button}"))
        assert shown(browser) == text
    assert slider.value == 3
    browser.SetSelectedItemNumber(1)
    assert slider.value == 1


def test_sequence_is_played_to_its_end_once_or_again_and_again(harness, browser):
    browser.SetPlaybackLooped(False)
    harness.type_text(harness.widget("doubleSpinBox_VcrPlaybackRate"), "50")
    assert browser.GetPlaybackRateFps() == 50
    browser.SetSelectedItemNumber(0)
    play = harness.widget("pushButton_VcrPlayPause")
    harness.click(play)
    assert play.checked
    harness.wait(until=lambda: not play.checked)
    assert not browser.GetPlaybackActive()
    harness.click(harness.widget("pushButton_VcrLoop"))
    assert browser.GetPlaybackLooped()
    harness.click(play)
    seen = set()
    harness.wait(until=lambda: seen.add(shown(browser)) or {"0", "40"} <= seen)
    harness.click(play)
    assert not browser.GetPlaybackActive()


def test_scene_closed_while_playing(harness, browser):
    browser.SetPlaybackActive(True)
    harness.wait()
    slicer.mrmlScene.Clear()
    harness.wait(seconds=0.1)
    assert not harness.problems()
