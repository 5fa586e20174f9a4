"""Masks from boxes as a picture: what each method draws in the box of one lesion, beside the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from reproduction.box_pictures import COLORS

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Rectangle  # noqa: E402

TRUE_COLOR, BOX_COLOR = "#ff4040", "white"
COLUMNS = 4

Shown = tuple[str, np.ndarray, np.ndarray, np.ndarray, Mapping[str, np.ndarray]]
"""A title; the image, the truth and the box (z, y, x) in a window; and by method what it drew there."""


def box_masks_figure(lesions: Sequence[Shown], path: Path) -> None:
    """Save a PNG: each lesion in the axial slice that shows most of it, outlines of the truth, the box and the
    masks."""
    rows = -(-len(lesions) // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(3 * COLUMNS, 3.2 * rows), facecolor="black", squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    methods = list(lesions[0][-1]) if lesions else []
    colors = dict(zip(methods, COLORS))
    for axis, (title, image, truth, inside, drawn) in zip(axes.flat, lesions):
        z = int(truth.sum(axis=(1, 2)).argmax())
        axis.imshow(image[z], cmap="gray", vmin=np.percentile(image, 1), vmax=np.percentile(image, 99))
        axis.contour(truth[z], [0.5], colors=TRUE_COLOR, linewidths=1.5, linestyles="--")
        for method, mask in drawn.items():
            if mask[z].any():
                axis.contour(mask[z], [0.5], colors=colors[method], linewidths=1.5)
        (top, left), (bottom, right) = (ends(np.argwhere(inside.any(axis=0)), axis=0) for ends in (np.min, np.max))
        corner, size = (left - 0.5, top - 0.5), (right - left + 1, bottom - top + 1)
        axis.add_patch(Rectangle(corner, *size, fill=False, edgecolor=BOX_COLOR, linewidth=0.8))
        axis.set_title(title, color="white", fontsize=9)
    names = {"truth": (TRUE_COLOR, "--"), "box": (BOX_COLOR, "-"), **{m: (c, "-") for m, c in colors.items()}}
    handles = [Line2D([], [], color=color, linestyle=style, label=name) for name, (color, style) in names.items()]
    figure.legend(
        handles=handles, loc="lower center", ncols=len(handles), fontsize=9, facecolor="black", labelcolor="w"
    )
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, dpi=80, facecolor="black")
    pyplot.close(figure)
