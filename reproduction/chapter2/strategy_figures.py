"""Pictures of the comparison of strategies: outlines as in figures 2.9 and 2.10, what a foreign image costs,
and what longer trainings bring."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liverpair.core.geometry import to_lps
from liverpair.core.sides import Side
from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.outline_pictures import PREDICTION_COLOR, REFERENCE_COLOR
from liverpair.segmentation.inference import SegmentationResult
from liverpair.synthesis.paired_lesions_evaluation import RealPair


def contour_panels(found: Sequence[tuple[str, SegmentationResult, tuple[RealPair, RealPair]]], path: Path) -> None:
    """Save an axial slice of every case, T1 above T2, with the reference (red) and the network's liver (green).

    `found`: name of the case, what the network found, and the pairs of its T1 and its T2. The slice is the one that
    shows most of the reference.
    """
    figure = Figure((2.2 * len(found), 4.0), layout="constrained", facecolor="black")
    axes = figure.subplots(2, len(found), squeeze=False)
    for column, (case, result, pairs) in zip(axes.T, found):
        for axis, one, image, liver in (
            (column[0], result.t1, pairs[0].t1, pairs[0].t1_liver),
            (column[1], result.t2, pairs[1].t2, pairs[1].t2_liver),
        ):
            axis.axis("off")
            _outlined(axis, image, liver, None if one is None else one.liver)
        column[0].set_title(f"case {case}", color="white", fontsize=8)
    save_figure(figure, path)


def _outlined(axis: Axes, image: sitk.Image, reference: sitk.Image, prediction: sitk.Image | None) -> None:
    spacing = to_lps(image).GetSpacing()
    volume, true = (sitk.GetArrayFromImage(to_lps(one)) for one in (image, reference))
    shown = int(true.sum(axis=(1, 2)).argmax())
    axis.imshow(volume[shown], cmap="gray", vmin=0, vmax=np.percentile(volume, 99), aspect=spacing[1] / spacing[0])
    masks = [(true, REFERENCE_COLOR)]
    if prediction is not None:
        masks.append((sitk.GetArrayFromImage(to_lps(prediction)), PREDICTION_COLOR))
    for mask, color in masks:
        if mask[shown].any():
            axis.contour(mask[shown], [0.5], colors=[color], linewidths=0.9)


def lost_dice(rows: Sequence[str], lost: Mapping[str, Sequence[tuple[float | None, float | None]]], path: Path) -> None:
    """Save bars of the Dice that a foreign auxiliary image costs: by side, for every row (published, ours)."""
    with figure_style():
        figure = Figure((7.2, 3.2), layout="constrained")
        for axis, (side, values) in zip(figure.subplots(1, len(lost), sharey=True), lost.items()):
            places = np.arange(len(rows))
            for shift, what, color in ((0.2, "published", "0.65"), (-0.2, "ours", "tab:blue")):
                own = [pair[what == "ours"] for pair in values]
                axis.barh(places + shift, [np.nan if v is None else v for v in own], 0.38, label=what, color=color)
            axis.set_yticks(places, rows)
            axis.invert_yaxis()
            axis.set_xlabel(f"Dice lost in {side.title}")
            axis.axvline(0, color="black", linewidth=0.6)
        axis.legend()
        save_figure(figure, path)


def dice_by_steps(
    titles: Mapping[str, str], dice: Mapping[int, Mapping[str, Mapping[str, np.ndarray]]], path: Path
) -> None:
    """Save the mean Dice of every network, a dot each, after trainings of several lengths, by side.

    `titles`: name of every row by its key. `dice`: by number of steps, key and side (seeds, cases).
    """
    with figure_style():
        figure = Figure((7.2, 3.2), layout="constrained")
        for side, axis in zip(Side, figure.subplots(1, len(Side), sharey=True)):
            for number, (key, title) in enumerate(titles.items()):
                shift = 0.5 * (number - (len(titles) - 1) / 2) / len(titles)
                found = [
                    (place + shift, own[key][side].mean(axis=1))
                    for place, own in enumerate(dice.values())
                    if side in own[key]
                ]
                color = f"C{number}"
                axis.plot([x for x, _ in found], [means.mean() for _, means in found], "_-", color=color, ms=9)
                for x, means in found:
                    axis.plot([x] * len(means), means, "o", color=color, ms=3.5, alpha=0.7)
                axis.plot([], [], "o-", color=color, ms=3.5, label=title)
            axis.set_xticks(range(len(dice)), [f"{steps} steps" for steps in dice])
            axis.set_title(side)
        figure.axes[0].set_ylabel("Dice")
        figure.axes[0].legend(fontsize=7)
        save_figure(figure, path)
