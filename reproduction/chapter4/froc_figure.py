"""FROC curves as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from liverpair.measures.froc import FALSE_RATES, ImageResult, froc_curve

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)

MINIMUM_IOU, MEASURABLE_MM = 0.1, 10.0


def froc_figure(images: Mapping[str, Sequence[ImageResult]], path: str | Path) -> None:
    """Save a PNG with a curve for every name: all lesions dashed, those from 10 mm on in full."""
    figure, axis = pyplot.subplots(figsize=(7, 4.5))
    for number, (name, results) in enumerate(images.items()):
        for smallest, style in ((0.0, "--"), (MEASURABLE_MM, "-")):
            matches = [
                result.matches(MINIMUM_IOU).only(np.array([size >= smallest for size in result.size_mm], bool))
                for result in results
            ]
            false, sensitivity = froc_curve(matches)
            axis.plot(
                np.maximum(false, FALSE_RATES[0] / 2),
                sensitivity,
                style,
                color=f"C{number}",
                label=name if smallest else None,
            )
    axis.set_xscale("log", base=2)
    axis.set_xticks(FALSE_RATES, [f"{rate:g}" for rate in FALSE_RATES])
    axis.set_xlim(FALSE_RATES[0] / 2, 2 * FALSE_RATES[-1])
    axis.set_ylim(0, 1)
    axis.set_xlabel("false boxes per volume")
    axis.set_ylabel(f"sensitivity (IoU ≥ {MINIMUM_IOU})")
    axis.set_title(f"full: lesions from {MEASURABLE_MM:g} mm; dashed: all", fontsize=9)
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
