"""Markings, fakes and elongated fakes in slices."""

import numpy as np
import pytest
from scipy import ndimage

from liverpair.synthesis.slice_objects import Fakes, Marking, elongated, marked, stroke_kernel, with_fakes

LIVER = np.zeros((120, 140), bool)
LIVER[10:110, 20:130] = True
PLAIN = np.where(LIVER, 0.5, 0.2).astype(np.float32)


def two_objects() -> np.ndarray:
    labels = np.zeros(PLAIN.shape, np.int32)
    labels[20:50, 30:60], labels[70:90, 80:100] = 1, 2
    return labels


def test_strokes_stay_inside_their_object_and_only_brighten():
    labels = two_objects()
    image = marked(PLAIN, labels, np.random.default_rng(0), 1.0)
    change = image - PLAIN
    assert (change[labels == 0] == 0).all()
    assert change.min() >= 0
    assert all(change[labels == number].max() >= 0.2 for number in (1, 2))


def test_strokes_run_along_135_degrees():
    image = marked(PLAIN, two_objects(), np.random.default_rng(1), 1.0)
    kernel = stroke_kernel(Marking().length)
    along = ndimage.correlate(image, kernel)[two_objects() > 0].max()
    across = ndimage.correlate(image, kernel[:, ::-1])[two_objects() > 0].max()
    assert along > 2 * across
    assert kernel.sum() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_probability_is_that_of_an_object(probability):
    rng = np.random.default_rng(2)
    drawn = [marked(PLAIN, two_objects(), rng, probability) for _ in range(150)]
    hit = [(image - PLAIN)[two_objects() == number].any() for image in drawn for number in (1, 2)]
    assert np.mean(hit) == pytest.approx(probability, abs=0.08)


def test_fakes_are_darker_by_one_value_each_and_lie_in_the_liver():
    image, labels = with_fakes(PLAIN, LIVER, np.random.default_rng(3))
    assert labels.max() >= 2
    assert not (labels[~LIVER] > 0).any()
    assert (image[labels == 0] == PLAIN[labels == 0]).all()
    for number in range(1, labels.max() + 1):
        change = (PLAIN - image)[labels == number]
        assert np.ptp(change) < 1e-6
        assert Fakes().darker[0] - 1e-6 <= change[0] <= Fakes().darker[1] + 1e-6
        assert (labels == number).sum() >= Fakes().smallest


def test_only_high_and_narrow_objects_are_elongated():
    labels = np.zeros((60, 60), np.int32)
    labels[5:35, 5:15], labels[5:15, 30:55], labels[40:55, 5:20] = 1, 2, 3
    assert set(np.unique(elongated(labels))) == {0, 1}


def test_stretched_fakes_are_more_often_elongated():
    def share(fakes: Fakes) -> float:
        rng = np.random.default_rng(4)
        found = [with_fakes(PLAIN, LIVER, rng, fakes)[1] for _ in range(25)]
        count = sum(len(np.unique(labels)) - 1 for labels in found)
        return sum(len(np.unique(elongated(labels))) - 1 for labels in found) / count

    assert share(Fakes(stretch=(2.5, 3.5))) > 2 * share(Fakes())
