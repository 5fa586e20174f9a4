"""Pictures of auto-encoders: what latents stand for, and what is decoded along them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from liverpair.dreaming.plot_style import figure_style, save_figure


def latent_scatters(
    arms: Mapping[str, tuple[np.ndarray, Mapping[str, np.ndarray]]],
    decoded: Mapping[str, np.ndarray],
    path: Path,
) -> None:
    """Save a row for each arm: what is decoded over its first two latents, and each quantity against both.

    `arms`: latents (n, 2) and quantities (n,) by name; `decoded`: images (rows, columns, y, x), the first latent along
    the columns.
    """
    with figure_style():
        columns = 1 + 2 * len(next(iter(arms.values()))[1])
        figure = Figure((2.3 * columns, 2.5 * len(arms)), layout="constrained")
        axes = figure.subplots(len(arms), columns, squeeze=False)
        for row, (title, (latents, quantities)) in zip(axes, arms.items()):
            row[0].imshow(mosaic(decoded[title]), cmap="gray", vmin=0, vmax=1)
            row[0].set(title=title, xlabel="latent 0, −2 to 2", ylabel="latent 1", xticks=[], yticks=[])
            row[0].grid(False)
            places = [(name, own, number) for name, own in quantities.items() for number in (0, 1)]
            for axis, (name, own, number) in zip(row[1:], places):
                axis.plot(latents[:, number], own, ".", markersize=2, alpha=0.5, rasterized=True)
                axis.set(xlabel=f"latent {number}", ylabel=name)
                axis.set_title(f"r = {np.corrcoef(latents[:, number], own)[0, 1]:+.2f}", loc="left")
        save_figure(figure, path)


def traversals(rows: Mapping[str, np.ndarray], values: Sequence[float], path: Path, channels: Sequence[str]) -> None:
    """Save one row of pictures for each latent: what is decoded at each of its values; images (values, channels, y, x),
    the channels under each other in blocks of columns."""
    with figure_style():
        width = len(values)
        figure = Figure((0.62 * width * len(channels) + 1.3, 0.66 * len(rows) + 0.5), layout="constrained")
        axes = figure.subplots(len(rows), width * len(channels), squeeze=False)
        for line, (title, images) in zip(axes, rows.items()):
            for number, axis in enumerate(line):
                channel, step = divmod(number, width)
                axis.imshow(images[step, channel], cmap="gray", vmin=0, vmax=1)
                axis.set(xticks=[], yticks=[])
                axis.grid(False)
                if line is axes[0]:
                    axis.set_title(f"{channels[channel]} {values[step]:+g}".strip(), fontsize=7)
            line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=8)
        save_figure(figure, path)


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images (rows, columns, y, x) side by side."""
    rows, columns, height, width = images.shape
    return images.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
