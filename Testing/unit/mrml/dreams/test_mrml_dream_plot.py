"""The plot of a dream: what is drawn, how it follows the run, and that it can be made again."""

import logging
import math

import numpy as np
import pytest
import slicer
import vtk
from mrml_dream_factory import FEATURES, ITERATIONS, RANGES, new_dream, sample, samples, value_of
from mrml_factory import empty_scene
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.core.errors import InputError
from liverpair.measures.feature_colors import color_of
from liverpair.mrml.dreams.dream_plot import FAR_Z, DreamPlot
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.mrml.dreams.dream_series import read_key
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from Testing.harness.plot_picture import PlotPicture

SPHERICITY, CONTRAST, ENTROPY = FEATURES
BASELINES = ("dream", "random-weights", "random-direction")
GLCM = "Contrast (GLCM)"
SERIES = slicer.vtkMRMLPlotSeriesNode


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


def plot_of(dream: DreamScene, **shown) -> DreamPlot:
    plot = DreamPlot(dream)
    plot.show(**shown)
    return plot


def named(plot: DreamPlot, name: str):
    """The only series with this name in the legend."""
    (series,) = [series for series in plot.series if series.GetName() == name]
    return series


def names(plot: DreamPlot) -> list[str]:
    return [series.GetName() for series in plot.series if series.GetName()]


def points(series) -> np.ndarray:
    """The points of a series that are drawn: (iteration, value)."""
    table = series.GetTableNode().GetTable()
    columns = [series.GetXColumnName(), series.GetYColumnName()]
    found = np.array([vtk_to_numpy(table.GetColumnByName(name)) for name in columns]).T
    return found[np.isfinite(found).all(axis=1)]


def z(feature: str, value: float) -> float:
    known = RANGES["features"][feature]
    return (value - known["mean"]) / known["sd"]


def hexadecimal(series) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in series.GetColor())


def test_medians_are_drawn_as_z_scores_between_the_lines_of_the_normal_range():
    plot = plot_of(new_dream(starts=3))
    assert names(plot) == ["Normal range", "Sphericity", GLCM]
    expected = [[i, z(CONTRAST, value_of(CONTRAST, "dream", 1, i))] for i in range(1, ITERATIONS)]
    np.testing.assert_allclose(points(named(plot, GLCM)), expected)
    last = ITERATIONS - 1
    assert points(named(plot, "Normal range")).tolist() == [[0, -1], [last, -1], [0, 1], [last, 1]]
    assert plot.normalized
    assert plot.left_out == (ENTROPY,)
    assert plot.chart_node.GetYAxisTitle() == "z-score (1 without normal range)"


def test_quartiles_lie_around_the_median_in_its_color_and_out_of_the_legend():
    plot = plot_of(new_dream(starts=5), features=[CONTRAST])
    quartiles = next(series for series in plot.series if read_key(series)[1] == CONTRAST)
    assert (quartiles.GetName(), quartiles.GetColor()) == ("", named(plot, GLCM).GetColor())
    expected = [
        [i, z(CONTRAST, value_of(CONTRAST, "dream", start, i))] for start in (1, 3) for i in range(1, ITERATIONS)
    ]
    np.testing.assert_allclose(points(quartiles), expected)
    assert quartiles.GetLineWidth() < named(plot, GLCM).GetLineWidth()


def test_one_start_has_no_spread():
    plot = plot_of(new_dream(starts=1))
    assert all(series.GetName() for series in plot.series)


def test_a_feature_keeps_its_color_whatever_else_is_shown():
    plot = plot_of(new_dream())
    expected = color_of(FEATURES.index(CONTRAST))
    assert plot.color(CONTRAST) == expected == hexadecimal(named(plot, GLCM))
    plot.show(features=[CONTRAST])
    assert hexadecimal(named(plot, GLCM)) == expected


def lines_of(plot: DreamPlot, what: str) -> dict:
    """The series of one kind by feature."""
    keys = {series: read_key(series) for series in plot.series}
    return {feature: series for series, (kind, feature) in keys.items() if kind == what}


