"""How well an uncertainty tells errors: values computed by hand."""

import numpy as np
import pytest

from liverpair.core.errors import InputError
from reproduction.memory_limit.uncertainty import calibration_error, error_precision, risk_coverage_area

UNCERTAINTY = np.array([0.4, 0.1, 0.3, 0.2])


def test_average_precision_of_errors_by_hand():
    """The most uncertain is wrong, then one right, then one wrong: (1 / 1 + 2 / 3) / 2."""
    assert error_precision(UNCERTAINTY, [True, False, False, True]) == pytest.approx((1 + 2 / 3) / 2)
    assert error_precision(UNCERTAINTY, [True, False, True, False]) == 1


def test_an_uncertainty_that_tells_nothing_has_the_precision_of_the_error_rate():
    assert error_precision(np.zeros(4), [True, False, False, False]) == 0.25
    assert np.isnan(error_precision(UNCERTAINTY, np.zeros(4)))


def test_the_area_under_risk_and_coverage_by_hand():
    """From the surest on: right, wrong, right, wrong: 0, 1/2, 1/3, 2/4."""
    wrong = [True, False, False, True]
    assert risk_coverage_area(UNCERTAINTY, wrong) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert risk_coverage_area(UNCERTAINTY, [True, False, True, False]) == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)


def test_ties_count_alike_in_any_order():
    assert risk_coverage_area(np.zeros(2), [True, False]) == risk_coverage_area(np.zeros(2), [False, True]) == 0.5


def test_the_calibration_error_by_hand():
    """Two bins: 0.2 and 0.4, none right: off by 0.3; 0.9 and 0.7, both right: off by 0.2."""
    error = calibration_error(np.array([0.2, 0.4, 0.9, 0.7]), [False, False, True, True], bins=2)
    assert error == pytest.approx((2 * 0.3 + 2 * 0.2) / 4)
    assert calibration_error(np.ones(3), np.ones(3)) == 0


@pytest.mark.parametrize("measure", [error_precision, risk_coverage_area, calibration_error])
def test_what_does_not_go_together_is_refused(measure):
    with pytest.raises(InputError, match="2 uncertainties do not go with 3 decisions"):
        measure(np.zeros(2), np.zeros(3))
    with pytest.raises(InputError, match="not finite"):
        measure(np.array([np.nan]), np.zeros(1))
