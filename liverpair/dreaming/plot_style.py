"""What figures of dreams are drawn with: curves with their spread, and slices with an outline."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from liverpair.core.atomic import written_whole
from liverpair.core.trajectories import Trajectories
from liverpair.measures.feature_colors import BAND

OUTLINE, CROSS, INK = "#ffb000", "#40d8ff", "#333333"
LineStyle = str | tuple[float, tuple[float, ...]]
DASHES: LineStyle = (0, (5, 1.5))
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "liverpair",
}
DPI = 160
LEADER = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)}
"""The line from a value to its label: to the label's left edge, not through its letters."""
LABEL_GAP = 0.062
"""Smallest distance of two labels at the ends of curves, as a fraction of the height of the axes."""


@contextmanager
def figure_style() -> Iterator[None]:
    """Figures that are made and saved in here look alike."""
    with matplotlib.rc_context(STYLE):
        yield


def save_figure(figure: Figure, path: str | Path | Sequence[str | Path]) -> None:
    """Save a figure under one path or several, each whole or not at all; the suffix (.png, .svg, .pdf) says as what.

    Raises `InputError` when a place cannot be written to.
    """
    for one in [path] if isinstance(path, str | Path) else path:
        dates = {"Date": None} if Path(one).suffix == ".svg" else {}
        with written_whole(one) as draft:
            figure.savefig(draft, dpi=DPI, facecolor=figure.get_facecolor(), metadata=dates)


def curves(trajectories: Trajectories, name: str, kind: str = "dream") -> tuple[np.ndarray, np.ndarray]:
    """As `Trajectories.values`, but a start that has ended keeps its last value, so that the median does not jump where
    one ends before the others."""
    iterations, values = trajectories.values(name, kind)
    for row, trajectory in zip(values, trajectories.starts(kind)):
        last = np.searchsorted(iterations, trajectory.iterations[-1])
        row[last:] = row[last]
    return iterations, values


def quartiles(values: np.ndarray) -> np.ndarray:
    """The quartiles (3, n) over the starts of values (starts, n): lower, median, upper.

    NaN where fewer than half of the starts have a value, so that the few that begin early or last long do not speak
    for all.
    """
    found = np.full((3, values.shape[1]), np.nan)
    known = 2 * np.isfinite(values).sum(axis=0) >= max(1, len(values))
    if known.any():
        found[:, known] = np.nanpercentile(values[:, known], (25, 50, 75), axis=0)
    return found


def draw_curve(
    axis: Axes,
    iterations: np.ndarray,
    values: np.ndarray,
    color: str,
    *,
    style: LineStyle = "-",
    width: float = 1.8,
    label: str | None = None,
) -> float | None:
    """Draw the median over starts of `values` (starts, n), between the quartiles as a shade.

    Returns the last value of the median, None when it is undefined throughout. A median that exists at a single
    iteration is a dot.
    """
    low, median, high = quartiles(values)
    if len(values) > 1:
        axis.fill_between(iterations, low, high, color=color, alpha=0.16, linewidth=0)
    known = np.flatnonzero(np.isfinite(median))
    dot = "o" if len(known) == 1 else ""
    look = {"color": color, "linestyle": style, "linewidth": width}
    axis.plot(iterations, median, marker=dot, markersize=3, label=label, **look)
    return float(median[known[-1]]) if len(known) else None


def draw_starts(axis: Axes, iterations: np.ndarray, values: np.ndarray, color: str) -> None:
    """Draw every start of `values` (starts, n) as a hair."""
    if len(values) > 1:
        axis.plot(iterations, values.T, color=color, linewidth=0.5, alpha=0.35, rasterized=True)


def draw_band(axis: Axes, low: float, high: float) -> None:
    """Shade the normal range from `low` to `high`, with a line at its middle."""
    axis.axhspan(low, high, color=BAND, zorder=0, linewidth=0)
    axis.axhline((low + high) / 2, color="#a9cba9", linewidth=0.8, zorder=0.5)


def label_ends(axis: Axes, ends: Sequence[tuple[float, str, str]], gap: float = LABEL_GAP) -> None:
    """Write (value, text, color) beside the right edge of the axes, each near its value and none over another.

    Call it when the limits of the axes are final.
    """
    to_axes = axis.transData + axis.transAxes.inverted()
    heights = [float(np.clip(to_axes.transform((axis.get_xlim()[1], value))[1], 0, 1)) for value, *_ in ends]
    for (_, text, color), height, place in zip(ends, heights, spread_apart(heights, gap)):
        axis.annotate(
            text,
            (1.0, height),
            (1.03, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=color,
            fontsize=8.5,
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={**LEADER, "color": color},
        )


def spread_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Places from 0 to 1 near `heights`, in the same order from bottom to top, `gap` or more apart where that fits."""
    if not len(heights):
        return []
    order = np.argsort(heights, kind="stable")
    gap = min(gap, 1.0 / max(1, len(order) - 1))
    steps = gap * np.arange(len(order))
    # Without the steps, "apart" is "not falling": the nearest such sequence is the isotonic regression.
    rising = isotonic_regression(np.asarray(heights, float)[order] - steps).x
    places = np.empty(len(order))
    places[order] = np.clip(rising, 0, 1 - steps[-1]) + steps
    return places.tolist()


def draw_slice(
    axis: Axes,
    slice_: np.ndarray,
    spacing_mm: Sequence[float],
    window: tuple[float, float],
    mask: np.ndarray | None = None,
) -> None:
    """Show a slice (y, x) in gray between the two intensities of `window`, the object's mask outlined.

    `spacing_mm` is (x, y).
    """
    axis.imshow(slice_, cmap="gray", vmin=window[0], vmax=window[1], aspect=spacing_mm[1] / spacing_mm[0])
    if mask is not None:
        draw_outline(axis, mask)
    axis.axis("off")


def draw_outline(axis: Axes, mask: np.ndarray, color: str = OUTLINE) -> None:
    """Outline a mask (y, x) along the edges of its pixels' centers; objects at the picture's edge are closed."""
    if not mask.any():
        return
    padded = np.pad(np.asarray(mask, float), 1)
    rows, columns = (np.arange(-1, n + 1) for n in mask.shape)
    limits = axis.get_xlim(), axis.get_ylim()
    axis.contour(columns, rows, padded, [0.5], colors=[color], linewidths=1.3)
    axis.set(xlim=limits[0], ylim=limits[1])
