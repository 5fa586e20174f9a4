"""The trajectories of a dream as a figure, and its images as a strip."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.plot_style import (
    DASHES,
    INK,
    curves,
    draw_band,
    draw_curve,
    draw_starts,
    figure_style,
    label_ends,
    quartiles,
    save_figure,
)
from liverpair.dreaming.strip import frame_strip
from liverpair.measures.feature_colors import BAND, BASELINES, color_of, is_broken
from liverpair.measures.feature_names import title_of

if TYPE_CHECKING:
    from liverpair.dreaming.normal_ranges import NormalRanges

__all__ = ["frame_strip", "normal_range", "trajectory_figure"]

ACTIVATION = "activation"
BASELINE_STYLES = {"random-weights": (":", "random weights"), "random-direction": ("-.", "random direction")}
LINEAR_Z = 3.0
"""z-scores beyond this are drawn on a logarithmic scale when any lies beyond `FAR_Z`."""
FAR_Z = 8.0
PANELS_PER_ROW = 5
JUMP, LEAST_JUMP, JUMP_COLOR = 0.25, 10, "#d0006f"
"""Part by which the object's voxels must change from one iteration to the next, and how many at least, to count as a
part that joins or leaves; and the color of the mark."""
BASELINE_ROOM = 0.5
"""How far baselines may widen the scale of a panel on each side, as a part of its height; beyond they are cut off."""
TITLE_SIZE, TITLE_LETTERS = 9.0, 22
"""Size of a panel's title, and how many letters of it a panel is wide."""
WIDTH, OVERVIEW_HEIGHT, PANEL_HEIGHT = 10.4, 3.0, 1.55
UNDEFINED_LETTERS = 120
"""How long a line may be that names features without any value."""


