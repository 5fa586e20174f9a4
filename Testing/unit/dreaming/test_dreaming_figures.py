"""Figures of dreams: what they show of known trajectories and frames."""

import math
import re

import numpy as np
import pytest
from dream_folder_factory import PIXEL, RANGES, SPHERICITY, frame_images, rising
from matplotlib.figure import Figure

from liverpair.core.errors import InputError
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming import figures, strip
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.dreaming.plot_style import curves, draw_curve, draw_outline, quartiles, spread_apart
from liverpair.measures.feature_colors import BASELINES, FEATURES, color_of, is_broken

PNG = b"\x89PNG\r\n"


@pytest.fixture
def saved(monkeypatch):
    """The figures that are saved, instead of files."""
    found: list[Figure] = []
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: found.append(figure))
    monkeypatch.setattr(strip, "save_figure", lambda figure, path: found.append(figure))
    return found


def lines_of(axis, color):
    return [line for line in axis.lines if line.get_color() == color]


def test_every_feature_has_a_color_of_its_own_or_a_broken_line():
    assert len(set(FEATURES)) == len(FEATURES)
    assert not any(is_broken(number) for number in range(7)) and is_broken(7)
    assert color_of(len(FEATURES)) == color_of(0)


def test_quartiles_are_of_the_starts_and_wait_for_half_of_them():
    nan = math.nan
    values = np.array([[1.0, nan, nan, nan], [2.0, 5.0, 5.0, nan], [6.0, 7.0, nan, nan], [7.0, 9.0, nan, nan]])
    low, median, high = quartiles(values)
    assert (
        np.allclose(low[:2], [1.75, 6.0]) and np.allclose(median[:2], [4.0, 7.0]) and np.allclose(high[:2], [6.25, 8.0])
    )
    assert np.isnan(median[2:]).all()


def test_iterations_at_which_a_part_joins_or_leaves_are_marked(saved):
    """50 to 80 voxels joins a part, 80 to 75 is growth or loss, 5 to 9 is too little; no object is no part."""
    trajectories = Trajectories()
    for iteration, voxels in enumerate((0, 5, 9, 50, 80, 75, 0)):
        sample = {"run": "dream", "start": 0, "iteration": iteration, "voxels": voxels, "features": {"f": 1.0}}
        trajectories.add(sample | {"activation": 1.0, "probability": 0.5})
    assert figures.jumps(trajectories).tolist() == [3, 4]
    figures.trajectory_figure(trajectories, None, path="unused.png")
    panels = [axis for axis in saved[0].get_axes() if lines_of(axis, figures.JUMP_COLOR)]
    assert len(panels) == 2
    assert lines_of(panels[0], figures.JUMP_COLOR)[0].get_xdata().tolist() == [3, 4]
    saved.clear()
    figures.trajectory_figure(rising(), None, path="unused.png")
    assert not any(lines_of(axis, figures.JUMP_COLOR) for axis in saved[0].get_axes())


def test_a_start_that_has_ended_keeps_its_last_value():
    trajectories = Trajectories()
    for start, last in ((0, 2), (1, 4)):
        for iteration in range(last + 1):
            sample = {
                "run": "dream",
                "start": start,
                "iteration": iteration,
                "features": {"f": 10.0 * start + iteration},
            }
            trajectories.add(sample)
    iterations, values = curves(trajectories, "f")
    assert iterations.tolist() == [0, 1, 2, 3, 4]
    assert values.tolist() == [[0, 1, 2, 2, 2], [10, 11, 12, 13, 14]]


def test_a_single_known_iteration_is_a_dot_and_none_is_nothing():
    axis = Figure().subplots()
    assert draw_curve(axis, np.arange(3), np.array([[math.nan, 4.0, math.nan]]), "red") == 4.0
    assert draw_curve(axis, np.arange(3), np.full((1, 3), math.nan), "red") is None
    assert [line.get_marker() for line in axis.lines] == ["o", ""]


