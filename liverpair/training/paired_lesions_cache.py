"""Prepared pairs with synthetic lesions on disk: writing lesions costs more than a training step."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import LesionPair
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.preparation import PreparedPair, prepare_pair
from liverpair.detection.space import to_voxels
from liverpair.registration.livers import cached_registration
from liverpair.segmentation.preparation import GridPolicy, Normalization, prepare_labels
from liverpair.synthesis.paired_lesions import LesionStatistics, draw_paired_lesions
from liverpair.synthesis.paired_lesions_evaluation import read_real_pair
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
        text = json.dumps([CACHE_VERSION, source, about])
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class LesionVariant:
    """A prepared sample in a file: read when it is needed, so that many fit."""

    name: str
    path: Path

    def sample(self) -> PairSample:
        """Images (2, z, y, x) in [0, 1], boxes in voxels, and where each image shows a lesion."""
        with np.load(self.path) as stored:
            return PairSample(
                image=torch.from_numpy(stored["channels"].astype(np.float32)),
                boxes=torch.from_numpy(stored["boxes"]),
                visible=torch.from_numpy(stored["visible"]),
                masks=torch.from_numpy(stored["masks"].astype(np.float32) / 255),
            )


def cached_variants(
    root: Path, case: str, t1_images: Sequence[str], seeds: Sequence[int], preparation: PairPreparation, cache: Path
) -> list[LesionVariant]:
    """One variant of a real pair for each seed; those that are not on disk are made.

    `t1_images` serve as T1 in turn. Raises `InputError` when the pair is not in `root`.
    """
    variants = []
    for turn, name in enumerate(t1_images):
        own = seeds[turn :: len(t1_images)]
        stamp = pair_stamp(root / case, name)
        paths = {seed: cache / f"{preparation.key(f'{stamp} {seed}')}.npz" for seed in own}
        missing = [seed for seed in own if not paths[seed].exists()]
        if missing:
            cache.mkdir(parents=True, exist_ok=True)
            source = LesionSource(root, case, name)
            for seed in missing:
                _write(paths[seed], source.variant(seed, preparation.statistics), source.livers, preparation)
        variants += [LesionVariant(f"{case}/{name}/{seed}", paths[seed]) for seed in own]
    return variants


def known_boxes(pairs: Sequence[LesionPair]) -> tuple[list[list[Box]], np.ndarray]:
    """For each image the boxes of all pairs, where one that is missing is its partner moved; and whether each image
    shows it (2, n)."""
    boxes, visible = [[], []], np.zeros((2, len(pairs)), bool)
    for row, pair in enumerate(pairs):
        t1 = pair.t1 or pair.t2.moved(np.negative(pair.displacement_mm))
        t2 = pair.t2 or pair.t1.moved(np.asarray(pair.displacement_mm))
        boxes[0].append(t1)
        boxes[1].append(t2)
        visible[:, row] = pair.t1 is not None, pair.t2 is not None
    return boxes, visible


class LesionSource:
    """A real pair ready to receive lesions."""

    def __init__(self, root: Path, case: str, t1_name: str):
        real = read_real_pair(root, case)
        path = root / case / t1_name
        if not path.is_file():
            raise InputError(f"Training needs {path}, which is not there.", "Set data.root in the config.")
        self.livers = (real.t1_liver, real.t2_liver)
        self.correspondence = cached_registration(*self.livers)
        self.canvases = (
            LiverCanvas(sitk.ReadImage(str(path)), real.t1_liver, "T1"),
            LiverCanvas(real.t2, real.t2_liver, "T2"),
        )

    def variant(self, seed: int | None, statistics: LesionStatistics) -> SyntheticPair:
        """The pair with the lesions of a seed; with None as it was scanned."""
        if seed is None:
            return paint_pair(*self.canvases, ())
        lesions = draw_paired_lesions(*self.livers, self.correspondence, seed, statistics)
        return paint_pair(*self.canvases, lesions)


def _write(path: Path, pair: SyntheticPair, livers: Sequence[sitk.Image], preparation: PairPreparation) -> None:
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
    beside = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(
        beside,
        channels=prepared.channels.astype(np.float16),
        boxes=bounds.reshape(2, -1, 2, 3),
        visible=visible,
        masks=np.round(255 * _masks(pair, visible, prepared)).astype(np.uint8),
    )
    os.replace(beside, path)


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
    paths = [folder / name for name in (t1_name, "t1_organs.nii.gz", "t2.nii.gz", "t2_organs.nii.gz")]
    return "; ".join(
        f"{p.resolve()} {p.stat().st_size} {p.stat().st_mtime_ns}" if p.exists() else str(p) for p in paths
    )
