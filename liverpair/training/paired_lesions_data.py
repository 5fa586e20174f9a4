"""Real pairs with synthetic lesions as training samples for three-dimensional detection."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from liverpair.core.labels import LESION
from liverpair.segmentation.preparation import GridPolicy
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training.detection import PairBatch, PairSample
from liverpair.training.loaders import CaseData, ShuffledSamples
from liverpair.training.pair_augmentation import PairAugmentation
from liverpair.training.paired_lesions_cache import LesionVariant, PairPreparation, cached_variants

SEEDS_PER_CASE = 1000
"""Apart from case to case, so that those of a case stay when it gets more variants."""


class LesionPairs(ShuffledSamples):
    """`length` augmented variants an epoch, every one equally often."""

    def __init__(self, variants: Sequence[LesionVariant], augmentation: PairAugmentation, length: int, seed: int):
        super().__init__(variants, length, seed)
        self.augmentation = augmentation

    def changed(self, sample: PairSample, drawn: int) -> PairSample:
        """The sample as another scanner and patient would show it."""
        return self.augmentation(sample, np.random.default_rng((self.seed, 1, drawn)))


class SyntheticLesions(CaseData):
    """Cases that each get several sets of synthetic lesions; a subclass has `t1_images`, `variants`,
    `validation_variants` and `first_seed`, and says what becomes of a set."""

    @abstractmethod
    def of_case(self, case: str, seeds: range) -> list[Any]:
        """The volumes of a case, one for each seed."""

    def volumes(self, cases: Sequence[str], variants: int, first_seed: int) -> list[Any]:
        """The volumes of these cases, each with so many sets of lesions."""
        starts = [first_seed + row * SEEDS_PER_CASE for row in range(len(cases))]
        return [one for case, start in zip(cases, starts) for one in self.of_case(case, range(start, start + variants))]

    def training(self) -> list[Any]:
        """As in `CaseData`."""
        return self.volumes(self.train_cases, self.variants, self.first_seed)

    def validation(self) -> list[Any]:
        """As in `CaseData`; the seeds follow those of the training."""
        start = self.first_seed + SEEDS_PER_CASE * len(self.train_cases)
        return self.volumes(self.validation_cases, self.validation_variants, start)


class PairedLesionsData(SyntheticLesions):
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
    collate = staticmethod(PairBatch.of)

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

    nothing = (
        "There is no pair to train on.",
        "data.train, data.t1_images and data.variants must not be empty or 0.",
    )

    def of_case(self, case: str, seeds: range) -> list[LesionVariant]:
        """As in `SyntheticLesions`, prepared as the model's settings say."""
        model = self.trainer.lightning_module
        preparation = PairPreparation(
            self.policy,
            self.normalization,
            model.settings,
            tuple(model.network.multiple_of),
            self.statistics,
        )
        return cached_variants(self.root, case, self.t1_images, seeds, preparation, self.cache)

    def epoch_samples(self) -> LesionPairs:
        """Augmented pairs."""
        return LesionPairs(self.train_volumes, self.augmentation, self.pairs_per_epoch, self.seed)
