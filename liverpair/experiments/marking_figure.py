"""Figure 3.9 c: how much networks rely on a marking, against how far it rises in their dreams."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from liverpair.dreaming.drawing import figure_style, save_figure


def against_dice(
    dice: Sequence[float], finals: Sequence[float], names: Sequence[str], colors: Mapping[str, str], path: Path
) -> None:
    """Save a point for every network: Dice on lesions without the marking, and the marking at the end of its dreams."""
    with figure_style():
        figure = Figure((4.2, 3.2), layout="constrained")
        axis = figure.subplots()
        for x, y, name in zip(dice, finals, names):
            axis.plot(x, y, "o", color=colors[name])
            axis.annotate(name, (x, y), xytext=(5, 4), textcoords="offset points", color=colors[name], fontsize=8)
        axis.set_xlabel("Dice on lesions without the marking")
        axis.set_ylabel("marking at the last iteration")
        axis.margins(0.15)
        save_figure(figure, path)
