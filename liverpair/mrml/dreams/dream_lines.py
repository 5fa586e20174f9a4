"""What a plot of a dream consists of: tables of curves, and the lines drawn of them. No node is touched here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liverpair.core.trajectories import RUN_KINDS
from liverpair.measures.feature_colors import color_of, is_broken
from liverpair.measures.feature_names import title_of
from liverpair.mrml.dreams.dream_curves import number
from liverpair.mrml.dreams.dream_scene import DreamScene

ITERATION, PIECE, VALUE = "iteration", "piece", "value"
MEDIAN, QUARTILES, SECOND, BAND, MARK = "median", "quartiles", "second", "band", "mark"
BASELINE_NAMES = {"random-weights": "Random weights", "random-direction": "Random direction"}
BASELINE_STYLES = {"random-weights": "dot", "random-direction": "dash-dot"}
STYLE_NAMES = {"dot": "thin dotted", "dash-dot": "thin dash-dotted"}
BAND_COLOR = "#5f8f5f"
MARK_COLOR = "#444444"
GAP = np.array([math.nan])
LONGEST_NAME = 25
"""Letters of the name of a dream below the axis."""


@dataclass(frozen=True)
class Shown:
    """What the user has chosen to see. `features` None: all; `solo`: this one alone; `normalized`: z-scores."""

    features: tuple[str, ...] | None = None
    solo: str | None = None
    kinds: tuple[str, ...] = RUN_KINDS
    normalized: bool = True


@dataclass(frozen=True)
class Line:
    """One series: what it shows of which feature (None: of several, or none), and how it looks.

    A `name` of "" is that of a line that belongs to another one.
    """

    what: str
    feature: str | None
    column: str
    name: str
    color: str
    style: str = "solid"
    width: float = 3.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Part:
    """One table, by column, and the lines drawn of it over its column `iteration`. Where a line consists of several
    pieces, `pieces` says what each is called and how many rows it has, with the gap after it."""

    what: str
    columns: dict[str, np.ndarray]
    lines: tuple[Line, ...] = ()
    pieces: tuple[tuple[str, int], ...] = ()


@dataclass
class Scale:
    """From raw values to what is plotted. `of` holds mean and standard deviation of the features that are drawn as
    z-scores; empty: raw values."""

    of: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __call__(self, feature: str, values: np.ndarray) -> np.ndarray:
        mean, deviation = self.of.get(feature, (0.0, 1.0))
        return (values - mean) / deviation


def z_scale(ranges: Mapping[str, Any] | None, feature: str) -> tuple[float, float] | None:
    """Mean and standard deviation of a feature in normal ranges as a bundle holds them; None where it is unknown, or
    has no spread to divide by."""
    known = ((ranges or {}).get("features") or {}).get(feature) or {}
    mean, deviation = number(known.get("mean")), number(known.get("sd"))
    return (mean, deviation) if math.isfinite(mean) and deviation > 0 else None


def has_any(ranges: Mapping[str, Any] | None) -> bool:
    """Whether there is a normal range of any feature."""
    return any(z_scale(ranges, name) for name in (ranges or {}).get("features") or ())


def parts_of(
    dream: DreamScene, features: Sequence[str], shown: Shown, scale: Scale, second: DreamScene | None
) -> list[Part]:
    """The tables of a plot; what comes first is drawn below what follows."""
    parts = [part for kind in BASELINE_NAMES if kind in shown.kinds for part in _baseline(dream, features, kind, scale)]
    if "dream" in shown.kinds:
        if dream.starts() > 1:
            parts.append(_quartiles(dream, features, scale))
        if second is not None:
            parts.append(_medians(second, features, scale, dream))
        parts.append(_medians(dream, features, scale))
    return parts


def band_part(low: float, high: float, last_iteration: int) -> Part:
    """The two lines between which the normal range lies."""
    columns = {
        ITERATION: np.array([0.0, last_iteration, math.nan, 0.0, last_iteration]),
        VALUE: np.array([low, low, math.nan, high, high]),
    }
    return Part(BAND, columns, (Line(BAND, None, VALUE, "Normal range", BAND_COLOR, width=1.5),))


def mark_part(iteration: int, low: float, high: float) -> Part:
    """A line at one iteration from bottom to top."""
    columns = {ITERATION: np.array([iteration, iteration], float), VALUE: np.array([low, high])}
    return Part(MARK, columns, (Line(MARK, None, VALUE, "", MARK_COLOR, width=1.0),))


def iteration_title(parts: Sequence[Part]) -> str:
    """The title of the axis of iterations, which says what else than features is drawn."""
    told = []
    for line in (part.lines[0] for part in parts if part.lines):
        if line.what == BAND:
            told.append("between the green lines: normal range")
        elif line.what in BASELINE_NAMES:
            told.append(f"{STYLE_NAMES[line.style]}: {line.name.lower()}")
        elif line.what == SECOND:
            told.append(f"dashed: {line.name.removesuffix(' (dashed)')}")
    return f"{ITERATION} ({'; '.join(told)})" if told else ITERATION


def extent(parts: Sequence[Part]) -> tuple[float, float] | None:
    """The lowest and the highest value drawn; None when nothing is."""
    values = np.concatenate([part.columns[line.column] for part in parts for line in part.lines] or [GAP])
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else None


def _medians(dream: DreamScene, features: Sequence[str], scale: Scale, first: DreamScene | None = None) -> Part:
    """The medians of a dream; dashed, under one name and with the colors of `first` when it is drawn beside that."""
    features = [name for name in features if name in dream.features]
    iterations, curves = _curves(dream, "dream")
    columns = {ITERATION: iterations.astype(float)}
    columns |= {name: scale(name, curves[1][iterations, dream.columns.index(name)]) for name in features}
    what, owner = (MEDIAN, dream) if first is None else (SECOND, first)
    lines = []
    for name in features:
        place = owner.features.index(name)
        if first is None:
            title, style, width = title_of(name), "dash-dot" if is_broken(place) else "solid", 3.0
        else:
            title, style, width = "" if lines else f"{shortened(dream.name)} (dashed)", "dash", 2.0
        lines.append(Line(what, name, name, title, color_of(place), style, width))
    return Part(what, columns, tuple(lines))


def _quartiles(dream: DreamScene, features: Sequence[str], scale: Scale) -> Part:
    """Below and above the median over starts: one line for each feature, in two pieces."""
    iterations, curves = _curves(dream, "dream")
    columns = {ITERATION: np.concatenate([iterations, GAP, iterations])}
    pieces = ("lower quartile", len(iterations) + 1), ("upper quartile", len(iterations))
    lines = []
    for name in features:
        column = dream.columns.index(name)
        low, high = (scale(name, curves[quartile][iterations, column]) for quartile in (0, 2))
        columns[name] = np.concatenate([low, GAP, high])
        lines.append(Line(QUARTILES, name, name, "", color_of(dream.features.index(name)), width=1.0, opacity=0.6))
    return Part(QUARTILES, columns, tuple(lines), pieces)


def _baseline(dream: DreamScene, features: Sequence[str], kind: str, scale: Scale) -> list[Part]:
    """The medians of a baseline, thin and in the colors of the features; one name stands for all."""
    if not dream.starts(kind):
        return []
    iterations, curves = _curves(dream, kind)
    columns = {ITERATION: iterations.astype(float)}
    columns |= {name: scale(name, curves[1][iterations, dream.columns.index(name)]) for name in features}
    lines = []
    for name in features:
        color = color_of(dream.features.index(name))
        lines.append(
            Line(kind, name, name, "" if lines else BASELINE_NAMES[kind], color, BASELINE_STYLES[kind], 1.5, 0.7)
        )
    return [Part(kind, columns, tuple(lines))]


def shortened(name: str) -> str:
    """A name that leaves room for others below the axis: where it is long, its middle is left out."""
    half = (LONGEST_NAME - 3) // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half].rstrip()}...{name[-half:].lstrip()}"


def _curves(dream: DreamScene, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The recorded iterations (n,) and the quartiles (3, iterations, columns) of a kind of run."""
    curves = dream.curves.get(kind)
    if curves is None:
        return np.zeros(0, int), np.zeros((3, 0, len(dream.columns)))
    return curves.recorded(), curves.final_quartiles() if dream.finished else curves.quartiles()
