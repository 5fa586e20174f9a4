"""Figure 3.9 c: how much networks rely on a marking, against how far it rises in their dreams."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from liverpair.dreaming.plot_style import figure_style, save_figure


def against_dice(
    dice: Sequence[float], finals: Sequence[float], names: Sequence[str], colors: Mapping[str, str], path: Path
) -> None:
    """Save a point for every network: Dice on lesions without the marking, and the marking at the end of its dreams."""
    with figure_style():
        figure = Figure((4.2, 3.2), layout="constrained")
        axis = figure.subplots()
        upward = sorted(zip(finals, dice, names))
        for number, (y, x, name) in enumerate(upward):
            axis.plot(x, y, "o", color=colors[name])
            side, where = (6, "left") if number % 2 else (-6, "right")  # so that close ones do not overlap
            look = {"ha": where, "va": "center", "color": colors[name], "fontsize": 8}
            axis.annotate(name, (x, y), xytext=(side, 0), textcoords="offset points", **look)
        axis.set_xlabel("Dice on lesions without the marking")
        axis.set_ylabel("marking at the last iteration")
        axis.margins(0.2)
        save_figure(figure, path)
