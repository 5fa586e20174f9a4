"""A lesion in a box that somebody drew, told from its surroundings by its brightness: shapes worked out by hand."""

import numpy as np
import pytest

from liverpair.core.geometry import Box, Grid
from liverpair.detection.local_masks import Window, local_mask, settled

GRID = Grid((40, 36, 16), (1.5, 1.5, 4.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
CENTER = (30.0, 27.0, 32.0)
"""A voxel's: (20, 18, 8)."""


def radius_mm(center=CENTER) -> np.ndarray:
    """Of every voxel (z, y, x), from a point in mm."""
    z, y, x = np.indices(GRID.shape)
    return np.linalg.norm(np.stack([x, y, z], axis=-1) * GRID.spacing - center, axis=-1)


BALL = radius_mm() <= 12.0
"""From voxel 12 to 28 in plane and 5 to 11 across: 25.5 mm in a row, and 7 slices."""
AROUND_BALL = Box(CENTER, (25.5, 25.5, 28.0))


def drawn(values: np.ndarray, box: Box) -> np.ndarray:
    """What is drawn in a box, in the whole image."""
    window = Window.around(GRID, box)
    found = np.zeros(GRID.shape, bool)
    found[window.part] = local_mask(values[window.part], window)
    return found


@pytest.mark.parametrize("lesion", [20.0, 180.0])
def test_a_ball_is_drawn_as_it_is_darker_or_brighter_than_the_liver(lesion):
    values = np.where(BALL, lesion, 100.0)
    assert np.array_equal(drawn(values, AROUND_BALL), BALL)
    loose = Box((31.0, 26.0, 33.0), (31.0, 30.0, 34.0))
    assert np.array_equal(drawn(values, loose), BALL)


def test_noise_and_a_bright_vessel_beside_it_change_little():
    vessel = radius_mm((45.0, 27.0, 32.0)) <= 4.0
    values = np.where(BALL, 150.0, np.where(vessel, 170.0, 100.0)) + np.random.default_rng(0).normal(0, 8, GRID.shape)
    found = drawn(values, Box(CENTER, (28.0, 28.0, 30.0)))
    assert 2 * (found & BALL).sum() / (found.sum() + BALL.sum()) > 0.95


def test_a_dark_middle_belongs_to_the_lesion():
    values = np.where(BALL, 180.0, 100.0)
    values[radius_mm((33.0, 30.0, 32.0)) <= 3.0] = 60.0
    assert np.array_equal(drawn(values, AROUND_BALL), BALL)


def test_nothing_is_drawn_outside_of_the_box():
    values = np.where(radius_mm() <= 18.0, 180.0, 100.0)
    found = drawn(values, AROUND_BALL)
    z, y, x = np.argwhere(found).T
    assert (x.min(), x.max(), z.min(), z.max()) == (12, 28, 5, 11)


def test_where_nothing_tells_the_lesion_apart_it_is_the_ellipsoid_that_the_box_holds():
    window = Window.around(GRID, AROUND_BALL)
    assert np.array_equal(local_mask(np.full(window.inside.shape, 7.0), window), window.ellipsoid)
    assert window.ellipsoid.sum() * np.prod(GRID.spacing) == pytest.approx(np.pi / 6 * 25.5**2 * 28, rel=0.05)


def test_boxes_at_the_edge_outside_and_thinner_than_a_slice():
    assert Window.around(GRID, Box((200.0, 27.0, 32.0), (10.0, 10.0, 10.0))) is None
    thin = Window.around(GRID, Box(CENTER, (6.0, 6.0, 0.5)))
    assert thin.inside.sum() == 5 * 5 and thin.ellipsoid.any()
    corner = Window.around(GRID, Box((0.0, 0.0, 0.0), (12.0, 12.0, 12.0)))
    assert corner.inside.sum() == 5 * 5 * 2


def test_a_mask_fits_its_box_as_the_block_around_it_overlaps_with_it():
    window = Window.around(GRID, AROUND_BALL)
    assert window.fit(window.inside) == 1.0 and window.fit(np.zeros_like(window.inside)) == 0.0
    half = window.inside.copy()
    half[:, :, : half.nonzero()[2].min() + 5] = False
    assert window.fit(half) == pytest.approx(12 / 17)  # of 17 columns


def test_a_box_drawn_in_an_oblique_view_lies_along_the_axes_of_the_image():
    half = np.sqrt(0.5)
    turned = Box(CENTER, (25.5, 25.5, 28.0), (half, -half, 0.0, half, half, 0.0, 0.0, 0.0, 1.0))
    assert np.array_equal(Window.around(GRID, turned).inside, Window.around(GRID, AROUND_BALL).inside)


def likely(radius: float, blur_mm: float = 6.0) -> np.ndarray:
    """What a network says that sees a ball of that radius and is unsure around its border."""
    return 1 / (1 + np.exp((radius_mm() - radius) / (blur_mm / 4)))


@pytest.mark.parametrize("lesion", [20.0, 180.0])
def test_where_a_network_is_unsure_the_value_half_way_decides(lesion):
    values = np.where(BALL, lesion, 100.0) + np.random.default_rng(2).normal(0, 4, GRID.shape)
    for radius in (11.0, 13.0):
        assert not np.array_equal(likely(radius) > 0.5, BALL)
        assert np.array_equal(settled(values, likely(radius)), BALL)


def test_where_lesion_and_liver_look_alike_the_network_decides():
    values = np.random.default_rng(2).normal(100, 10, GRID.shape) + np.where(BALL, 4, 0)
    assert np.array_equal(settled(values, likely(11.0)), likely(11.0) > 0.5)
    assert not settled(values, np.zeros(GRID.shape)).any()


def test_what_a_network_is_sure_of_stays_whatever_it_looks_like():
    values = np.where(BALL, 180.0, 100.0)
    values[radius_mm() <= 5.0] = 100.0
    values[radius_mm((30.0, 27.0, 56.0)) <= 6.0] = 180.0
    found = settled(values, likely(12.0))
    assert found[radius_mm() <= 5.0].all() and not found[likely(12.0) < 0.2].any()
