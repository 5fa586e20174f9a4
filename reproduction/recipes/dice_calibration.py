"""How much of a liver is in a mask, told by the network's own probabilities: the line from soft Dice to Dice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.bundle import Bundle
from liverpair.bundle.manifest import DiceCalibration
from liverpair.core.device import choose_device
from liverpair.measures.overlap import dice, soft_dice
from liverpair.networks.padding import logits_of
from liverpair.segmentation.postprocessing import to_mask
from reproduction.recipes.changed_images import CHANGES, changed, prepared_volumes


@dataclass(frozen=True)
class Judged:
    """A mask of a network that had not seen its case: the fold, soft Dice by the network, Dice with the drawn liver."""

    fold: int
    soft: float
    dice: float


def judged_masks(bundle: Bundle, root: Path, cases: Sequence[str], cache: Path, fold: int) -> list[Judged]:
    """The masks of `cases` on the working grid, as scanned and after each change; none for an empty mask."""
    device = choose_device("auto")
    network = bundle.network(device)
    volumes = prepared_volumes(bundle, root, cases, cache)
    found = []
    for change in (None, *CHANGES):
        for sample in changed(volumes, change):
            with torch.inference_mode():
                logits = logits_of(network, torch.as_tensor(sample["image"])[None].to(device))
            probability = torch.sigmoid(logits[0, 0].float()).cpu().numpy()
            mask = to_mask(sitk.GetImageFromArray(probability), bundle.postprocessing)[0]
            drawn = sitk.GetImageFromArray((np.asarray(sample["target"][0]) > 0.5).astype(np.uint8))
            soft = soft_dice(probability, sitk.GetArrayViewFromImage(mask))
            if np.isfinite(soft):
                found.append(Judged(fold, soft, dice(mask, drawn)))
    return found


def calibrated(judged: Sequence[Judged], data: str) -> DiceCalibration:
    """The least-squares line from soft Dice to Dice. Its error is that of each fold by the line of the other folds."""
    folds, soft, true = (np.array([getattr(one, name) for one in judged]) for name in ("fold", "soft", "dice"))
    errors = []
    for fold in np.unique(folds):
        own = folds == fold
        line = np.polyfit(soft[~own], true[~own], 1) if (~own).any() else np.polyfit(soft, true, 1)
        errors += list(np.abs(np.clip(np.polyval(line, soft[own]), 0, 1) - true[own]))
    slope, intercept = np.polyfit(soft, true, 1)
    return DiceCalibration(float(slope), float(intercept), float(np.mean(errors)), len(judged), data)
