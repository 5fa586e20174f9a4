"""Prepared pairs on disk: what each pass of a strategy shows a network, and the masks it is to return."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.bundle.strategies import Pass, titles
from liverpair.core.cache import cached_arrays, key_of, stamp_of
from liverpair.core.errors import InputError
from liverpair.core.geometry import check_volume
from liverpair.core.sides import Side
from liverpair.io.study import read_image, read_labeled
from liverpair.registration.pre_registration import PreRegistrationSettings
from liverpair.segmentation.channels import channels_of
from liverpair.segmentation.preparation import GridPolicy, Normalization, prepare_labels

CACHE_VERSION = 1
"""Goes up when the same files and settings give other samples."""


@dataclass(frozen=True)
class PairFiles:
    """The files of one pair: by side an image and a label map on its grid, and the liver's value there."""

    name: str
    images: Mapping[Side, Path]
    labels: Mapping[Side, Path]
    label_value: int = 1

    def read(self, one: Pass) -> tuple[dict[Side, sitk.Image], dict[Side, sitk.Image]]:
        """Images and liver masks that a pass needs, by side.

        Raises `InputError` for a file that is missing or damaged, an image that is no volume, and a label map that has
        no liver or another grid than its image.
        """
        images, livers = {}, {}
        for side in one.outputs:
            files = self._there(self.images[side]), self._there(self.labels[side])
            images[side], livers[side] = read_labeled(*files, self.label_value)
        for side in one.inputs:
            if side not in images:
                images[side] = read_image(self._there(self.images[side]))
                check_volume(images[side], f"'{self.images[side]}'")
        return images, livers

    def stamp(self, one: Pass) -> str:
        """Changes when a file that the pass needs does. Raises `InputError` when one is not there."""
        images = [self._there(self.images[side]) for side in one.inputs]
        return f"{stamp_of([*images, *(self._there(self.labels[side]) for side in one.outputs)])} {self.label_value}"

    @staticmethod
    def _there(path: Path) -> Path:
        if not path.exists():
            raise InputError(f"Training needs {path}, which does not exist.", "Set data.root, or LIVERPAIR_DATA.")
        return path


@dataclass(frozen=True)
class PairVolume:
    """One pass on one pair: `channels` (inputs, z, y, x) in [0, 1]; `target` (outputs, z, y, x), 0 to 255."""

    name: str
    channels: np.ndarray
    target: np.ndarray

    def sample(self) -> dict[str, torch.Tensor]:
        """ "image" (inputs, z, y, x) and "target" (outputs, z, y, x), float32 in [0, 1]."""
        return {
            "image": torch.from_numpy(self.channels.astype(np.float32)),
            "target": torch.from_numpy(self.target.astype(np.float32) / 255),
        }


def cached_pair(
    files: PairFiles, one: Pass, policy: GridPolicy, normalization: Normalization, cache: Path
) -> PairVolume:
    """The pair as a pass shows it, from `cache` or from its files; registered first where the pass asks for that.

    Raises `InputError` when a file is not there, or the images lie apart in scanner space.
    """
    settings = [asdict(one), asdict(policy), asdict(normalization)]
    if one.registered:
        settings.append(asdict(PreRegistrationSettings()))
    path = cache / f"pair-{key_of([CACHE_VERSION, files.stamp(one), *settings])}.npz"

    def prepared() -> dict[str, np.ndarray]:
        images, livers = files.read(one)
        channels, grid = channels_of(one, images, policy, normalization)
        target = np.concatenate([prepare_labels(livers[side], grid, [1]) for side in one.outputs])
        return {"channels": channels.astype(np.float16), "target": np.round(target * 255).astype(np.uint8)}

    return PairVolume(f"{files.name}: {' '.join(titles(one.inputs))}", **cached_arrays(path, prepared))
