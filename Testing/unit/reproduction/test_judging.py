"""When a difference counts as shown, and when that there is none."""

import math

import pytest

from reproduction.judging import Compared, freedom_of, p_of, together


def test_the_interval_is_that_of_student_over_blocks():
    """Mean 0.03, standard deviation 0.01, error 0.01/√3, t of 2 degrees of freedom: 2.920 for 90 %, 4.303 for 95 %."""
    found = Compared.of_blocks([0.02, 0.03, 0.04])
    assert found.difference == pytest.approx(0.03) and found.error == pytest.approx(0.01 / math.sqrt(3))
    assert found.interval(0.90) == pytest.approx((0.03 - 0.016858, 0.03 + 0.016858), abs=1e-5)
    assert found.interval(0.95) == pytest.approx((0.03 - 0.024841, 0.03 + 0.024841), abs=1e-5)


def test_a_threshold_gives_back_the_error_it_was_made_of():
    """A least significant difference is t times the error: 2.447 with 6 degrees of freedom."""
    assert Compared.of_threshold(0.1, 2.4469, 6).error == pytest.approx(1.0, rel=1e-4)
    assert Compared.of_threshold(0.1, None, 6).error is None and Compared.of_threshold(0.1, 0.2, 0).error is None


@pytest.mark.parametrize(
    ("blocks", "p", "floor", "shown"),
    [
        ([0.02, 0.03, 0.04], 0.01, 0.0, True),
        ([-0.02, -0.03, -0.04], 0.01, 0.0, False),
        ([0.02, 0.03, 0.04], None, 0.0, True),
        ([0.02, 0.03, 0.04], 0.2, 0.0, None),
        ([0.0, 0.03, 0.2], 0.01, 0.0, None),
        ([0.02, 0.03, 0.04], 0.01, 0.05, None),
        ([0.03], 0.01, 0.0, None),
    ],
)
def test_a_difference_must_show_over_images_and_over_networks(blocks, p, floor, shown):
    assert Compared.of_blocks(blocks, p, floor).above() is shown


@pytest.mark.parametrize(
    ("blocks", "equal", "no_more"),
    [
        ([0.001, 0.000, -0.001], True, True),
        ([-0.02, -0.03, -0.04], False, True),
        ([0.02, 0.03, 0.04], False, False),
        ([0.05, 0.0, -0.05], None, None),
        ([0.0], None, None),
    ],
)
def test_that_there_is_no_difference_must_be_shown_too(blocks, equal, no_more):
    """A wide interval around 0 shows nothing, whatever its p."""
    found = Compared.of_blocks(blocks, p=0.01 if equal is False else 0.9)
    assert found.equivalent(0.005) is equal and found.not_above(0.005) is no_more


def test_rows_are_found_by_their_title_and_counted_where_they_vary():
    table = [{"loss": "a", "T1 sd": 0.1, "T2 sd": 0.2}, {"loss": "b", "T1 sd": None, "T2 sd": 0.1, "p ours": 0.03}]
    result = {"table": table, "seeds": [0, 1, 2]}
    assert freedom_of(result, "t1", "t2") == 2 and freedom_of(result, "t2") == 4
    assert p_of(result, "b") == 0.03 and p_of(result, "a") is None and p_of(result, "c") is None


def test_one_that_fails_outweighs_what_cannot_be_told():
    assert together([True, None, False]) is False and together([True, None]) is None and together([True, True])
