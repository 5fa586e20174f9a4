"""Steepest ascent on linear classifiers, whose path is known: a straight line along the weights (THESIS 3.5)."""

import json

import numpy as np
import pytest

from reproduction.__main__ import main
from reproduction.chapter3 import dream_toy_climbs


@pytest.fixture(scope="module")
def points():
    return dream_toy_climbs.draw_points(40)


@pytest.mark.parametrize("tilt", [0.0, 35.0, -80.0])
def test_the_path_is_a_straight_line_along_the_weights(points, tilt):
    found = dream_toy_climbs.climb("any", tilt, points, steps=50)
    direction = found.weights / np.linalg.norm(found.weights)
    step = 0.001 * np.sqrt(2)  # root mean square over two pixels
    expected = found.path[0] + step * np.arange(51)[:, None] * direction
    assert np.allclose(found.path, expected, atol=1e-5)
    assert found.bend < 1e-5 and found.angle_degrees < 0.05


def test_the_features_are_coordinates_along_the_line_and_aside():
    along, aside = dream_toy_climbs.axes_of_line()
    point = dream_toy_climbs.CENTER + 0.3 * along - 0.1 * aside
    assert np.allclose(dream_toy_climbs.features_at(point[None]), [[0.3, -0.1]])


def test_the_network_is_the_classifier(points):
    import torch

    weights = dream_toy_climbs.weights_of(35.0)
    network = dream_toy_climbs.linear_network(weights)
    image = torch.tensor(points.positive[:1], dtype=torch.float32)[None, None]
    expected = weights @ (points.positive[0] - dream_toy_climbs.CENTER)
    assert float(network(image).detach()[0, 0, 0, 0]) == pytest.approx(expected, abs=1e-4)


def test_the_table_and_the_figure_are_written(tmp_path):
    assert main(["dream-toy", "--points", "30", "--results", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "dream-toy.json").read_text())
    across, tilted = content["table"]
    assert across["accuracy"] == tilted["accuracy"] == 1.0
    assert (across["f1 reading"], across["f2 reading"]) == ("toward", "flat inside")
    assert (tilted["f1 reading"], tilted["f2 reading"]) == ("toward", "leaves")
    assert content["bend"] < 1e-4 and content["drift_z"] > 5
    assert (tmp_path / "dream-toy.png").stat().st_size > 10_000
    assert "too sensitive" in (tmp_path / "dream-toy.md").read_text()
