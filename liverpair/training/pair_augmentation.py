"""What is changed in a pair from step to step, images and boxes together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as functional
from scipy import ndimage

from liverpair.synthesis.shapes import smooth_noise
from liverpair.training.detection import PairSample

FIXED_POINT_ROUNDS = 6
"""To turn a deformation round; each leaves about a fifth of the error at 10 mm and 40 mm."""


@dataclass(frozen=True)
class PairAugmentation:
    """Random changes of a pair in about [0, 1].

    `shift_voxels` (z, y, x): largest translation of each image on its own, so that the displacement cannot be learned
    by heart (Couteaux 2021, section 4.4). `deformation_voxels` (z, y, x): standard deviation of a smooth random
    deformation of the second image, drawn anew every time, and `deformation_length_voxels` that of the Gaussian that
    smooths it. `gain`: largest relative change of contrast of each image; `offset`: of
    brightness; `log_gamma`: of the logarithm of the exponent; `noise`: largest standard deviation. `mirror`:
    probability with which the pair is mirrored along y, and along x. `crop_voxels`: size of the part that is
    kept, but of every `whole_share`-th pair all.
    """

    shift_voxels: tuple[int, int, int] = (1, 3, 3)
    gain: float = 0.15
    offset: float = 0.08
    log_gamma: float = 0.25
    noise: float = 0.02
    mirror: float = 0.2
    crop_voxels: tuple[int, int, int] | None = None
    whole_share: float = 0.15
    deformation_voxels: tuple[float, float, float] | None = None
    deformation_length_voxels: tuple[float, float, float] = (8.0, 16.0, 16.0)

    def __call__(self, sample: PairSample, rng: np.random.Generator) -> PairSample:
        """A changed copy."""
        image, boxes = sample.image.clone(), sample.boxes.clone()
        masks = None if sample.masks is None else sample.masks.clone()
        if self.deformation_voxels is not None:
            field = self._field(tuple(image.shape[1:]), rng)
            image[1], boxes[1] = deformed(image[1], field), deformed_boxes(boxes[1], field)
            if masks is not None:
                masks[1] = deformed(masks[1], field)
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
        changed = replace(sample, image=image, boxes=boxes, masks=masks)
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

    def _field(self, shape: tuple[int, ...], rng: np.random.Generator) -> torch.Tensor:
        """Smooth displacements (3, *shape) in voxels."""
        parts = [sd * smooth_noise(shape, self.deformation_length_voxels, rng) for sd in self.deformation_voxels]
        return torch.from_numpy(np.stack(parts).astype(np.float32))

    def _intensities(self, image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Changed where the image is not 0: what the liver mask left out stays out."""
        shown = image > 0
        changed = image.clamp(min=0) ** float(np.exp(rng.uniform(-self.log_gamma, self.log_gamma)))
        changed = changed * (1 + rng.uniform(-self.gain, self.gain)) + rng.uniform(-self.offset, self.offset)
        noise = rng.uniform(0, self.noise) * rng.standard_normal(tuple(image.shape), dtype=np.float32)
        return torch.where(shown, changed + torch.from_numpy(noise), image)


def cropped(sample: PairSample, window: tuple[slice, ...]) -> PairSample:
    """The part of a pair in `window`. An image shows the lesions whose center lies in it; those that reach into it from
    outside are `cut`; where the others are stays known, so that a lesion leads to its place beyond the border."""
    part = (slice(None), *window)
    boxes = sample.boxes - torch.tensor([s.start for s in window], dtype=sample.boxes.dtype)
    center, size = boxes.mean(dim=2), torch.tensor([s.stop - s.start for s in window])
    inside = ((center >= 0) & (center < size)).all(dim=-1)
    reaching = ((boxes[:, :, 1] > 0) & (boxes[:, :, 0] < size)).all(dim=-1)
    masks = None if sample.masks is None else sample.masks[part]
    cut = sample.visible & ~inside if sample.cut is None else sample.visible & ~inside | sample.cut
    return PairSample(sample.image[part], boxes, sample.visible & inside, masks, sample.annotated, cut & reaching)


def deformed(image: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """`image` (z, y, x) with every voxel taken from where `field` (3, z, y, x), in voxels, leads from it; 0 from
    outside."""
    axes = [torch.arange(length, dtype=torch.float32) for length in image.shape]
    place = torch.stack(torch.meshgrid(*axes, indexing="ij")) + field
    last = torch.tensor(image.shape).sub(1).clamp(min=1).view(-1, 1, 1, 1)
    grid = (2 * place / last - 1).flip(0).permute(1, 2, 3, 0)
    return functional.grid_sample(image[None, None], grid[None], align_corners=True)[0, 0]


def deformed_boxes(boxes: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """Boxes (n, 2, 3) in voxels of the ellipsoids that `deformed` makes of those in the boxes."""
    bounds = boxes.double().numpy()
    half = (
        np.eye(3) * ((bounds[:, 1] - bounds[:, 0]) / 2)[:, None]
    )  # row by row from the center to the middle of a face
    faces = bounds.mean(axis=1)[:, None] + np.stack([-half, half])  # (2, n, face, 3)
    start = np.nan_to_num(faces)
    place = start
    for _ in range(FIXED_POINT_ROUNDS):
        index = np.moveaxis(place, -1, 0) - 0.5  # a bound of 0 is the outer edge of voxel 0
        moves = [ndimage.map_coordinates(part, index, order=1, mode="nearest") for part in field.numpy()]
        place = start - np.stack(moves, axis=-1)
    center, reach = place.mean(axis=(0, 2)), np.linalg.norm((place[1] - place[0]) / 2, axis=1)
    moved = np.where(np.isfinite(bounds), np.stack([center - reach, center + reach], axis=1), np.nan)
    return torch.from_numpy(moved).to(boxes.dtype)


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
