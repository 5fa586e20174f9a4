"""Synthetic lesions written into real images, with the local brightness, the noise and the thick slices of these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid, like
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.synthesis.lesion_shapes import LOOKS, LesionShape, offsets_around
from liverpair.synthesis.paired_lesions import PairedLesion
from liverpair.synthesis.paired_lesions_appearance import relative_intensity
from liverpair.synthesis.shapes import smooth_step

LEVEL_MM = 12.0
"""Standard deviation of the Gaussian over which the local brightness of the liver is averaged."""
VESSEL_CONTRAST = 0.35
"""Relative departure from the local liver from which a voxel counts as vessel or fissure and not as liver."""
LEAST_CONSPICUITY = 1.0
"""Change that a lesion must make, relative to the liver's texture and noise, for its box to be given."""
SLICE_SAMPLE_MM = 1.8
NOISE_PIXELS = 1.2
EDGE_PIXELS = 1.3
"""Narrowest edge of a lesion, in pixels: no lesion is sharper than the image it lies in."""


@dataclass(frozen=True)
class Painted:
    """An image with lesions.

    Attributes:
        image: with the grid and the pixel type of the original.
        labels: number of the lesion in each voxel it fills by half (or by half of its fullest voxel, when that is
            less), 0 elsewhere, uint8; lesions that do not stand out are there too.
        boxes: number of the lesion to the tight box around all of it, in LPS mm along the axes of the image.
        contrast: number of the lesion to mean change of intensity within its label, relative to the local liver.
        conspicuity: number of the lesion to root mean square change within its label, relative to the standard
            deviation of the liver's own texture and noise.
    """

    image: sitk.Image
    labels: sitk.Image
    boxes: dict[int, Box]
    contrast: dict[int, float]
    conspicuity: dict[int, float]


class LiverCanvas:
    """A real image prepared to receive lesions; painting leaves it as it is, so that it serves many sets of lesions."""

    def __init__(self, image: sitk.Image, liver: sitk.Image, side: Side):
        """Measure the local brightness and the noise of the liver.

        Args:
            image: scalar volume, LPS mm, any orientation; the third axis runs across the slices.
            liver: mask (0, 1) on the same grid.
            side: whose weighting.

        Raises:
            InputError: the mask is empty or not on the grid of the image.
        """
        self.image, self.side, self.grid = image, side, Grid.of(image)
        self.liver = sitk.GetArrayFromImage(liver) > 0
        if not Grid.of(liver).same_as(self.grid):
            raise InputError(f"The {side.title} liver mask is not on the grid of the {side.title} image.")
        if not self.liver.any():
            raise InputError(f"The {side.title} liver mask is empty; lesions have no place in it.")
        self.values = sitk.GetArrayFromImage(image).astype(np.float32)
        window = ndimage.find_objects(self.liver.astype(np.uint8))[0]
        self.level, self.noise, self.softness = (np.zeros_like(self.values) for _ in range(3))
        self.level[window] = _local_level(self.values[window], self.liver[window], self.grid.spacing)
        self.noise[window] = _noise(self.values[window], self.liver[window])
        ratio = self.values[self.liver] / self.level[self.liver]
        self.texture = max(1e-3, 1.4826 * float(np.median(np.abs(ratio - np.median(ratio)))))
        inside = self.liver[window].astype(np.float32)
        self.softness[window] = inside * np.clip(2 * ndimage.gaussian_filter(inside, (0, 0.8, 0.8)) - 0.5, 0.0, 1.0)

    def paint(self, lesions: Sequence[LesionShape]) -> Painted:
        """A copy of the image with lesions, whose centers are in the space of the image; nothing changes elsewhere.

        Numbers run from 1 to 255. A lesion of which no part lies in the liver has neither label nor box.
        """
        values, labels = self.values.copy(), np.zeros(self.values.shape, dtype=np.uint8)
        boxes: dict[int, Box] = {}
        contrast: dict[int, float] = {}
        conspicuity: dict[int, float] = {}
        samples = max(1, int(np.ceil(self.grid.spacing[2] / SLICE_SAMPLE_MM)))
        for lesion in lesions:
            window, offsets = offsets_around(self.image, lesion.center_mm, lesion.reach_mm, samples)
            depth = lesion.depth(offsets)
            inside = (depth > 0) & self.liver[window]
            if not inside.any():
                continue
            patch = values[window]
            before = patch.copy()
            if self.side in lesion.visible:
                patch[:] = self._blended(lesion, before, window, offsets, depth)
            filled = inside.mean(axis=0)
            own = filled >= min(0.5, 0.5 * filled.max())
            labels[window][own] = lesion.number
            boxes[lesion.number] = self._box(inside, window)
            change = (patch - before)[own] / self.level[window][own]
            contrast[lesion.number] = float(change.mean())
            conspicuity[lesion.number] = float(np.sqrt((change**2).mean())) / self.texture
        if sitk.GetArrayViewFromImage(self.image).dtype.kind != "f":
            changed = values != self.values
            values[changed] = np.rint(values[changed])
        image = sitk.Cast(like(values, self.image), self.image.GetPixelID())
        return Painted(image, like(labels, self.image), boxes, contrast, conspicuity)

    def _blended(
        self, lesion: LesionShape, patch: np.ndarray, window: tuple[slice, ...], offsets: np.ndarray, depth: np.ndarray
    ) -> np.ndarray:
        """The patch in the window with the lesion in it: its signal averaged over each slice, the image's own noise."""
        edge = max(LOOKS[lesion.kind][self.side].edge_mm, EDGE_PIXELS * self.grid.spacing[0])
        cover = smooth_step(depth, -edge / 2, edge / 2) * self.softness[window]
        signal = (cover * relative_intensity(lesion, offsets, depth, self.side)).mean(axis=0) * self.level[window]
        weight = cover.mean(axis=0)
        blended = (1 - weight) * patch + signal + weight * self.noise[window]
        return np.where(weight > 0, np.maximum(blended, 0.0), patch)

    def _box(self, inside: np.ndarray, window: tuple[slice, ...]) -> Box:
        """Tight box of the samples (samples, z, y, x) of a lesion."""
        samples = inside.shape[0]
        low, high = [], []
        for axis in (3, 2):
            taken = np.flatnonzero(inside.any(axis=tuple(a for a in range(4) if a != axis)))
            start = window[axis - 1].start
            low.append(start + taken[0] - 0.5)
            high.append(start + taken[-1] + 0.5)
        heights = np.flatnonzero(inside.any(axis=(2, 3)).T)
        low.append(window[0].start - 0.5 + heights[0] / samples)
        high.append(window[0].start - 0.5 + (heights[-1] + 1) / samples)
        center = self.grid.point((np.array(low) + high) / 2)
        size = np.subtract(high, low) * self.grid.spacing
        return Box(tuple(center.tolist()), tuple(size.tolist()), self.grid.direction)


