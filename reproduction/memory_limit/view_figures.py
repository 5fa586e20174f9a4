"""Pictures of views: their Dice, and where they disagree."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liverpair.core.sides import Side
from liverpair.dreaming.plot_style import figure_style, save_figure
from reproduction.memory_limit.view_scores import Seen

COLORS = ("#d55e00", "#009e73", "#56b4e9")
"""Of the views."""
TITLES = ("the views", "disagreement, 0 to 1", "uncertainty, 0 to 0.5", "the fusion is wrong")


def dice_of_views(dice: Mapping[str, Sequence[float]], path: Path) -> None:
    """Save the mean Dice of every network by row, a dot each."""
    with figure_style():
        figure = Figure((6.4, 2.8), layout="constrained")
        axis = figure.subplots()
        for place, own in enumerate(dice.values()):
            color = "#888888" if place < len(COLORS) else "#0072b2"
            axis.plot([np.mean(own)], [place], "|", ms=16, mew=2, color=color)
            axis.plot(own, [place] * len(own), "o", ms=4, color=color, alpha=0.7)
        axis.set_yticks(range(len(dice)), list(dice))
        axis.invert_yaxis()
        axis.set_xlabel("Dice of the liver, mean of T1 and T2")
        save_figure(figure, path)


def disagreement(shown: Sequence[tuple[str, Side, Seen]], fusion: str, path: Path) -> None:
    """Save, of each image, an axial and a coronal slice: the outlines of the views, how far apart their probabilities
    are, the fusion's uncertainty, and where it is wrong."""
    rows = [(case, side, seen, axis) for case, side, seen in shown for axis in (0, 1)]
    heights = [seen.truth.shape[1 - axis] * _aspect(seen, axis) / seen.truth.shape[2] for _, _, seen, axis in rows]
    figure = Figure((8.6, 2.1 * sum(heights) + 0.4), layout="constrained", facecolor="black")
    panels = figure.subplots(len(rows), len(TITLES), squeeze=False, height_ratios=heights)
    for line, (case, side, seen, axis) in zip(panels, rows):
        at = int(seen.truth.sum(axis=tuple(other for other in range(3) if other != axis)).argmax())
        probability, uncertainty = seen.fused(fusion)
        apart = (seen.p.amax(1) - seen.p.amin(1))[0].numpy()
        wrong = ((probability > 0.5) != seen.truth).astype(float)
        for panel, over in zip(line, (None, apart, 2 * uncertainty, wrong)):
            _panel(panel, seen, axis, at, over)
        for view, color in zip(seen.p[0].numpy(), COLORS):
            _outline(line[0], np.take(view, at, axis), color, axis)
        label = f"case {case} {side.title}, {'axial' if axis == 0 else 'coronal'}"
        place = {"va": "top", "transform": line[0].transAxes, "bbox": {"facecolor": "black", "pad": 1.5, "lw": 0}}
        line[0].text(0.02, 0.97, label, color="white", fontsize=7, **place)
    for panel, title in zip(panels[0], TITLES):
        panel.set_title(title, color="white", fontsize=8)
    save_figure(figure, path)


def _aspect(seen: Seen, axis: int) -> float:
    x, y, z = seen.prepared.grid.spacing
    return (y if axis == 0 else z) / x


def _panel(panel: Axes, seen: Seen, axis: int, at: int, over: np.ndarray | None) -> None:
    origin = "upper" if axis == 0 else "lower"
    aspect = _aspect(seen, axis)
    panel.imshow(np.take(seen.prepared.array, at, axis), cmap="gray", vmin=0, vmax=1.1, origin=origin, aspect=aspect)
    if over is not None:
        layer = np.take(over, at, axis)
        panel.imshow(layer, cmap="inferno", vmin=0, vmax=1, alpha=0.8 * (layer > 0.02), origin=origin, aspect=aspect)
    _outline(panel, np.take(seen.truth, at, axis).astype(float), "white", axis)
    panel.axis("off")


def _outline(panel: Axes, mask: np.ndarray, color: str, axis: int) -> None:
    if mask.max() > 0.5 > mask.min():
        panel.contour(mask, [0.5], colors=[color], linewidths=0.8, origin=None)
