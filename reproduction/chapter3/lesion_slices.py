"""Pictures of detected lesions in real volumes: the axial slice of one lesion in T1 and in T2, truth and boxes."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Grid
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.detection.space import to_voxels
from liverpair.measures.pairing_scores import largest_side_mm

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.patches import Rectangle  # noqa: E402

TRUE_COLOR, FOUND_COLOR, MOVED_COLOR = "#ff4040", "#40e060", "#f0e442"


def lesion_slices(
    images: Sequence[sitk.Image],
    truth: Sequence[Lesion],
    found: Sequence[Lesion],
    title: str,
    path: str | Path,
) -> None:
    """Save a PNG: T1 and T2 side by side, each through the middle of the largest true lesion that both show.

    True boxes red, boxes that were found green, boxes that are their partner's moved yellow; a pair has one number.
    """
    both = [pair for pair in truth if not pair.missing] or list(truth)
    largest = max(both, key=largest_side_mm)
    figure, axes = pyplot.subplots(1, 2, figsize=(9.0, 4.0), facecolor="black")
    for axis, image, side in zip(axes, images, Side):
        box = largest.box(side)
        volume = sitk.GetArrayViewFromImage(image)
        height = 0.5 * len(volume) if box is None else to_voxels([box], Grid.of(image))[0, :, 0].mean()
        z = int(np.clip(height, 0, len(volume) - 1))
        axis.imshow(volume[z], cmap="gray", vmin=0, vmax=np.percentile(volume, 99.5))
        for pair in truth:
            _draw(axis, pair.box(side), image, z, TRUE_COLOR, "--", "")
        for pair in found:
            color = MOVED_COLOR if side in pair.boxes and pair.boxes[side].score is None else FOUND_COLOR
            _draw(axis, pair.box(side), image, z, color, "-", str(pair.number))
        axis.set_title(f"{side.title}, slice {z + 1}", color="white", fontsize=8)
        axis.axis("off")
    figure.suptitle(
        f"{title}: true boxes red, found green, moved from the other image yellow", color="white", fontsize=9
    )
    figure.tight_layout()
    figure.savefig(path, dpi=80, facecolor="black")
    pyplot.close(figure)


def _draw(axis, box, image: sitk.Image, z: int, color: str, line: str, label: str) -> None:
    """A box where slice `z` cuts it."""
    if box is None:
        return
    lower, upper = to_voxels([box], Grid.of(image))[0]
    if not lower[0] <= z + 0.5 <= upper[0]:
        return
    corner, size = (lower[2] - 0.5, lower[1] - 0.5), upper - lower
    axis.add_patch(Rectangle(corner, size[2], size[1], fill=False, edgecolor=color, linestyle=line, linewidth=1.1))
    axis.text(*corner, label, color=color, fontsize=7, verticalalignment="bottom")
