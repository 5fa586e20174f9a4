"""Pictures of memory: of a step of training against depth and input size, and the Dice that more input brings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from liverpair.dreaming.plot_style import figure_style, save_figure
from reproduction.memory_limit.organ_networks import Arm, Scores

STYLES = {
    "ordinary U-Net": ("#888888", "s"),
    "all activations": ("#d55e00", "o"),
    "gradient checkpoints": ("#e69f00", "^"),
    "reversible, outputs alone": ("#0072b2", "o"),
    "reversible, pooling-free": ("#009e73", "D"),
}
"""Color and marker of each network."""


def steps(by_depth: Sequence[Mapping[str, Any]], by_size: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Save memory and time against depth, and memory against the side of the input."""
    with figure_style():
        figure = Figure((9.6, 3.3), layout="constrained")
        depth, time, size = figure.subplots(1, 3)
        for axis, rows, x, y in (
            (depth, by_depth, "depth", "measured MiB"),
            (time, by_depth, "depth", "seconds"),
            (size, by_size, "side", "counted MiB"),
        ):
            for title in dict.fromkeys(row["network"] for row in rows):
                own = [row for row in rows if row["network"] == title]
                color, marker = STYLES[title]
                axis.plot(
                    [row[x] for row in own], [row[y] for row in own], marker=marker, ms=4, color=color, label=title
                )
            axis.set_xscale("log", base=2)
            ticks = sorted({row[x] for row in rows})
            axis.set_xticks(ticks, [str(tick) for tick in ticks])
            axis.minorticks_off()
        depth.set_title("memory of a step, one level")
        depth.set_xlabel("couplings")
        depth.set_ylabel("MiB measured")
        depth.set_ylim(bottom=0)
        time.set_title("processor time of a step, one level")
        time.set_xlabel("couplings")
        time.set_ylabel("seconds")
        time.set_ylim(bottom=0)
        size.set_title("memory of a step, whole U-Nets")
        size.set_xlabel("voxels along each side of the input")
        size.set_ylabel("MiB counted")
        size.set_yscale("log")
        figure.legend(*size.get_legend_handles_labels(), fontsize=7, loc="outside lower center", ncols=5)
        save_figure(figure, path)


def dice_by_size(
    arms: Sequence[Arm], found: Mapping[str, Sequence[Scores]], memory: Mapping[str, float], path: Path
) -> None:
    """Save the Dice of the liver by every network, a dot each, against voxels in view and against memory."""
    with figure_style():
        figure = Figure((7.2, 3.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for title in dict.fromkeys(arm.title.rpartition(", ")[0] for arm in arms):
            own = [arm for arm in arms if arm.title.rpartition(", ")[0] == title and found[arm.key]]
            color, marker = STYLES[title]
            places = [np.prod(arm.patch) for arm in own], [memory[arm.key] for arm in own]
            dice = [[one.liver_dice for one in found[arm.key]] for arm in own]
            for axis, xs in zip(axes, places):
                axis.plot(xs, [np.mean(one) for one in dice], "-", color=color, label=title)
                for x, one in zip(xs, dice):
                    axis.plot([x] * len(one), one, marker, color=color, ms=4, alpha=0.7)
        axes[0].set_xlabel("voxels in view")
        axes[1].set_xlabel("MiB of a step (counted)")
        for axis, ticks in zip(axes, (sorted({int(np.prod(arm.patch)) for arm in arms}), (1, 3, 10, 30, 100))):
            axis.set_xscale("log")
            low, high = axis.get_xlim()
            axis.set_xticks([tick for tick in ticks if low <= tick <= high])
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.minorticks_off()
        axes[0].set_ylabel("Dice of the liver")
        axes[1].legend(fontsize=7, loc="lower right")
        save_figure(figure, path)
