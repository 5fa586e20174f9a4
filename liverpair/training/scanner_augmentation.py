"""What scanners and protocols do to an image: ghosts of breathing, thick slices, a field of view that ends too early.

The transforms take a sample {"image": (1, z, y, x), "target": (organs, z, y, x)}.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
import torch.nn.functional as functional
from monai.transforms import RandomizableTransform

Sample = Mapping[Hashable, Any]


class RandomChange(RandomizableTransform):
    """A change of "image", and perhaps of the organs in "target", with the transform's probability."""

    def __call__(self, data: Sample) -> dict[Hashable, Any]:
        """The sample, changed or as it was."""
        out = dict(data)
        self.randomize(None)
        if self._do_transform and self.applies(out["target"]):
            out["image"], out["target"] = self.changed(torch.as_tensor(out["image"]), torch.as_tensor(out["target"]))
        return out

    def applies(self, target: Any) -> bool:
        """Whether there is something to change where these organs are."""
        return True

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Image and organs after the change."""
        raise NotImplementedError


class RandGhosting(RandomChange):
    """Faint copies of the body along the phase encoding (front to back), as periodic motion leaves them."""

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Two to five ghosts."""
        count, strength = self.R.randint(2, 6), self.R.uniform(0.03, 0.15)
        step = image.shape[2] // (count + 1)
        ghosts = sum(torch.roll(image, (number + 1) * step, dims=2) for number in range(count))
        return image + strength * ghosts / count, target


class RandThickSlices(RandomChange):
    """Slices averaged until they are up to `thickest` times as thick; their number stays."""

    thickest = 2.5

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Fewer slices, back on their places."""
        shape = image.shape[1:]
        fewer = max(2, round(shape[0] / self.R.uniform(1.2, self.thickest)))
        thick = functional.interpolate(image[None], (fewer, *shape[1:]), mode="area")
        return functional.interpolate(thick, shape, mode="trilinear", align_corners=False)[0], target


class RandCutFieldOfView(RandomChange):
    """An image that ends within the body: a part of it, at one end of one axis, becomes empty, and so do the organs."""

    largest = 0.35

    def changed(self, image: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut at one end; along z in seven of ten cases."""
        axis = self.R.choice([1, 2, 3], p=[0.7, 0.15, 0.15])
        length = image.shape[axis]
        cut = round(length * self.R.uniform(0.05, self.largest))
        start = 0 if self.R.rand() < 0.5 else length - cut
        image, target = image.clone(), target.clone()
        for array in (image, target):
            array.narrow(axis, start, cut).zero_()
        return image, target
