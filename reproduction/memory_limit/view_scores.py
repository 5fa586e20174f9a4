"""What each view of a network says of an image, what their fusions make of it, and how good both are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.bundle import Bundle
from liverpair.core.cache import stamp_of
from liverpair.core.device import choose_device
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.measures.overlap import dice
from liverpair.measures.surface import hd95_and_assd_mm
from liverpair.networks.padding import pad_to_multiple
from liverpair.networks.views_unet import fused, weights_of
from liverpair.segmentation.prediction import grid_policy, normalization
from liverpair.segmentation.preparation import Prepared, prepare, prepare_labels, to_image_grid
from liverpair.synthesis.paired_lesions_evaluation import pair_files, read_real_pair
from reproduction.memory_limit.uncertainty import calibration_error, error_precision, risk_coverage_area
from reproduction.remembered import Remembered

FUSIONS = {
    "mean": "mean",
    "probability": "largest probability",
    "entropy": "entropy",
    "dropout": "MC dropout",
    "confidence": "ConfidNet",
}
"""By name: title."""


@dataclass(frozen=True)
class Seen:
    """An image as the views see it.

    Attributes:
        image, liver: as scanned, and the liver drawn in it.
        prepared: on the working grid.
        truth: the liver there (z, y, x).
        p, sure, variance: of each view (1, views, z, y, x).
    """

    image: sitk.Image
    liver: sitk.Image
    prepared: Prepared
    truth: np.ndarray
    p: torch.Tensor
    sure: torch.Tensor
    variance: torch.Tensor

    def fused(self, fusion: str) -> tuple[np.ndarray, np.ndarray]:
        """Probability and uncertainty (z, y, x) of a fusion."""
        return tuple(one[0, 0].numpy() for one in fused(self.p, fusion, self.sure, self.variance))

    def view(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Probability of a view, and how far it is from 0 or 1, as its uncertainty."""
        p = self.p[0, number].numpy()
        return p, np.minimum(p, 1 - p)


class ViewScores:
    """Measures of the views of one network and of their fusions; what was measured once is remembered beside it."""

    def __init__(self, bundle: Bundle, root: Path, device: str = "auto"):
        self._bundle, self._root, self._device = bundle, root, choose_device(device)
        self._remembered = Remembered(bundle.folder.parent / "measures.json", [str(root.resolve()), bundle.sha256])

    @cached_property
    def _network(self) -> torch.nn.Module:
        return self._bundle.network(self._device)

    @property
    def views(self) -> list[str]:
        """Their names."""
        return self._network.views

    def __call__(self, case: str, side: Side) -> dict[str, dict[str, float]]:
        """By view and by fusion: Dice and HD95 in mm on the image's own grid, and on the working grid AUPR-error, AURC
        and ECE; of a fusion also "views_aupr", AUPR-error of how sure each view is of itself, mean over views.
        """
        stamp = stamp_of(pair_files(self._root, case))
        return self._remembered([case, side, stamp], lambda: self._measured(self.seen(case, side)))

    def seen(self, case: str, side: Side) -> Seen:
        """What the views say of an image."""
        pair = read_real_pair(self._root, case)
        image, liver = getattr(pair, side), getattr(pair, f"{side}_liver")
        prepared = prepare(image, grid_policy(self._bundle), normalization(self._bundle))
        volume = torch.from_numpy(prepared.array)[None, None].to(self._device)
        inside = (..., *(slice(0, n) for n in volume.shape[2:]))
        padded = pad_to_multiple(volume, self._network.multiple_of)
        with torch.no_grad():
            found = *(one.float().sigmoid() for one in self._network.of_views(padded)), self._network.variance(padded)
        truth = prepare_labels(liver, prepared.grid, [1])[0] > 0.5
        return Seen(image, liver, prepared, truth, *(one[inside].cpu() for one in found))

    def _measured(self, seen: Seen) -> dict[str, dict[str, float]]:
        measures = {name: _measures(seen, *seen.view(number)) for number, name in enumerate(self.views)}
        wrong = [(p.numpy() > 0.5) != seen.truth for p in seen.p[0]]
        for fusion in FUSIONS:
            _, right = weights_of(seen.p, fusion, seen.sure, seen.variance)
            own = [error_precision(1 - one.numpy(), missed) for one, missed in zip(right[0], wrong)]
            measures[fusion] = _measures(seen, *seen.fused(fusion)) | {"views_aupr": float(np.nanmean(own))}
        return measures


def _measures(seen: Seen, p: np.ndarray, uncertainty: np.ndarray) -> dict[str, Any]:
    own = Grid.of(seen.image)
    mask = to_image_grid(p, seen.prepared.grid, own) > 0.5
    hd95 = hd95_and_assd_mm(mask, seen.liver)[0]
    wrong = (p > 0.5) != seen.truth
    return {
        "dice": dice(mask, seen.liver),
        "hd95_mm": hd95 if np.isfinite(hd95) else None,
        "aupr": error_precision(uncertainty, wrong),
        "aurc": risk_coverage_area(uncertainty, wrong),
        "ece": calibration_error(1 - uncertainty, ~wrong),
    }


def means(found: Mapping[tuple[str, Side], Mapping[str, Mapping[str, float]]], name: str, measure: str) -> float:
    """Of a view or a fusion, over images."""
    known = [own[name][measure] for own in found.values() if own[name][measure] is not None]
    return float(np.mean(known)) if known else float("nan")
