"""Prepared pairs with synthetic lesions on disk: writing lesions costs more than a training step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.core.cache import cached_arrays, key_of, stamp_of
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.preparation import PreparedPair, prepare_pair
from liverpair.detection.space import to_voxels
from liverpair.registration.livers import cached_registration
from liverpair.segmentation.preparation import GridPolicy, Normalization, prepare_labels
from liverpair.synthesis.paired_lesions import LesionStatistics, draw_paired_lesions
from liverpair.synthesis.paired_lesions_evaluation import RealPair, read_real_pair
from liverpair.synthesis.paired_lesions_rendering import LiverCanvas, SyntheticPair, paint_pair
from liverpair.training.detection import PairSample

PREPARED_BY = ("alignment", "margin_mm", "mask", "mask_margin_mm", "normalize_over", "standardize")
"""The settings of a detector that decide what it sees; the others read its answer."""
CACHE_VERSION = 1
"""Goes up when the same seeds and settings give other samples."""


@dataclass(frozen=True)
class PairPreparation:
    """Everything the prepared samples depend on beside their case and seed."""

    policy: GridPolicy
    normalization: Normalization
    settings: DetectionSettings
    multiple_of: tuple[int, ...]
    statistics: LesionStatistics

    def key(self, source: str) -> str:
        """Name of the cache file of `source`, which changes with every setting."""
        about = {**asdict(self), "settings": {name: getattr(self.settings, name) for name in PREPARED_BY}}
        return key_of([CACHE_VERSION, source, about])


@dataclass(frozen=True)
class LesionVariant:
    """A prepared pair in a file, read when it is needed, so that many fit: one with synthetic lesions, or a study of
    `annotated_lesions`."""

    name: str
    path: Path

    def sample(self) -> PairSample:
        """Images (2, z, y, x) in [0, 1], boxes in voxels, and what else is known of the lesions."""
        with np.load(self.path) as stored:
            return PairSample(
                image=torch.from_numpy(stored["channels"].astype(np.float32)),
                boxes=torch.from_numpy(stored["boxes"]),
                visible=torch.from_numpy(stored["visible"]),
                masks=torch.from_numpy(stored["masks"].astype(np.float32) / 255) if "masks" in stored else None,
                annotated=bool(stored["annotated"]) if "annotated" in stored else True,
                cut=torch.from_numpy(stored["cut"]) if "cut" in stored else None,
            )


def cached_variants(
    root: Path, case: str, t1_images: Sequence[str], seeds: Sequence[int], preparation: PairPreparation, cache: Path
) -> list[LesionVariant]:
    """One variant of a real pair for each seed; those that are not on disk are made.

    `t1_images` serve as T1 in turn. Raises `InputError` when the pair is not in `root`.
    """
    variants = []
    for turn, name in enumerate(t1_images):
        stamp = pair_stamp(root / case, name)
        source = LesionSource(root, case, name)
        for seed in seeds[turn :: len(t1_images)]:
            path = cache / f"{preparation.key(f'{stamp} {seed}')}.npz"
            if not path.exists():
                cached_arrays(path, partial(_prepared, source, seed, preparation))
            variants.append(LesionVariant(f"{case}/{name}/{seed}", path))
    return variants


def known_boxes(pairs: Sequence[Lesion]) -> tuple[list[list[Box]], np.ndarray]:
    """For each image the boxes of all pairs, where one that is missing is its partner moved; and whether each image
    shows it (2, n)."""
    boxes, visible = [[], []], np.zeros((2, len(pairs)), bool)
    for row, pair in enumerate(pairs):
        for image, side in enumerate(Side):
            boxes[image].append(pair.box_or_moved(side))
            visible[image, row] = side in pair.boxes
    return boxes, visible


class LesionSource:
    """A real pair to receive lesions, read when the first are asked for."""

    def __init__(self, root: Path, case: str, t1_name: str):
        self._root, self._case, self._t1_name = root, case, t1_name

    @cached_property
    def _real(self) -> RealPair:
        return read_real_pair(self._root, self._case)

    @property
    def livers(self) -> tuple[sitk.Image, sitk.Image]:
        """The masks of T1 and T2."""
        return self._real.t1_liver, self._real.t2_liver

    @cached_property
    def _canvases(self) -> tuple[LiverCanvas, LiverCanvas]:
        path = self._root / self._case / self._t1_name
        t1_liver, t2_liver = self.livers
        if not path.is_file():
            raise InputError(f"Training needs {path}, which does not exist.", "Set data.root in the config.")
        return LiverCanvas(sitk.ReadImage(str(path)), t1_liver, Side.T1), LiverCanvas(self._real.t2, t2_liver, Side.T2)

    def variant(self, seed: int | None, statistics: LesionStatistics) -> SyntheticPair:
        """The pair with the lesions of a seed; with None as it was scanned."""
        if seed is None:
            return paint_pair(*self._canvases, ())
        lesions = draw_paired_lesions(*self.livers, cached_registration(*self.livers), seed, statistics)
        return paint_pair(*self._canvases, lesions)


def _prepared(source: LesionSource, seed: int, preparation: PairPreparation) -> dict[str, np.ndarray]:
    """The arrays of a `LesionVariant`."""
    pair, livers = source.variant(seed, preparation.statistics), source.livers
    prepared = prepare_pair(
        (pair.t1, pair.t2),
        livers,
        preparation.policy,
        preparation.normalization,
        replace(preparation.settings, mask_closing_mm=0.0),  # for livers that a model drew; these are drawn by hand
        preparation.multiple_of,
    )
    boxes, visible = known_boxes(pair.pairs)
    bounds = np.stack([to_voxels(own, grid) for own, grid in zip(boxes, prepared.grids)]).astype(np.float32)
    return {
        "channels": prepared.channels.astype(np.float16),
        "boxes": bounds.reshape(2, -1, 2, 3),
        "visible": visible,
        "masks": np.round(255 * _masks(pair, visible, prepared)).astype(np.uint8),
    }


def _masks(pair: SyntheticPair, visible: np.ndarray, prepared: PreparedPair) -> np.ndarray:
    """(2, z, y, x) in [0, 1]: where each image shows a lesion."""
    masks = []
    for labels, seen, grid in zip((pair.t1_labels, pair.t2_labels), visible, prepared.grids):
        numbers = [one.number for one, own in zip(pair.pairs, seen) if own]
        shown = sitk.GetImageFromArray(np.isin(sitk.GetArrayViewFromImage(labels), numbers).astype(np.uint8))
        shown.CopyInformation(labels)
        masks.append(prepare_labels(shown, grid, [1])[0])
    return np.stack(masks)


def pair_stamp(folder: Path, t1_name: str) -> str:
    """Changes when a file of the pair does."""
    return stamp_of([folder / name for name in (t1_name, "t1_organs.nii.gz", "t2.nii.gz", "t2_organs.nii.gz")])
