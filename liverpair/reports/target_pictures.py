"""Pictures of lesions for a report: the axial slice of the diameter, with the outline of the mask and the diameters."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, to_lps
from liverpair.measures.lesion_rows import SideRow

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)
from matplotlib.axes import Axes  # noqa: E402

OUTLINE, LONG, SHORT = "#ffb000", "#00c8ff", "#ff5fc8"
NARROWEST_MM = 90.0
AROUND = 2.4
"""Width of a picture, in diameters."""
DPI = 160


@dataclass(frozen=True)
class TargetPicture:
    """One lesion in one image of one visit, ready to be drawn.

    Attributes:
        title: above it: "T1, March".
        words: below it: "31.2 × 24.0 mm, slice 12".
        plane: gray values of the part of an axial slice around the lesion, rows from front to back.
        spacing_mm: of rows and columns.
        limits: gray values of black and white.
        mask: outline to draw; None without one.
        lines: ends of the long and the short diameter, (column, row).
        box: corners (column, row) of a box to draw where there is no mask; None otherwise.
    """

    title: str
    words: str
    plane: np.ndarray
    spacing_mm: tuple[float, float]
    limits: tuple[float, float]
    mask: np.ndarray | None
    lines: Sequence[np.ndarray]
    box: np.ndarray | None


def picture_of(
    title: str, image: sitk.Image, labels: sitk.Image | None, number: int, box: Box, row: SideRow
) -> TargetPicture:
    """The picture of a lesion.

    Args:
        title: what stands above it.
        image: volume.
        labels: masks of its lesions by number, on its grid; None without.
        number: of the lesion.
        box: of the lesion, LPS mm.
        row: its measures.
    """
    turned = to_lps(image)
    columns, rows, _ = turned.GetSize()
    center = np.array(turned.TransformPhysicalPointToContinuousIndex(box.center_mm))
    lines = [
        np.array([turned.TransformPhysicalPointToContinuousIndex(end) for end in line])
        for line in (row.long_line, row.short_line)
        if line is not None
    ]
    height = lines[0][:, 2].mean() if lines else center[2]
    slice_ = int(np.clip(round(float(height)), 0, turned.GetSize()[2] - 1))
    plane = sitk.GetArrayViewFromImage(turned)[slice_].astype(float)
    mask, corners = None, None
    if lines and labels is not None:
        mask = sitk.GetArrayFromImage(to_lps(labels))[slice_] == number  # a view would outlive the turned image
    else:
        points = np.array([turned.TransformPhysicalPointToContinuousIndex(p.tolist()) for p in box.corners_mm])[:, :2]
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    middle = lines[0].mean(axis=0) if lines else center
    half = max(NARROWEST_MM, AROUND * (row.diameter_mm or 0.0)) / 2
    across, down = half / turned.GetSpacing()[0], half / turned.GetSpacing()[1]
    window = [
        slice(int(max(0, np.floor(place - reach))), int(max(1, min(count, np.ceil(place + reach) + 1))))
        for place, reach, count in ((middle[1], down, rows), (middle[0], across, columns))
    ]
    corner = np.array([window[1].start, window[0].start])
    values = sitk.GetArrayViewFromImage(turned)
    return TargetPicture(
        title,
        words_of(row),
        plane[tuple(window)],
        (turned.GetSpacing()[1], turned.GetSpacing()[0]),
        tuple(float(v) for v in np.percentile(values[values > values.min()], (1.0, 99.5))),
        None if mask is None else mask[tuple(window)],
        [line[:, :2] - corner for line in lines],
        None if corners is None else corners - corner,
    )


def words_of(row: SideRow) -> str:
    """What was measured, in a few words."""
    if row.diameter_mm is None:
        return "not measured"
    across = "" if row.short_axis_mm is None else f" × {row.short_axis_mm:.1f}"
    volume = "" if row.volume_ml is None else f", {row.volume_ml:.1f} ml"
    where = "" if row.slice is None else f", slice {row.slice + 1}"
    return f"{row.diameter_mm:.1f}{across} mm{volume}{where}" + (
        " (from its box)" if row.measured_from == "box" else ""
    )


def draw(axes: Axes, picture: TargetPicture | None, size: float = 7.5) -> None:
    """Draw a picture into axes; an empty frame for None."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#888888")
    if picture is None:
        axes.set_facecolor("#f2f2f2")
        axes.text(0.5, 0.5, "not there", ha="center", va="center", transform=axes.transAxes, color="#777777", size=size)
        return
    low, high = picture.limits
    aspect = picture.spacing_mm[0] / picture.spacing_mm[1]
    axes.imshow(picture.plane, cmap="gray", vmin=low, vmax=high, aspect=aspect, interpolation="bilinear")
    if picture.mask is not None and picture.mask.any():
        axes.contour(picture.mask, [0.5], colors=[OUTLINE], linewidths=0.8)
    if picture.box is not None:
        axes.plot(*picture.box.T, color=OUTLINE, linewidth=0.9, linestyle="--")
    for line, color in zip(picture.lines, (LONG, SHORT)):
        axes.plot(*line.T, color=color, linewidth=1.2, solid_capstyle="butt")
    height, width = picture.plane.shape
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.set_title(picture.title, size=size, pad=2)
    axes.set_xlabel(picture.words, size=size - 1, labelpad=2)


def png_of(pictures: Sequence[TargetPicture | None], width: float = 2.3) -> bytes:
    """A row of pictures as PNG."""
    figure, axes = pyplot.subplots(1, len(pictures), figsize=(width * len(pictures), width + 0.35), squeeze=False)
    for one, picture in zip(axes[0], pictures):
        draw(one, picture)
    figure.tight_layout(pad=0.3)
    out = io.BytesIO()
    figure.savefig(out, dpi=DPI, format="png")
    pyplot.close(figure)
    return out.getvalue()
