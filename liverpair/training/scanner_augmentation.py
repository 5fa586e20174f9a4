"""What scanners and protocols do to an image: ghosts of breathing, thick slices, a field of view that ends too early.

The transforms take a sample {"image": (1, z, y, x), "target": (organs, z, y, x)}.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
import torch.nn.functional as functional
from monai.transforms import RandomizableTransform

Sample = Mapping[Hashable, Any]


class RandGhosting(RandomizableTransform):
    """Faint copies of the body along the phase encoding (front to back), as periodic motion leaves them."""

    def __call__(self, data: Sample) -> dict[Hashable, Any]:
        """The sample, with two to five ghosts in its image with the transform's probability."""
        out = dict(data)
        self.randomize(None)
        if self._do_transform:
            image = torch.as_tensor(out["image"])
            count, strength = self.R.randint(2, 6), self.R.uniform(0.03, 0.15)
            step = image.shape[2] // (count + 1)
            ghosts = sum(torch.roll(image, (number + 1) * step, dims=2) for number in range(count))
            out["image"] = image + strength * ghosts / count
        return out


class RandThickSlices(RandomizableTransform):
    """Slices averaged until they are up to `thickest` times as thick; their number stays."""

    thickest = 2.5

    def __call__(self, data: Sample) -> dict[Hashable, Any]:
        """The sample, with thicker slices in its image with the transform's probability."""
        out = dict(data)
        self.randomize(None)
        if self._do_transform:
            image = torch.as_tensor(out["image"])
            shape = image.shape[1:]
            fewer = max(2, round(shape[0] / self.R.uniform(1.2, self.thickest)))
            thick = functional.interpolate(image[None], (fewer, *shape[1:]), mode="area")
            out["image"] = functional.interpolate(thick, shape, mode="trilinear", align_corners=False)[0]
        return out


class RandCutFieldOfView(RandomizableTransform):
    """An image that ends within the body: a part of it, at one end of one axis, becomes empty, and so do the organs."""

    largest = 0.35

    def __call__(self, data: Sample) -> dict[Hashable, Any]:
        """The sample, cut with the transform's probability; along z in seven of ten cases."""
        out = dict(data)
        self.randomize(None)
        if self._do_transform:
            axis = self.R.choice([1, 2, 3], p=[0.7, 0.15, 0.15])
            length = out["image"].shape[axis]
            cut = round(length * self.R.uniform(0.05, self.largest))
            start = 0 if self.R.rand() < 0.5 else length - cut
            for key in ("image", "target"):
                out[key] = torch.as_tensor(out[key]).clone()
                out[key].narrow(axis, start, cut).zero_()
        return out
