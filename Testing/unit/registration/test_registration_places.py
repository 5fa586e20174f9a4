"""Places carried to the other image: by the lesions nearby, else by the livers, and with the error to expect."""

import math
from dataclasses import replace

import numpy as np
import paired_lesions_factory as factory
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lesion_factory import detected, lesion_of, marked, without

from liverpair.core.geometry import Box
from liverpair.core.sides import Side
from liverpair.registration.places import PlaceMap, PlaceSettings

SIZE = (12.0, 12.0, 12.0)
OFFSET = (5.0, -10.0, 40.0)


def pair(number, t1, t2, score=0.9):
    return lesion_of(number, *(detected(Box(tuple(map(float, center)), SIZE), score) for center in (t1, t2)))


def moved(number, t1, displacement=(0, 0, 30)):
    return pair(number, t1, np.add(t1, displacement))


@pytest.mark.parametrize("side", list(Side))
def test_the_center_of_a_lesion_leads_to_the_center_of_its_partner(side):
    pairs = [moved(1, (0, 0, 0)), moved(2, (20, 0, 0), (0, 8, 30)), moved(3, (0, 25, 0), (9, 0, 30))]
    other = side.other
    for lesion in pairs:
        place = PlaceMap(pairs).to_other(lesion.box(side).center_mm, side)
        assert place.point_mm == pytest.approx(lesion.box(other).center_mm, abs=1e-3)
        assert place.source == "pairs"


def test_displacements_are_weighted_by_the_inverse_square_of_the_distance():
    pairs = [moved(1, (0, 0, 0), (0, 0, 10)), moved(2, (30, 0, 0), (0, 0, 20))]
    place = PlaceMap(pairs).to_other((10, 0, 0), Side.T1)
    assert place.point_mm == pytest.approx((10, 0, 0.8 * 10 + 0.2 * 20))


def test_only_the_nearest_lesions_speak():
    pairs = [moved(1, (0, 0, 0), (0, 0, 10)), moved(2, (30, 0, 0), (0, 0, 20))]
    place = PlaceMap(pairs, settings=PlaceSettings(neighbors=1)).to_other((10, 0, 0), Side.T1)
    assert place.point_mm == pytest.approx((10, 0, 10))
    assert place.sentence == "From a linked lesion nearby: about 2 mm."


@pytest.mark.parametrize(
    ("change", "believed"),
    [
        (lambda lesion: lesion, True),
        (lambda lesion: marked(lesion, Side.T2, score=0.49), False),
        (lambda lesion: marked(lesion, Side.T2, score=0.5), True),
        (lambda lesion: marked(lesion, Side.T2, score=None, origin="predicted"), False),
        (lambda lesion: replace(marked(lesion, Side.T2, score=None, origin="predicted"), state="accepted"), True),
        (lambda lesion: marked(lesion, Side.T2, score=None, origin="drawn"), True),
        (lambda lesion: replace(lesion, state="rejected"), False),
        (lambda lesion: without(lesion, Side.T2, state="accepted"), False),
    ],
)
def test_who_is_believed(change, believed):
    lesion = change(pair(1, (0, 0, 0), (0, 0, 30)))
    assert lesion.is_believed() is believed
    place = PlaceMap([lesion], offset_t1_to_t2_mm=OFFSET).to_other((0, 0, 0), Side.T1)
    assert place.source == ("pairs" if believed else "offset")


def test_far_from_every_lesion_the_registration_tells_and_without_it_the_offset():
    pairs = [moved(1, (0, 0, 0))]
    far = (-40.0, 30.0, 20.0)
    by_livers = PlaceMap(pairs, factory.correspondence(), OFFSET).to_other(far, Side.T1)
    assert by_livers.source == "registration"
    assert by_livers.point_mm == pytest.approx(factory.true_map().TransformPoint(far))
    by_offset = PlaceMap(pairs, None, OFFSET).to_other(far, Side.T1)
    assert (by_offset.source, by_offset.point_mm) == ("offset", pytest.approx(np.add(far, OFFSET)))
    assert PlaceMap(pairs).to_other(far, Side.T1) is None


@pytest.mark.parametrize("known", [{"correspondence": factory.correspondence()}, {"offset_t1_to_t2_mm": OFFSET}])
def test_there_and_back_is_where_one_was(known):
    places = PlaceMap(**known)
    there = places.to_other((12.0, -7.0, 30.0), Side.T1)
    back = places.to_other(there.point_mm, Side.T2)
    assert back.point_mm == pytest.approx((12.0, -7.0, 30.0), abs=0.1)
    assert back.source == there.source


def test_a_registration_that_cannot_be_inverted_gives_way_to_the_offset():
    class Folding:
        dice = 0.5

        def to_t2(self, points):
            return np.zeros_like(np.asarray(points, float))

        def to_t1(self, points):
            return np.asarray(points, float)

    assert PlaceMap((), Folding(), OFFSET).to_other((50, 0, 0), Side.T2).source == "offset"


