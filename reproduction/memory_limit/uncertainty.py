"""How well an uncertainty tells where a decision is wrong; arrays of one value for each decision, in any order."""

import numpy as np

from liverpair.core.errors import InputError

BINS = 15


def error_precision(uncertainty: np.ndarray, wrong: np.ndarray) -> float:
    """AUPR-error: average precision of finding the wrong decisions among the most uncertain ones, Σ (R_k - R_{k-1}) P_k
    over the distinct uncertainties from the highest (Corbière et al., NeurIPS 2019).

    1 at best; the part of wrong decisions for an uncertainty that tells nothing; NaN where none is wrong. Raises
    `InputError` for arrays that do not go together.
    """
    _, counts, errors = _by_uncertainty(uncertainty, wrong)
    if not errors.sum():
        return float("nan")
    found, seen = np.cumsum(errors[::-1]), np.cumsum(counts[::-1])
    return float((errors[::-1] / errors.sum() * found / seen).sum())


def risk_coverage_area(uncertainty: np.ndarray, wrong: np.ndarray) -> float:
    """AURC: the mean over all coverages of the part that is wrong among the decisions covered, the surest ones
    (Geifman, Uziel and El-Yaniv, ICLR 2019).

    0 at best. Of decisions that are equally uncertain each counts as wrong as all of them are. Raises `InputError` for
    arrays that do not go together.
    """
    _, counts, errors = _by_uncertainty(uncertainty, wrong)
    each = np.repeat(errors / counts, counts)
    return float((np.cumsum(each) / np.arange(1, len(each) + 1)).mean())


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """ECE: |confidence - part that is right| over bins of equal width from 0 to 1, weighted by how many decisions each
    holds (Guo, Pleiss, Sun and Weinberger, ICML 2017).

    `confidence`: probabilities of being right. Raises `InputError` for arrays that do not go together.
    """
    confidence, right = _checked(confidence, right)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    sums = [np.bincount(place, one, minlength=bins) for one in (confidence, right.astype(float))]
    return float(np.abs(sums[0] - sums[1]).sum() / len(confidence))


def _by_uncertainty(uncertainty: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct values in rising order, how many decisions have each, and how many of these are wrong."""
    uncertainty, wrong = _checked(uncertainty, wrong)
    values, place, counts = np.unique(uncertainty, return_inverse=True, return_counts=True)
    return values, counts, np.bincount(place, wrong.astype(float))


def _checked(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first, float).ravel(), np.asarray(second, bool).ravel()
    if not len(first) or len(first) != len(second):
        raise InputError(f"{len(first)} uncertainties do not go with {len(second)} decisions.")
    if not np.isfinite(first).all():
        raise InputError("An uncertainty is not finite.")
    return first, second
