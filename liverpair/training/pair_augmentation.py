"""What is changed in a pair from step to step, images and boxes together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from liverpair.training.detection import PairSample


@dataclass(frozen=True)
class PairAugmentation:
    """Random changes of a pair in about [0, 1].

    `shift_voxels` (z, y, x): largest translation of each image on its own, so that the displacement cannot be learned
    by heart (Couteaux 2021, section 4.4). `gain`: largest relative change of contrast of each image; `offset`: of
    brightness; `log_gamma`: of the logarithm of the exponent; `noise`: largest standard deviation. `mirror`:
    probability with which the pair is mirrored along y, and along x.
    """

    shift_voxels: tuple[int, int, int] = (1, 3, 3)
    gain: float = 0.15
    offset: float = 0.08
    log_gamma: float = 0.25
    noise: float = 0.02
    mirror: float = 0.2
    crop_voxels: tuple[int, int, int] | None = None
    whole_share: float = 0.15

    def __call__(self, sample: PairSample, rng: np.random.Generator) -> PairSample:
        """A changed copy."""
        image, boxes = sample.image.clone(), sample.boxes.clone()
        masks = None if sample.masks is None else sample.masks.clone()
        for side in (0, 1):
            image[side] = self._intensities(image[side], rng)
            shift = [int(rng.integers(-most, most + 1)) for most in self.shift_voxels]
            image[side] = shifted(image[side], shift)
            boxes[side] += torch.tensor(shift, dtype=boxes.dtype)
            if masks is not None:
                masks[side] = shifted(masks[side], shift)
        for axis in (1, 2):
            if rng.random() < self.mirror:
                image = image.flip(axis + 1)
                masks = None if masks is None else masks.flip(axis + 1)
                boxes = mirrored(boxes, axis, image.shape[axis + 1])
        changed = PairSample(image, boxes, sample.visible, masks, sample.annotated)
        if self.crop_voxels is None or rng.random() < self.whole_share:
            return changed
        return cropped(changed, self._window(changed, rng))

    def _window(self, sample: PairSample, rng: np.random.Generator) -> tuple[slice, ...]:
        """A part of the pair that holds the center of one of its boxes, at a random place in it."""
        lengths = np.array(sample.image.shape[1:])
        size = np.minimum(self.crop_voxels, lengths)
        known = sample.boxes.flatten(0, 1).mean(dim=1)
        known = known[known.isfinite().all(dim=1)].numpy()
        center = known[rng.integers(len(known))] if len(known) else lengths * rng.random(3)
        start = np.floor(center - size * rng.uniform(0.1, 0.9, 3)).astype(int)
        start = np.clip(start, 0, lengths - size)
        return tuple(slice(int(a), int(a + n)) for a, n in zip(start, size))

    def _intensities(self, image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Changed where the image is not 0: what the liver mask left out stays out."""
        shown = image > 0
        changed = image.clamp(min=0) ** float(np.exp(rng.uniform(-self.log_gamma, self.log_gamma)))
        changed = changed * (1 + rng.uniform(-self.gain, self.gain)) + rng.uniform(-self.offset, self.offset)
        noise = rng.uniform(0, self.noise) * rng.standard_normal(tuple(image.shape), dtype=np.float32)
        return torch.where(shown, changed + torch.from_numpy(noise), image)


def cropped(sample: PairSample, window: tuple[slice, ...]) -> PairSample:
    """The part of a pair in `window`. An image shows the lesions whose center lies in it; where the others are stays
    known, so that a lesion leads to its place beyond the border."""
    part = (slice(None), *window)
    boxes = sample.boxes - torch.tensor([s.start for s in window], dtype=sample.boxes.dtype)
    center, size = boxes.mean(dim=2), torch.tensor([s.stop - s.start for s in window])
    inside = ((center >= 0) & (center < size)).all(dim=-1)
    masks = None if sample.masks is None else sample.masks[part]
    return PairSample(sample.image[part], boxes, sample.visible & inside, masks, sample.annotated)


def shifted(image: torch.Tensor, shift: Sequence[int]) -> torch.Tensor:
    """`image` (*space) moved by whole voxels; what comes in is 0."""
    moved = torch.zeros_like(image)
    source = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(shift, image.shape))
    target = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(shift, image.shape))
    moved[target] = image[source]
    return moved


def mirrored(boxes: torch.Tensor, axis: int, length: int) -> torch.Tensor:
    """Boxes (..., 2, d) in an image of that length along `axis`, mirrored."""
    turned = boxes.clone()
    turned[..., axis] = length - boxes[..., axis].flip(-1)
    return turned
