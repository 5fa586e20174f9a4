"""Pictures of boxes in two images: the truth dashed, what was found in full, linked boxes in one color."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from liverpair.detection.pairing import Found, link
from liverpair.training.detection import PairSample

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.patches import Rectangle  # noqa: E402

LINK_IOU = 0.3
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Okabe and Ito's colors, which color-blind readers tell apart."""


def pair_picture(
    pairs: Sequence[tuple[PairSample, tuple[Found, Found]]], score_threshold: float, path: str | Path
) -> None:
    """Save a PNG with a row for each two-dimensional pair: its first image, then its second."""
    figure, axes = pyplot.subplots(len(pairs), 2, figsize=(9.0, 4.5 * len(pairs)), squeeze=False)
    for row, (sample, found) in zip(axes, pairs):
        kept = [_above(side, score_threshold) for side in found]
        linked = link(*kept, LINK_IOU)
        for image, axis in enumerate(row):
            axis.imshow(sample.image[image], cmap="gray", alpha=0.6)
            for box in sample.boxes[image].numpy():
                axis.add_patch(_rectangle(box, edgecolor="black", linestyle="--", linewidth=1.2))
            for number, pair in enumerate(linked):
                moved = pair.rows[image] is None
                color = COLORS[number % len(COLORS)]
                style = {"linestyle": ":" if moved else "-", "linewidth": 1.2 if moved else 2.2}
                axis.add_patch(_rectangle(pair.boxes[image], edgecolor=color, **style))
            axis.set_title(("angle code", "frequency code")[image], fontsize=9)
            axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def _above(found: Found, threshold: float) -> Found:
    rows = found.scores >= threshold
    return Found(found.boxes[rows], found.scores[rows], found.displacements[rows])


def _rectangle(box: np.ndarray, **style) -> Rectangle:
    (top, left), (bottom, right) = box
    return Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, **style)
