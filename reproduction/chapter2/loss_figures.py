"""Pictures of the comparison of losses: what each gains over BCE, and betting maps as in figure 2.8."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.outline_pictures import PREDICTION_COLOR, REFERENCE_COLOR
from reproduction.chapter2.bets import Wager
from reproduction.chapter2.strategy_arms import REFERENCE, Arm


def gains_figure(
    losses: Sequence[Arm],
    dice: Mapping[str, Mapping[str, np.ndarray]],
    noise: Mapping[str, float | None],
    path: Path,
) -> None:
    """Save the Dice of every test image (mean over seeds) less that with BCE, by side, published means beside them.

    `dice`: by key of the loss and side (seeds, cases), empty for losses that have not run. `noise`: by side,
    differences of means below it are nothing.
    """
    reference, others = losses[0], losses[1:]
    with figure_style():
        figure = Figure((7.2, 2.8), layout="constrained")
        for number, (side, axis) in enumerate(zip(reference.sides, figure.subplots(1, 2, sharey=True))):
            for place, loss in enumerate(others):
                published = loss.published[number] - reference.published[number]
                axis.plot(published, place - 0.18, "D", color="0.5", ms=5, label=None if place else "published mean")
                if side in dice[loss.key] and side in dice[REFERENCE.key]:
                    own = (dice[loss.key][side].mean(axis=0) - dice[REFERENCE.key][side].mean(axis=0)).tolist()
                    axis.plot(own, [place + 0.18] * len(own), "o", color="tab:blue", ms=3, alpha=0.6)
                    axis.plot(np.mean(own), place + 0.18, "|", color="tab:blue", ms=12, mew=2)
            axis.axvline(0, color="black", linewidth=0.6)
            if noise[side] is not None:
                axis.axvspan(-noise[side], noise[side], color="0.9", zorder=0)
            axis.set_yticks(range(len(others)), [loss.strategy for loss in others])
            axis.xaxis.set_major_locator(MaxNLocator(5))
            axis.set_xlabel(f"Dice in {side.title}, less that with BCE")
            if number == 0:
                axis.invert_yaxis()  # shared
                axis.legend(fontsize=7)
        save_figure(figure, path)


def bets_figure(wagers: Sequence[tuple[str, Wager]], path: Path) -> None:
    """Save for every wager its image, and below its bets (white: high), in three planes through the middle of the
    reference; reference and prediction are outlined. The names stand at the left.
    """
    figure = Figure((7.2, 3.4 * len(wagers)), layout="constrained", facecolor="black")
    axes = figure.subplots(2 * len(wagers), 3, squeeze=False)
    for number, (name, wager) in enumerate(wagers):
        top = float(np.percentile(wager.bets, 99.5))
        for line, (values, high) in zip(axes[2 * number :], ((wager.image, 1.0), (wager.bets, top))):
            for axis, plane in zip(line, (0, 1, 2)):
                _plane(axis, wager, values, high, plane)
        axes[2 * number, 0].set_title(name, color="white", fontsize=8, loc="left")
    save_figure(figure, path)


def _plane(axis: Axes, wager: Wager, values: np.ndarray, high: float, across: int) -> None:
    """Draw the plane through the reference's middle that lies across the array's axis (0: axial)."""
    index = wager.middle[across]
    vertical, horizontal = (n for n in range(3) if n != across)
    spacing = wager.spacing_mm[::-1]
    axis.imshow(
        values.take(index, across),
        cmap="gray",
        vmin=0,
        vmax=high,
        origin="upper" if across == 0 else "lower",
        aspect=spacing[vertical] / spacing[horizontal],
    )
    for mask, color in ((wager.reference, REFERENCE_COLOR), (wager.predicted, PREDICTION_COLOR)):
        part = mask.take(index, across)
        if part.any() and not part.all():
            axis.contour(part, [0.5], colors=[color], linewidths=0.8)
    axis.axis("off")
