"""The picture of the comparison of dimensions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from liverpair.dreaming.plot_style import figure_style, save_figure
from reproduction.memory_limit.organ_networks import Scores


def dice_and_cost(found: Mapping[str, Sequence[Scores]], memory: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Save the Dice of the liver by every network: by row, against its time for a volume, and against the memory of a
    step of its training; `memory` in the order of the rows."""
    with figure_style():
        figure = Figure((9.2, 3.0), layout="constrained")
        rows, times, sizes = figure.subplots(1, 3, sharey=False)
        for place, ((title, own), (megabytes, _)) in enumerate(zip(found.items(), memory.values())):
            if not own:
                continue
            dice, color = [one.liver_dice for one in own], f"C{place}"
            rows.plot([np.mean(dice)], [place], "|", ms=16, mew=2, color=color)
            rows.plot(dice, [place] * len(dice), "o", ms=4, color=color, alpha=0.8)
            times.plot([one.seconds for one in own], dice, "o", ms=4, color=color, label=title)
            sizes.plot([megabytes] * len(dice), dice, "o", ms=4, color=color, label=title)
        rows.set_yticks(range(len(found)), list(found))
        rows.invert_yaxis()
        rows.set_xlabel("Dice of the liver")
        for axis, label in ((times, "seconds a volume, one thread"), (sizes, "MiB of a step of training")):
            axis.set_xscale("log")
            axis.set_xlabel(label)
            axis.set_ylabel("Dice")
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
        figure.legend(*times.get_legend_handles_labels(), fontsize=7, loc="outside lower center", ncols=6)
        save_figure(figure, path)
