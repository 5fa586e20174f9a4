"""What is shown of an image: its part of the liver, brought to one median and spread."""

import numpy as np
import pytest
from scipy import ndimage

from liverpair.core.errors import BundleError
from liverpair.core.geometry import IDENTITY_DIRECTION, Grid
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.preparation import shown_part, standardized

RNG = np.random.default_rng(4)
LIVER = 0.4 + 0.03 * RNG.standard_normal((12, 20, 20))


def test_median_and_quartiles_are_where_they_should_be():
    array = np.zeros((14, 24, 24), np.float32)
    array[1:-1, 2:-2, 2:-2] = LIVER
    result = standardized(array)
    low, middle, high = np.percentile(result[array > 0], (25, 50, 75))
    assert (middle, high - low) == (pytest.approx(0.5, abs=1e-4), pytest.approx(1 / 8, abs=1e-4))
    assert (result[array == 0] == 0).all()
    assert result.dtype == np.float32


@pytest.mark.parametrize(("gain", "offset"), [(0.2, 0.0), (3.0, 0.7)])
def test_brightness_and_contrast_of_the_image_do_not_matter(gain, offset):
    np.testing.assert_allclose(standardized(gain * LIVER + offset), standardized(LIVER), atol=1e-5)


def test_lesions_hardly_move_the_rest():
    many = LIVER.copy()
    many[:, :6, :6] = 1.0
    np.testing.assert_allclose(standardized(many)[:, 8:, 8:], standardized(LIVER)[:, 8:, 8:], atol=0.06)
    assert standardized(many)[:, :6, :6].min() > 1.0


def test_an_image_without_contrast_or_without_anything_shown_stays_finite():
    assert (standardized(np.full((2, 2, 2), 0.3, np.float32)) == 0.5).all()
    assert (standardized(np.zeros((2, 2, 2), np.float32)) == 0).all()


def test_it_needs_a_mask():
    section = {"anchor_sizes": [[1, 1, 1]], "mask": False, "standardize": True}
    with pytest.raises(BundleError, match="'detection.standardize' needs a mask"):
        DetectionSettings.read(section, "unmasked")


def test_closing_lets_a_lesion_that_was_left_out_in_again_and_nothing_beyond():
    grid = Grid((40, 40, 20), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0), IDENTITY_DIRECTION)
    z, y, x = np.indices(grid.shape)
    whole = (z * 4 - 40) ** 2 + (y * 2 - 40) ** 2 + (x * 2 - 40) ** 2 < 32**2
    inside = (z * 4 - 40) ** 2 + (y * 2 - 40) ** 2 + (x * 2 - 40) ** 2 < 12**2
    at_the_rim = (z * 4 - 40) ** 2 + (y * 2 - 40) ** 2 + (x * 2 - 66) ** 2 < 10**2
    left_out = whole & ~inside & ~at_the_rim
    closed = shown_part(left_out, grid, 0.0, 15.0)
    assert closed[whole & inside].all()
    assert closed[whole & at_the_rim].mean() > 0.5
    assert not closed[~ndimage.binary_dilation(whole)].any()
    assert (shown_part(left_out, grid, 0.0, 0.0) == left_out).all()


def test_closing_at_the_edge_of_the_block_adds_nothing():
    grid = Grid((10, 10, 10), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), IDENTITY_DIRECTION)
    mask = np.zeros(grid.shape, bool)
    mask[:, :4] = True
    assert (shown_part(mask, grid, 0.0, 6.0) == mask).all()
