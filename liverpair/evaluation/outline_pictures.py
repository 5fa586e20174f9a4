"""Pictures for a model card: what was drawn by hand and what the model drew."""

from pathlib import Path

import matplotlib
import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import to_lps

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)

REFERENCE_COLOR, PREDICTION_COLOR = "#ff4040", "#40e060"


def worst_slices(prediction: np.ndarray, reference: np.ndarray, count: int) -> list[int]:
    """Indices of the `count` axial slices with the most voxels on which two masks (z, y, x) disagree, in order."""
    wrong = (prediction != reference).sum(axis=(1, 2))
    return sorted(np.argsort(wrong)[::-1][:count].tolist())


def outline_picture(
    image: sitk.Image, prediction: sitk.Image, reference: sitk.Image, title: str, path: Path, count: int = 4
) -> None:
    """Save a PNG of the worst axial slices of a volume with the reference (red) and the prediction (green) outlined."""
    volume, predicted, true = (sitk.GetArrayFromImage(to_lps(i)) for i in (image, prediction, reference))
    spacing = to_lps(image).GetSpacing()
    shown = np.argwhere(volume.max(axis=0) > 0.15 * np.percentile(volume, 99))
    rows, columns = (slice(low, high + 1) for low, high in zip(shown.min(axis=0), shown.max(axis=0)))
    slices = worst_slices(predicted, true, count)
    figure, axes = pyplot.subplots(1, len(slices), figsize=(3.2 * len(slices), 3.0), facecolor="black")
    for axis, z in zip(np.atleast_1d(axes), slices):
        axis.imshow(
            volume[z, rows, columns],
            cmap="gray",
            vmin=0,
            vmax=np.percentile(volume, 99),
            aspect=spacing[1] / spacing[0],
        )
        for mask, color in ((true, REFERENCE_COLOR), (predicted, PREDICTION_COLOR)):
            part = mask[z, rows, columns]
            if part.any() and not part.all():
                axis.contour(part, [0.5], colors=[color], linewidths=0.9)
        axis.set_title(f"slice {z + 1}", color="white", fontsize=8)
        axis.axis("off")
    figure.suptitle(f"{title}: drawn by hand red, model green", color="white", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=80, facecolor="black")
    pyplot.close(figure)
