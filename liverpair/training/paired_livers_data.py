"""Real pairs as training samples for a liver network of any strategy (Couteaux 2021, section 2.2.2)."""

from collections.abc import Sequence
from typing import Any

from liverpair.bundle.strategies import STRATEGIES, Pass
from liverpair.core.labels import LIVER
from liverpair.core.sides import Side
from liverpair.segmentation.preparation import GridPolicy
from liverpair.training.augmentation import paired_transform
from liverpair.training.loaders import CaseData, check_loading
from liverpair.training.paired_livers_cache import PairFiles, PairVolume, cached_pair
from liverpair.training.segmentation_data import PatchDataset


class PairedLiversData(CaseData):
    """Training patches and validation volumes of pairs, as a strategy shows them to its network.

    A batch has "image" (batch, inputs, z, y, x) in [0, 1] and "target" (batch, outputs, z, y, x), the fraction of each
    voxel that the liver fills in each image that is masked. All images of a sample lie on one grid: the working grid of
    the first, extended until it holds the others where they were scanned (`liverpair.segmentation.channels`).

    Parameters
    ----------
    strategy, inputs
        As in a bundle (`liverpair.bundle.strategies`): each step draws one of the strategy's passes.
    t1_images
        Files that serve as T1; with several, each of them makes a sample.
    t2_image, t1_labels, t2_labels, label_value
        The file of T2, the label maps of both, and the value of the liver in them.
    patch
        Size of a training patch (z, y, x) in voxels of the working grid.
    strong_augmentation
        Beyond the published bias field, also what trains the shipped model.
    patches_per_epoch, batch_size, mirror_probability
        As their names say.
    policy
        The working grid of the bundle to be made.
    options
        Those of `CaseData`.
    """

    def __init__(
        self,
        strategy: str = "single",
        inputs: list[str] | None = None,
        t1_images: list[str] | None = None,
        t2_image: str = "t2.nii.gz",
        t1_labels: str = "t1_organs.nii.gz",
        t2_labels: str = "t2_organs.nii.gz",
        label_value: int = 1,
        patch: tuple[int, int, int] = (32, 96, 128),
        strong_augmentation: bool = False,
        patches_per_epoch: int = 100,
        batch_size: int = 1,
        mirror_probability: float = 0.0,
        policy: GridPolicy = GridPolicy((3.0, 3.0, 6.0)),
        **options,
    ):
        super().__init__(policy=policy, **options)
        check_loading(patches_per_epoch, batch_size)
        self.strategy, self.inputs = strategy, inputs or ["T1 or T2"]
        if strategy not in STRATEGIES:
            raise ValueError(f"there is no strategy '{strategy}'; there are {', '.join(STRATEGIES)}")
        if not STRATEGIES[strategy].takes(self.inputs):
            raise ValueError(f"strategy '{strategy}' does not take the inputs {self.inputs}")
        self.t1_images = t1_images or ["t1.nii.gz"]
        self.t2_image, self.labels = t2_image, dict(zip(Side, (t1_labels, t2_labels)))
        self.label_value = label_value
        self.patch, self.strong_augmentation = patch, strong_augmentation
        self.patches_per_epoch, self.loading = patches_per_epoch, {"batch_size": batch_size}
        self.mirror_probability = mirror_probability

    def manifest(self) -> dict[str, Any]:
        """As in `CaseData`."""
        return {
            "task": "segmentation",
            "strategy": self.strategy,
            "inputs": self.inputs,
            "mirror_axes": ["x"] if self.mirror_probability > 0 else [],
            "labels": [LIVER],
            "postprocessing": {"threshold": 0.5, "largest_component": True, "fill_holes": True},
        }

    @property
    def training_passes(self) -> list[Pass]:
        """What a step may show the network."""
        return STRATEGIES[self.strategy].training_passes(self.inputs)

    @property
    def passes(self) -> list[Pass]:
        """What the network is shown in use, and in validation."""
        return STRATEGIES[self.strategy].passes(Side, self.inputs)

    def training(self) -> list[PairVolume]:
        """As in `CaseData`."""
        return self._volumes(self.train_cases, self.training_passes)

    def validation(self) -> list[PairVolume]:
        """As in `CaseData`."""
        return self._volumes(self.validation_cases, self.passes)

    def _volumes(self, cases: Sequence[str], passes: Sequence[Pass]) -> list[PairVolume]:
        return [
            cached_pair(self._files(case, t1_image), one, self.policy, self.normalization, self.cache)
            for case in cases
            for t1_image in self.t1_images
            for one in passes
        ]

    def _files(self, case: str, t1_image: str) -> PairFiles:
        folder = self.root / case
        images = dict(zip(Side, (folder / t1_image, folder / self.t2_image)))
        labels = {side: folder / name for side, name in self.labels.items()}
        return PairFiles(f"{case}/{t1_image}", images, labels, self.label_value)

    def epoch_samples(self) -> PatchDataset:
        """Random patches."""
        transform = paired_transform(self.patch, len(self.inputs), self.strong_augmentation, self.mirror_probability)
        return PatchDataset(self.train_volumes, transform, self.patches_per_epoch, self.seed)
