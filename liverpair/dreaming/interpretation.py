"""What a trajectory says about a network, in one sentence per feature (Couteaux 2021, section 3.1.3). Imports no torch.

Values are z-scores against the normal range; the band from -1 to 1 is normal. A start begins at z0 and ends at z1, the
medians of the first and last 5 % of its iterations in which the feature is defined; those of a dream are the medians
over its starts. Less than 0.5 between them is flat. Then

- "toward": moves into the band or nearer to it; the expected sensitivity.
- "flat inside": stays in the band; the network is robust to it.
- "flat outside": stays out of the band; too little sensitivity.
- "leaves": moves out of the band, or farther from it; too much sensitivity.
- "within": moves, and never leaves the band.
- "no range": there is no normal range; only whether the values rise or fall is said.
- "undefined": no start has an object in which the feature is defined twice.

A dream that hardly moved its neuron allows no verdict on the network.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from liverpair.measures.feature_names import title_of

if TYPE_CHECKING:
    from liverpair.core.trajectories import Trajectories
    from liverpair.dreaming.normal_ranges import NormalRanges

Rule = Literal["toward", "flat inside", "flat outside", "leaves", "within", "no range", "undefined"]
Curves = tuple[np.ndarray, np.ndarray]
"""Iterations (n,) and values (starts, n); NaN where undefined."""

END_PART = 0.05
FLAT_Z = 0.5
FLAT_PART = 0.05
"""Without a normal range: the change, as a part of the larger of both ends, below which a course is flat."""
AGREEMENT = 2 / 3
"""Part of the starts that must follow the same rule for their median to say something."""
LEAST_GAIN = 0.01
"""The change of the activation, as a part of the larger of both ends, that a dream needs to say something."""
SAME_MOVE = 0.5
"""A baseline that goes the same way at least so far, as a part, does the same as the dream."""

Z_SCORES = {"mean": 0.0, "sd": 1.0}
"""The normal range of values that are z-scores already."""

BASELINES = {"random-weights": "with random weights", "random-direction": "along a random direction"}

VERDICTS: dict[str, dict[str, str]] = {
    "ascent": {
        "toward": "the network looks for it",
        "flat inside": "the network is robust to it",
        "flat outside": "the network is not sensitive enough to it",
        "leaves": "the network is too sensitive to it",
        "within": "the network asks for it within what is normal",
    },
    "descent": {
        "toward": "the object fades although it becomes more normal",
        "flat inside": "the object fades without it",
        "flat outside": "the object fades without it",
        "leaves": "the object fades as it becomes less normal",
        "within": "the object fades although it stays normal",
    },
}
"""By the direction of the dream: what follows from each rule."""

UNMOVED = {
    "ascent": "the neuron was hardly raised, which says nothing about the network",
    "descent": "the neuron was hardly lowered, which says nothing about the network",
}


@dataclass(frozen=True)
class Reading:
    """What the trajectory of one feature says.

    Parameters
    ----------
    feature, rule, sentence
        Its name, the rule that applies, and the reading in words.
    strength
        To sort by: how far it moved in standard deviations, less what the baseline that moves it farthest in the same
        direction does, times the part of the starts that agree. Without a normal range: the change as a part of both
        ends together, from 0 to 1, in place of standard deviations. 0 when undefined.
    z0, z1
        z-scores at the beginning and the end; NaN without a normal range.
    value0, value1
        The same in the feature's own unit.
    iteration
        From which it stays in the band ("toward"), or out of it ("leaves"); None where it never crosses.
    agreeing, starts
        How many starts follow the rule, of how many in which the feature is defined.
    baselines
        By kind of run: whether it does the same as the dream; None where the feature is undefined.
    """

    feature: str
    rule: Rule
    sentence: str
    strength: float = 0.0
    z0: float = math.nan
    z1: float = math.nan
    value0: float = math.nan
    value1: float = math.nan
    iteration: int | None = None
    agreeing: int = 0
    starts: int = 0
    baselines: dict[str, bool | None] = field(default_factory=dict)


def readings(
    trajectories: "Trajectories", ranges: "NormalRanges | None" = None, direction: str = "ascent"
) -> list[Reading]:
    """One reading per recorded feature, the strongest first; those without a normal range after those with one.

    `direction`: "ascent", or "descent" when the dream lowered its neuron.
    """
    baselines = [kind for kind in trajectories.kinds if kind in BASELINES]
    dreamt = _gained(trajectories.values("activation")[1], direction)
    found = [
        read_trajectory(
            *trajectories.values(name),
            feature=name,
            band=ranges.features.get(name) if ranges else None,
            baselines={kind: trajectories.values(name, kind) for kind in baselines},
            direction=direction,
            dreamt=dreamt,
        )
        for name in trajectories.features
    ]
    last = ("no range", "undefined")
    return sorted(found, key=lambda r: (last.index(r.rule) + 1 if r.rule in last else 0, -r.strength))


def read_trajectory(
    iterations: np.ndarray,
    values: np.ndarray,
    feature: str,
    band: Mapping[str, float] | None = Z_SCORES,
    baselines: Mapping[str, Curves] | None = None,
    direction: str = "ascent",
    dreamt: bool = True,
) -> Reading:
    """Read one feature.

    Parameters
    ----------
    iterations, values
        (n,), and (starts, n); NaN where undefined.
    band
        "mean" and "sd" of the feature over the training lesions, for values in the feature's own unit; by default the
        values are z-scores. None or no spread: there is no normal range.
    baselines
        The curves of the baselines, by kind of run.
    dreamt
        Whether the dream moved its neuron in the `direction` that was wanted.
    """
    ranged = bool(band) and band["sd"] > 0
    mean, sd = (band["mean"], band["sd"]) if ranged else (0.0, 1.0)
    courses = _courses((iterations, values), mean, sd)
    title = title_of(feature)
    if not courses:
        once = "was measured only once, so it has no course"
        never = "is undefined: there was no object that it could be measured in"
        return Reading(feature, "undefined", f"{title} {once if np.isfinite(values).any() else never}.")
    middle = _median_course(courses)
    others = {kind: _median_course(_courses(curves, mean, sd)) for kind, curves in (baselines or {}).items()}
    same = {kind: other and _does_the_same(other, middle, ranged) for kind, other in others.items()}
    rule = _rule(middle) if ranged else "no range"
    agreeing = [c for c in courses if (_rule(c) == rule if ranged else _trend(c) == _trend(middle))]
    iteration = _median_crossing(agreeing) if rule in ("toward", "leaves") else None
    moved = abs(middle.change) if ranged else abs(middle.change) / max(abs(middle.first) + abs(middle.last), 1e-300)
    beyond = moved * (1 - min(1.0, max((_share(other, middle) for other in others.values()), default=0.0)))
    words = _course_words(middle, rule, iteration)
    verdict = VERDICTS[direction].get(rule) if dreamt else UNMOVED[direction]
    sentence = _sentence(title, words, verdict, len(agreeing), len(courses), same)
    return Reading(
        feature,
        rule,
        sentence,
        strength=beyond * len(agreeing) / len(courses),
        z0=middle.first if ranged else math.nan,
        z1=middle.last if ranged else math.nan,
        value0=mean + sd * middle.first,
        value1=mean + sd * middle.last,
        iteration=iteration,
        agreeing=len(agreeing),
        starts=len(courses),
        baselines=same,
    )


def _gained(activations: np.ndarray, direction: str) -> bool:
    """Whether most starts, whose activations (starts, n) are padded with NaN, moved their neuron as was wanted."""
    ends = [row[np.isfinite(row)][[0, -1]] for row in activations if np.isfinite(row).sum() > 1]
    sign = 1 if direction == "ascent" else -1
    moved = [sign * (last - first) > LEAST_GAIN * max(abs(first), abs(last)) for first, last in ends]
    return not moved or 2 * sum(moved) >= len(moved)


@dataclass(frozen=True)
class _Course:
    """Where a start begins and ends, as z-scores (or values), and from which iteration it stays on the side of the
    band's edge on which it ends; None when it always was there."""

    first: float
    last: float
    crossing: int | None = None

    @property
    def change(self) -> float:
        return self.last - self.first


