"""Measures of one case, of many cases, and the tests between sets of results."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import stats

from liverpair.core.errors import InputError
from liverpair.core.geometry import offset_t1_to_t2, volume_ml
from liverpair.measures.overlap import dice, volume_error_percent
from liverpair.measures.surface import hd95_and_assd_mm


def segmentation_measures(prediction: sitk.Image, reference: sitk.Image) -> dict[str, float]:
    """How well one mask agrees with its reference; both on one grid.

    Keys: `dice`, `hd95_mm`, `assd_mm`, `volume_ml` (of the prediction), `reference_ml`, `volume_error_percent`,
    `centroid_distance_mm`. NaN stands where a measure is not defined because a mask is empty. Raises `InputError`
    when the grids differ.
    """
    hd95, assd = hd95_and_assd_mm(prediction, reference)
    offset = offset_t1_to_t2(prediction, reference)
    return {
        "dice": dice(prediction, reference),
        "hd95_mm": hd95,
        "assd_mm": assd,
        "volume_ml": volume_ml(prediction),
        "reference_ml": volume_ml(reference),
        "volume_error_percent": volume_error_percent(prediction, reference),
        "centroid_distance_mm": math.nan if offset is None else math.hypot(*offset),
    }


def summarize(cases: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Per measure over cases: `n`, `undefined` (NaN or missing, left out), `mean`, `sd` (n − 1), `median`, `min`,
    `max`.

    Values that are no numbers (case names) are passed over. What cannot be computed (SD of one case) is NaN.
    """
    keys = dict.fromkeys(key for case in cases for key, value in case.items() if _is_number(value))
    return {key: _summary([case.get(key) for case in cases]) for key in keys}


def wilcoxon(a: Sequence[float], b: Sequence[float]) -> dict[str, Any]:
    """Two-sided Wilcoxon signed-rank test on paired results (Wilcoxon, Biometrics Bulletin 1, 1945); H0: median of a
    − b is 0.

    Pairs without a difference are left out of the ranks (Wilcoxon's own treatment); pairs with NaN are left out
    altogether and counted. Differences are compared to 12 decimals, so that rounding noise breaks no ties. When all
    differences are zero, p is 1.

    Returns:
        `n` pairs used, `undefined` pairs left out, `nonzero` differences, `median_difference` (a − b), `statistic`
        (smaller rank sum), `p`, and `note`: "" or a sentence on what limits the test.

    Raises `InputError` when the lengths differ or no pair is left.
    """
    if len(a) != len(b):
        raise InputError(f"A paired test needs as many results on both sides, not {len(a)} and {len(b)}.")
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    used = differences[np.isfinite(differences)].round(12)
    if not len(used):
        raise InputError("A paired test needs at least one pair of results.")
    nonzero = used[used != 0]
    outcome = {
        "n": len(used),
        "undefined": len(differences) - len(used),
        "nonzero": len(nonzero),
        "median_difference": float(np.median(used)),
        "statistic": 0.0,
        "p": 1.0,
        "note": "",
    }
    if not len(nonzero):
        return outcome | {"note": "All differences are zero."}
    test = stats.wilcoxon(nonzero, alternative="two-sided", method="auto")
    if len(nonzero) < 6:
        outcome["note"] = (
            f"With {len(nonzero)} nonzero differences p cannot fall below {2.0 ** (1 - len(nonzero)):.3g}."
        )
    return outcome | {"statistic": float(test.statistic), "p": float(test.pvalue)}


def least_significant_difference(groups: Sequence[Sequence[float]], level: float = 0.05) -> float | None:
    """From which difference on the means of two groups differ by more than chance (Fisher, The Design of Experiments,
    1935): t · √(2 s² / n).

    s² is the variance within groups, pooled over all of them, t the two-sided quantile of Student's distribution with
    the degrees of freedom of s², n the size of the smallest group. Nothing is corrected for many comparisons. None when
    no group has two members.
    """
    known = [np.asarray(group, dtype=float) for group in groups if len(group)]
    freedom = sum(len(group) - 1 for group in known)
    if not freedom:
        return None
    pooled = sum(((group - group.mean()) ** 2).sum() for group in known) / freedom
    return float(stats.t.ppf(1 - level / 2, freedom) * math.sqrt(2 * pooled / min(map(len, known))))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _summary(values: list[Any]) -> dict[str, float]:
    known = np.array([float(v) for v in values if _is_number(v) and math.isfinite(v)])
    n = len(known)
    if not n:
        return {"n": 0, "undefined": len(values)} | dict.fromkeys(("mean", "sd", "median", "min", "max"), math.nan)
    return {
        "n": n,
        "undefined": len(values) - n,
        "mean": float(known.mean()),
        "sd": float(known.std(ddof=1)) if n > 1 else math.nan,
        "median": float(np.median(known)),
        "min": float(known.min()),
        "max": float(known.max()),
    }
