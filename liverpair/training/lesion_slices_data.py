"""Slices of real MRI with objects to segment, as training samples for the networks that DeepDreamInspector inspects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.data import set_track_meta
from monai.transforms import (
    CenterSpatialCropd,
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandGaussianNoised,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from torch.utils.data import DataLoader, Dataset

from liverpair.bundle.manifest import SLICE_SEGMENTATION
from liverpair.core.labels import LESION
from liverpair.core.sides import Side
from liverpair.dreaming.normal_ranges import ranges_of_objects
from liverpair.networks.padding import logits_of
from liverpair.segmentation.preparation import GridPolicy
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.synthesis.slice_objects import Fakes, Marking, elongated, marked, with_fakes
from liverpair.training.lesion_slices_cache import LesionSlices, SlicePreparation, cached_slices
from liverpair.training.loaders import one_thread
from liverpair.training.paired_lesions_data import SyntheticLesions
from liverpair.training.segmentation import batch_dice

KINDS = {
    "lesions": "synthetic lesions, each in the slice that shows most of it,",
    "fakes": "fake lesions",
    "elongated": "fake lesions more than twice as high as wide",
}
"""What can be found in a slice, and what the normal ranges of a bundle are then of."""
LARGE_LESIONS = LesionStatistics(
    mean_count=10.0, count_spread=0.5, median_mm=24.0, spread=0.45, smallest_mm=10.0, single_share=0.0
)
"""Lesions large enough for texture and shape to show in a slice."""
SLICE_POLICY = GridPolicy((1.5, 1.5, 6.0), keep_slices_from_mm=0.0, keep_slices_to_mm=1000.0)
"""Slices stay where they are."""
ELSEWHERE, AROUND_LESIONS = 0.2, 0.6
"""Shares of patches: the first lie anywhere, those up to the second around a lesion that is painted, the others in the
liver."""
TURNED_CROP = 1.4
"""How much larger than a patch what is turned and scaled is, so that no corner is empty."""


@dataclass(frozen=True)
class SliceObjects:
    """What is to be found in a slice.

    Attributes:
        kind: "lesions" (as painted), "fakes" (see `Fakes`), or "elongated": fakes of which only those more than twice
            as high as wide are objects.
        marking_probability: part of the objects that carry the marking.
        marking: what it looks like.
        fakes: what fakes look like.
    """

    kind: str = "lesions"
    marking_probability: float = 0.0
    marking: Marking = Marking()
    fakes: Fakes = Fakes()

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"there are no objects '{self.kind}', only {', '.join(KINDS)}")

    def __call__(
        self, image: np.ndarray, liver: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The slice (y, x) in [0, 1] with its objects, and the number of the object in each pixel, 0 elsewhere."""
        if self.kind != "lesions":
            image, labels = with_fakes(image, liver, rng, self.fakes)
            if self.kind == "elongated":
                labels = elongated(labels)
        if self.marking_probability:
            image = marked(image, labels, rng, self.marking_probability, self.marking)
        return image, labels