def _courses(curves: Curves, mean: float, sd: float) -> list[_Course]:
    """The course of every start in which the feature is defined at least twice."""
    iterations, values = curves
    found = []
    for row in (np.atleast_2d(values) - mean) / sd:
        defined = np.isfinite(row)
        if defined.sum() > 1:
            found.append(_course(np.asarray(iterations)[defined], row[defined]))
    return found


def _course(iterations: np.ndarray, z: np.ndarray) -> _Course:
    end = math.ceil(END_PART * len(z))
    first, last = float(np.median(z[:end])), float(np.median(z[-end:]))
    elsewhere = np.flatnonzero((np.abs(z[:-end]) <= 1) != (abs(last) <= 1))
    return _Course(first, last, int(iterations[elsewhere[-1] + 1]) if len(elsewhere) else None)


def _median_course(courses: list[_Course]) -> _Course | None:
    if not courses:
        return None
    return _Course(float(np.median([c.first for c in courses])), float(np.median([c.last for c in courses])))


def _median_crossing(courses: list[_Course]) -> int | None:
    """None when fewer than half of them cross."""
    known = [c.crossing for c in courses if c.crossing is not None]
    return round(float(np.median(known))) if known and 2 * len(known) >= len(courses) else None


def _rule(course: _Course) -> Rule:
    starts_in, ends_in = abs(course.first) <= 1, abs(course.last) <= 1
    if abs(course.change) < FLAT_Z:
        return "flat inside" if ends_in else "flat outside"
    if ends_in:
        return "within" if starts_in else "toward"
    nearer = abs(course.last) < abs(course.first) and course.first * course.last > 0
    return "toward" if nearer else "leaves"


