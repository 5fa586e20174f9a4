"""Figures of experiments with dreams: what several networks do with one feature, and the images they dream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from liverpair.dreaming.plot_style import (
    draw_band,
    draw_curve,
    draw_slice,
    draw_starts,
    figure_style,
    label_ends,
    save_figure,
)
from liverpair.measures.feature_colors import color_of

PANEL_WIDTH, PANEL_HEIGHT, LABELS_WIDTH = 3.3, 2.7, 1.9
PICTURE, TITLE = 1.75, 0.24
PALE, DARK = "#e8e8e8", "#101010"


@dataclass(frozen=True, eq=False)
class FeaturePanel:
    """One feature over the iterations for several networks.

    `curves`: network's name to (iterations (n,), values (starts, n)), as `Trajectories.values` or
    `liverpair.dreaming.plot_style.curves` gives them. `band`: the normal range, from and to.
    """

    title: str
    unit: str
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]]
    band: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a grid: a slice (y, x) with the mask (y, x) or None that is outlined in it, and its title."""

    image: np.ndarray
    mask: np.ndarray | None = None
    title: str = ""


def ordered_colors(names: Sequence[str]) -> dict[str, str]:
    """Colors from dark to light for networks that have an order, as a rising part of lesions with a marking."""
    return {name: to_hex(color) for name, color in zip(names, colormaps["plasma"](np.linspace(0, 0.82, len(names))))}


def feature_curves(
    panels: Sequence[FeaturePanel],
    path: str | Path | Sequence[str | Path],
    colors: Mapping[str, str] | None = None,
    every_start: bool = False,
) -> None:
    """Save panels side by side: a network is a color, its curve the median over starts, its shade the quartiles.

    Args:
        panels: one or several; the networks are named beside the last.
        path: where to (.png, .svg or .pdf), or several places.
        colors: of the networks by name; one after the other of the features' colors by default.
        every_start: draw each start as a hair too.
    """
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    colors = colors or {name: color_of(number) for number, name in enumerate(names)}
    with figure_style():
        figure = Figure((PANEL_WIDTH * len(panels) + LABELS_WIDTH, PANEL_HEIGHT), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, panel in zip(axes, panels):
            ends = _draw_feature(axis, panel, colors, every_start)
        label_ends(axes[-1], ends, gap=0.075)
        save_figure(figure, path)


def _draw_feature(
    axis: Axes, panel: FeaturePanel, colors: Mapping[str, str], every_start: bool
) -> list[tuple[float, str, str]]:
    """Draw one panel; what is to be written at the ends of its curves."""
    if panel.band:
        draw_band(axis, *panel.band)
    ends, last = [], 1
    for name, (iterations, values) in panel.curves.items():
        if every_start:
            draw_starts(axis, iterations, values, colors[name])
        end = draw_curve(axis, iterations, values, colors[name])
        last = max(last, int(iterations[-1]))
        ends.append((axis.get_ylim()[0] if end is None else end, name + (" (no object)" * (end is None)), colors[name]))
    axis.set_xlim(0, last)
    axis.set_title(panel.title, loc="left", fontweight="bold")
    axis.set_xlabel("iteration")
    axis.set_ylabel(panel.unit)
    return ends


def picture_grid(
    rows: Mapping[str, Sequence[Picture]],
    path: str | Path | Sequence[str | Path],
    window: tuple[float, float],
    spacing_mm: Sequence[float] = (1.0, 1.0),
) -> None:
    """Save rows of pictures, each with its name at the left, all between the same two intensities.

    Args:
        rows: name of a network (or of anything else) to its pictures, from left to right; titles stand over each.
        path: where to (.png, .svg or .pdf), or several places.
        window: the intensities of black and white.
        spacing_mm: of the pixels (x, y).
    """
    columns = max(len(pictures) for pictures in rows.values())
    shape = next(iter(rows.values()))[0].image.shape
    width = PICTURE * (shape[1] * spacing_mm[0]) / (shape[0] * spacing_mm[1])
    titled = any(picture.title for pictures in list(rows.values())[1:] for picture in pictures)
    gap = TITLE if titled else 0.04
    with figure_style():
        size = (width * columns + TITLE, (PICTURE + gap) * len(rows) + TITLE - gap)
        figure = Figure(size, facecolor=DARK)
        axes = figure.subplots(len(rows), columns, squeeze=False)
        figure.subplots_adjust(
            left=TITLE / size[0], right=0.998, bottom=0.005, top=1 - TITLE / size[1], wspace=0.02, hspace=gap / PICTURE
        )
        for line, (name, pictures) in zip(axes, rows.items()):
            line[0].annotate(
                name,
                (-0.03, 0.5),
                xycoords="axes fraction",
                rotation=90,
                ha="right",
                va="center",
                color=PALE,
                fontsize=9,
            )
            for axis in line:
                axis.axis("off")
            for axis, picture in zip(line, pictures):
                draw_slice(axis, picture.image, spacing_mm, window, picture.mask)
                axis.set_title(picture.title, color=PALE, fontsize=8, pad=3)
        save_figure(figure, path)