def trajectory_figure(
    trajectories: Trajectories,
    ranges: "NormalRanges | None",
    features: Sequence[str] | None = None,
    second: Trajectories | None = None,
    *,
    path: str | Path | Sequence[str | Path],
    names: tuple[str, str] = ("this model", "second model"),
) -> None:
    """Save the trajectories of a dream: above, every feature as a z-score with the normal band; below, a panel for the
    activation and for each feature in its own unit.

    A curve is the median over starts, its shade the quartiles; a start that has ended keeps its last value. The panels
    show every start as a hair too, and the baselines. Features without a normal range have a panel only;
    without any range there are only panels. Ticks at the bottom of a panel mark the iterations at which a part joined
    or left the object of some start: what a feature does there is no course.

    Args:
        trajectories: at least one of them of the kind "dream".
        ranges: the normal ranges, or None.
        features: their ids, in the order of their colors; all that were recorded by default.
        second: a dream of another model, in dashed lines; measured by the same ranges.
        path: where to (.png, .svg or .pdf), or several places.
        names: what the legend calls the two models.

    Raises:
        InputError: a place cannot be written to.
    """
    features = tuple(trajectories.features if features is None else features)
    ranged = [name for name in features if normal_range(ranges, name)]
    columns = min(PANELS_PER_ROW, len(features) + 1)
    rows = -(-(len(features) + 1) // columns)
    overview = OVERVIEW_HEIGHT if ranged else 0.0
    with figure_style():
        figure = Figure((WIDTH, overview + PANEL_HEIGHT * rows + 0.35), layout="constrained")
        parts = figure.subfigures(2 if ranged else 1, 1, height_ratios=[overview, PANEL_HEIGHT * rows][not ranged :])
        if ranged:
            _draw_overview(parts[0].subplots(), trajectories, ranges, features, second)
        panels = (parts[1] if ranged else parts).subplots(rows, columns, squeeze=False).ravel()
        _draw_panel(panels[0], trajectories, ACTIVATION, INK, None, second)
        panels[0].set_title("Neuron's activation", loc="left", fontweight="bold")
        for number, (axis, name) in enumerate(zip(panels[1:], features)):
            _draw_panel(axis, trajectories, name, color_of(number), normal_range(ranges, name), second)
            title = title_of(name)
            size = TITLE_SIZE if len(title) <= TITLE_LETTERS else TITLE_SIZE * TITLE_LETTERS / len(title)
            axis.set_title(title, loc="left", color=color_of(number), fontweight="bold", fontsize=size)
        for axis in panels[len(features) + 1 :]:
            axis.remove()
        for axis in panels[max(0, len(features) + 1 - columns) : len(features) + 1]:
            axis.set_xlabel("iteration", fontsize=8)
        figure.legend(
            handles=_legend(trajectories, bool(ranged), names if second is not None else ()),
            loc="outside lower center",
            ncols=7,
            fontsize=7.5,
        )
        save_figure(figure, path)


def normal_range(ranges: "NormalRanges | None", name: str) -> tuple[float, float] | None:
    """The mean and standard deviation of a feature over the training lesions; None when unknown or without spread."""
    known: Mapping[str, Any] = ranges.features if ranges is not None else {}
    if name not in known or not known[name]["sd"] > 0:
        return None
    return float(known[name]["mean"]), float(known[name]["sd"])


def _draw_overview(
    axis: Axes,
    trajectories: Trajectories,
    ranges: "NormalRanges",
    features: Sequence[str],
    second: Trajectories | None,
) -> None:
    """The z-scores of all features that have a normal range."""
    draw_band(axis, -1, 1)
    ends, undefined = [], []
    extent = [-1.6, 1.6]
    for number, name in enumerate(features):
        found = normal_range(ranges, name)
        if found is None:
            continue
        mean, deviation = found
        iterations, values = curves(trajectories, name)
        style = "-." if is_broken(number) else "-"
        end = draw_curve(axis, iterations, (values - mean) / deviation, color_of(number), style=style)
        extent += _extent((values - mean) / deviation)
        if second is not None:
            iterations, values = curves(second, name)
            z = (values - mean) / deviation
            its_end = draw_curve(axis, iterations, z, color_of(number), style=DASHES, width=1.2)
            end = its_end if end is None else end
            extent += _extent(z)
        if end is None:
            undefined.append(title_of(name))
        else:
            ends.append((end, title_of(name), color_of(number)))
    _set_z_scale(axis, min(extent), max(extent))
    axis.set_xlabel("iteration")
    axis.set_xlim(0, _last_iteration(trajectories, second))
    label_ends(axis, ends)
    if undefined:
        text = textwrap.fill(f"Undefined, for there was no object: {', '.join(undefined)}", UNDEFINED_LETTERS)
        axis.text(0.01, 0.03, text, transform=axis.transAxes, va="bottom", fontsize=8)


def jumps(trajectories: Trajectories) -> np.ndarray:
    """The iterations at which the object of some start is another one than before: by `JUMP` of its voxels."""
    found: set[int] = set()
    for start in trajectories.starts():
        iterations, voxels = start.iterations, start.values("voxels")
        before, after = voxels[:-1], voxels[1:]
        both = np.minimum(before, after) > 0
        jumped = both & (np.abs(after - before) > np.maximum(JUMP * np.minimum(before, after), LEAST_JUMP))
        found |= set(iterations[1:][jumped].tolist())
    return np.array(sorted(found), int)


def _extent(values: np.ndarray) -> list[float]:
    """The lowest and the highest value that a curve or its shade reaches."""
    drawn = quartiles(values)
    return [float(np.nanmin(drawn)), float(np.nanmax(drawn))] if np.isfinite(drawn).any() else []


def _set_z_scale(axis: Axes, low: float, high: float) -> None:
    """Linear; when some z-score lies far away, logarithmic beyond `LINEAR_Z`, so that the band stays readable."""
    label = "z-score over the training lesions"
    if max(-low, high) > FAR_Z:
        label += f"\n(logarithmic beyond ±{LINEAR_Z:g})"
        axis.set_yscale("symlog", linthresh=LINEAR_Z, linscale=1.6)
        far = [3 * 10**power for power in range(9)] + [10**power for power in range(1, 9)]
        ticks = sorted({-1, 0, 1, *far, *(-tick for tick in far)})
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_yticks([], minor=True)
    axis.set_ylim(low - 0.05 * max(-low, 4), high + 0.05 * max(high, 4))
    axis.set_ylabel(label)


def _last_iteration(*dreams: Trajectories | None) -> int:
    return max(1, *(int(t.iterations[-1]) for dream in dreams if dream is not None for t in dream))


def _draw_panel(
    axis: Axes,
    trajectories: Trajectories,
    name: str,
    color: str,
    band: tuple[float, float] | None,
    second: Trajectories | None,
) -> None:
    """One feature or measure in its own unit, with its baselines, as far as these do not dwarf it."""
    if band:
        draw_band(axis, band[0] - band[1], band[0] + band[1])
    draw_starts(axis, *trajectories.values(name), color)
    end = draw_curve(axis, *curves(trajectories, name), color, width=1.5)
    if second is not None:
        draw_curve(axis, *curves(second, name), color, style=DASHES, width=1.2)
    jumped = jumps(trajectories)
    if len(jumped):
        at = axis.get_xaxis_transform()
        axis.plot(jumped, np.zeros(len(jumped)), "|", color=JUMP_COLOR, markersize=5, transform=at)
    if end is None:
        axis.text(0.5, 0.5, "undefined: no object", transform=axis.transAxes, ha="center", va="center", fontsize=8)
    low, high = axis.get_ylim()
    for kind, (style, _) in BASELINE_STYLES.items():
        if kind in trajectories.kinds:
            draw_curve(axis, *curves(trajectories, name, kind), BASELINES[kind], style=style, width=1.2)
    if end is not None:
        room = BASELINE_ROOM * (high - low)
        axis.set_ylim(max(low - room, axis.get_ylim()[0]), min(high + room, axis.get_ylim()[1]))
    axis.locator_params(nbins=4)
    axis.set_xlim(0, _last_iteration(trajectories, second))


def _legend(trajectories: Trajectories, band: bool, names: Sequence[str]) -> list[Line2D | Patch]:
    count = len(trajectories.starts())
    median = f"median of {count} starts" if count > 1 else ""
    handles: list[Line2D | Patch] = []
    if names:
        first = f"{names[0]}, {median}" if median else names[0]
        handles += [Line2D([], [], color=INK, label=first), Line2D([], [], color=INK, linestyle=DASHES, label=names[1])]
    elif median:
        handles.append(Line2D([], [], color=INK, label=median))
    if median:
        handles.append(Patch(color=INK, alpha=0.16, label="quartiles"))
        handles.append(Line2D([], [], color=INK, linewidth=0.5, alpha=0.5, label="one start"))
    if band:
        handles.append(Patch(color=BAND, label="normal range"))
    if len(jumps(trajectories)):
        handles.append(Line2D([], [], color=JUMP_COLOR, marker="|", linestyle="", label="a part joins or leaves"))
    handles += [
        Line2D([], [], color=BASELINES[kind], linestyle=style, label=text)
        for kind, (style, text) in BASELINE_STYLES.items()
        if kind in trajectories.kinds
    ]
    return handles