def test_lesions_that_move_as_one_promise_more_than_lesions_that_do_not():
    centers = [(0, 0, 0), (30, 0, 0), (0, 30, 0), (30, 30, 0)]
    together = PlaceMap([moved(n, c) for n, c in enumerate(centers, 1)])
    wild = [(0, 0, 0), (0, 12, 30), (12, 0, 30), (0, -12, 30)]
    apart = PlaceMap([moved(n, c, d) for n, (c, d) in enumerate(zip(centers, wild), 1)])
    quiet, loud = (m.to_other((15, 15, 0), Side.T1) for m in (together, apart))
    assert quiet.uncertainty_mm == pytest.approx(PlaceSettings().box_error_mm)
    assert loud.uncertainty_mm > 4 * quiet.uncertainty_mm
    assert loud.sentence == f"From 4 linked lesions nearby: about {round(loud.uncertainty_mm)} mm."


def test_the_error_to_expect_is_what_the_others_say_of_each_lesion():
    """Three lesions 30 mm apart in a triangle; leaving one out, the other two (equally far) average theirs."""
    height = 30 * math.sqrt(3) / 2
    pairs = [moved(1, (0, 0, 0), (0, 0, 0)), moved(2, (30, 0, 0), (0, 0, 6)), moved(3, (15, height, 0), (0, 0, 12))]
    errors = [9.0, 0.0, 9.0]
    growth = np.quantile(errors, 2 / 3) / 30
    place = PlaceMap(pairs).to_other((15, 0, 0), Side.T1)
    assert place.uncertainty_mm == pytest.approx(math.hypot(PlaceSettings().box_error_mm, growth * 15))


def test_farther_from_the_lesions_less_is_promised():
    places = PlaceMap([moved(1, (0, 0, 0)), moved(2, (0, 20, 0))])
    errors = [places.to_other((x, 0, 0), Side.T1).uncertainty_mm for x in (0, 10, 25, 45)]
    assert errors == sorted(errors)
    assert errors[0] < errors[-1]


def test_registration_and_offset_are_judged_by_the_pairs_when_there_are_enough():
    centers = [(x, 0.0, 0.0) for x in (-40, -20, 20)]
    pairs = [pair(n, c, np.add(factory.true_map().TransformPoint(c), (3, 0, 0))) for n, c in enumerate(centers, 1)]
    far = (0.0, 200.0, 0.0)
    settings = PlaceSettings()
    judged = PlaceMap(pairs, factory.correspondence()).to_other(far, Side.T1)
    assert judged.uncertainty_mm == pytest.approx(3.0)
    assert judged.sentence == "From the registration of the livers: about 3 mm."
    unjudged = PlaceMap(pairs[:2], factory.correspondence()).to_other(far, Side.T1)
    assert unjudged.uncertainty_mm == settings.registration_error_mm
    errors = [math.dist(p.box(Side.T2).center_mm, np.add(p.box(Side.T1).center_mm, OFFSET)) for p in pairs]
    by_offset = PlaceMap(pairs, offset_t1_to_t2_mm=OFFSET).to_other(far, Side.T1)
    assert by_offset.uncertainty_mm == pytest.approx(np.quantile(errors, 2 / 3))


def test_lesions_at_one_place_are_no_obstacle():
    pairs = [moved(n, (0, 0, 0), (0, 0, 30 + n)) for n in (1, 2, 3)]
    place = PlaceMap(pairs).to_other((0, 0, 0), Side.T1)
    assert place.point_mm == pytest.approx((0, 0, 32))
    assert math.isfinite(place.uncertainty_mm)


@pytest.mark.parametrize(
    ("point", "side"), [((0, 0), Side.T1), ((0, 0, math.nan), Side.T1), ((0, 0, 0), "t3"), ([[0, 0, 0]], Side.T2)]
)
def test_what_is_no_place_is_refused(point, side):
    with pytest.raises(ValueError):
        PlaceMap(offset_t1_to_t2_mm=OFFSET).to_other(point, side)


COORDINATE = st.floats(-150, 150)
POINT = st.tuples(COORDINATE, COORDINATE, COORDINATE)


@given(st.lists(st.tuples(POINT, POINT), max_size=6), POINT, st.sampled_from(Side), st.randoms())
def test_places_are_finite_and_do_not_depend_on_the_order_of_the_pairs(ends, point, side, random):
    pairs = [pair(n, a, b) for n, (a, b) in enumerate(ends, 1)]
    shuffled = random.sample(pairs, len(pairs))
    settings = PlaceSettings(neighbors=len(pairs) or 1)
    first, second = (PlaceMap(p, None, OFFSET, settings).to_other(point, side) for p in (pairs, shuffled))
    assert np.isfinite([*first.point_mm, first.uncertainty_mm]).all()
    assert second.point_mm == pytest.approx(first.point_mm, abs=1e-6)
    assert second.uncertainty_mm == pytest.approx(first.uncertainty_mm)
