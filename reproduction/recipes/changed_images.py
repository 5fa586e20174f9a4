"""Images of held-back cases on the working grid, as scanned and changed in the ways that a training knows."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

import torch

from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.segmentation.prediction import grid_policy, normalization
from liverpair.training.augmentation import Augmentation, RandInvertd
from liverpair.training.preprocessing_cache import TrainingVolume
from liverpair.training.segmentation_data import ImageKind, SegmentationData

IMAGES = [ImageKind(f"{side}.nii.gz", f"{side}_organs.nii.gz", side.title) for side in Side]
LABELS = [1, 2, 3, 4]
NOTHING = Augmentation(inversion=0.0)
CHANGES = tuple(field.name for field in fields(Augmentation))
EVERYTHING = "everything at once"


def prepared_volumes(bundle: Bundle, root: Path, cases: Sequence[str], cache: Path) -> list[TrainingVolume]:
    """T1 and T2 of each case as `bundle` would see them, with the organs drawn in them."""
    data = SegmentationData(
        root=str(root),
        train=[],
        validation=list(cases),
        images=IMAGES,
        label_values=LABELS,
        policy=grid_policy(bundle),
        normalization=normalization(bundle),
        cache=str(cache),
    )
    data.setup("validate")
    return data.validation_volumes


def changed(volumes: Sequence[TrainingVolume], change: str | None) -> Iterator[dict[str, torch.Tensor]]:
    """The tensors of every volume after one change of `Augmentation` or all of them (`EVERYTHING`), always the same
    draw; None: as scanned."""
    for number, volume in enumerate(volumes):
        sample = volume.sample()
        if change:
            augmentation = replace(NOTHING, **dict.fromkeys(CHANGES if change == EVERYTHING else [change], 1.0))
            inversion = RandInvertd("image", prob=augmentation.inversion)
            for transform in [*augmentation.anatomy(), inversion, *augmentation.scanner("image")]:
                transform.set_random_state(seed=number)
                sample = transform(sample)
        yield sample
