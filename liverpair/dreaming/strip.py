"""The images of a dream side by side: the slice through the neuron, and how its surroundings change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from liverpair.core.errors import InputError
from liverpair.dreaming.plot_style import CROSS, draw_outline, draw_slice, figure_style, save_figure
from liverpair.io.study import read_image

MARGIN = 0.45
"""Surroundings that a close-up shows on each side of the object, as a fraction of the object's longer side."""
SMALLEST_CLOSE_UP_MM = 56.0
WINDOW_PERCENTILES = (0.5, 99.5)
HEIGHT = 2.5
MOST_FRAMES = 5
DARK, PALE = "#101010", "#e8e8e8"
INK_ON_CHANGE = "#202020"


@dataclass(frozen=True)
class Frame:
    """What a dream looked like at one iteration, in the slice that is shown: arrays (y, x)."""

    iteration: int
    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Strip:
    """The slice that is shown: before the dream and at the frames; spacing (x, y) in mm, the neuron's pixel (y, x) or
    None, and the part of the slice, rows and columns, that close-ups show."""

    original: np.ndarray
    frames: tuple[Frame, ...]
    spacing_mm: tuple[float, float]
    neuron: tuple[float, float] | None
    close_up: tuple[slice, slice]

    @property
    def window(self) -> tuple[float, float]:
        """The intensities of black and white, those of the original for every picture."""
        low, high = np.percentile(self.original, WINDOW_PERCENTILES)
        return float(low), float(max(high, low + 1e-6))


def frame_strip(
    frames: Sequence[Mapping[str, Any]],
    path: str | Path | Sequence[str | Path],
    original: str | Path | sitk.Image | None = None,
    point_mm: Sequence[float] | None = None,
) -> None:
    """Save the images of one start as a strip: the whole slice before the dream, close-ups at each frame with the
    object outlined (at most `MOST_FRAMES` of them, evenly chosen), and what the dream changed.

    Args:
        frames: {"iteration", "image", "mask"}; image and mask are files or images on one grid, axes near L, P, S.
        path: where to (.png, .svg or .pdf), or several places.
        original: the image before the dream, with all its slices or that of the frames; the first frame by default.
        point_mm: LPS, where the neuron is. It chooses the slice; without it, the slice in which the object is largest.

    Raises:
        InputError: no frame, a file that cannot be read, frames on several grids, or a place that cannot be written to.
    """
    strip = read_strip(frames, original, point_mm)
    with figure_style():
        save_figure(_draw(strip), path)


def read_strip(
    frames: Sequence[Mapping[str, Any]],
    original: str | Path | sitk.Image | None = None,
    point_mm: Sequence[float] | None = None,
) -> Strip:
    """The slice that a strip shows, see `frame_strip`."""
    if not frames:
        raise InputError("This dream has kept no images.", "Choose iterations at which images are kept.")
    ordered = sorted(frames, key=lambda frame: frame["iteration"])
    if len(ordered) > MOST_FRAMES:
        ordered = [ordered[round(i)] for i in np.linspace(0, len(ordered) - 1, MOST_FRAMES)]
    shown = [(_image(frame["image"]), _image(frame["mask"])) for frame in ordered]
    grid = shown[0][0]
    images, masks = ([sitk.GetArrayFromImage(volume) for volume in side] for side in zip(*shown))
    if any(volume.shape != images[0].shape for volume in (*images, *masks)):
        raise InputError("The images of this dream do not lie on one grid.")
    masks = [mask != 0 for mask in masks]
    index = None if point_mm is None else grid.TransformPhysicalPointToContinuousIndex([float(c) for c in point_mm])
    if index is not None and 0 <= round(index[2]) < len(images[0]):
        z = round(index[2])
    else:
        z = int(sum(masks).sum(axis=(1, 2)).argmax())
    spacing = grid.GetSpacing()[:2]
    neuron = None if index is None else (index[1], index[0])
    return Strip(
        images[0][z] if original is None else _same_slice(_image(original), grid, z),
        tuple(Frame(frame["iteration"], image[z], mask[z]) for frame, image, mask in zip(ordered, images, masks)),
        spacing,
        neuron,
        _close_up(np.any([mask[z] for mask in masks], axis=0), neuron, spacing),
    )


