"""The comparison of masks from boxes, on balls of which everything is known."""

import numpy as np
import pytest

from liverpair.core.geometry import Grid, on_grid
from liverpair.core.sides import Side
from reproduction.recipes.box_masks import METHODS, PRODUCT, Drawn, boxed_lesions, headline, row_of, score

GRID = Grid((60, 50, 18), (1.5, 1.5, 5.0), (-40.0, -30.0, 5.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))


@pytest.fixture(scope="module")
def lesions():
    z, y, x = np.indices(GRID.shape)
    labels = np.zeros(GRID.shape, np.uint8)
    for number, (center, radius) in enumerate((((18, 20, 8), 12.0), ((45, 35, 10), 3.0)), start=1):
        offsets = np.stack([x - center[0], y - center[1], z - center[2]], axis=-1) * GRID.spacing
        labels[np.linalg.norm(offsets, axis=-1) <= radius] = number
    values = np.where(labels > 0, 160.0, 100.0) + np.random.default_rng(1).normal(0, 5, GRID.shape)
    image, truth = on_grid(values.astype(np.float32), GRID), on_grid(labels, GRID)
    return boxed_lesions(Drawn("balls", 3, dict.fromkeys(Side, image), dict.fromkeys(Side, truth), {}))


def test_boxes_are_drawn_around_lesions_that_are_not_too_small(lesions):
    assert [(one.side, one.number) for one in lesions] == [("t1", 1), ("t2", 1)]
    for one in lesions:
        assert score(one, one.truth, 0.0)["dice"] == 1.0
        assert (one.truth & ~one.window.inside).sum() < 0.25 * one.truth.sum()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_draws_within_the_box(lesions, name):
    for one in lesions:
        found = METHODS[name](one)
        assert found.shape == one.truth.shape and found.any() and not (found & ~one.window.inside).any()


def test_the_product_finds_a_plain_ball(lesions):
    rows = [score(one, METHODS[PRODUCT](one), 0.5) for one in lesions]
    row = row_of(rows)
    assert row["lesions"] == 2 and row["dice"] > 0.9 and row["seconds"] == 0.5
    assert row_of([]) == {"lesions": 0}


def test_the_sentence_is_of_what_the_product_does_in_the_lesions_measured_last():
    rows = [
        {"lesions in": where, "method": name, "lesions": n, "dice": 0.1 * n, "diameter mm": n, "volume %": n}
        for where, first in (("phantoms", 1), ("real MRI", 5))
        for n, name in enumerate((next(iter(METHODS)), PRODUCT, "lesion-in-box 1.0.0"), start=first)
    ]
    said = headline(rows)
    assert (said["lesions_in"], said["lesions"], said["ellipsoid_dice"]) == ("real MRI", 7, 0.5)
    assert said["brightness_dice"] == pytest.approx(0.6) and headline(rows[:-1])["lesions"] == 6
