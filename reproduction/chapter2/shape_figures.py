"""Pictures of the experiment on channels that are not aligned: examples, Dice over translations, and its limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from liverpair.dreaming.plot_style import INK, draw_outline, figure_style, save_figure
from reproduction.toys.striped_blobs import POSITION, STRIPES, StripedBlobs


@dataclass(frozen=True)
class Example:
    """An image under a title and the network's output (y, x) for it."""

    title: str
    image: StripedBlobs
    output: np.ndarray


def map_figure(
    examples: Sequence[Example],
    offsets: Sequence[int],
    dice: np.ndarray,
    trained: tuple[float, float],
    path: Path,
) -> None:
    """Save the examples above their outputs, beside the Dice (y, x) over the translations of the striped channel.

    `offsets`: along both axes of the map, pixels. `trained`: shortest and longest translation of the training.
    """
    with figure_style():
        columns = len(examples)
        figure = Figure((2.1 * columns + 4.6, 4.2), layout="constrained")
        pictures, chart = figure.subfigures(1, 2, width_ratios=(2.1 * columns, 4.6))
        axes = pictures.subplots(2, columns, squeeze=False)
        for (above, below), example in zip(axes.T, examples):
            above.imshow(composite(example.image), interpolation="nearest")
            below.imshow(example.output, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            draw_outline(below, example.image.target)
            above.set_title(example.title)
            above.axis("off")
            below.axis("off")
        _draw_map(chart.subplots(), offsets, dice, trained)
        save_figure(figure, path)


def composite(image: StripedBlobs) -> np.ndarray:
    """An image as (y, x, 3): its position channel in magenta, its striped one in green."""
    position, stripes = image.images[POSITION], image.images[STRIPES]
    return np.clip(np.stack([position, stripes, position], axis=-1), 0, 1)


def _draw_map(axis: Axes, offsets: Sequence[int], dice: np.ndarray, trained: tuple[float, float]) -> None:
    half = (offsets[1] - offsets[0]) / 2
    first, last = offsets[0] - half, offsets[-1] + half
    shown = axis.imshow(dice, cmap="viridis", vmin=0, vmax=1, extent=(first, last, last, first))
    for radius in trained:
        axis.add_patch(Circle((0, 0), radius, fill=False, color="white", linewidth=1, linestyle="--"))
    axis.grid(False)
    axis.set(xlabel="shift along x (pixels)", ylabel="shift along y (pixels)", title="Dice; dashed: trained range")
    axis.figure.colorbar(shown, ax=axis, shrink=0.85)


def sweep_figure(
    sweep: Mapping[int, Sequence[tuple[float, Sequence[float]]]],
    nearest: Mapping[float, float],
    wanted: float,
    published: float,
    path: Path,
) -> None:
    """Save Dice against the amplitude of the training's translations: by levels, (amplitude, Dice of every seed).

    `nearest`: by amplitude, the Dice of the rule that takes the nearest striped blob.
    """
    with figure_style():
        figure = Figure((5.4, 3.4), layout="constrained")
        axis = figure.subplots()
        for number, (levels, points) in enumerate(sweep.items()):
            color = f"C{number}"
            axis.plot(
                [amplitude for amplitude, _ in points],
                [np.mean(scores) for _, scores in points],
                color=color,
                label=f"{levels} levels",
            )
            for amplitude, scores in points:
                axis.plot([amplitude] * len(scores), scores, "o", color=color, markersize=4)
        axis.plot(*zip(*sorted(nearest.items())), color="0.6", linestyle="-.", label="kind of the nearest blob")
        axis.axhline(wanted, color=INK, linewidth=0.8, linestyle=":")
        axis.axvline(published, color=INK, linewidth=0.8, linestyle="--")
        axis.annotate("published limit", (published, 0.5), (4, 0), textcoords="offset points", fontsize=8)
        axis.set(xlabel="longest translation (pixels)", ylabel="Dice", ylim=(0, 1))
        axis.legend(loc="lower left")
        save_figure(figure, path)