@pytest.mark.parametrize("heights", [[], [0.5], [0.5, 0.5, 0.5], [1.0, 0.99, 0.0], [0.0, 0.0, 0.1, 0.9]])
def test_labels_keep_their_order_and_their_distance(heights):
    places = spread_apart(heights, 0.1)
    order = np.argsort(heights, kind="stable")
    apart = np.diff(np.array(places)[order])
    assert len(places) == len(heights)
    assert (apart >= 0.1 - 1e-9).all() and all(-1e-9 <= place <= 1 + 1e-9 for place in places)


def test_labels_that_are_far_apart_stay_where_they_are():
    assert np.allclose(spread_apart([0.9, 0.1, 0.5], 0.1), [0.9, 0.1, 0.5])


def test_many_labels_share_the_height():
    assert np.allclose(sorted(spread_apart([0.5] * 21, 0.1)), np.linspace(0, 1, 21))


def test_z_scores_stand_above_and_values_below(saved):
    trajectories = rising(kinds=("dream", "random-direction"))
    figures.trajectory_figure(trajectories, NormalRanges.from_dict(RANGES), path="unused.png")
    overview, activation, sphericity, entropy = saved[0].get_axes()
    (z,) = lines_of(overview, color_of(0))
    assert z.get_ydata()[-1] == pytest.approx((0.8 - 0.8) / 0.1) and z.get_ydata()[2] == pytest.approx(
        (0.44 - 0.8) / 0.1
    )
    assert np.isnan(z.get_ydata()[:2]).all()
    assert {text.get_text() for text in overview.texts} == {"Sphericity", "Entropy"}
    assert sphericity.get_title(loc="left") == "Sphericity" and overview.get_yscale() == "linear"
    assert max(line.get_ydata()[-1] for line in lines_of(sphericity, color_of(0))) == pytest.approx(0.8)
    assert len(lines_of(sphericity, color_of(0))) == 3 + 1
    (baseline,) = lines_of(sphericity, BASELINES["random-direction"])
    assert baseline.get_ydata()[-1] == pytest.approx(0.4)
    assert not lines_of(overview, BASELINES["random-direction"])
    assert len(set(BASELINES.values())) == 2, "one baseline is told from the other"
    assert "random direction" in [text.get_text() for text in saved[0].legends[0].get_texts()]
    assert [line.get_ydata()[0] for line in activation.lines if line.get_linewidth() == 1.5] == [-4.0]
    assert entropy.get_xlim() == (0, 20)


def test_far_z_scores_leave_the_band_readable(saved):
    narrow = {**RANGES, "features": {SPHERICITY: {"mean": 0.4, "sd": 0.004}}}
    figures.trajectory_figure(rising(), NormalRanges.from_dict(narrow), path="unused.png")
    overview = saved[0].get_axes()[0]
    assert overview.get_yscale() == "symlog" and "logarithmic" in overview.get_ylabel()
    low, high = overview.get_ylim()
    assert low <= -1.6 and 100 <= high < 150
    assert len(saved[0].get_axes()) == 1 + 3


def test_without_ranges_there_are_values_only(saved):
    figures.trajectory_figure(rising(starts=1), None, features=[SPHERICITY], path="unused.png")
    assert [axis.get_title(loc="left") for axis in saved[0].get_axes()] == ["Neuron's activation", "Sphericity"]
    assert not saved[0].legends[0].get_texts()


def test_a_feature_that_is_never_defined_says_so(saved):
    trajectories = Trajectories()
    trajectories.add({"run": "dream", "start": 0, "iteration": 0, "activation": 1.0, "features": {SPHERICITY: None}})
    figures.trajectory_figure(trajectories, NormalRanges.from_dict(RANGES), path="unused.png")
    overview, _, panel = saved[0].get_axes()
    assert [text.get_text() for text in overview.texts] == ["Undefined, for there was no object: Sphericity"]
    assert not [text for text in overview.texts if text.get_transform() != overview.transAxes], "no line to a value"
    assert [text.get_text() for text in panel.texts] == ["undefined: no object"]


