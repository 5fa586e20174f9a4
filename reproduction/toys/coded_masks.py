"""Two-dimensional pairs of masks that are alike but not equal, one coded by angle and one by frequency.

After Couteaux 2021, section 2.3.3, which leaves open the shape of the masks, how much they differ and the periods.
"""

from dataclasses import dataclass

import numpy as np

from liverpair.synthesis.shapes import smooth_noise
from reproduction.toys.coded_pairs import stripes


@dataclass(frozen=True)
class CodedMasksSettings:
    """How pairs are drawn; lengths in pixels.

    Attributes:
        size: side of the square images.
        sigma: smoothness of the masks.
        percentile: percentile of the smooth noise above which there is mask.
        change: part of the noise that the second mask has to itself, between 0 (same shape) and 1.
        shift: largest translation of the second mask along each axis, whole pixels.
        angle_period: of all stripes in image 1, which stand at +45° inside the mask and at -45° outside.
        inside_period, outside_period: of the stripes in image 2, which are all level.
        noise: standard deviation of the noise; stripes go from -1 to 1.
    """

    size: int = 64
    sigma: float = 7.0
    percentile: float = 65.0
    change: float = 0.35
    shift: int = 6
    angle_period: float = 6.0
    inside_period: float = 9.0
    outside_period: float = 5.0
    noise: float = 0.3


@dataclass(frozen=True)
class CodedMasks:
    """A pair and the truth about it.

    Attributes:
        images: float32 (2, y, x): the angle code, then the frequency code.
        masks: bool (2, y, x).
        translation: of the second mask against the first, pixels (y, x).
    """

    images: np.ndarray
    masks: np.ndarray
    translation: tuple[int, int]


def coded_masks(rng: np.random.Generator, settings: CodedMasksSettings = CodedMasksSettings()) -> CodedMasks:
    """Draw a pair. What the translation brings in goes on as the first mask does outside its image."""
    margin, size = settings.shift, settings.size
    canvas = (size + 2 * margin,) * 2
    common, own = (smooth_noise(canvas, settings.sigma, rng) for _ in range(2))
    fields = common, np.sqrt(1 - settings.change**2) * common + settings.change * own
    translation = tuple(int(n) for n in rng.integers(-margin, margin + 1, 2))
    corners = (margin, margin), tuple(margin - n for n in translation)
    masks = np.stack(
        [
            (field > np.percentile(field, settings.percentile))[y : y + size, x : x + size]
            for field, (y, x) in zip(fields, corners)
        ]
    )
    images = np.stack([_angle_code(masks[0], rng, settings), _frequency_code(masks[1], rng, settings)])
    images += settings.noise * rng.standard_normal(images.shape, dtype=np.float32)
    return CodedMasks(images, masks, translation)


def _angle_code(mask: np.ndarray, rng: np.random.Generator, settings: CodedMasksSettings) -> np.ndarray:
    inside, outside = (stripes(mask.shape, turn * np.pi / 4, settings.angle_period, rng) for turn in (1, -1))
    return np.where(mask, inside, outside)


def _frequency_code(mask: np.ndarray, rng: np.random.Generator, settings: CodedMasksSettings) -> np.ndarray:
    inside, outside = (
        stripes(mask.shape, 0.0, period, rng) for period in (settings.inside_period, settings.outside_period)
    )
    return np.where(mask, inside, outside)
