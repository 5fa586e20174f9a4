"""The figures that experiments with dreams share."""

import numpy as np
import pytest

from reproduction.chapter3 import dream_figures
from reproduction.chapter3.dream_figures import FeaturePanel, Picture, feature_curves, ordered_colors, picture_grid


@pytest.fixture
def saved(monkeypatch):
    """The figures that are saved, instead of files."""
    found = []
    monkeypatch.setattr(dream_figures, "save_figure", lambda figure, path: found.append(figure))
    return found


def test_networks_are_curves_named_beside_the_last_panel(saved):
    iterations, values = np.arange(5), np.arange(15.0).reshape(3, 5)
    panel = FeaturePanel("Elongation", "1", {"a": (iterations, values), "b": (iterations, values + 20)}, (0.0, 3.0))
    empty = FeaturePanel("Diameter", "mm", {"a": (iterations, np.full((2, 5), np.nan)), "b": (iterations, values)})
    feature_curves([panel, empty], "unused.png", colors={"a": "#ff0000", "b": "#0000ff"})
    first, second = saved[0].get_axes()
    (median,) = [line for line in first.lines if line.get_color() == "#ff0000"]
    assert median.get_ydata().tolist() == values[1].tolist()
    assert not first.texts
    assert [text.get_text() for text in second.texts] == ["a (no object)", "b"]
    assert second.get_ylabel() == "mm" and first.get_xlim() == (0, 4)


def test_every_start_can_be_drawn(saved):
    values = np.arange(15.0).reshape(3, 5)
    feature_curves([FeaturePanel("f", "", {"a": (np.arange(5), values)})], "unused.png", every_start=True)
    assert len(saved[0].get_axes()[0].lines) == 3 + 1


def test_ordered_networks_have_colors_from_dark_to_light():
    colors = ordered_colors(["p = 0 %", "p = 50 %", "p = 100 %"])
    brightness = [sum(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in colors.values()]
    assert brightness == sorted(brightness) and len(set(colors.values())) == 3


def test_pictures_of_a_grid_share_their_window(tmp_path, saved):
    image = np.linspace(0, 1, 48).reshape(6, 8)
    rows = {"one": [Picture(image, image > 0.5, "iteration 0"), Picture(image)], "two": [Picture(image)]}
    picture_grid(rows, "unused.png", (0.2, 0.8), (2.0, 1.0))
    axes = saved[0].get_axes()
    shown = [axis for axis in axes if axis.images]
    assert len(axes) == 4 and len(shown) == 3
    assert {axis.images[0].get_clim() for axis in shown} == {(0.2, 0.8)}
    assert [len(axis.collections) for axis in shown] == [1, 0, 0]
    assert shown[0].get_title() == "iteration 0" and shown[0].get_aspect() == 0.5
