"""Patients and contrasts that were never scanned, made from images whose organs are known.

The transforms take a sample {"image": (1, z, y, x), "target": (organs, z, y, x)}, all in [0, 1]; the first organ is
the liver.
"""

from typing import Any

import numpy as np
import torch
from scipy import ndimage

from liverpair.training.scanner_augmentation import RandomChange

AIR = 0.04
"""Less than this part of the image's range is air."""


class OrganTransform(RandomChange):
    """A random change of "image" that looks at the organs in "target", and may change them too."""

    def applies(self, target: Any) -> bool:
        """Whether there is liver."""
        return bool((target[0] > 0.5).any())


class RandOrganContrast(OrganTransform):
    """Another contrast: every organ gets a mean and a texture of its own, all else one random curve.

    After Billot et al., "SynthSeg", Medical Image Analysis 86 (2023), which draws a mean for every structure; here the
    image's own texture, vessels included, is kept with a random weight and sign.
    """

    POINTS = 6

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Organs recolored one by one; air stays dark."""
        curve = self.R.uniform(0.0, 1.0, self.POINTS)
        curve[0] = self.R.uniform(0.0, 0.1)
        mapped = np.interp(image.numpy(), np.linspace(0.0, 1.0, self.POINTS), curve)
        out = torch.as_tensor(mapped, dtype=image.dtype) * (1 - target.sum(0, keepdim=True)).clamp(min=0.0)
        for organ in target:
            share = organ.sum()
            if share > 0:
                texture = image - (image * organ).sum() / share
                weight = self.R.uniform(0.3, 1.2) * (1 if self.R.rand() < 0.5 else -1)
                out = out + organ * (self.R.uniform(0.05, 0.95) + weight * texture).clamp(0.0, 1.0)
        return out.clamp(0.0, 1.0), target


class RandEnhancement(OrganTransform):
    """Contrast agent: brighter liver, spleen and kidneys, and vessels that stand out of the liver."""

    SIGMA = 2.0

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gains are added organ by organ; what is finer than `SIGMA` voxels counts as vessels."""
        detail = (image - _smooth(image, self.SIGMA)).abs()
        out = image + target[:1] * (self.R.uniform(0.05, 0.3) + self.R.uniform(0.5, 2.5) * detail)
        for organ in target[1:]:
            out = out + organ * self.R.uniform(0.1, 0.5)
        return out.clamp(0.0, 1.0), target


class RandPaintedLesions(OrganTransform):
    """Ellipsoids darker or brighter than the liver around them, at its border too; they stay liver."""

    MOST = 4

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One to `MOST` lesions whose edge is about a voxel wide."""
        liver = target[0]
        places = torch.nonzero(liver > 0.5)
        mean = (image[0] * liver).sum() / liver.sum()
        out = image.clone()
        for _ in range(self.R.randint(1, self.MOST + 1)):
            center = places[self.R.randint(len(places))]
            radius = self.R.uniform(2.5, 14.0)
            radii = radius * self.R.uniform((0.3, 0.7, 0.7), (0.6, 1.0, 1.0))
            axes = [
                ((torch.arange(n) - c) / r).reshape([-1 if axis == own else 1 for own in range(3)]) ** 2
                for axis, (n, c, r) in enumerate(zip(liver.shape, center, radii))
            ]
            inside = ((1 - sum(axes).sqrt()) * radius + 0.5).clamp(0.0, 1.0) * liver
            ratio = self.R.uniform(0.2, 0.8) if self.R.rand() < 0.5 else self.R.uniform(1.2, 2.2)
            lesion = ratio * mean + 0.3 * (out[0] - mean)
            out[0] = out[0] + inside * (lesion - out[0])
        return out.clamp(0.0, 1.0), target


class RandResection(OrganTransform):
    """A liver without its left part, as after a hepatectomy: stomach, bowel or fat of one brightness, unlike that of
    the liver, lies where it was.

    It must be unlike: what keeps the look of liver but not its label teaches to leave out dim left lobes.
    """

    SIGMA = 2.0
    SMALLEST, LARGEST = 0.1, 0.4
    UNLIKE = 0.2

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut along an oblique plane; x grows to the patient's left."""
        liver = target[0]
        z, y, x = (torch.arange(n, dtype=image.dtype) for n in liver.shape)
        tilt = self.R.uniform(-0.5, 0.5, 2)
        across = x[None, None, :] + tilt[0] * z[:, None, None] + tilt[1] * y[None, :, None]
        limit = torch.quantile(across[liver > 0.5], 1 - self.R.uniform(self.SMALLEST, self.LARGEST))
        removed = ((across - limit) / 2).clamp(0.0, 1.0) * liver
        noise = torch.as_tensor(self.R.standard_normal(liver.shape), dtype=image.dtype)
        folds = _smooth(noise, self.SIGMA)
        filling = self._brightness(float((image[0] * liver).sum() / liver.sum())) + 0.05 * folds / folds.std()
        target = target.clone()
        target[0] = liver - removed
        return (image + removed * (filling + 0.02 * noise - image)).clamp(0.0, 1.0), target

    def _brightness(self, liver: float) -> float:
        """Between 0.05 and 0.95, at least `UNLIKE` from the liver's."""
        darker, brighter = max(0.0, liver - self.UNLIKE - 0.05), max(0.0, 0.95 - liver - self.UNLIKE)
        drawn = self.R.uniform(0.0, darker + brighter)
        return 0.05 + drawn if drawn < darker else liver + self.UNLIKE + drawn - darker


def _smooth(array: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian smoothing along the three spatial axes, `sigma` in voxels."""
    return torch.as_tensor(ndimage.gaussian_filter(array.numpy(), sigma, truncate=2.5, axes=(-3, -2, -1)))
