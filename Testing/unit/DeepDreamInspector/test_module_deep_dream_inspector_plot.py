"""The section Plot: what is drawn of a dream, live, clicked into, and kept with the scene."""

import pytest
import slicer
from dream_viewing_factory import FEATURES, ITERATIONS, RANGES, samples, viewing_of  # noqa: F401

from liverpair.mrml.dreams.dream_series import read_key

SPHERICITY, PERIMETER, ENTROPY, CONTRAST = FEATURES
SHOWN, TITLE, VALUE = range(3)


@pytest.fixture
def viewing(viewing_of):
    return viewing_of("plot")


def drawn(viewing) -> list[str]:
    """The features whose median is drawn."""
    lines = map(read_key, viewing.context.plot.series)
    return [feature for what, feature in lines if what == "median"]


def kinds(viewing) -> set[str]:
    """What the lines of the plot show: medians, baselines, the second dream…"""
    return {read_key(series)[0] for series in viewing.context.plot.series}


def click_feature(viewing, number: int, column: int = TITLE) -> None:
    viewing.harness.click_row(viewing["featureTable"], number, column)


def test_before_a_dream_nothing_can_be_chosen(viewing):
    assert viewing.text("plotLabel") == "The trajectories are plotted here as soon as a dream begins."
    for name in ("featureTable", "normalizedCheckBox", "baselinesCheckBox", "fitPlotButton", "showViewsButton"):
        assert not viewing[name].isEnabled()


def test_a_dream_is_drawn_with_its_features_colors_and_last_values(viewing):
    viewing.dream()
    rows = viewing.rows("featureTable")
    assert [row[TITLE] for row in rows] == ["Sphericity", "Perimeter", "Entropy", "Contrast (GLCM)"]
    assert [row[VALUE] for row in rows] == ["0.10", "0.20", "6.40", "–"]
    assert viewing["featureTable"].horizontalHeaderItem(VALUE).text() == f"z at {ITERATIONS}"
    icon = viewing["featureTable"].item(0, TITLE).icon().pixmap(12, 12).toImage()
    assert icon.pixelColor(5, 5).name() == viewing.context.plot.color(SPHERICITY)
    assert drawn(viewing) == [SPHERICITY, PERIMETER, ENTROPY]
    assert viewing.text("plotLabel") == (
        "Not drawn as standard scores, for their normal range is not known: Contrast (GLCM)."
    )
    view_node = slicer.mrmlScene.GetSingletonNode("LiverPairDreamPlot", "vtkMRMLPlotViewNode")
    assert view_node.GetPlotChartNode() is viewing.context.plot.chart_node


def test_a_feature_is_clicked_to_see_it_alone_and_again_to_see_all(viewing):
    viewing.dream()
    click_feature(viewing, 2)
    assert drawn(viewing) == [ENTROPY]
    click_feature(viewing, 0)
    assert drawn(viewing) == [SPHERICITY]
    assert [index.row() for index in viewing["featureTable"].selectionModel().selectedRows()] == [0]
    click_feature(viewing, 0)
    assert drawn(viewing) == [SPHERICITY, PERIMETER, ENTROPY]


def test_features_are_left_out_but_for_one(viewing):
    import qt

    viewing.dream()
    table = viewing["featureTable"]
    for number in (1, 2, 3):
        table.item(number, SHOWN).setCheckState(qt.Qt.Unchecked)
    assert drawn(viewing) == [SPHERICITY]
    table.item(0, SHOWN).setCheckState(qt.Qt.Unchecked)
    assert viewing.said == ["One feature has to stay in the plot."]
    assert drawn(viewing) == [SPHERICITY] and table.item(0, SHOWN).checkState() == qt.Qt.Checked
    table.item(2, SHOWN).setCheckState(qt.Qt.Checked)
    assert drawn(viewing) == [SPHERICITY, ENTROPY]


def test_raw_values_are_drawn_on_request_and_without_normal_ranges(viewing):
    viewing.dream()
    viewing.click("normalizedCheckBox")
    assert drawn(viewing) == list(FEATURES) and "band" not in kinds(viewing)
    assert [row[VALUE] for row in viewing.rows("featureTable")] == ["0.805", "62", "6.2", "17"]
    viewing.click("normalizedCheckBox")
    assert "band" in kinds(viewing)
    viewing.dream(name="Without ranges", ranges=None)
    assert drawn(viewing) == list(FEATURES)
    assert not viewing["normalizedCheckBox"].isEnabled() and not viewing["normalizedCheckBox"].checked
    assert viewing.text("plotLabel").startswith("There are no normal ranges")


