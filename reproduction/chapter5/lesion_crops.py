"""Crops of synthetic lesions in both images, with their kind, diameter and radiomic features."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.cache import cached_arrays, key_of, stamp_of
from liverpair.core.geometry import Grid, on_grid, resample
from liverpair.core.sides import Side
from liverpair.measures.feature_names import default_features
from liverpair.measures.radiomics import features_of
from liverpair.segmentation.preparation import GridPolicy, Normalization, prepare
from liverpair.synthesis.paired_lesions import PairedLesion
from liverpair.synthesis.paired_lesions_evaluation import draw_case, pair_files, render_case
from liverpair.synthesis.paired_lesions_rendering import SyntheticPair
from liverpair.training.lesion_slices_data import LARGE_LESIONS

VERSION = 1
PIXEL_MM, SIZE = 2.0, 32
"""Of a crop: 64 mm wide, so that the largest lesions fit."""
FIRST_SEED = 71_000
TRAIN_CASES = ("01", "02", "03", "05")
"""So few because two cores were all there was; others with --cases."""


@dataclass(frozen=True)
class LesionCrops:
    """Lesions that both images show, one row each.

    Attributes:
        images: (n, 2, y, x) float32 in [0, 1]: T1, then T2, each the slice through the lesion's center there.
        kinds: (n,) text.
        diameters_mm: (n,).
        radiomics: (n, features) of T1, then of T2; NaN where undefined.
        cases: (n,) text.
    """

    images: np.ndarray
    kinds: np.ndarray
    diameters_mm: np.ndarray
    radiomics: np.ndarray
    cases: np.ndarray

    def __len__(self) -> int:
        return len(self.kinds)


def lesion_crops(root: Path, cases: Sequence[str], sets: int, cache: Path) -> LesionCrops:
    """The lesions of so many sets in each of the cases; what was painted once is remembered in `cache`."""
    found = []
    for number, case in enumerate(cases):
        for seed in range(FIRST_SEED + 100 * number, FIRST_SEED + 100 * number + sets):
            key = key_of([VERSION, stamp_of(pair_files(root, case)), case, seed, PIXEL_MM, SIZE])
            found.append(cached_arrays(cache / f"crops-{key}.npz", partial(_crops_of, root, case, seed)))
    parts = ("images", "kinds", "diameters_mm", "radiomics", "cases")
    return LesionCrops(**{part: np.concatenate([own[part] for own in found]) for part in parts})


def _crops_of(root: Path, case: str, seed: int) -> dict[str, np.ndarray]:
    drawn = draw_case(root, case, seed, LARGE_LESIONS)
    painted = render_case(root, drawn)
    images = {side: _normalized(getattr(painted, side)) for side in Side}
    shown = [one for one in drawn.lesions if len(one.visible) == 2]
    crops = [[_crop(images[side], getattr(one, side).center_mm) for side in Side] for one in shown]
    return {
        "images": np.array(crops, np.float32).reshape(-1, 2, SIZE, SIZE),
        "kinds": np.array([one.kind for one in shown], "U12"),
        "diameters_mm": np.array([one.diameter_mm for one in shown], float),
        "radiomics": np.array([_radiomics(images, painted, one) for one in shown]).reshape(len(shown), -1),
        "cases": np.array([case] * len(shown), "U12"),
    }


def _normalized(image: sitk.Image) -> sitk.Image:
    prepared = prepare(image, GridPolicy((PIXEL_MM, PIXEL_MM, 6.0), 0.0, 1000.0), Normalization())
    return on_grid(prepared.array, prepared.grid)


def _crop(image: sitk.Image, center_mm: Sequence[float]) -> np.ndarray:
    """(y, x) around a point, in the plane of the slices; 0 beyond the image."""
    grid = Grid.of(image)
    corner = np.asarray(center_mm) - grid.axes @ [PIXEL_MM * (SIZE - 1) / 2, PIXEL_MM * (SIZE - 1) / 2, 0.0]
    window = Grid((SIZE, SIZE, 1), (PIXEL_MM, PIXEL_MM, grid.spacing[2]), tuple(corner.tolist()), grid.direction)
    return sitk.GetArrayFromImage(resample(image, window))[0]


def _radiomics(images: dict[Side, sitk.Image], painted: SyntheticPair, lesion: PairedLesion) -> list[float]:
    """Of the slice that shows most of the lesion, in each image."""
    values: list[float] = []
    for side in Side:
        labels = resample(getattr(painted, f"{side}_labels"), Grid.of(images[side]), "nearest")
        inside = sitk.GetArrayFromImage(labels) == lesion.number
        row = int(inside.sum(axis=(1, 2)).argmax())
        image = sitk.GetArrayViewFromImage(images[side])[row]
        names = default_features(2)
        found = features_of(image, inside[row], (PIXEL_MM, PIXEL_MM), names)
        values += [found[name] for name in names]
    return values
