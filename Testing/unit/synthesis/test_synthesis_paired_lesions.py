"""Parameters of paired lesions: distributions, places in both livers, repeatability."""

from collections import Counter

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk

from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.synthesis.lesion_shapes import KINDS
from liverpair.synthesis.paired_lesions import LesionStatistics, draw_count, draw_diameters, draw_paired_lesions

MANY = LesionStatistics(mean_count=14.0, count_spread=0.05)


@pytest.fixture(scope="module")
def livers():
    return factory.livers()


@pytest.fixture(scope="module")
def sets(livers):
    return [draw_paired_lesions(*livers, factory.correspondence(), seed, MANY) for seed in range(12)]


def test_counts_have_the_published_range_and_mean():
    rng = np.random.default_rng(0)
    counts = np.array([draw_count(rng) for _ in range(5000)])
    assert counts.min() == 1 and counts.max() == 54
    assert counts.mean() == pytest.approx(6.0, abs=0.3)


def test_diameters_are_log_normal_within_limits():
    diameters = draw_diameters(np.random.default_rng(0), 5000)
    assert diameters.min() >= 5.0 and diameters.max() <= 60.0
    assert np.median(diameters) == pytest.approx(15.0, rel=0.05)
    assert np.std(np.log(diameters)) == pytest.approx(0.52, abs=0.04)
    assert (np.diff(diameters) <= 0).all()


def test_a_seed_is_a_set(livers, sets):
    assert draw_paired_lesions(*livers, factory.correspondence(), 3, MANY) == sets[3]
    assert sets[3] != sets[4]


def test_numbers_uids_kinds_and_visibility(sets):
    lesions = [lesion for one in sets for lesion in one]
    assert all([lesion.number for lesion in one] == list(range(1, len(one) + 1)) for one in sets)
    assert len({lesion.uid for lesion in lesions}) == len(lesions)
    assert {lesion.kind for lesion in lesions} == set(KINDS)
    seen = Counter(lesion.visible for lesion in lesions)
    assert 0.05 < 1 - seen[Side.T1, Side.T2] / len(lesions) < 0.3
    assert all(Side.T2 in lesion.visible for lesion in lesions if lesion.kind == "cyst")
    assert all(len(lesion.visible) == 2 for lesion in lesions if lesion.diameter_mm > 20.1)


def test_centers_lie_in_both_livers_and_lesions_apart(livers, sets):
    for liver, side in zip(livers, Side, strict=True):
        inside = sitk.GetArrayViewFromImage(liver) > 0
        for one in sets:
            members = [getattr(lesion, side) for lesion in one]
            for k, lesion in enumerate(members):
                x, y, z = np.rint(Grid.of(liver).index(lesion.center_mm)).astype(int)
                assert inside[z, y, x]
                for other in members[:k]:
                    distance = np.linalg.norm(np.subtract(lesion.center_mm, other.center_mm))
                    assert distance > max(lesion.radii_mm) + max(other.radii_mm)


def test_partners_lie_where_the_map_says_up_to_jitter(sets):
    lesions = [lesion for one in sets for lesion in one]
    mapped = factory.correspondence().to_t2(np.array([lesion.t1.center_mm for lesion in lesions]))
    error = np.array([lesion.t2.center_mm for lesion in lesions]) - mapped
    assert np.abs(error).max() <= 2 * MANY.jitter_mm + 0.01
    assert error.std() == pytest.approx(MANY.jitter_mm, rel=0.25)


def test_both_sides_share_what_makes_a_lesion_the_same(sets):
    for lesion in sets[0]:
        for common in ("number", "kind", "seed", "irregularity", "visible"):
            assert getattr(lesion.t1, common) == getattr(lesion.t2, common)
        ratio = np.divide(lesion.t2.radii_mm, lesion.t1.radii_mm)
        assert np.ptp(ratio) < 0.01 and 0.8 < ratio[0] < 1.2


def test_an_empty_liver_gets_no_lesions(livers):
    assert draw_paired_lesions(livers[0] * 0, livers[1], factory.correspondence(), 0) == ()