def test_baselines_are_hidden_and_shown(viewing):
    viewing.dream()
    assert viewing["baselinesCheckBox"].checked and "random-weights" in kinds(viewing)
    viewing.click("baselinesCheckBox")
    assert "random-weights" not in kinds(viewing)
    viewing.click("baselinesCheckBox")
    assert "random-weights" in kinds(viewing)
    viewing.dream(name="Alone", baselines=())
    assert not viewing["baselinesCheckBox"].isEnabled()


def test_a_second_dream_is_laid_over_the_first(viewing):
    viewing.dream(name="Other model", shown=False)
    viewing.dream()
    viewing.harness.choose(viewing["secondSelector"], "Other model")
    assert viewing.context.second.name == "Other model"
    assert "second" in kinds(viewing)
    viewing.harness.choose(viewing["secondSelector"], "Nothing")
    assert "second" not in kinds(viewing)
    viewing.harness.choose(viewing["secondSelector"], viewing.context.dream.name)
    assert "second" not in kinds(viewing), "a dream is not compared with itself"


def test_a_feature_is_seen_alone_beside_a_second_dream_without_a_word_from_vtk(viewing_of):
    viewing = viewing_of("plot", draws=True)
    viewing.dream(name="Other model", shown=False)
    viewing.dream()
    viewing.click("showViewsButton")
    viewing.harness.choose(viewing["secondSelector"], "Other model")
    for number in (2, 0, 0):
        viewing.harness.plot_view().harness_draw_if_stale()
        click_feature(viewing, number)
    viewing.click("normalizedCheckBox")
    viewing.harness.plot_view().harness_draw_if_stale()
    assert not [problem for problem in viewing.harness.problems() if problem.kind == "vtk"]


def test_the_plot_follows_the_run(viewing):
    dream = viewing.dream(finished=False, iterations=range(5))
    chart = viewing.context.plot.chart_node
    viewing.context.addSamples(dream, samples(range(5, 30)))
    viewing.context.addSamples(dream, samples(range(30, ITERATIONS + 1)))
    viewing.harness.wait(until=lambda: viewing.rows("featureTable")[1][VALUE] == "0.20")
    assert viewing.context.plot.chart_node is chart
    table = viewing.context.plot.series[-1].GetTableNode().GetTable()
    assert table.GetColumnByName("iteration").GetRange()[1] == ITERATIONS


def test_a_point_that_is_clicked_is_looked_at(viewing_of):
    viewing = viewing_of("plot", draws=True)
    viewing.dream()
    viewing.click("showViewsButton")
    viewing.harness.wait(seconds=0.3)
    z = 10 * 2 / ITERATIONS / RANGES["features"][PERIMETER]["sd"]
    assert viewing.harness.hover_plot(10, z) == f"Perimeter = (10, {z:g})"
    viewing.harness.click_plot(10, z)
    viewing.harness.wait(until=lambda: viewing.context.iteration == 10)
    assert viewing.said == [f"Perimeter, iteration 10: z = {z:.2f}"]
    assert "mark" in kinds(viewing)
    assert viewing["featureTable"].horizontalHeaderItem(VALUE).text() == "z at 10"
    viewing.harness.click_plot(30, -2.5)
    assert viewing.context.iteration == 10, "there is no point"
    viewing.harness.click_plot(10, z)
    viewing.context.goTo(30)
    viewing.harness.click_plot(10, z)
    viewing.harness.wait(until=lambda: viewing.context.iteration == 10)


def test_what_is_chosen_is_kept_with_the_scene(viewing, tmp_path):
    viewing.dream()
    click_feature(viewing, 2)
    viewing.click("baselinesCheckBox")
    viewing.reopen(tmp_path / "scene.mrb")
    assert drawn(viewing) == [ENTROPY] and "random-weights" not in kinds(viewing)
    assert not viewing["baselinesCheckBox"].checked
    click_feature(viewing, 2)
    assert drawn(viewing) == [SPHERICITY, PERIMETER, ENTROPY]


def test_a_dream_that_is_deleted_leaves_an_empty_list(viewing):
    viewing.dream().remove()
    viewing.harness.wait()
    assert viewing.context.plot is None and viewing.rows("featureTable") == []
