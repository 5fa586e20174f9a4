"""Pairs of textured images of which the second is the first moved, for networks that regress displacements (Couteaux
2021, section 5.2.2)."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from liverpair.synthesis.shapes import smooth_noise


@dataclass(frozen=True)
class ShiftedPairSettings:
    """How pairs are drawn; lengths in pixels.

    Attributes:
        size: side of the square images.
        texture: smoothness of what is in them.
        flat: part of the image that is flat, without anything to hold on to.
        shift: largest translation along each axis; the same for the whole image.
        deformation: standard deviation of a smooth displacement on top.
        deformation_sigma: its smoothness.
        noise: standard deviation of the noise of either image; intensities have a standard deviation of 1.
    """

    size: int = 96
    texture: float = 2.0
    flat: float = 0.0
    shift: float = 8.0
    deformation: float = 0.0
    deformation_sigma: float = 16.0
    noise: float = 0.1


@dataclass(frozen=True)
class ShiftedPair:
    """`images` (2, y, x) float32; `displacement` (2, y, x): the second image at p is the first one at p +
    displacement(p)."""

    images: np.ndarray
    displacement: np.ndarray


def shifted_pair(rng: np.random.Generator, settings: ShiftedPairSettings = ShiftedPairSettings()) -> ShiftedPair:
    """Draw a pair; what the translation brings in is texture as well."""
    size = settings.size
    margin = int(np.ceil(settings.shift + 4 * settings.deformation)) + 1
    canvas = smooth_noise((size + 2 * margin,) * 2, settings.texture, rng)
    if settings.flat:
        field = smooth_noise(canvas.shape, 6 * settings.texture, rng)
        canvas = np.where(field > np.quantile(field, settings.flat), canvas, 0.0)
    move = rng.uniform(-settings.shift, settings.shift, 2)
    displacement = np.stack([np.full((size, size), part) for part in move])
    if settings.deformation:
        smooth = [smooth_noise((size, size), settings.deformation_sigma, rng) for _ in range(2)]
        displacement += settings.deformation * np.clip(smooth, -3, 3)
    places = np.stack(np.meshgrid(*(np.arange(size),) * 2, indexing="ij")) + margin
    first = canvas[margin : margin + size, margin : margin + size]
    second = ndimage.map_coordinates(canvas, places + displacement, order=1, mode="nearest")
    images = np.stack([first, second]) + settings.noise * rng.standard_normal((2, size, size))
    return ShiftedPair(images.astype(np.float32), displacement.astype(np.float32))