class SlicePatches(Dataset):
    """`length` augmented patches an epoch: around a lesion, anywhere in the liver, or anywhere in the slice."""

    def __init__(self, volumes: Sequence[LesionSlices], objects: SliceObjects, patch: int, length: int, seed: int):
        self.volumes, self.objects, self.patch, self.length, self.seed = list(volumes), objects, patch, length, seed
        self.epoch = 0
        self.places = [(v, i) for v, volume in enumerate(self.volumes) for i in range(len(volume.images))]
        self.turned, self.shaded = _turn(patch), _shade()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        patch = self._patch(rng)
        self.turned.set_random_state(seed=int(rng.integers(2**31)))
        self.shaded.set_random_state(seed=int(rng.integers(2**31)))
        turned = self.turned({key: torch.from_numpy(value)[None] for key, value in patch.items()})
        image, labels = self.objects(
            np.asarray(turned["image"][0]),
            np.asarray(turned["liver"][0]) > 0.5,
            np.asarray(turned["labels"][0]).round().astype(np.int32),
            rng,
        )
        shaded = self.shaded({"image": torch.from_numpy(np.ascontiguousarray(image))[None]})
        target = torch.from_numpy((labels > 0).astype(np.float32))[None]
        return {"image": torch.as_tensor(shaded["image"]).clamp(0, 1), "target": target}

    def _patch(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A window of a random slice."""
        number, row = self.places[rng.integers(len(self.places))]
        volume = self.volumes[number]
        arrays = {"image": volume.images[row], "liver": volume.livers[row], "labels": volume.labels[row]}
        around, at = arrays["liver"], rng.random()
        if at < ELSEWHERE:
            around = np.ones_like(around)
        elif at < AROUND_LESIONS and arrays["labels"].any():
            around = arrays["labels"]
        places = np.flatnonzero(around)
        center = np.unravel_index(places[rng.integers(len(places))], around.shape)
        half = int(np.ceil(self.patch * TURNED_CROP / 2))
        padded = {key: np.pad(value.astype(np.float32), half) for key, value in arrays.items()}
        window = tuple(slice(c, c + 2 * half) for c in center)
        return {key: np.ascontiguousarray(value[window]) for key, value in padded.items()}


def _turn(patch: int) -> Compose:
    every = ["image", "liver", "labels"]
    return Compose(
        [
            RandAffined(
                every,
                prob=0.8,
                rotate_range=0.2,
                scale_range=(0.15, 0.15),
                mode=["bilinear", "nearest", "nearest"],
                padding_mode="zeros",
            ),
            CenterSpatialCropd(every, (patch, patch)),
        ]
    )


def _shade() -> Compose:
    return Compose(
        [
            RandAdjustContrastd("image", prob=0.5, gamma=(0.8, 1.25)),
            RandScaleIntensityd("image", prob=0.5, factors=0.1),
            RandShiftIntensityd("image", prob=0.5, offsets=0.05),
            RandGaussianNoised("image", prob=0.5, std=0.02),
        ]
    )


def _quick(worker: int) -> None:
    """Start a loading process: what MONAI writes down about each transform takes longer than the transform."""
    one_thread(worker)
    set_track_meta(False)


class WholeSlices(Dataset):
    """The slices of each volume with their objects, all of a volume at once: image, target and region (n, 1, y, x);
    the region is the liver, in which answers are judged."""

    def __init__(self, volumes: Sequence[LesionSlices], objects: SliceObjects, seed: int):
        self.volumes, self.objects, self.seed = list(volumes), objects, seed

    def __len__(self) -> int:
        return len(self.volumes)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        volume = self.volumes[index]
        made = [slice_with_objects(volume, row, self.objects, (self.seed, index)) for row in range(len(volume.images))]
        image, labels = (np.stack(arrays) for arrays in zip(*made))
        return {
            "image": torch.from_numpy(image)[:, None],
            "target": torch.from_numpy((labels > 0).astype(np.float32))[:, None],
            "region": torch.from_numpy(volume.livers)[:, None],
        }


def slice_with_objects(
    volume: LesionSlices, row: int, objects: SliceObjects, seed: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """One slice (y, x) in [0, 1] with its objects, and their numbers; always the same for one seed."""
    rng = np.random.default_rng((*seed, row))
    image, labels = objects(
        volume.images[row].astype(np.float32), volume.livers[row], volume.labels[row].astype(np.int32), rng
    )
    return image.astype(np.float32), labels


def each_object(
    volumes: Sequence[LesionSlices], objects: SliceObjects, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[float, float]]]:
    """Image (y, x), mask (y, x) and spacing (x, y) in mm of every object: a painted lesion once, in the slice that
    shows most of it; fakes in each slice."""
    for index, volume in enumerate(volumes):
        largest: dict[int, tuple[int, int]] = {}
        for row in range(len(volume.images)):
            image, labels = slice_with_objects(volume, row, objects, (seed, index))
            for number, area in zip(*np.unique(labels[labels > 0], return_counts=True)):
                if objects.kind != "lesions":
                    yield image, labels == number, volume.spacing_mm
                elif area > largest.get(number, (0, 0))[0]:
                    largest[number] = area, row
        for number, (_, row) in largest.items():
            image, labels = slice_with_objects(volume, row, objects, (seed, index))
            yield image, labels == number, volume.spacing_mm


@torch.no_grad()
def mean_dice(network: torch.nn.Module, volumes: Sequence[LesionSlices], objects: SliceObjects, seed: int) -> float:
    """Mean over volumes of the Dice inside the liver, all slices of a volume together, at a probability of 0.5."""
    samples = WholeSlices(volumes, objects, seed)
    return float(np.mean([float(batch_dice(logits_of(network, s["image"]), s)) for s in samples]))


class LesionSlicesData(SyntheticLesions):
    """Patches of slices of real MRI with objects in their livers, and whole slices for validation.

    Parameters
    ----------
    sequence
        "T1" or "T2".
    t1_images
        Files that serve as T1, in turn from variant to variant.
    objects
        What is to be found. Fakes are put into slices as scanned, lesions are painted.
    variants, validation_variants
        Sets of lesions for every case.
    first_seed
        Of the sets of lesions.
    statistics
        What sets of lesions look like.
    patch
        Side of a training patch, pixels.
    patches_per_epoch, batch_size
        As their names say.
    policy
        The working grid of the bundle to be made.
    options
        Those of `CaseData`.
    """

    def __init__(
        self,
        sequence: str,
        t1_images: list[str],
        objects: SliceObjects = SliceObjects(),
        variants: int = 6,
        validation_variants: int = 4,
        first_seed: int = 50_000,
        statistics: LesionStatistics = LARGE_LESIONS,
        patch: int = 96,
        patches_per_epoch: int = 2000,
        batch_size: int = 8,
        policy: GridPolicy = SLICE_POLICY,
        **options,
    ):
        super().__init__(policy=policy, **options)
        self.t1_images, self.sequence, self.objects = t1_images, sequence, objects
        self.variants, self.validation_variants, self.first_seed = variants, validation_variants, first_seed
        self.patch, self.patches_per_epoch = patch, patches_per_epoch
        self.loading = {"batch_size": batch_size, "begin": _quick, "ahead": 8}
        self.preparation = SlicePreparation(policy, self.normalization, statistics)

    def manifest(self) -> dict[str, Any]:
        """As in `CaseData`, and mean and standard deviation of every feature over the objects of the training."""
        objects = each_object(self.training(), self.objects, self.seed)
        ranges = ranges_of_objects(objects, f"{KINDS[self.objects.kind]} of the training slices")
        return {
            "task": SLICE_SEGMENTATION,
            "strategy": "single",
            "inputs": [self.sequence],
            "labels": [LESION],
            "normal_ranges": ranges.as_dict(),
        }

    nothing = ("There is no slice to train on.", "data.train and data.variants must not be empty or 0.")

    def of_case(self, case: str, seeds: range) -> list[LesionSlices]:
        """The slices of a case with each set of lesions, or as scanned when the objects are fakes."""
        wanted = list(seeds) if self.objects.kind == "lesions" else [None] * len(self.t1_images)
        return cached_slices(self.root, case, self.t1_images, wanted, Side(self.sequence), self.preparation, self.cache)

    def annotated(self, names: Sequence[str]) -> list[LesionSlices]:
        """None: slices are of synthetic lesions alone."""
        return []

    def epoch_samples(self) -> SlicePatches:
        """Augmented patches."""
        return SlicePatches(self.train_volumes, self.objects, self.patch, self.patches_per_epoch, self.seed)

    def val_dataloader(self) -> DataLoader:
        """All slices of a volume at a time."""
        return DataLoader(WholeSlices(self.validation_volumes, self.objects, self.seed), batch_size=None)