def test_baselines_have_the_colors_of_the_features_and_one_name():
    plot = plot_of(new_dream(kinds=BASELINES))
    weights, direction = (lines_of(plot, kind) for kind in BASELINES[1:])
    assert list(weights) == list(direction) == [SPHERICITY, CONTRAST]
    for name in weights:
        assert hexadecimal(weights[name]) == hexadecimal(direction[name]) == plot.color(name)
        assert weights[name].GetLineStyle() != direction[name].GetLineStyle()
        expected = [[i, z(name, value_of(name, "random-weights", 1, i))] for i in range(1, ITERATIONS)]
        np.testing.assert_allclose(points(weights[name]), expected)
    assert [series.GetName() for series in weights.values()] == ["Random weights", ""]
    plot.show(kinds=["dream"])
    assert "Random weights" not in names(plot)
    plot.show(kinds=["random-weights"])
    assert names(plot) == ["Normal range", "Random weights"]


def test_a_feature_alone_and_all_again():
    plot = plot_of(new_dream(kinds=BASELINES))
    everything = names(plot)
    plot.solo(SPHERICITY)
    assert names(plot) == ["Normal range", "Random weights", "Random direction", "Sphericity"]
    assert plot.shown.solo == SPHERICITY
    plot.solo(None)
    assert sorted(names(plot)) == sorted(everything)


def test_without_ranges_raw_values_are_drawn_and_the_axis_says_so():
    plot = plot_of(new_dream(ranges=None, starts=1))
    assert not plot.normalized
    assert names(plot) == ["Sphericity", GLCM, "Entropy"]
    assert points(named(plot, "Entropy"))[0].tolist() == [1, value_of(ENTROPY, "dream", 0, 1)]
    assert plot.chart_node.GetYAxisTitle() == "raw values (the model has no normal ranges)"


def test_raw_values_can_be_asked_for_and_one_alone_has_its_normal_range():
    plot = plot_of(new_dream(), normalized=False)
    assert names(plot) == ["Sphericity", GLCM, "Entropy"]
    assert (plot.normalized, plot.chart_node.GetYAxisTitle()) == (False, "raw values")
    plot.solo(CONTRAST)
    assert plot.chart_node.GetYAxisTitle() == GLCM
    assert sorted(set(points(named(plot, "Normal range"))[:, 1])) == [6, 12]


def test_a_feature_alone_that_has_no_range_is_drawn_raw():
    plot = plot_of(new_dream(), solo=ENTROPY)
    assert (names(plot), plot.normalized, plot.left_out) == (["Entropy"], False, ())
    assert plot.chart_node.GetYAxisTitle() == "Entropy (without normal range)"


@pytest.mark.parametrize("known", [{}, {"mean": 1.0, "sd": 0.0}, {"mean": None, "sd": 1.0}, {"mean": 1.0, "sd": None}])
def test_a_range_without_spread_is_none(known):
    plot = plot_of(new_dream(ranges={"features": {CONTRAST: known}}))
    assert not plot.normalized
    assert "no normal ranges" in plot.chart_node.GetYAxisTitle()


def test_the_ranges_of_the_result_count():
    dream = new_dream(ranges=None)
    plot = plot_of(dream)
    dream.finish({"ranges": RANGES})
    plot.update()
    assert plot.normalized


def test_another_dream_is_drawn_dashed_in_the_same_colors():
    dream, other = new_dream("One"), new_dream("Other", starts=1)
    plot = plot_of(dream, compare_with=other)
    assert plot.compared_with is other
    mine, its = named(plot, GLCM), lines_of(plot, "second")[CONTRAST]
    assert names(plot)[1:] == ["Other (dashed)", "Sphericity", GLCM], "its name stands in the legend once"
    assert (mine.GetLineStyle(), its.GetLineStyle()) == (SERIES.LineStyleSolid, SERIES.LineStyleDash)
    assert mine.GetColor() == its.GetColor()
    expected = [[i, z(CONTRAST, value_of(CONTRAST, "dream", 0, i))] for i in range(1, ITERATIONS)]
    np.testing.assert_allclose(points(its), expected)
    other.add_samples([sample("dream", 0, ITERATIONS)])
    plot.update()
    assert len(points(its)) == ITERATIONS
    other.remove()
    plot.update()
    assert (plot.compared_with, lines_of(plot, "second")) == (None, {})


def test_a_long_name_leaves_room_for_the_plot():
    other = new_dream("AX T1 in phase dreamt by lesion-slices-t1")
    assert "AX T1 in ph...n-slices-t1 (dashed)" in names(plot_of(new_dream("One"), compare_with=other))