def _trend(course: _Course) -> str:
    """Without a normal range: "rises", "falls" or "stays"."""
    if abs(course.change) <= FLAT_PART * max(abs(course.first), abs(course.last)):
        return "stays"
    return "rises" if course.change > 0 else "falls"


def _share(other: _Course | None, course: _Course) -> float:
    """How far a baseline moves in the direction of the dream, as a part of the dream's move."""
    return max(0.0, other.change / course.change) if other and course.change else 0.0


def _does_the_same(other: _Course, course: _Course, ranged: bool) -> bool:
    moves = abs(course.change) >= FLAT_Z if ranged else _trend(course) != "stays"
    return moves and _share(other, course) >= SAME_MOVE


def _course_words(course: _Course, rule: Rule, iteration: int | None) -> str:
    """The predicate of the sentence: "rises into the normal range by iteration 140"."""
    moves = "rises" if course.change > 0 else "falls"
    side = "above" if course.last > 0 else "below"
    by = "" if iteration is None else f" by iteration {iteration}"
    if rule == "no range":
        trend = _trend(course)
        if trend == "stays":
            return f"stays at {course.last:.3g}; it has no normal range"
        return f"{trend} from {course.first:.3g} to {course.last:.3g}; it has no normal range"
    if rule == "toward" and abs(course.last) > 1:
        return f"{moves} toward the normal range and is still {side} it"
    if rule == "leaves" and abs(course.first) > 1:
        if course.first * course.last < 0:
            return f"{moves} through the normal range and out of it{by}"
        return f"{moves} farther {side} the normal range"
    return {
        "toward": f"{moves} into the normal range{by}",
        "leaves": f"{moves} out of the normal range{by}",
        "within": f"{moves} within the normal range",
        "flat inside": "stays in the normal range",
        "flat outside": f"stays {side} the normal range",
    }[rule]


def _sentence(
    title: str, words: str, verdict: str | None, agreeing: int, starts: int, same: Mapping[str, bool | None]
) -> str:
    """The reading in words. What the starts do not share, or any ascent would do, allows no verdict on the network."""
    alike = [BASELINES[kind] for kind, does in same.items() if does]
    disagree = agreeing < AGREEMENT * starts
    reasons = ["the starts disagree"] if disagree else []
    reasons += [f"so it does {' and '.join(alike)}, which says nothing about what was learned"] if alike else []
    conclusion = ", and ".join(reasons) or verdict
    among = f" in {agreeing} of {starts} starts" if agreeing < starts else ""
    return f"{title} {words}{among}{f': {conclusion}' if conclusion else ''}."
