"""A foreign T1 comes to a network of pre-registered pairs as its own pair's registration warped it."""

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.core.geometry import Grid, on_grid
from liverpair.core.sides import Side
from liverpair.synthesis.paired_lesions_evaluation import RealPair
from reproduction.chapter2 import strategy_scores
from reproduction.chapter2.strategy_scores import PairScores, registered_before

DIRECTION = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)


def dot(index, origin=(0.0, 0.0, 0.0)) -> sitk.Image:
    """A bright voxel (x, y, z) in a volume of 10 × 10 × 6 voxels of 2 mm."""
    values = np.zeros((6, 10, 10), np.float32)
    values[index[::-1]] = 1.0
    return on_grid(values, Grid((10, 10, 6), (2.0, 2.0, 2.0), origin, DIRECTION))


def brightest(image: sitk.Image) -> tuple[float, ...]:
    """Where the brightest voxel lies, LPS mm."""
    array = sitk.GetArrayFromImage(image)
    return image.TransformIndexToPhysicalPoint(
        tuple(int(i) for i in np.unravel_index(array.argmax(), array.shape)[::-1])
    )


@pytest.fixture
def pairs(monkeypatch):
    """A foreign pair whose T2 lies 6 mm along x from its T1, and the own pair, 2 mm along y from the foreign T2."""
    foreign = RealPair(dot((2, 4, 3)), dot((5, 4, 3)), dot((0, 0, 0)), dot((0, 0, 0)))
    own = RealPair(dot((1, 1, 1)), dot((7, 7, 3), (0.0, 2.0, 0.0)), dot((0, 0, 0)), dot((0, 0, 0)))
    asked = []

    def registration(images, fixed, moving):
        asked.append((images[fixed], images[moving], fixed))
        return sitk.TranslationTransform(3, (-6.0, 0.0, 0.0))

    monkeypatch.setattr(strategy_scores, "pre_registration", registration)
    return foreign, own, asked


def test_it_is_warped_to_its_own_t2_and_lies_there_in_the_grid_of_the_other(pairs):
    foreign, own, asked = pairs
    warped = registered_before(foreign, own)
    assert asked == [(foreign.t2, foreign.t1, Side.T2)]
    assert Grid.of(warped).same_as(Grid.of(own.t2))
    assert brightest(warped) == brightest(foreign.t2) == (10.0, 8.0, 6.0)


def test_only_a_foreign_partner_of_a_pre_registered_network_is_shown_so(pairs, monkeypatch):
    foreign, own, asked = pairs
    shown = []
    monkeypatch.setattr(strategy_scores, "_pair", lambda root, case: {"a": foreign, "b": own}[case])
    monkeypatch.setattr(strategy_scores, "segment", lambda t1, t2, bundles, options: shown.append((t1, t2, bundles)))
    for strategy in ("pre-registered", "double-in"):
        scores = PairScores.__new__(PairScores)
        scores._root, scores._options = None, None
        scores._bundles = [SimpleNamespace(kept="it", strategy=strategy)]
        monkeypatch.setattr(strategy_scores, "without_registration", lambda one: ("as it lies", one))
        scores.found("a", "b")
        scores.found("b", "b")
    registered, own_pair, scanned, _ = shown
    assert registered[2][0][0] == "as it lies" and len(asked) == 1
    assert brightest(registered[0]) == (10.0, 8.0, 6.0) and registered[1] is own.t2
    assert own_pair[0] is own.t1 and scanned[0] is foreign.t1 and scanned[2][0].strategy == "double-in"
