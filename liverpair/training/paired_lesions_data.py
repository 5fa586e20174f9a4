"""Real pairs with synthetic lesions as training samples for three-dimensional detection."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from liverpair.core.errors import InputError
from liverpair.core.labels import LESION
from liverpair.segmentation.preparation import GridPolicy
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training.annotated_lesions import AnnotatedStudy, annotated_studies
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


class MixedPairs(Dataset):
    """Of two sets of pairs, both as long as an epoch, the second with the probability `share`."""

    def __init__(self, first: LesionPairs, second: LesionPairs, share: float):
        self.first, self.second, self.share = first, second, share
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, index: int) -> PairSample:
        self.first.epoch = self.second.epoch = self.epoch
        rng = np.random.default_rng((self.first.seed, 2, self.epoch, index))
        return (self.second if rng.random() < self.share else self.first)[index]


class SyntheticLesions(CaseData):
    """Cases that each get several sets of synthetic lesions, and studies that people annotated; a subclass has
    `t1_images`, `variants`, `validation_variants` and `first_seed`, and says what becomes of a set and of a study."""

    studies: Path | None = None
    train_studies: Sequence[str] = ()
    validation_studies: Sequence[str] = ()

    def take_studies(self, studies: str, train: list[str] | None, validation: list[str] | None) -> None:
        """Use the studies of a folder, where one is named, in which environment variables are replaced.

        `train` and `validation` are names; without the former, it is those that are not in the latter. Raises
        `InputError` for a folder that does not exist.
        """
        if not studies:
            return
        self.studies = Path(os.path.expandvars(studies))
        if not self.studies.is_dir():
            raise InputError(f"The folder of studies '{self.studies}' does not exist.", "Set data.studies.")
        self.validation_studies = validation or []
        names = {path.name for path in self.studies.iterdir() if path.is_dir()}
        self.train_studies = sorted(names - set(self.validation_studies)) if train is None else train

    @abstractmethod
    def of_case(self, case: str, seeds: range) -> list[Any]:
        """The volumes of a case, one for each seed."""

    @abstractmethod
    def annotated(self, names: Sequence[str]) -> list[Any]:
        """The volumes of the studies with these names."""

    def volumes(self, cases: Sequence[str], variants: int, first_seed: int) -> list[Any]:
        """The volumes of these cases, each with so many sets of lesions."""
        starts = [first_seed + row * SEEDS_PER_CASE for row in range(len(cases))]
        return [one for case, start in zip(cases, starts) for one in self.of_case(case, range(start, start + variants))]

    def training(self) -> list[Any]:
        """As in `CaseData`; studies last."""
        own = self.volumes(self.train_cases, self.variants, self.first_seed)
        return own + (self.annotated(self.train_studies) if self.train_studies else [])

    def validation(self) -> list[Any]:
        """As in `CaseData`; studies last. The seeds follow those of the training."""
        start = self.first_seed + SEEDS_PER_CASE * len(self.train_cases)
        own = self.volumes(self.validation_cases, self.validation_variants, start)
        return own + (self.annotated(self.validation_studies) if self.validation_studies else [])

    def trained_on(self) -> dict[str, Any]:
        """As in `CaseData`."""
        own = {"train_studies": list(self.train_studies), "validation_studies": list(self.validation_studies)}
        return {**super().trained_on(), **(own if self.studies else {})}


class PairedLesionsData(SyntheticLesions):
    """Synthetic lesions in the livers of real pairs, and studies that people annotated, prepared as the model's
    `settings` say.

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
    studies
        Folder of studies with images, liver masks and, where somebody looked, `lesions.json` (`annotated_lesions`). One
        without is a pair that is not annotated, for the consistency loss. Environment variables in it are replaced.
    train_studies, validation_studies
        Their names; None: all that are not among the others.
    studies_share
        Part of the pairs of an epoch that are studies, where there are synthetic lesions as well.
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
        studies: str = "",
        train_studies: list[str] | None = None,
        validation_studies: list[str] | None = None,
        studies_share: float = 0.5,
        policy: GridPolicy = GridPolicy((2.0, 2.0, 5.0), 0.0, 0.0),
        **options,
    ):
        super().__init__(policy=policy, **options)
        self.t1_images = t1_images
        self.variants, self.validation_variants, self.first_seed = variants, validation_variants, first_seed
        self.statistics, self.augmentation = statistics, augmentation
        self.pairs_per_epoch = pairs_per_epoch
        self.take_studies(studies, train_studies, validation_studies)
        self.studies_share = studies_share

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

    @property
    def preparation(self) -> PairPreparation:
        """How pairs are prepared for the model that is trained."""
        model = self.trainer.lightning_module
        multiple_of = tuple(model.network.multiple_of)
        return PairPreparation(self.policy, self.normalization, model.settings, multiple_of, self.statistics)

    def of_case(self, case: str, seeds: range) -> list[LesionVariant]:
        """As in `SyntheticLesions`, prepared as the model's settings say."""
        return cached_variants(self.root, case, self.t1_images, seeds, self.preparation, self.cache)

    def annotated(self, names: Sequence[str]) -> list[LesionVariant]:
        """As in `SyntheticLesions`."""
        return annotated_studies(self.studies, names, self.preparation, self.cache)

    def epoch_samples(self) -> Dataset:
        """Augmented pairs."""
        kinds = [
            [one for one in self.train_volumes if isinstance(one, AnnotatedStudy) == real] for real in (False, True)
        ]
        sets = [LesionPairs(own, self.augmentation, self.pairs_per_epoch, self.seed) for own in kinds if own]
        return sets[0] if len(sets) == 1 else MixedPairs(*sets, self.studies_share)