def test_a_second_model_is_dashed(saved):
    figures.trajectory_figure(
        rising(), NormalRanges.from_dict(RANGES), second=rising(last=30), path="unused.png", names=("one", "two")
    )
    overview = saved[0].get_axes()[0]
    first, second = lines_of(overview, color_of(0))
    assert not first.is_dashed() and second.is_dashed()
    assert overview.get_xlim() == (0, 30)
    texts = [text.get_text() for text in saved[0].legends[0].get_texts()]
    assert texts[0].startswith("one") and texts[1] == "two"


def test_pictures_are_written_as_asked(tmp_path):
    paths = [tmp_path / "a" / "t.png", tmp_path / "t.svg"]
    figures.trajectory_figure(rising(starts=1, last=5), None, path=paths)
    assert paths[0].read_bytes().startswith(PNG)
    drawn = paths[1].read_text(encoding="utf-8")
    assert "Sphericity" in drawn and not re.search("<dc:date>", drawn)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "t.svg"]
    with pytest.raises(InputError, match="cannot be written"):
        figures.trajectory_figure(rising(starts=1, last=5), None, path=paths[1] / "inside.png")


def frames(*iterations):
    return [dict(zip(("iteration", "image", "mask"), (i, *frame_images(i)))) for i in iterations]


def test_a_strip_shows_the_slice_of_the_neuron(saved):
    original, _ = frame_images(0, slices=5)
    point = original.TransformIndexToPhysicalPoint((*PIXEL, 2))
    figures.frame_strip(frames(20, 0, 10), "unused.png", original, point)
    axes = saved[0].get_axes()
    titles = [axis.get_title() for axis in axes]
    assert titles[:4] == ["before", "iteration 0: no object", "iteration 10", "iteration 20"]
    assert titles[4].startswith("change")
    assert [len(axis.collections) for axis in axes] == [0, 0, 1, 1, 1]
    cross = axes[0].lines[0].get_xydata()[0]
    assert np.allclose(cross, PIXEL, atol=1e-6)
    windows = {axis.images[0].get_clim() for axis in axes[:4]}
    assert len(windows) == 1
    first, last = axes[1].images[0].get_array(), axes[3].images[0].get_array()
    assert (last - first).max() == pytest.approx(20.0, abs=0.5)


def test_a_close_up_holds_the_object_and_the_neuron():
    original, _ = frame_images(0, slices=5)
    found = strip.read_strip(frames(0, 20), original, original.TransformIndexToPhysicalPoint((*PIXEL, 2)))
    rows, columns = found.close_up
    mask = found.frames[-1].mask
    assert mask[rows, columns].sum() == mask.sum() > 0
    assert rows.start <= PIXEL[1] < rows.stop and columns.start <= PIXEL[0] < columns.stop
    assert rows.start >= 0 and rows.stop <= 40 and columns.start >= 0 and columns.stop <= 60


def test_without_a_point_the_slice_is_where_the_object_is_largest():
    image, mask = frame_images(20, slices=5)
    for z in (0, 1, 2, 4):
        mask[:, :, z] = 0
    found = strip.read_strip([{"iteration": 3, "image": image, "mask": mask}])
    assert found.neuron is None and found.frames[0].mask.sum() > 0


def test_of_many_frames_some_are_shown():
    found = strip.read_strip(frames(*range(21)))
    assert [frame.iteration for frame in found.frames] == [0, 5, 10, 15, 20]


def test_what_cannot_be_a_strip_is_refused():
    other, _ = frame_images(0)
    with pytest.raises(InputError, match="kept no images"):
        strip.read_strip([])
    with pytest.raises(InputError, match="one grid"):
        strip.read_strip([*frames(0), dict(zip(("iteration", "image", "mask"), (5, *frame_images(5, slices=3))))])
    with pytest.raises(InputError, match="grid of the image before"):
        strip.read_strip(frames(0), other[:30])


def test_objects_at_the_edge_are_closed():
    axis = Figure().subplots()
    axis.imshow(np.zeros((8, 8)))
    limits = axis.get_xlim(), axis.get_ylim()
    mask = np.zeros((8, 8), bool)
    mask[:3, :3] = True
    draw_outline(axis, mask)
    (path,) = axis.collections[0].get_paths()
    assert np.allclose(path.vertices[0], path.vertices[-1])
    assert (axis.get_xlim(), axis.get_ylim()) == limits
