"""Studies as training samples for liver segmentation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liverpair.core.cache import stamp_of
from liverpair.core.errors import InputError
from liverpair.core.labels import LIVER
from liverpair.core.sides import Side
from liverpair.segmentation.preparation import GridPolicy
from liverpair.training.augmentation import Augmentation, training_transform
from liverpair.training.loaders import CaseData, ShuffledSamples, check_loading
from liverpair.training.preprocessing_cache import Preparation, TrainingVolume, cached_volume


@dataclass
class ImageKind:
    """One image of every study: its file, the file of its label map, and its weighting ("T1" or "T2")."""

    image: str
    labels: str
    sequence: str


class PatchDataset(ShuffledSamples):
    """`length` random patches an epoch, every volume equally often."""

    def __init__(self, volumes: Sequence[TrainingVolume], transform, length: int, seed: int):
        super().__init__(volumes, length, seed)
        self.transform = transform

    def changed(self, sample: dict[str, torch.Tensor], drawn: int) -> dict[str, torch.Tensor]:
        """A patch of the sample."""
        rng = np.random.default_rng((self.seed, drawn))
        self.transform.set_random_state(seed=int(rng.integers(2**31)))
        patch = self.transform(sample)
        return {key: torch.as_tensor(np.ascontiguousarray(patch[key])) for key in ("image", "target")}


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
        self.patches_per_epoch, self.loading = patches_per_epoch, {"batch_size": batch_size}
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

    def training(self) -> list[TrainingVolume]:
        """As in `CaseData`: the images of the cases, and phantoms."""
        return self._repeated(self._volumes(self.train_cases), self._phantoms())

    def validation(self) -> list[TrainingVolume]:
        """As in `CaseData`."""
        return self._volumes(self.validation_cases)

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

    def epoch_samples(self) -> PatchDataset:
        """Random patches."""
        transform = training_transform(self.patch, self.mirror_probability, self.augmentation)
        return PatchDataset(self.train_volumes, transform, self.patches_per_epoch, self.seed)


def _way_to(root: Path) -> str:
    """What to do when studies are not in `root`: variables that are still in its name are not set."""
    unset = re.findall(r"\$\{(\w+)\}", str(root))
    return f"Set the environment variable {' and '.join(unset)}." if unset else "Set data.root in the config."
