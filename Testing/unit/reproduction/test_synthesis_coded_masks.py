"""Pairs of masks coded by angle and by frequency."""

import numpy as np
import pytest

from reproduction.chapter2.mask_similarity import translation_similarity
from reproduction.toys.coded_masks import CodedMasksSettings, coded_masks


def pair(seed, **changes):
    return coded_masks(np.random.default_rng(seed), CodedMasksSettings(**changes))


def test_a_seed_gives_one_pair():
    one, same, other = pair(1), pair(1), pair(2)
    assert one.images.dtype == np.float32 and one.images.shape == (2, 64, 64)
    assert one.masks.dtype == bool and one.masks.shape == (2, 64, 64)
    assert np.array_equal(one.images, same.images) and one.translation == same.translation
    assert not np.array_equal(one.masks, other.masks)


@pytest.mark.parametrize("seed", range(4))
def test_without_change_the_second_mask_is_the_first_translated(seed):
    made = pair(seed, change=0.0, shift=9)
    (y, x), (first, second) = made.translation, made.masks
    rows, columns = (slice(max(0, n), 64 + min(0, n)) for n in (y, x))
    sources = (slice(max(0, -n), 64 + min(0, -n)) for n in (y, x))
    assert np.array_equal(second[rows, columns], first[tuple(sources)])


def test_translations_cover_their_range():
    made = np.array([pair(seed, size=8, shift=2).translation for seed in range(60)])
    assert {*made[:, 0], *made[:, 1]} == {-2, -1, 0, 1, 2}


def test_the_change_makes_masks_less_alike():
    scores = [
        np.mean([translation_similarity(*pair(seed, change=change).masks)[0] for seed in range(6)])
        for change in (0.1, 0.35, 0.9)
    ]
    assert scores[0] > scores[1] > scores[2]
    assert 0.75 < scores[1] < 0.97


def test_the_codes_tell_inside_from_outside():
    """The direction in which image 1 changes, and how fast image 2 does."""
    made = pair(5, noise=0.0, shift=0)
    for image, mask, code in zip(made.images, made.masks, (_slant, _speed)):
        values = code(image)
        assert values[mask].mean() > values[~mask].mean()
    plain = made.images[1]
    assert np.ptp(plain[made.masks[1]]) > 1.9


def _slant(image):
    y, x = np.gradient(image)
    return -x * y


def _speed(image):
    return -np.abs(np.gradient(image)[0])
