"""Focal liver lesions: their parameters, how each kind looks in T1 and T2, and how they are written into an image.

Shape and inner structure are functions of position in millimeters, so a lesion is the same object on any grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from liverpair.core.sides import Side
from liverpair.synthesis.shapes import smooth_step

KINDS = ("cyst", "haemangioma", "hcc", "metastasis")
KIND_SHARES = (0.25, 0.2, 0.2, 0.35)


@dataclass(frozen=True)
class Look:
    """Appearance of one kind of lesion in one sequence.

    Attributes:
        ratio: range of intensity relative to the liver around it.
        texture: standard deviation of the structure inside, relative to its intensity.
        rim: added to the ratio in the outer fifth.
        edge_mm: width of the transition to the liver.
    """

    ratio: tuple[float, float]
    texture: float = 0.02
    rim: float = 0.0
    edge_mm: float = 1.5


LOOKS: dict[str, dict[str, Look]] = {
    "cyst": {Side.T1: Look((0.40, 0.55)), Side.T2: Look((2.6, 3.4))},
    "haemangioma": {Side.T1: Look((0.58, 0.70), 0.04), Side.T2: Look((1.9, 2.5), 0.06)},
    "hcc": {Side.T1: Look((0.70, 1.15), 0.12, -0.08, 2.0), Side.T2: Look((1.35, 1.75), 0.18, -0.15, 2.0)},
    "metastasis": {Side.T1: Look((0.68, 0.82), 0.05, 0.06, 3.0), Side.T2: Look((1.35, 1.75), 0.10, -0.12, 3.0)},
}
"""After Couteaux 2021, figure 1.1 (T1 and T2 columns): cyst T2 ++ T1 -, haemangioma T2 + T1 -, hepatocellular carcinoma
T2 + heterogeneous T1 mixed, metastasis T2 slightly + T1 slightly -. The numbers are ours."""


@dataclass(frozen=True)
class LesionShape:
    """Parameters from which a lesion is drawn, always in the same way.

    Attributes:
        number: 1, 2, ... within a case.
        kind: one of `KINDS`.
        center_mm: LPS (x, y, z).
        radii_mm: semi-axes before the shape is made irregular.
        rotation: rotation vector, radians.
        irregularity: relative departure from the ellipsoid, 0 to about 0.2.
        seed: of shape, structure and intensity.
        visible: sequences in which it stands out.
    """

    number: int
    kind: str
    center_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    irregularity: float = 0.1
    seed: int = 0
    visible: tuple[Side, ...] = tuple(Side)

    @property
    def reach_mm(self) -> float:
        """Radius of a sphere that surely holds the lesion."""
        return max(self.radii_mm) * (1.0 + 3.0 * self.irregularity) + 3.0

    def depth(self, offsets: np.ndarray) -> np.ndarray:
        """Approximate distance inside the surface, mm, negative outside.

        Args:
            offsets: (..., 3) positions relative to the center, mm (x, y, z).
        """
        turn = sitk.VersorTransform()
        angle = float(np.linalg.norm(self.rotation))
        turn.SetRotation(self.rotation if angle > 0 else (0.0, 0.0, 1.0), angle)
        own = offsets @ np.array(turn.GetMatrix()).reshape(3, 3)
        scaled = own / np.asarray(self.radii_mm)
        distance = np.linalg.norm(scaled, axis=-1)
        direction = scaled / np.maximum(distance, 1e-6)[..., None]
        bumps = waves(direction, np.random.default_rng(self.seed), frequency=3.0, count=6)
        return (1.0 + self.irregularity * bumps - distance) * min(self.radii_mm)

    def intensity(self, offsets: np.ndarray, depth: np.ndarray, side: Side, texture: float = 1.0) -> np.ndarray:
        """Intensity relative to the liver around it, at the given offsets (..., 3) of known depth (...).

        `texture` is the share of the kind's texture that shows.
        """
        look = LOOKS[self.kind][side]
        rng = np.random.default_rng((self.seed, 1 + list(Side).index(side)))
        ratio = rng.uniform(*look.ratio)
        radius = float(np.mean(self.radii_mm))
        structure = waves(offsets, rng, frequency=2 * np.pi / max(4.0, 0.7 * radius), count=16)
        rim = look.rim * (1.0 - smooth_step(depth, 0.10 * radius, 0.30 * radius))
        return ratio * (1.0 + texture * look.texture * structure) + rim


def waves(positions: np.ndarray, rng: np.random.Generator, frequency: float, count: int) -> np.ndarray:
    """A smooth random function of position with mean 0 and standard deviation near 1: a sum of plane waves."""
    total = np.zeros(positions.shape[:-1])
    for _ in range(count):
        wave = rng.standard_normal(3)
        wave *= frequency * rng.uniform(0.6, 1.4) / np.linalg.norm(wave)
        total += np.cos(positions @ wave + rng.uniform(0, 2 * np.pi))
    return total * np.sqrt(2.0 / count)


def render_lesion(
    image: sitk.Image,
    lesion: LesionShape,
    side: Side,
    liver_intensity: float,
    slice_samples: int = 1,
    structure_kept: float = 0.3,
) -> tuple[sitk.Image, sitk.Image]:
    """Write a lesion into an image.

    Args:
        image: float32 image in LPS mm, any orientation.
        lesion: what to write, its center in the space of `image`.
        side: whose weighting.
        liver_intensity: intensity of the liver around the lesion in `image`.
        slice_samples: positions averaged across each slice; more than 1 gives thick slices their partial volume.
        structure_kept: share of the image's own texture and noise that remains inside.

    Returns:
        A new image, and the lesion's mask (uint8, voxels covered at least half) on the same grid.
    """
    values = sitk.GetArrayFromImage(image).astype(np.float32)
    mask = np.zeros(values.shape, dtype=np.uint8)
    window, offsets = offsets_around(image, lesion.center_mm, lesion.reach_mm, slice_samples)
    if offsets.size:
        depth = lesion.depth(offsets)
        edge = LOOKS[lesion.kind][side].edge_mm
        cover = smooth_step(depth, -edge / 2, edge / 2)
        target = liver_intensity * lesion.intensity(offsets, depth, side)
        patch = values[window]
        if side in lesion.visible:
            kept = structure_kept * (patch - liver_intensity)
            weight = cover.mean(axis=0)
            patch[:] = (1 - weight) * patch + (cover * target).mean(axis=0) + weight * kept
        mask[window] = (depth > 0).mean(axis=0) >= 0.5
    rendered, mask_image = sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask)
    rendered.CopyInformation(image)
    mask_image.CopyInformation(image)
    return rendered, mask_image


def offsets_around(
    image: sitk.Image, center_mm: tuple[float, float, float], reach_mm: float, slice_samples: int
) -> tuple[tuple[slice, ...], np.ndarray]:
    """The voxels within reach of a point, and their positions relative to it, (samples, z, y, x, 3) mm (LPS).

    The samples of a voxel lie along the third axis of the image, evenly across the slice. The window is empty when
    the point lies farther from the image than its reach.
    """
    spacing = np.array(image.GetSpacing())
    index = np.array(image.TransformPhysicalPointToContinuousIndex([float(c) for c in center_mm]))
    low = np.maximum(0, np.ceil(index - reach_mm / spacing)).astype(int)
    high = np.minimum(np.array(image.GetSize()) - 1, np.floor(index + reach_mm / spacing)).astype(int)
    x, y, z = (np.arange(a, b + 1) - c for a, b, c in zip(low, high, index, strict=True))
    window = tuple(slice(a, max(a, b + 1)) for a, b in zip(low[::-1], high[::-1], strict=True))
    within = (np.arange(slice_samples) + 0.5) / slice_samples - 0.5
    grid = np.stack(np.meshgrid(within, z, y, x, indexing="ij")[1:][::-1], axis=-1)
    grid[..., 2] += within[:, None, None, None]
    matrix = np.array(image.GetDirection()).reshape(3, 3) * spacing
    return window, grid @ matrix.T


def random_lesions(
    liver: sitk.Image,
    rng: np.random.Generator,
    count: int,
    median_mm: float = 15.0,
    spread: float = 0.5,
    smallest_mm: float = 5.0,
    largest_mm: float = 60.0,
    kinds: Sequence[str] | None = None,
) -> list[LesionShape]:
    """Draw lesions that lie in a liver without touching each other.

    Diameters are log-normal. Larger ones are placed first; one that finds no room is drawn smaller or, at last, left
    out.

    Args:
        liver: mask, LPS mm.
        rng: source of all parameters.
        count: how many to try for.
        median_mm: median diameter.
        spread: standard deviation of the logarithm of the diameter.
        smallest_mm: smallest diameter.
        largest_mm: largest diameter.
        kinds: taken in turn, from the largest lesion to the smallest; drawn at random when None.
    """
    extent = sitk.LabelShapeStatisticsImageFilter()
    extent.Execute(liver)
    if not extent.HasLabel(1) or count == 0:
        return []
    box = extent.GetBoundingBox(1)
    liver = sitk.RegionOfInterest(liver, box[3:], box[:3])
    inside = np.pad(sitk.GetArrayViewFromImage(liver) > 0, 1)
    room = ndimage.distance_transform_edt(inside, sampling=liver.GetSpacing()[::-1])[1:-1, 1:-1, 1:-1]
    diameters = np.clip(median_mm * np.exp(spread * rng.standard_normal(count)), smallest_mm, largest_mm)
    lesions: list[LesionShape] = []
    for diameter in np.sort(diameters)[::-1]:
        center = None
        while center is None and diameter >= smallest_mm:
            center = _free_place(liver, room, diameter / 2, rng)
            if center is None:
                diameter *= 0.8
        if center is None:
            continue
        radii = diameter / 2 * rng.uniform(0.78, 1.12, 3)
        lesion = LesionShape(
            number=len(lesions) + 1,
            kind=kinds[len(lesions) % len(kinds)] if kinds else str(rng.choice(KINDS, p=KIND_SHARES)),
            center_mm=center,
            radii_mm=tuple(float(r) for r in radii),
            rotation=tuple(float(r) for r in rng.uniform(-1.5, 1.5, 3)),
            irregularity=float(rng.uniform(0.02, 0.12)),
            seed=int(rng.integers(2**31)),
        )
        lesions.append(lesion)
        _take_room(liver, room, lesion)
    return lesions


def _free_place(
    liver: sitk.Image, room: np.ndarray, radius: float, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    places = np.flatnonzero(room > 1.15 * radius + 2.0)
    if not len(places):
        return None
    z, y, x = np.unravel_index(rng.choice(places), room.shape)
    return liver.TransformIndexToPhysicalPoint((int(x), int(y), int(z)))


def _take_room(liver: sitk.Image, room: np.ndarray, lesion: LesionShape) -> None:
    window, offsets = offsets_around(liver, lesion.center_mm, lesion.reach_mm + 40.0, 1)
    distance = np.linalg.norm(offsets[0], axis=-1) - max(lesion.radii_mm)
    room[window] = np.minimum(room[window], np.maximum(distance - 3.0, 0.0))
