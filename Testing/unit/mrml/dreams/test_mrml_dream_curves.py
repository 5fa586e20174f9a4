"""Samples of a dream as arrays."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liverpair.core.errors import InputError
from liverpair.mrml.dreams.dream_curves import LONGEST, Curves, check_place, number, quartiles

MANY = {"starts": 4, "iterations": 30, "columns": 2}


@given(arrays(float, (5, 7), elements=st.floats(-1e6, 1e6) | st.just(float("nan"))))
def test_quartiles_are_those_of_numpy_where_half_of_the_starts_speak(values):
    found = quartiles(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanpercentile(values, (25, 50, 75), axis=0)
    expected[:, 2 * np.isfinite(values).sum(axis=0) < len(values)] = np.nan
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_undefined_values_make_no_noise():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(quartiles(np.full((3, 2), np.nan))).all()
        assert quartiles(np.zeros((0, 2))).shape == (3, 2)


def filled(order) -> Curves:
    curves, random = Curves(MANY["columns"]), np.random.default_rng(0)
    values = random.normal(size=(MANY["starts"], MANY["iterations"], MANY["columns"]))
    for row, (start, iteration) in enumerate(order):
        curves.put(start, iteration, values[start, iteration], row)
        if row % 7 == 0:
            curves.quartiles()
    return curves


def test_quartiles_computed_on_the_way_are_those_computed_in_the_end():
    places = [(start, iteration) for start in range(MANY["starts"]) for iteration in range(MANY["iterations"])]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(places).tolist()
        curves = filled(order if seed else places)
        np.testing.assert_array_equal(curves.quartiles(), quartiles(curves.values))
        assert curves.recorded().tolist() == list(range(MANY["iterations"]))


def test_growing_keeps_what_is_there():
    curves = Curves(1)
    curves.put(0, 3, [7.0], 0)
    curves.put(2, 50, [8.0], 1)
    assert curves.values.shape == (3, 51, 1)
    assert (curves.values[0, 3, 0], curves.values[2, 50, 0]) == (7.0, 8.0)
    assert np.isnan(curves.values).sum() == 3 * 51 - 2
    assert (curves.row_of(0, 3), curves.row_of(2, 50), curves.row_of(1, 3), curves.row_of(9, 0)) == (0, 1, None, None)


def test_many_at_once_are_as_one_by_one():
    places = [(start, iteration) for start in range(4) for iteration in range(30)]
    one_by_one, at_once = filled(places), Curves(2)
    starts, iterations = np.array(places).T
    at_once.fill(starts, iterations, one_by_one.values[starts, iterations], np.arange(len(places)))
    np.testing.assert_array_equal(at_once.values, one_by_one.values)
    np.testing.assert_array_equal(at_once.rows, one_by_one.rows)
    np.testing.assert_array_equal(at_once.quartiles(), one_by_one.quartiles())


def test_another_column_is_undefined_so_far():
    curves = filled([(0, 0), (1, 0)])
    before = curves.quartiles().copy()
    curves.add_column()
    assert np.isnan(curves.quartiles()[..., 2]).all()
    np.testing.assert_array_equal(curves.quartiles()[..., :2], before)
    curves.put(0, 1, [1.0, 2.0, 3.0], 2)
    assert curves.values[0, 1].tolist() == [1.0, 2.0, 3.0]


def test_in_the_end_a_start_that_has_ended_keeps_its_last_value():
    curves = Curves(1)
    for row, (start, iteration, value) in enumerate([(0, 0, 1.0), (0, 1, 2.0), (1, 0, 5.0), (1, 1, 6.0), (1, 2, 8.0)]):
        curves.put(start, iteration, [value], row)
    assert curves.quartiles()[1, :, 0].tolist() == [3.0, 4.0, 8.0]
    assert curves.final_quartiles()[1, :, 0].tolist() == [3.0, 4.0, 5.0]


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (0, LONGEST + 1), ("a", 0), (0, None), (0, float("inf"))])
def test_places_that_no_dream_has_are_refused(place):
    with pytest.raises(InputError):
        check_place(*place)


def test_what_is_no_number_is_undefined():
    assert [np.isnan(number(value)) for value in (None, float("nan"), float("inf"), 1, 0.5)] == [True] * 3 + [False] * 2
