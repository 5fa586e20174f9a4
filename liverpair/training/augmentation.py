"""What training does to an image so that other scanners, patients and sequences are less of a surprise."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import (
    Compose,
    ConcatItemsd,
    MapTransform,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandHistogramShiftd,
    RandKSpaceSpikeNoised,
    RandomizableTransform,
    RandScaleIntensityd,
    RandShiftIntensityd,
    RandSimulateLowResolutiond,
    RandSpatialCropd,
    SpatialPadd,
    SplitDimd,
    Transform,
)

from liverpair.synthesis.bias import random_bias_field
from liverpair.training.anatomy_augmentation import (
    RandEnhancement,
    RandOrganContrast,
    RandPaintedLesions,
    RandResection,
)
from liverpair.training.scanner_augmentation import RandCutFieldOfView, RandGhosting, RandThickSlices

BIAS_FIELD_STEP = 4


@dataclass(frozen=True)
class Augmentation:
    """Probabilities of the changes that stand for images of other hospitals and patients.

    Parameters
    ----------
    contrast
        Every organ's intensity drawn anew (`RandOrganContrast`).
    enhancement
        Contrast agent in liver, vessels, spleen and kidneys (`RandEnhancement`).
    lesions
        Lesions painted into the liver (`RandPaintedLesions`).
    resection
        The left part of the liver removed (`RandResection`).
    curve
        A random monotonous curve through all intensities.
    inversion
        Bright and dark exchanged within the body.
    ghosting, spikes, thick_slices
        Artifacts of breathing and of single k-space points; slices up to 2.5 times as thick.
    cut
        A field of view that ends within the body (`RandCutFieldOfView`).
    """

    contrast: float = 0.0
    enhancement: float = 0.0
    lesions: float = 0.0
    resection: float = 0.0
    curve: float = 0.0
    inversion: float = 0.04
    ghosting: float = 0.0
    spikes: float = 0.0
    thick_slices: float = 0.0
    cut: float = 0.0

    def anatomy(self) -> list[Transform]:
        """What looks at the organs."""
        return [
            RandResection(self.resection),
            RandPaintedLesions(self.lesions),
            RandEnhancement(self.enhancement),
            RandOrganContrast(self.contrast),
        ]

    def scanner(self, key: str) -> list[Transform]:
        """What happens in the scanner to the image `key`."""
        return [
            RandHistogramShiftd(key, num_control_points=(4, 8), prob=self.curve),
            RandThickSlices(self.thick_slices),
            RandGhosting(self.ghosting),
            RandKSpaceSpikeNoised(key, prob=self.spikes),
            RandCutFieldOfView(self.cut),
        ]


class RandPolynomialBiasFieldd(RandomizableTransform, MapTransform):
    """Multiply by a smooth random field of mean one (Couteaux 2021, section 2.2.2; `liverpair.synthesis.bias`)."""

    def __init__(self, keys: KeysCollection, prob: float = 0.5, strength: float = 0.4):
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.strength = strength

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        self.randomize(None)
        if self._do_transform:
            rng = np.random.default_rng(self.R.randint(2**31))
            for key in self.keys:
                shape = out[key].shape[1:]
                coarse = random_bias_field(tuple(max(2, n // BIAS_FIELD_STEP) for n in shape), rng, self.strength)
                field = torch.nn.functional.interpolate(
                    torch.as_tensor(coarse)[None, None], shape, mode="trilinear", align_corners=True
                )
                out[key] = out[key] * (field[0] / field.mean())
        return out


class RandInvertd(RandomizableTransform, MapTransform):
    """Turn bright into dark inside the body, so that the network leans on shape and place rather than on one
    sequence's gray values.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.05):
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        out = dict(data)
        self.randomize(None)
        if self._do_transform:
            for key in self.keys:
                body = (out[key] > 0.04).to(out[key].dtype)
                out[key] = (1.0 - out[key]) * body
        return out


def training_transform(
    patch: tuple[int, int, int], mirror_probability: float = 0.0, augmentation: Augmentation = Augmentation()
) -> Compose:
    """The random transform of a training sample {"image": (1, z, y, x), "target": (labels, z, y, x)} into a patch
    (z, y, x).
    """
    both = ["image", "target"]
    return Compose(
        [
            *_cut(both, patch),
            *_moved(both, mirror_probability),
            *augmentation.anatomy(),
            *_recolored("image", augmentation.inversion),
            *augmentation.scanner("image"),
        ],
        lazy=False,
    )


def paired_transform(
    patch: tuple[int, int, int], images: int, strong: bool = False, mirror_probability: float = 0.0
) -> Compose:
    """The random transform of a training sample {"image": (images, z, y, x), "target": (masks, z, y, x)} of a pair
    into a patch (z, y, x).

    As published (Couteaux 2021, section 2.2.2): a bias field for each image on its own. `strong`: also what
    `training_transform` does, to each image on its own but for what moves them.
    """
    both = ["image", "target"]
    numbers = [str(number) for number in range(images)]
    names = [f"image_{number}" for number in numbers]
    moved = _moved(both, mirror_probability) if strong else [_mirrored(both, mirror_probability)]
    colored = [_recolored(name) if strong else [RandPolynomialBiasFieldd(name, 1.0, 0.5)] for name in names]
    return Compose(
        [
            *_cut(both, patch),
            *moved,
            SplitDimd("image", output_postfixes=numbers),
            *(one for transforms in colored for one in transforms),
            ConcatItemsd(names, "image"),
        ],
        lazy=False,
    )


def _cut(keys: KeysCollection, patch: tuple[int, int, int]) -> list[Transform]:
    return [SpatialPadd(keys, patch), RandSpatialCropd(keys, patch, random_size=False)]


def _moved(keys: KeysCollection, mirror_probability: float) -> list[Transform]:
    return [
        RandAffined(
            keys,
            prob=0.85,
            rotate_range=(0.26, 0.06, 0.06),
            shear_range=(0.02, 0.02, 0.02, 0.05, 0.02, 0.05),
            translate_range=(3, 12, 12),
            scale_range=((-0.25, 0.25), (-0.22, 0.22), (-0.22, 0.22)),
            mode="bilinear",
            padding_mode="zeros",
        ),
        _mirrored(keys, mirror_probability),
    ]


def _mirrored(keys: KeysCollection, probability: float) -> Transform:
    return RandFlipd(keys, prob=probability, spatial_axis=2)


def _recolored(key: str, inversion: float = 0.04) -> list[Transform]:
    return [
        RandGaussianSmoothd(key, prob=0.1, sigma_x=(0.2, 0.6), sigma_y=(0.4, 1.0), sigma_z=(0.4, 1.0)),
        RandSimulateLowResolutiond(key, prob=0.1, zoom_range=(0.5, 1.0)),
        RandPolynomialBiasFieldd(key, prob=0.6),
        RandAdjustContrastd(key, prob=0.5, gamma=(0.6, 1.7)),
        RandInvertd(key, prob=inversion),
        RandScaleIntensityd(key, prob=0.5, factors=0.3),
        RandShiftIntensityd(key, prob=0.3, offsets=0.08),
        RandGaussianNoised(key, prob=0.3, std=0.05),
    ]
