"""Studies as training samples for liver segmentation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from liverpair.core.cache import stamp_of
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.segmentation.preparation import GridPolicy
from liverpair.training.augmentation import Augmentation, training_transform
from liverpair.training.bundle_writing import LIVER
from liverpair.training.loaders import CaseData, check_loading, training_loader
from liverpair.training.preprocessing_cache import Preparation, TrainingVolume, cached_volume


@dataclass
class ImageKind:
    """One image of every study: its file, the file of its label map, and its weighting ("T1" or "T2")."""

    image: str
    labels: str
    sequence: str


class PatchDataset(Dataset):
    """`length` random patches an epoch, every volume equally often."""

    def __init__(self, volumes: Sequence[TrainingVolume], transform, length: int, seed: int):
        self.volumes = list(volumes)
        self.transform = transform
        self.length = length
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        drawn = self.epoch * self.length + index
        rng = np.random.default_rng((self.seed, drawn))
        lap, place = divmod(drawn, len(self.volumes))
        volume = self.volumes[np.random.default_rng((self.seed, lap)).permutation(len(self.volumes))[place]]
        self.transform.set_random_state(seed=int(rng.integers(2**31)))
        sample = self.transform(volume.tensors())
        return {key: torch.as_tensor(np.ascontiguousarray(sample[key])) for key in ("image", "target")}


class VolumeDataset(Dataset):
    """Whole volumes, padded by the model, for validation."""

    def __init__(self, volumes: Sequence[TrainingVolume]):
        self.volumes = list(volumes)

    def __len__(self) -> int:
        return len(self.volumes)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.volumes[index].tensors()


class SegmentationData(CaseData):
    """Training patches and validation volumes of paired studies; every image of a pair is a sample of its own.

    Parameters
    ----------
    images
        The images of a case and their label maps.
    label_values
        Values in the label maps, one output channel each; the first is the liver, the others are auxiliary.
    phantom_seeds
        Seeds of phantom pairs that join the training set.
    phantom_share
        Part of the training patches that are drawn from phantoms.
    patch
        Size of a training patch (z, y, x) in voxels of the working grid.
    patches_per_epoch, batch_size, mirror_probability
        As their names say.
    augmentation
        Probabilities of the changes that stand for other hospitals and patients.
    policy
        The working grid of the bundle to be made.
    options
        Those of `CaseData`.
    """

    def __init__(
        self,
        images: list[ImageKind],
        label_values: list[int],
        phantom_seeds: list[int] | None = None,
        phantom_share: float = 0.1,
        patch: tuple[int, int, int] = (32, 128, 176),
        patches_per_epoch: int = 200,
        batch_size: int = 1,
        mirror_probability: float = 0.0,
        augmentation: Augmentation = Augmentation(),
        policy: GridPolicy = GridPolicy(),
        **options,
    ):
        super().__init__(policy=policy, **options)
        check_loading(patches_per_epoch, batch_size)
        self.images = images
        self.preparation = Preparation(policy, self.normalization, label_values)
        self.phantom_seeds, self.phantom_share = phantom_seeds or [], phantom_share
        self.patch = patch
        self.patches_per_epoch, self.batch_size = patches_per_epoch, batch_size
        self.mirror_probability, self.augmentation = mirror_probability, augmentation

    def trained_on(self) -> dict[str, Any]:
        """As in `CaseData`."""
        return {**super().trained_on(), "phantom_seeds": self.phantom_seeds}

    def manifest(self) -> dict[str, Any]:
        """As in `CaseData`."""
        return {
            "task": "segmentation",
            "strategy": "single",
            "inputs": [" or ".join(sorted({kind.sequence for kind in self.images}))],
            "mirror_axes": ["x"] if self.mirror_probability > 0 else [],
            "labels": [LIVER],
            "postprocessing": {"threshold": 0.5, "largest_component": True, "fill_holes": True},
        }

    def prepare_data(self) -> None:
        """Fill the cache once, before any process of a multi-GPU run reads it."""
        self._volumes(self.train_cases + self.validation_cases)
        self._phantoms()

    def setup(self, stage: str) -> None:
        """Load the prepared volumes."""
        self.train_volumes = self._repeated(self._volumes(self.train_cases), self._phantoms())
        self.validation_volumes = self._volumes(self.validation_cases)

    def _repeated(self, real: list[TrainingVolume], phantoms: list[TrainingVolume]) -> list[TrainingVolume]:
        """`real` repeated until phantoms are `phantom_share` of the list."""
        if not phantoms or not real:
            return real + phantoms
        times = max(1, round(len(phantoms) * (1 / self.phantom_share - 1) / len(real)))
        return real * times + phantoms

    def _volumes(self, cases: list[str]) -> list[TrainingVolume]:
        return [self._volume(case, kind) for case in cases for kind in self.images]

    def _volume(self, case: str, kind: ImageKind) -> TrainingVolume:
        from liverpair.io.study import read_image

        paths = [self.root / case / name for name in (kind.image, kind.labels)]
        for path in paths:
            if not path.exists():
                raise InputError(f"Training needs {path}, which does not exist.", _way_to(self.root))
        source = stamp_of(paths)
        return cached_volume(
            f"{case}/{kind.image}", source, lambda: tuple(read_image(p) for p in paths), self.preparation, self.cache
        )

    def _phantoms(self) -> list[TrainingVolume]:
        from liverpair.synthesis.phantom import GENERATOR_VERSION, phantom_pair

        volumes = []
        for seed in self.phantom_seeds:
            for side in Side:

                def read(seed: int = seed, side: Side = side):
                    pair = phantom_pair(seed)
                    return getattr(pair, side), getattr(pair, f"{side}_organs")

                source = f"phantom {GENERATOR_VERSION} {seed} {side}"
                volumes.append(cached_volume(f"phantom {seed}/{side}", source, read, self.preparation, self.cache))
        return volumes

    def train_dataloader(self) -> DataLoader:
        """Random patches; a new epoch draws new ones."""
        transform = training_transform(self.patch, self.mirror_probability, self.augmentation)
        dataset = PatchDataset(self.train_volumes, transform, self.patches_per_epoch, self.seed)
        dataset.epoch = self.epoch
        return training_loader(dataset, self.workers, self.batch_size)

    def val_dataloader(self) -> DataLoader:
        """Whole volumes, one at a time."""
        return DataLoader(VolumeDataset(self.validation_volumes), batch_size=1)


def _way_to(root: Path) -> str:
    """What to do when studies are not in `root`: variables that are still in its name are not set."""
    unset = re.findall(r"\$\{(\w+)\}", str(root))
    return f"Set the environment variable {' and '.join(unset)}." if unset else "Set data.root in the config."
