"""What is shown of an image, brought to one median and spread."""

import numpy as np
import pytest

from liverpair.detection.preparation import standardized
from liverpair.detection.settings import DetectionSettings
from liverpair.errors import BundleError

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
    with pytest.raises(BundleError, match="standardize needs mask"):
        DetectionSettings.read(section, "unmasked")
