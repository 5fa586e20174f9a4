"""Overlap and volume of two masks."""

import math

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import volume_ml
from liverpair.measures.masks import comparable_masks


def dice(a: sitk.Image, b: sitk.Image) -> float:
    """Dice coefficient 2|A∩B| / (|A|+|B|) of the non-zero voxels (Dice, Ecology 26, 1945), between 0 and 1.

    Two empty masks agree: 1. One empty mask: 0. Raises `InputError` when the masks do not lie on one grid.
    """
    first, second = comparable_masks(a, b)
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return float(2.0 * np.count_nonzero(first & second) / total) if total else 1.0


def label_dice(a: sitk.Image, b: sitk.Image) -> dict[tuple[int, int], float]:
    """The Dice of every label of `a` with every label of `b` that it meets; two label maps on one grid. 0 is no label.

    Raises `InputError` when they do not lie on one grid.
    """
    comparable_masks(a, b)
    first, second = sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b)
    sizes = [dict(zip(*np.unique(one, return_counts=True))) for one in (first, second)]
    both = (first != 0) & (second != 0)
    pairs, counts = np.unique(np.stack([first[both], second[both]]).astype(np.int64), axis=1, return_counts=True)
    return {
        (int(own), int(other)): float(2 * count / (sizes[0][own] + sizes[1][other]))
        for (own, other), count in zip(pairs.T, counts)
    }


def soft_dice(probability: np.ndarray, mask: np.ndarray) -> float:
    """The Dice that a mask would have with the truth, were its probabilities right: 2 Σ_mask p / (|mask| + Σ p).

    `probability` and `mask` are arrays of one shape. This is the ratio of the expected values (Bertels et al., MICCAI
    2019, eq. 4, with the mask in place of the reference), and as far off as the probabilities are. NaN for an empty
    mask.
    """
    inside = np.asarray(mask, bool)
    count = np.count_nonzero(inside)
    return 2.0 * float(probability[inside].sum()) / float(count + probability.sum()) if count else math.nan


def volume_error_percent(prediction: sitk.Image, reference: sitk.Image) -> float:
    """Signed volume error, 100 (V_prediction − V_reference) / V_reference, in percent; positive means too large.

    The grids may differ. Two empty masks: 0. Only the reference empty: NaN.
    """
    predicted, true = volume_ml(prediction), volume_ml(reference)
    if true == 0:
        return 0.0 if predicted == 0 else math.nan
    return 100.0 * (predicted / true - 1.0)
