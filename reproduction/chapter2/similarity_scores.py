"""How alike the livers of a pair are, up to a smooth field: as drawn by hand, and as networks find them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.cache import stamp_of
from liverpair.core.geometry import IDENTITY_DIRECTION, Grid
from liverpair.segmentation.preparation import prepare_labels
from liverpair.synthesis.paired_lesions_evaluation import pair_files, read_real_pair
from reproduction.chapter2.mask_similarity import FieldSearch, field_similarity
from reproduction.chapter2.strategy_scores import PairScores
from reproduction.remembered import Remembered

SPACING_MM = (3.0, 3.0, 6.0)
SEARCH = FieldSearch(cell=8)
"""Cells of 24 × 24 × 48 mm (x, y, z), those of the published grid: 16 voxels of 1.5 × 1.5 × 3 mm."""


def on_one_grid(t1: sitk.Image, t2: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Two masks where they were scanned: boolean (z, y, x) on a grid around both, half a cell wider."""
    points = np.concatenate([_points(mask) for mask in (t1, t2)])
    if not len(points):
        return np.zeros((1, 1, 1), bool), np.zeros((1, 1, 1), bool)
    margin = np.multiply(SPACING_MM, SEARCH.cell / 2)
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    size = tuple(int(n) for n in np.ceil((high - low) / SPACING_MM) + 1)
    grid = Grid(size, SPACING_MM, tuple(low.tolist()), IDENTITY_DIRECTION)
    return tuple(prepare_labels(mask, grid, [1])[0] > 0.5 for mask in (t1, t2))


def _points(mask: sitk.Image) -> np.ndarray:
    """Places (n, 3) of a mask's voxels, LPS mm."""
    grid = Grid.of(mask)
    places = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)[:, ::-1]
    return np.asarray(grid.origin) + (places * grid.spacing) @ grid.axes.T


def similarity(t1: sitk.Image, t2: sitk.Image) -> tuple[float, float]:
    """Dice of two masks as they were scanned, and DS, of which the fields are those of `SEARCH`."""
    a, b = on_one_grid(t1, t2)
    return field_similarity(a, b, FieldSearch(iterations=0))[0], field_similarity(a, b, SEARCH)[0]


class SimilarityScores:
    """Dice and DS of the livers of cases, remembered in a file.

    `scores`: what the networks of an arm find; without, the livers are those drawn by hand.
    """

    def __init__(self, path: Path, root: Path, scores: PairScores | None = None, stamp: str = ""):
        self._root, self._scores = root, scores
        self._remembered = Remembered(path, [str(root.resolve()), stamp])

    def __call__(self, cases: Sequence[str]) -> np.ndarray:
        """Dice and DS of each case (cases, 2)."""
        return np.array([self._remembered([case, self._stamp(case)], partial(self._measured, case)) for case in cases])

    def _stamp(self, case: str) -> str:
        return stamp_of(pair_files(self._root, case))

    def _measured(self, case: str) -> list[float]:
        return list(similarity(*self._livers(case)))

    def _livers(self, case: str) -> tuple[sitk.Image, sitk.Image]:
        if self._scores is None:
            pair = read_real_pair(self._root, case)
            return pair.t1_liver, pair.t2_liver
        found, _ = self._scores.found(case, case)
        return found.t1.liver, found.t2.liver
