"""The picture of the two-dimensional ascent: points, classifiers and paths beside the trajectories."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liverpair.dreaming.plot_style import INK, draw_band, draw_curve, figure_style, label_ends, save_figure
from liverpair.measures.feature_colors import FEATURES as COLORS
from reproduction.chapter3.dream_toy_climbs import Climb, Points

NEGATIVE, POSITIVE = "#8c8c8c", "#56b4e9"
CLIMBS = (COLORS[2], COLORS[1])
REACH = 0.5
"""Half the side of the plane that is shown."""


def toy_figure(
    points: Points, climbs: Sequence[Climb], axes_of_line: np.ndarray, center: np.ndarray, path: str | Path
) -> None:
    """Save the figure. `axes_of_line` (2, 2): unit vectors along the line and aside; `center`: a point of it."""
    with figure_style():
        figure = Figure((10.0, 4.6), layout="constrained")
        plane, aside = figure.subfigures(1, 2, width_ratios=(1.0, 1.02))
        _draw_plane(plane.subplots(), points, climbs, axes_of_line, center)
        for number, axis in enumerate(aside.subplots(2, 1, sharex=True)):
            _draw_feature(axis, climbs, number)
        save_figure(figure, path)


def _draw_plane(
    axis: Axes, points: Points, climbs: Sequence[Climb], axes_of_line: np.ndarray, center: np.ndarray
) -> None:
    along, aside = axes_of_line
    line = np.array([center - along, center + along])
    axis.plot(*line.T, color="#bbbbbb", linewidth=1, zorder=1)
    for own, color, marker, label in (
        (points.negative, NEGATIVE, "o", "negative"),
        (points.positive, POSITIVE, "D", "positive"),
    ):
        axis.scatter(*own.T, s=13, color=color, marker=marker, linewidths=0, alpha=0.8, label=label, zorder=2)
    for climb, color in zip(climbs, CLIMBS):
        border = np.array([-climb.weights[1], climb.weights[0]]) / np.linalg.norm(climb.weights)
        axis.plot(*np.array([center - border, center + border]).T, color=color, linewidth=1.1, linestyle="--", zorder=3)
        axis.annotate(
            "",
            climb.path[-1],
            climb.path[0],
            arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0},
            zorder=5,
        )
        axis.plot([], [], color=color, linewidth=2.2, label=f"classifier {climb.name}")
    axis.plot(*climbs[0].path[0], "o", color=INK, markersize=6, zorder=6)
    corner = center + np.array([0.26, -0.4])
    for direction, name in ((along, "f1"), (aside, "f2")):
        tip = corner + 0.11 * direction
        arrow = {"arrowstyle": "->", "color": INK, "linewidth": 1}
        axis.annotate("", tip, corner, arrowprops=arrow)
        axis.text(*(corner + 0.14 * direction), name, ha="center", va="center", fontweight="bold")
    axis.set(xlim=center[0] + np.array([-REACH, REACH]), ylim=center[1] + np.array([-REACH, REACH]), aspect="equal")
    axis.set(xlabel="first pixel", ylabel="second pixel", title="Steepest ascent; dashed: where the answer changes")
    axis.legend(loc="lower left", fontsize=8)


def _draw_feature(axis: Axes, climbs: Sequence[Climb], number: int) -> None:
    """The z-scores of one feature on both paths."""
    draw_band(axis, -1, 1)
    ends = []
    for climb, color in zip(climbs, CLIMBS):
        z = climb.z[:, number]
        end = draw_curve(axis, np.arange(len(z)), z[None], color, width=2.2)
        ends.append((end, f"{climb.name}:\n{climb.readings[number].rule}", color))
    axis.set_xlim(0, len(climbs[0].path) - 1)
    axis.set_ylabel(f"f{number + 1}, z-score")
    title = ("f1, position along the line: both climb into the normal range", "f2, distance from the line")[number]
    axis.set_title(title, loc="left")
    axis.margins(y=0.12)
    if number:
        axis.set_xlabel("iteration")
    label_ends(axis, ends, gap=0.2)