@dataclass(frozen=True)
class SyntheticPair:
    """A real T1/T2 pair with synthetic lesions, and the truth about them.

    Attributes:
        t1: real T1 image with lesions.
        t2: real T2 image with lesions.
        t1_labels: number of the lesion in each voxel, 0 elsewhere, on the grid of `t1`.
        t2_labels: likewise on the grid of `t2`.
        pairs: accepted lesion pairs. A lesion that stands out in one sequence only has no box in the other; the
            displacement leads from its box in T1 to its box in T2 even when one of them is left out.
        lesions: the parameters, in the order of `pairs`.
        contrast: number of the lesion to its mean contrast to the local liver in T1 and T2.
        conspicuity: number of the lesion to how far it exceeds the liver's texture and noise in T1 and T2.
    """

    t1: sitk.Image
    t2: sitk.Image
    t1_labels: sitk.Image
    t2_labels: sitk.Image
    pairs: list[Lesion]
    lesions: tuple[PairedLesion, ...]
    contrast: dict[int, tuple[float, float]]
    conspicuity: dict[int, tuple[float, float]]


def paint_pair(t1: LiverCanvas, t2: LiverCanvas, lesions: Sequence[PairedLesion]) -> SyntheticPair:
    """Write lesions into both images of a pair.

    A box is given where the lesion is at least as strong as the liver's texture and noise: nobody would draw one
    where thick slices have washed it out. A lesion seen in neither image is not among the pairs.
    """
    in_t1, in_t2 = t1.paint([one.t1 for one in lesions]), t2.paint([one.t2 for one in lesions])
    kept, pairs = [], []
    for one in lesions:
        sides = {
            side: painted.boxes[one.number]
            for side, painted in zip(Side, (in_t1, in_t2))
            if painted.conspicuity.get(one.number, 0.0) >= LEAST_CONSPICUITY
        }
        if sides and one.number in in_t1.boxes and one.number in in_t2.boxes:
            kept.append(one)
            pairs.append(_linked(one, sides, in_t1.boxes[one.number], in_t2.boxes[one.number]))
    contrast = {one.number: (in_t1.contrast[one.number], in_t2.contrast[one.number]) for one in kept}
    conspicuity = {one.number: (in_t1.conspicuity[one.number], in_t2.conspicuity[one.number]) for one in kept}
    return SyntheticPair(
        in_t1.image, in_t2.image, in_t1.labels, in_t2.labels, pairs, tuple(kept), contrast, conspicuity
    )


def _linked(lesion: PairedLesion, sides: dict[Side, Box], t1: Box, t2: Box) -> Lesion:
    return Lesion(
        number=lesion.number,
        boxes={side: LesionBox(box, "drawn") for side, box in sides.items()},
        state="accepted",
        displacement_mm=tuple(float(b - a) for a, b in zip(t1.center_mm, t2.center_mm)),
        note=f"synthetic {lesion.kind}, {lesion.diameter_mm:.0f} mm",
        uid=lesion.uid,
    )


def _local_level(values: np.ndarray, liver: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Brightness of the liver parenchyma around each voxel (z, y, x): smooth, without vessels."""
    sigma = tuple(LEVEL_MM / s for s in spacing[::-1])
    level = np.full(values.shape, np.median(values[liver]), dtype=np.float32)
    for tolerance in (2 * VESSEL_CONTRAST, VESSEL_CONTRAST):
        plain = liver & (np.abs(values - level) < tolerance * level)
        weight = ndimage.gaussian_filter(plain.astype(np.float32), sigma)
        mean = ndimage.gaussian_filter(np.where(plain, values, 0).astype(np.float32), sigma)
        level = np.where(weight > 0.02, mean / np.maximum(weight, 0.02), level)
    return np.maximum(level, 1e-6)


def _noise(values: np.ndarray, liver: np.ndarray) -> np.ndarray:
    """What varies from pixel to pixel, without the edges of vessels (z, y, x)."""
    rough = values - ndimage.gaussian_filter(values, (0, NOISE_PIXELS, NOISE_PIXELS))
    limit = 2.5 * 1.4826 * np.median(np.abs(rough[liver]))
    return np.clip(rough, -limit, limit)
