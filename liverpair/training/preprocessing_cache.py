"""Prepared training volumes on disk, so that two cores are kept busy by the network and not by loading."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.core.cache import cached_arrays, key_of
from liverpair.segmentation.preparation import GridPolicy, Normalization, prepare, prepare_labels


@dataclass(frozen=True)
class Preparation:
    """How volumes become arrays: everything the cached arrays depend on."""

    policy: GridPolicy
    normalization: Normalization
    label_values: Sequence[int]

    def key(self, source: str) -> str:
        """Name of the cache file of `source`, which changes with every setting."""
        return key_of([source, asdict(self.policy), asdict(self.normalization), list(self.label_values)])


@dataclass(frozen=True)
class TrainingVolume:
    """One prepared image: `array` (z, y, x) in [0, 1]; `target` (labels, z, y, x) in [0, 1]; `spacing` (x, y, z) mm."""

    name: str
    array: np.ndarray
    target: np.ndarray
    spacing: tuple[float, float, float]

    def sample(self) -> dict[str, torch.Tensor]:
        """ "image" (1, z, y, x) and "target" (labels, z, y, x), float32 in [0, 1]."""
        return {
            "image": torch.from_numpy(self.array.astype(np.float32))[None],
            "target": torch.from_numpy(self.target.astype(np.float32) / 255),
        }


def cached_volume(
    name: str,
    source: str,
    read: Callable[[], tuple[sitk.Image, sitk.Image]],
    preparation: Preparation,
    cache: Path,
) -> TrainingVolume:
    """The volume `name`, from the cache or from `read`, which returns the image and its label map. `source` must
    change when the data do.
    """

    def prepared() -> dict[str, np.ndarray]:
        image, labels = read()
        made = prepare(image, preparation.policy, preparation.normalization)
        target = prepare_labels(labels, made.grid, list(preparation.label_values))
        return {
            "array": made.array.astype(np.float16),
            "target": np.round(target * 255).astype(np.uint8),
            "spacing": np.array(made.grid.spacing),
        }

    found = cached_arrays(cache / f"{preparation.key(source)}.npz", prepared)
    return TrainingVolume(name, found["array"], found["target"], tuple(float(s) for s in found["spacing"]))
