"""Real pairs with synthetic lesions as training samples for three-dimensional detection."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from liverpair.core.errors import InputError
from liverpair.segmentation.preparation import GridPolicy
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training.bundle_writing import LESION
from liverpair.training.detection import PairBatch, PairSample
from liverpair.training.loaders import CaseData, training_loader
from liverpair.training.pair_augmentation import PairAugmentation
from liverpair.training.paired_lesions_cache import LesionVariant, PairPreparation, cached_variants

SEEDS_PER_CASE = 1000
"""Apart from case to case, so that those of a case stay when it gets more variants."""


class LesionPairs(Dataset):
    """`length` augmented variants an epoch, every one equally often."""

    def __init__(self, variants: Sequence[LesionVariant], augmentation: PairAugmentation, length: int, seed: int):
        self.variants, self.augmentation, self.length, self.seed = list(variants), augmentation, length, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> PairSample:
        drawn = self.epoch * self.length + index
        lap, place = divmod(drawn, len(self.variants))
        order = np.random.default_rng((self.seed, lap)).permutation(len(self.variants))
        return self.augmentation(self.variants[order[place]].sample(), np.random.default_rng((self.seed, 1, drawn)))


class WholePairs(Dataset):
    """Variants as they are, for validation."""

    def __init__(self, variants: Sequence[LesionVariant]):
        self.variants = list(variants)

    def __len__(self) -> int:
        return len(self.variants)

    def __getitem__(self, index: int) -> PairSample:
        return self.variants[index].sample()


class PairedLesionsData(CaseData):
    """Synthetic lesions in the livers of real pairs, prepared as the model's `settings` say.

    Parameters
    ----------
    t1_images
        Files that serve as T1, in turn from variant to variant.
    variants
        Sets of lesions for every training case.
    validation_variants
        Likewise for every validation case.
    first_seed
        Of the sets of lesions; each has a seed of its own. Those of the evaluation set are never used.
    statistics
        What sets of lesions look like.
    augmentation
        What is changed at every step.
    pairs_per_epoch
        As its name says.
    policy
        The working grid of the bundle to be made.
    options
        Those of `CaseData`.
    """

    def __init__(
        self,
        t1_images: list[str],
        variants: int = 40,
        validation_variants: int = 12,
        first_seed: int = 10_000,
        statistics: LesionStatistics = LesionStatistics(),
        augmentation: PairAugmentation = PairAugmentation(),
        pairs_per_epoch: int = 250,
        policy: GridPolicy = GridPolicy((2.0, 2.0, 5.0), 0.0, 0.0),
        **options,
    ):
        super().__init__(policy=policy, **options)
        self.t1_images = t1_images
        self.variants, self.validation_variants, self.first_seed = variants, validation_variants, first_seed
        self.statistics, self.augmentation = statistics, augmentation
        self.pairs_per_epoch = pairs_per_epoch

    crop = "liver"

    def manifest(self) -> dict[str, Any]:
        """As in `CaseData`. How boxes are read off the answer is what the config says now: it may be tuned on
        validation after training."""
        return {
            "task": "detection",
            "strategy": "pair",
            "inputs": ["T1", "T2"],
            "detection": self.trainer.lightning_module.settings.section(),
            "labels": [LESION],
        }

    def prepare_data(self) -> None:
        """Write the lesions and fill the cache once, before any process of a multi-GPU run reads it."""
        self._train(), self._validation()

    def setup(self, stage: str) -> None:
        """Find the prepared variants."""
        self.train_variants, self.validation_pairs = self._train(), self._validation()

    def _train(self) -> list[LesionVariant]:
        found = self._prepared(self.train_cases, self.variants, self.first_seed)
        if not found:
            raise InputError(
                "There is no pair to train on.", "data.train, data.t1_images and data.variants must not be empty or 0."
            )
        return found

    def _validation(self) -> list[LesionVariant]:
        start = self.first_seed + SEEDS_PER_CASE * len(self.train_cases)
        return self._prepared(self.validation_cases, self.validation_variants, start)

    def _prepared(self, cases: Sequence[str], count: int, first_seed: int) -> list[LesionVariant]:
        model = self.trainer.lightning_module
        preparation = PairPreparation(
            self.policy,
            self.normalization,
            model.settings,
            tuple(model.network.multiple_of),
            self.statistics,
        )
        found = []
        for row, case in enumerate(cases):
            start = first_seed + row * SEEDS_PER_CASE
            seeds = range(start, start + count)
            found += cached_variants(self.root, case, self.t1_images, seeds, preparation, self.cache)
        return found

    def train_dataloader(self) -> DataLoader:
        """Augmented pairs; a new epoch changes them anew."""
        dataset = LesionPairs(self.train_variants, self.augmentation, self.pairs_per_epoch, self.seed)
        dataset.epoch = self.epoch
        return training_loader(dataset, self.workers, collate=PairBatch.of)

    def val_dataloader(self) -> DataLoader:
        """Whole pairs, one at a time."""
        return DataLoader(WholePairs(self.validation_pairs), collate_fn=PairBatch.of)
