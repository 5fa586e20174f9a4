"""Slices of real MRI with synthetic lesions on disk: writing lesions costs more than a training step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.cache import cached_arrays, key_of
from liverpair.core.geometry import resample
from liverpair.core.sides import Side
from liverpair.segmentation.preparation import GridPolicy, Normalization, prepare, prepare_labels
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.synthesis.paired_lesions_rendering import SyntheticPair
from liverpair.training.paired_lesions_cache import LesionSource, pair_stamp

CACHE_VERSION = 1
"""Goes up when the same seeds and settings give other slices."""
PARTS = ("images", "livers", "labels")
LEAST_LIVER = 400.0
"""Square millimeters of liver that a slice must show."""


@dataclass(frozen=True)
class SlicePreparation:
    """Everything the prepared slices depend on beside their case and seed."""

    policy: GridPolicy
    normalization: Normalization
    statistics: LesionStatistics

    def key(self, source: str) -> str:
        """Name of the cache files of `source`, which changes with every setting."""
        return key_of([CACHE_VERSION, source, asdict(self)])


@dataclass(frozen=True)
class LesionSlices:
    """The slices of one image that show liver.

    Attributes:
        name: case, image and seed.
        images: (n, y, x) in [0, 1], float16.
        livers: (n, y, x), bool.
        labels: (n, y, x), number of the lesion or 0, uint8; lesions that do not stand out are left out.
        spacing_mm: (x, y).
    """

    name: str
    images: np.ndarray
    livers: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float]


def cached_slices(
    root: Path,
    case: str,
    t1_images: Sequence[str],
    seeds: Sequence[int | None],
    weighting: Side,
    preparation: SlicePreparation,
    cache: Path,
) -> list[LesionSlices]:
    """The slices of a real case of one weighting, once for each seed of lesions, with None as scanned;
    those not on disk are made.

    `t1_images` serve as T1 in turn. Raises `InputError` when the pair is not in `root`.
    """
    found = []
    for turn, name in enumerate(t1_images):
        stamp = pair_stamp(root / case, name)
        source = LesionSource(root, case, name)
        for seed in seeds[turn :: len(t1_images)]:
            key = preparation.key(f"{stamp} {seed}")
            for side in Side:
                path = cache / f"slices-{key}-{side}.npz"
                wanted = side == weighting
                if wanted or not path.exists():  # the other side comes with it, for lesions cost more than slices
                    arrays = cached_arrays(path, partial(_slices_of, source, seed, side, preparation))
                if wanted:
                    about = {"name": f"{case}/{name}/{seed}", "spacing_mm": tuple(map(float, arrays["spacing"]))}
                    found.append(LesionSlices(**about, **{part: arrays[part] for part in PARTS}))
    return found


def _slices_of(
    source: LesionSource, seed: int | None, side: Side, preparation: SlicePreparation
) -> dict[str, np.ndarray]:
    pair, liver = _painted(source, seed, preparation.statistics), source.livers[list(Side).index(side)]
    seen = [one.number for one in pair.pairs if side in one.boxes]
    return lesion_slices(getattr(pair, side), liver, getattr(pair, f"{side}_labels"), seen, preparation)


@lru_cache(maxsize=1)
def _painted(source: LesionSource, seed: int | None, statistics: LesionStatistics) -> SyntheticPair:
    return source.variant(seed, statistics)


def lesion_slices(
    image: sitk.Image, liver: sitk.Image, labels: sitk.Image, seen: Sequence[int], preparation: SlicePreparation
) -> dict[str, np.ndarray]:
    """The arrays of `LesionSlices` of one volume; of the lesions in `labels` those whose number is `seen`."""
    prepared = prepare(image, preparation.policy, preparation.normalization)
    inside = prepare_labels(liver, prepared.grid, [1])[0] >= 0.5
    numbers = sitk.GetArrayFromImage(resample(labels, prepared.grid, "nearest"))
    area = prepared.grid.spacing[0] * prepared.grid.spacing[1]
    shown = inside.sum(axis=(1, 2)) * area >= LEAST_LIVER
    return {
        "images": prepared.array[shown].astype(np.float16),
        "livers": inside[shown],
        "labels": np.where(np.isin(numbers, seen), numbers, 0)[shown].astype(np.uint8),
        "spacing": np.array(prepared.grid.spacing[:2]),
    }