def test_the_axis_ends_where_the_dream_does_and_says_what_the_list_of_features_does_not():
    dream = new_dream(kinds=BASELINES)
    dream.about = {**dream.about, "request": {"iterations": 100}}
    chart = plot_of(dream, compare_with=new_dream("Other")).chart_node
    assert chart.GetXAxisRange() == (0.0, 100.0) and not chart.GetLegendVisibility()
    assert chart.GetXAxisTitle() == (
        "iteration (between the green lines: normal range; thin dotted: random weights; "
        "thin dash-dotted: random direction; dashed: Other)"
    )
    dream.finish({"ranges": RANGES})
    plot = plot_of(dream, kinds=["dream"], normalized=False)
    assert plot.chart_node.GetXAxisRange() == (0.0, ITERATIONS - 1)
    assert plot.chart_node.GetXAxisTitle() == "iteration"


def test_far_values_are_cut_off_so_that_the_band_stays_readable():
    dream = new_dream(starts=1)
    plot = plot_of(dream)
    near = plot.chart_node.GetYAxisRange()
    dream.add_samples([sample("dream", 0, ITERATIONS, features={CONTRAST: 1e5})])
    plot.update()
    assert "cut off" in plot.chart_node.GetYAxisTitle()
    low, high = plot.chart_node.GetYAxisRange()
    assert near[1] < FAR_Z < high < 1.2 * FAR_Z
    assert low < -1


def test_the_plot_follows_the_run_with_one_event_for_each_batch():
    dream = new_dream(kinds=BASELINES)
    plot, told = plot_of(dream), []
    plot.chart_node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(1))
    dream.add_samples([sample(kind, start, ITERATIONS) for kind in BASELINES for start in range(3)])
    assert not told
    told.clear()
    plot.update()
    assert len(told) == 1
    assert points(named(plot, GLCM))[-1, 0] == ITERATIONS
    assert points(named(plot, "Random direction"))[-1, 0] == ITERATIONS
    plot.update()
    assert len(told) == 1


def test_drawn_step_by_step_it_is_as_drawn_at_once():
    slow, plots = DreamScene.create("Slow", {"features": FEATURES, "ranges": RANGES}), []
    plot = plot_of(slow)
    for one in samples(BASELINES):
        slow.add_samples([one])
        plot.update()
    plots = [plot, plot_of(new_dream(kinds=BASELINES))]
    slow_lines, fast_lines = ([points(series) for series in each.series] for each in plots)
    assert names(plots[0]) == names(plots[1])
    for one, other in zip(slow_lines, fast_lines, strict=True):
        np.testing.assert_array_equal(one, other)


def test_points_tell_iteration_feature_and_value():
    dream = new_dream(kinds=BASELINES, starts=5)
    plot = plot_of(dream, compare_with=new_dream("Other"))
    contrast = named(plot, GLCM).GetID()
    expected = z(CONTRAST, value_of(CONTRAST, "dream", 2, 4))
    assert plot.iteration_of(contrast, 4) == 4
    assert (plot.point_of(contrast, 4).title, plot.point_of(contrast, 4).value) == (GLCM, pytest.approx(expected))
    assert plot.describe(contrast, 4) == f"{GLCM}, iteration 4: z = {expected:.2f}"
    weights = lines_of(plot, "random-weights")[CONTRAST].GetID()
    assert plot.point_of(weights, 3).iteration == 3
    assert plot.describe(weights, 3).startswith(f"{GLCM}, random weights, iteration 3: z = ")
    lower = lines_of(plot, "quartiles")[CONTRAST].GetID()
    assert plot.iteration_of(lower, ITERATIONS) is None, "the gap between its two pieces"
    second = lines_of(plot, "second")[CONTRAST].GetID()
    assert plot.describe(second, 2).startswith(f"{GLCM}, Other, iteration 2: ")
    assert plot.describe(named(plot, "Normal range").GetID(), 0) == ""


def test_series_of_others_and_rows_that_are_not_there_are_no_points(scene):
    plot, other = plot_of(new_dream("One")), plot_of(new_dream("Other"))
    own, strange = (named(each, GLCM).GetID() for each in (plot, other))
    assert [plot.point_of(*at) for at in ((strange, 1), (own, -1), (own, 10**6), ("nothing", 0))] == [None] * 4


def test_an_iteration_is_marked_and_the_mark_taken_away():
    plot = plot_of(new_dream(), features=[CONTRAST])
    before = len(plot.series)
    plot.mark(3)
    (mark,) = [series for series in plot.series if set(points(series)[:, 0]) == {3}]
    assert len(plot.series) == before + 1
    plot.mark(4)
    assert set(points(mark)[:, 0]) == {4}
    plot.mark(None)
    assert len(plot.series) == before


