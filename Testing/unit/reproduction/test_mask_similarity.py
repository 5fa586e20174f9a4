"""Similarity of masks up to translations, which is exact, and up to smooth fields, which is found by descent."""

import numpy as np
import pytest

from liverpair.core.errors import InputError
from liverpair.synthesis.shapes import blob_field
from reproduction.chapter2.mask_similarity import FieldSearch, field_similarity, translation_similarity


def blobs(seed, shape=(24, 24)):
    return blob_field(shape, np.random.default_rng(seed), 3.0, 70.0, 5) > 0


def moved(mask, translation):
    """A mask moved by whole voxels; what leaves it is cut off."""
    result = np.zeros_like(mask)
    for index in np.argwhere(mask):
        place = index + translation
        if ((place >= 0) & (place < mask.shape)).all():
            result[tuple(place)] = True
    return result


def plain_dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_every_translation_is_tried():
    a, b = blobs(1, (10, 12)), blobs(2, (10, 12))
    every = {
        (y, x): plain_dice(moved(a, (y, x)), b) for y in range(-9, 10) for x in range(-11, 12) if moved(a, (y, x)).any()
    }
    score, translation = translation_similarity(a, b)
    assert score == pytest.approx(max(every.values()), abs=1e-12)
    assert every[translation] == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("translation", [(0, 0, 0), (3, -2, 4), (-1, 5, 0)])
def test_a_mask_and_its_translation_are_the_same(translation):
    mask = np.zeros((12, 20, 22), bool)
    mask[4:8, 7:13, 6:16] = True
    mask[5, 12, 10:12] = False
    assert translation_similarity(mask, moved(mask, translation)) == (1.0, translation)


def test_empty_masks():
    empty, mask = np.zeros((8, 8), bool), blobs(1, (8, 8))
    assert translation_similarity(empty, empty) == (1.0, (0, 0))
    assert translation_similarity(empty, mask) == translation_similarity(mask, empty) == (0.0, (0, 0))
    assert field_similarity(empty, empty, FieldSearch(iterations=2))[0] == 1.0
    assert field_similarity(mask, empty, FieldSearch(cell=4, iterations=2))[0] == 0.0


@pytest.mark.parametrize("measure", [translation_similarity, field_similarity])
def test_masks_of_two_sizes_are_refused(measure):
    with pytest.raises(InputError, match=r"Masks of \(4, 4\) and \(4, 5\) voxels cannot be compared."):
        measure(np.ones((4, 4), bool), np.ones((4, 5), bool))


QUICK = FieldSearch(cell=8, iterations=60, patience=20)


def test_descent_finds_a_field_that_carries_one_mask_onto_the_other():
    a = np.zeros((16, 32, 32), bool)
    a[4:12, 8:18, 8:20] = True
    b = moved(a, (0, 4, 3))
    score, field = field_similarity(a, b, QUICK)
    assert plain_dice(a, b) < 0.55 and score > 0.97
    assert field.shape == (3, 2, 4, 4)
    assert np.median(field[1]) < 0 and np.median(field[2]) < 0


def test_descent_bends():
    """Two halves that moved apart: no translation brings both back."""
    a = np.zeros((48, 32), bool)
    a[6:18, 10:20] = a[30:42, 10:20] = True
    b = np.zeros_like(a)
    b[6:18, 6:16] = b[30:42, 14:24] = True
    assert field_similarity(a, b, QUICK)[0] > translation_similarity(a, b)[0] + 0.1


@pytest.mark.parametrize("seed", range(3))
def test_no_search_is_worse_than_the_masks_as_they_are(seed):
    a, b = blobs(seed), blobs(seed + 10)
    plain = plain_dice(a, b)
    assert field_similarity(a, b, FieldSearch(cell=8, iterations=5))[0] >= plain
    assert translation_similarity(a, b)[0] >= plain
    assert field_similarity(a, a, QUICK)[0] == 1.0


def test_the_search_ends_when_nothing_is_gained(monkeypatch):
    from reproduction.chapter2 import mask_similarity

    steps = []
    warp = mask_similarity.warp
    monkeypatch.setattr(mask_similarity, "warp", lambda *given: steps.append(1) or warp(*given))
    mask = blobs(3)
    field_similarity(mask, mask, FieldSearch(cell=8, iterations=100, patience=4))
    assert len(steps) == 1 + 4
