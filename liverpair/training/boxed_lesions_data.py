"""Lesions of real MRI, synthetic ones and those that people drew, in boxes that are not quite right: training samples
for the network that draws the lesion in a box."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from monai.transforms import (
    Compose,
    RandAdjustContrast,
    RandBiasField,
    RandFlipd,
    RandGaussianNoise,
    RandGaussianSmooth,
    RandRotate90d,
)
from torch.utils.data import DataLoader, Dataset

from liverpair.bundle.manifest import BOX, BOX_SEGMENTATION
from liverpair.bundle.strategies import EITHER
from liverpair.core.cache import cached_arrays, key_of
from liverpair.core.geometry import Box, Grid, on_grid, resample
from liverpair.core.labels import LESION
from liverpair.core.sides import Side
from liverpair.detection.box_crops import BoxSight
from liverpair.io.study import Study
from liverpair.measures.boxes import label_boxes
from liverpair.measures.lesion_labels import LesionLabels
from liverpair.segmentation.preparation import GridPolicy, Normalization
from liverpair.synthesis.paired_lesions import LesionStatistics
from liverpair.training.loaders import ShuffledSamples
from liverpair.training.paired_lesions_cache import LesionSource, pair_stamp
from liverpair.training.paired_lesions_data import SyntheticLesions

CACHE_VERSION = 1
"""Goes up when the same seeds and settings give other lesions."""
MANY_LESIONS = LesionStatistics(mean_count=10.0, count_spread=0.5, median_mm=18.0)
AROUND = 4.0
"""Times the box of a lesion: what is kept of the image around it."""
INVERTED = 0.3
"""Part of the crops that are inverted."""
PARTS = ("image", "mask", "place")


@dataclass(frozen=True)
class Faults:
    """How boxes differ from the tight ones.

    Parameters
    ----------
    largest
        Each box has its own size of fault, up to this; each of its faces is off by up to so much of the side, inward or
        outward.
    outward
        So much of the side is added to each face at most, by chance: hands draw around a lesion rather than through it.
    """

    largest: float = 0.35
    outward: float = 0.15

    def __call__(self, box: Box, rng: np.random.Generator) -> Box:
        """A box as somebody, or some network, might have drawn it."""
        fault, added = rng.uniform(0, self.largest), rng.uniform(0, self.outward)
        low, high = ((rng.uniform(-fault, fault, 3) + added) * box.size_mm for _ in range(2))
        center = np.add(box.center_mm, np.reshape(box.direction, (3, 3)) @ ((high - low) / 2))
        size = np.maximum(np.add(box.size_mm, low + high), 0.3 * np.array(box.size_mm))
        return Box(tuple(map(float, center)), tuple(map(float, size)), box.direction)


@dataclass(frozen=True)
class CutLesion:
    """A lesion: the image around it and its mask (z, y, x), where they lie, and its tight box (LPS, mm)."""

    image: np.ndarray
    mask: np.ndarray
    grid: Grid
    box: Box

    @classmethod
    def out_of(cls, image: sitk.Image, labels: sitk.Image, number: int, box: Box) -> "CutLesion":
        """The lesion of a number, with as much around it as the crop of any box may need."""
        grid = Grid.of(image)
        center, half = grid.index(box.center_mm), np.divide(np.multiply(box.size_mm, AROUND), grid.spacing) / 2 + 2
        low = np.clip(np.floor(center - half), 0, np.subtract(grid.size, 1)).astype(int)
        high = np.clip(np.ceil(center + half) + 1, low + 1, grid.size).astype(int)
        window = tuple(slice(int(a), int(b)) for a, b in zip(low, high))
        part = image[window]
        mask = sitk.GetArrayFromImage(labels[window]) == number
        return cls(sitk.GetArrayFromImage(part), mask, Grid.of(part), box)

    def arrays(self, row: int) -> dict[str, np.ndarray]:
        """What a cache keeps of the lesion in a `row`."""
        place = [*self.grid.spacing, *self.grid.origin, *self.grid.direction, *self.box.center_mm, *self.box.size_mm]
        return {f"{part}{row}": array for part, array in zip(PARTS, (self.image, self.mask, np.array(place)))}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], row: int) -> "CutLesion":
        """What `arrays` kept."""
        image, mask, place = (arrays[f"{part}{row}"] for part in PARTS)
        spacing, origin, direction, center, size = (tuple(map(float, part)) for part in np.split(place, [3, 6, 15, 18]))
        return cls(image, mask, Grid(image.shape[::-1], spacing, origin, direction), Box(center, size, direction))

    def sample(self) -> "CutLesion":
        """Itself: what is seen of it depends on the box."""
        return self


@dataclass(frozen=True)
class Crops:
    """What a network sees of a lesion in a box, and what it should draw there."""

    sight: BoxSight
    normalization: Normalization

    def __call__(self, lesion: CutLesion, box: Box) -> dict[str, torch.Tensor]:
        """ "image" (2, z, y, x) and "target" (1, z, y, x), in [0, 1]."""
        image = on_grid(lesion.image, lesion.grid)
        grid = self.sight.grid(image, box)
        target = resample(on_grid(lesion.mask.astype(np.float32), lesion.grid), grid)
        return {
            "image": torch.from_numpy(self.sight.channels(image, grid, self.normalization)),
            "target": torch.from_numpy(sitk.GetArrayFromImage(target))[None],
        }


class BoxedLesions(ShuffledSamples):
    """`length` lesions an epoch, each in a new box and as another scanner would show it."""

    def __init__(self, lesions: Sequence[CutLesion], faults: Faults, view: "Crops", length: int, seed: int):
        super().__init__(lesions, length, seed)
        self.faults, self.view = faults, view
        self.turned, self.shaded = _turn(), _shade()

    def changed(self, sample: CutLesion, drawn: int) -> dict[str, torch.Tensor]:
        """A crop, turned, with other intensities and now and then inverted: bright lesions and dark ones are alike."""
        rng = np.random.default_rng((self.seed, 1, drawn))
        for change in (self.turned, self.shaded):
            change.set_random_state(seed=int(rng.integers(2**31)))
        turned = self.turned(self.view(sample, self.faults(sample.box, rng)))
        image, distance = (torch.as_tensor(channel)[None] for channel in turned["image"])
        image = torch.as_tensor(self.shaded(image))
        image = (image - image.min()) / (image.max() - image.min()).clamp(min=1e-6)
        image = 1 - image if rng.random() < INVERTED else image
        return {"image": torch.cat([image, distance]), "target": torch.as_tensor(turned["target"])}


class FixedBoxes(Dataset):
    """Each lesion in a box that stays the same, as scanned, for validation."""

    def __init__(self, lesions: Sequence[CutLesion], faults: Faults, view: "Crops", seed: int):
        self.lesions, self.faults, self.view, self.seed = list(lesions), faults, view, seed

    def __len__(self) -> int:
        return len(self.lesions)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        lesion = self.lesions[index]
        return self.view(lesion, self.faults(lesion.box, np.random.default_rng((self.seed, index))))


def _turn() -> Compose:
    every = ["image", "target"]
    flips = [RandFlipd(every, prob=0.5, spatial_axis=axis) for axis in range(3)]
    return Compose([*flips, RandRotate90d(every, prob=0.5, spatial_axes=(1, 2))])


def _shade() -> Compose:
    return Compose(
        [
            RandBiasField(prob=0.3, degree=2, coeff_range=(0.0, 0.15)),
            RandAdjustContrast(prob=0.5, gamma=(0.6, 1.6)),
            RandGaussianSmooth(prob=0.2, sigma_x=(0.3, 1.0), sigma_y=(0.3, 1.0), sigma_z=(0.3, 1.0)),
            RandGaussianNoise(prob=0.5, std=0.06),
        ]
    )


class BoxedLesionsData(SyntheticLesions):
    """Lesions painted into real MRI, and lesions that people drew, each in a box with faults.

    Parameters
    ----------
    t1_images
        Files that serve as T1, in turn from variant to variant.
    variants, validation_variants
        Sets of lesions for every case.
    first_seed
        Of the sets of lesions.
    statistics
        What sets of lesions look like.
    faults
        How boxes differ from the tight ones.
    sight
        How much of the image around a box is seen.
    lesions_per_epoch, batch_size
        As their names say.
    studies
        Folder of studies with images and label maps of their lesions, as LesionPairDetect exports them. Environment
        variables in it are replaced.
    train_studies, validation_studies
        Their names; None: all that are not among the others.
    policy
        Not used: the grid follows from each box.
    options
        Those of `CaseData`.
    """

    def __init__(
        self,
        t1_images: list[str],
        variants: int = 8,
        validation_variants: int = 6,
        first_seed: int = 70_000,
        statistics: LesionStatistics = MANY_LESIONS,
        faults: Faults = Faults(),
        sight: BoxSight = BoxSight(),
        lesions_per_epoch: int = 800,
        batch_size: int = 8,
        studies: str = "",
        train_studies: list[str] | None = None,
        validation_studies: list[str] | None = None,
        policy: GridPolicy = GridPolicy((1.0, 1.0, 1.0), 0.0, 0.0, crop_to_body=False),
        **options,
    ):
        super().__init__(policy=policy, **options)
        self.t1_images, self.variants, self.validation_variants = t1_images, variants, validation_variants
        self.first_seed, self.statistics, self.faults = first_seed, statistics, faults
        self.view, self.lesions_per_epoch = Crops(sight, self.normalization), lesions_per_epoch
        self.loading = {"batch_size": batch_size}
        self.take_studies(studies, train_studies, validation_studies)

    crop = BOX
    nothing = ("There is no lesion to train on.", "data.train and data.variants must not be empty or 0.")

    def manifest(self) -> dict[str, Any]:
        """As in `CaseData`."""
        return {
            "task": BOX_SEGMENTATION,
            "strategy": "single",
            "inputs": [EITHER],
            "labels": [LESION],
            "box": asdict(self.view.sight),
        }

    def of_case(self, case: str, seeds: range) -> list[CutLesion]:
        """The lesions of a case in both images; of sets that are not on disk they are painted."""
        found = []
        for turn, name in enumerate(self.t1_images):
            stamp, source = pair_stamp(self.root / case, name), LesionSource(self.root, case, name)
            for seed in seeds[turn :: len(self.t1_images)]:
                key = key_of([CACHE_VERSION, stamp, seed, asdict(self.statistics)])
                arrays = cached_arrays(
                    self.cache / f"boxed-{key}.npz", partial(_cut_lesions, source, seed, self.statistics)
                )
                found += [CutLesion.from_arrays(arrays, number) for number in range(len(arrays) // len(PARTS))]
        return found

    def annotated(self, names: Sequence[str]) -> list[CutLesion]:
        """The lesions of studies in the images in which they were drawn."""
        return [one for name in names for one in drawn_lesions(Study.open(self.studies / name))]

    def epoch_samples(self) -> BoxedLesions:
        """Lesions in new boxes."""
        return BoxedLesions(self.train_volumes, self.faults, self.view, self.lesions_per_epoch, self.seed)

    def val_dataloader(self) -> DataLoader:
        """Each lesion of the validation in one box."""
        return DataLoader(FixedBoxes(self.validation_volumes, self.faults, self.view, self.seed))


def drawn_lesions(study: Study) -> list[CutLesion]:
    """The lesions that somebody drew in the images of a study. Raises `InputError` for label maps that do not fit."""
    found = []
    for side in Side:
        drawn, image = getattr(study, f"{side}_lesions"), getattr(study, side)
        if drawn is not None and image is not None:
            labels = LesionLabels(drawn, image, name=side.title)
            found += [CutLesion.out_of(image, labels.labels, number, box) for number, box in labels.boxes.items()]
    return found


def _cut_lesions(source: LesionSource, seed: int, statistics: LesionStatistics) -> dict[str, np.ndarray]:
    """The arrays of the lesions that stand out in an image, in turn."""
    pair, lesions = source.variant(seed, statistics), []
    for side in Side:
        image, labels = getattr(pair, side), getattr(pair, f"{side}_labels")
        seen = {one.number for one in pair.pairs if side in one.boxes}
        lesions += [
            CutLesion.out_of(image, labels, number, box)
            for number, box in label_boxes(labels).items()
            if number in seen
        ]
    return {name: array for row, one in enumerate(lesions) for name, array in one.arrays(row).items()}