def test_what_is_shown_survives_the_scene(tmp_path):
    dream = new_dream(kinds=BASELINES)
    plot = plot_of(dream, features=[CONTRAST, SPHERICITY], kinds=["dream"], compare_with=new_dream("Other"))
    plot.mark(2)
    drawn, shown = {name: points(named(plot, name)) for name in names(plot)}, plot.shown
    load_scene_mrb(save_scene_mrb(tmp_path / "dream.mrb"))
    loaded = DreamPlot(DreamScene.all_in_scene()[0])
    assert (loaded.shown, loaded.compared_with.name) == (shown, "Other")
    for name, expected in drawn.items():
        np.testing.assert_allclose(points(named(loaded, name)), expected, rtol=1e-5)
    loaded.update()
    assert names(loaded) == list(drawn)
    assert not loaded.chart_node.GetXAxisRangeAuto()
    assert loaded.chart_node.GetScene().GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1


def test_imported_twice_each_plot_draws_its_own_dream(tmp_path):
    plot_of(new_dream())
    path = save_scene_mrb(tmp_path / "dream.mrb")
    load_scene_mrb(path, clear=False)
    first, second = (DreamPlot(dream) for dream in DreamScene.all_in_scene())
    assert first.chart_node is not second.chart_node
    second.dream.add_samples([sample("dream", 0, 40)])
    first.update()
    second.update()
    assert [points(named(plot, "Normal range"))[:, 0].max() for plot in (first, second)] == [ITERATIONS - 1, 40]
    tables = [series.GetTableNodeID() for plot in (first, second) for series in plot.series]
    assert len(set(tables[: len(tables) // 2]) & set(tables[len(tables) // 2 :])) == 0


def test_whatever_is_deleted_is_made_again(scene):
    dream = new_dream(kinds=BASELINES)
    plot = plot_of(dream)
    whole = [points(series).tolist() for series in plot.series]
    for doomed in [node.GetID() for node in dream.nodes()]:
        node = scene.GetNodeByID(doomed)
        if node is None:
            continue
        scene.RemoveNode(node)
        dream.add_samples([sample("dream", 0, 0)])
        plot.update()
        plot.show()
        assert [points(series).tolist() for series in plot.series] == whole
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1


def test_a_deleted_dream_has_no_plot(scene):
    dream = new_dream()
    plot = plot_of(dream)
    series = plot.series[-1].GetID()
    scene.RemoveNode(dream.table)
    plot.update()
    plot.mark(3)
    assert (plot.chart_node, plot.series, plot.point_of(series, 0)) == (None, [], None)
    with pytest.raises(InputError, match="was deleted"):
        plot.show()


def test_a_damaged_choice_is_the_plain_one():
    plot = plot_of(new_dream(), solo=CONTRAST)
    for damaged in ("{", "[]", '{"unknown": 1}', '{"features": 5}', ""):
        plot.chart_node.SetAttribute("LiverPair.DreamShown", damaged)
        assert plot.shown.solo is None


@pytest.mark.parametrize(
    "recorded",
    [[], samples(starts=2, iterations=1), samples(starts=1, iterations=2), samples(BASELINES, starts=1, iterations=1)],
    ids=["nothing", "undefined", "one value", "undefined baselines"],
)
@pytest.mark.parametrize("features", [None, []])
def test_little_or_nothing_is_drawn_without_complaint(recorded, features, caplog):
    dream = DreamScene.create("Short", {"features": FEATURES, "ranges": RANGES})
    dream.add_samples(recorded)
    plot, picture = plot_of(dream, features=features), PlotPicture()
    with caplog.at_level(logging.WARNING):
        picture.follow(plot.chart_node, 0)
        picture.grab((300, 200))
    assert not caplog.records
    assert all(math.isfinite(value) for value in plot.chart_node.GetYAxisRange())


def test_the_picture_has_the_colors_of_the_features():
    plot, picture = plot_of(new_dream(starts=1), normalized=False), PlotPicture()
    picture.follow(plot.chart_node, 0)
    pixels = picture.grab((500, 300))[..., :3].reshape(-1, 3).astype(int)
    for feature in FEATURES:
        color = [int(plot.color(feature)[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - color).max(axis=1) < 12).sum() > 50