def _same_slice(original: sitk.Image, grid: sitk.Image, z: int) -> np.ndarray:
    """The slice of `original`, which may hold more of them, that is slice `z` of `grid`. Raises `InputError`."""
    index = original.TransformPhysicalPointToIndex(grid.TransformIndexToPhysicalPoint((0, 0, z)))
    if original.GetSize()[:2] != grid.GetSize()[:2] or not 0 <= index[2] < original.GetSize()[2]:
        raise InputError("The images of this dream do not lie on the grid of the image before it.")
    return sitk.GetArrayFromImage(original)[index[2]]


def _image(image: str | Path | sitk.Image) -> sitk.Image:
    return image if isinstance(image, sitk.Image) else read_image(image)


def _close_up(mask: np.ndarray, neuron: tuple[float, float] | None, spacing_mm: Sequence[float]) -> tuple[slice, slice]:
    """A square around the object, or around the neuron where there is none, that lies inside the slice."""
    spacing = np.array(spacing_mm[::-1])
    places = np.argwhere(mask)
    if neuron is not None:
        places = np.concatenate([places, [neuron]])
    if not len(places):
        places = np.array([[0, 0], mask.shape]) - 0.5
    low, high = places.min(axis=0), places.max(axis=0) + 1
    side = max(((high - low) * spacing).max() * (1 + 2 * MARGIN), SMALLEST_CLOSE_UP_MM) / spacing
    size = np.minimum(np.ceil(side), mask.shape).astype(int)
    start = np.clip(np.rint((low + high - size) / 2), 0, np.array(mask.shape) - size).astype(int)
    return tuple(slice(int(a), int(a + n)) for a, n in zip(start, size))


def _draw(strip: Strip) -> Figure:
    """The whole slice, the close-ups, and the change, in a row of equal height."""
    rows, columns = strip.close_up
    scale = strip.spacing_mm[0] / strip.spacing_mm[1]
    whole = strip.original.shape[1] / strip.original.shape[0] * scale
    close = (columns.stop - columns.start) / (rows.stop - rows.start) * scale
    widths = [whole, *[close] * (len(strip.frames) + 1)]
    figure = Figure((HEIGHT * sum(widths) + 0.08 * len(widths), HEIGHT + 0.3), facecolor=DARK)
    axes = figure.subplots(1, len(widths), width_ratios=widths)
    figure.subplots_adjust(left=0.003, right=0.997, bottom=0.01, top=HEIGHT / (HEIGHT + 0.3), wspace=0.025)
    draw_slice(axes[0], strip.original, strip.spacing_mm, strip.window)
    corner = (columns.start - 0.5, rows.start - 0.5)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    axes[0].add_patch(Rectangle(corner, *size, fill=False, edgecolor=PALE, linewidth=1))
    axes[0].set_title("before", color=PALE)
    for axis, frame in zip(axes[1:], strip.frames):
        draw_slice(axis, frame.image[rows, columns], strip.spacing_mm, strip.window, frame.mask[rows, columns])
        axis.set_title(f"iteration {frame.iteration}" + ("" if frame.mask.any() else ": no object"), color=PALE)
    if strip.neuron is not None:
        for axis, (y, x) in zip(axes, ((0, 0), (rows.start, columns.start))):
            axis.plot(strip.neuron[1] - x, strip.neuron[0] - y, "+", color=CROSS, markersize=9, markeredgewidth=1.4)
    _draw_change(axes[-1], strip)
    return figure


def _draw_change(axis: Any, strip: Strip) -> None:
    """What the last frame has more (red) or less (blue) than the original, in percent of the window."""
    rows, columns = strip.close_up
    last = strip.frames[-1]
    low, high = strip.window
    change = 100 * (last.image[rows, columns].astype(float) - strip.original[rows, columns]) / (high - low)
    most = max(float(np.percentile(np.abs(change), 99.5)), 1e-3)
    axis.imshow(change, cmap="RdBu_r", vmin=-most, vmax=most, aspect=strip.spacing_mm[1] / strip.spacing_mm[0])
    draw_outline(axis, last.mask[rows, columns], INK_ON_CHANGE)
    axis.axis("off")
    axis.set_title(f"change, red + blue −, to {most:.2g} %", color=PALE)
