"""The mask of a lesion in a box that somebody drew, from the image alone: no network, no liver.

What looks like the middle of the box is told apart from what surrounds the box by the value half-way between both, as
the full width at half maximum of a profile is. `python -m reproduction box-masks` compares it with other filters.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from liverpair.core.geometry import Box, Grid
from liverpair.measures.boxes import iou, turned

CORE, REACH, AROUND = 0.5, 1.15, 1.5
"""Of the half axes of the ellipsoid that a box holds: within the core lies the lesion, it reaches no farther than
`REACH`, and from the box to `AROUND` lies what surrounds it."""
LEAST_SHARE = 0.1
"""Of the ellipsoid: what is smaller is noise in a box, not the lesion that somebody drew it around."""
FEWEST = 8
"""Voxels that tell a level."""
SURE, NEAR, CLEAR = 0.8, 2, 1.5
"""How likely a voxel is lesion where a network is sure of it; how many voxels around what may be lesion tell what
surrounds it; and how many standard deviations apart the two must be to be told apart."""


@dataclass(frozen=True)
class Window:
    """The part of an image around a box.

    `part`: slices (z, y, x) of the image's array; `inside`: its voxels (z, y, x) in the box; `distance`: of each voxel
    from the center, 1 on the surface of the ellipsoid that the box holds; `grid`: where the part lies.
    """

    part: tuple[slice, ...]
    inside: np.ndarray
    distance: np.ndarray
    grid: Grid

    @classmethod
    def around(cls, grid: Grid, box: Box) -> "Window | None":
        """The window of a box (LPS, mm), along the axes of the grid; None for one that holds no voxel of it."""
        box = turned(box, grid.direction)
        center = grid.index(box.center_mm)[::-1]
        half = np.divide(box.size_mm, grid.spacing)[::-1] / 2
        part = tuple(
            slice(max(0, int(np.floor(c - AROUND * h - 1))), min(n, int(np.ceil(c + AROUND * h + 1)) + 1))
            for c, h, n in zip(center, half, grid.shape)
        )
        if any(side.stop <= side.start for side in part):
            return None
        offsets = [np.arange(side.start, side.stop) - c for side, c in zip(part, center)]
        within = [np.abs(own) <= h for own, h in zip(offsets, half)]
        for axis, (own, h) in enumerate(zip(offsets, half)):
            if not within[axis].any():  # thinner than a voxel: the one that it lies in
                within[axis] = np.abs(own) <= max(h, 0.5)
        inside = within[0][:, None, None] & within[1][None, :, None] & within[2][None, None, :]
        if not inside.any():
            return None
        z, y, x = (np.square(own / max(h, 0.5)) for own, h in zip(offsets, half))
        distance = np.sqrt(z[:, None, None] + y[None, :, None] + x[None, None, :])
        first = grid.point([side.start for side in part][::-1])
        size = tuple(side.stop - side.start for side in part)[::-1]
        return cls(part, inside, distance, Grid(size, grid.spacing, tuple(map(float, first)), grid.direction))

    @property
    def ellipsoid(self) -> np.ndarray:
        """The voxels (z, y, x) of the ellipsoid that the box holds; of one without, those in the box."""
        found = (self.distance <= 1) & self.inside
        return found if found.any() else self.inside

    def kept(self, mask: np.ndarray, beyond: bool = False) -> np.ndarray:
        """What of a mask (z, y, x) is the lesion: in the box, or `beyond` it too, the part with most of the ellipsoid,
        without holes."""
        region = np.ones_like(self.inside) if beyond else self.inside
        parts, count = ndimage.label(mask & region)
        if not count:
            return np.zeros_like(mask)
        shared = np.bincount(parts[self.ellipsoid], minlength=count + 1)[1:]
        return ndimage.binary_fill_holes(parts == 1 + shared.argmax()) & region

    def fit(self, mask: np.ndarray) -> float:
        """How well a mask (z, y, x) fills the box: overlap (IoU) of the smallest block around it with the box."""
        blocks = [_bounds(mask), _bounds(self.inside)]
        return float(iou(blocks[0][None], blocks[1][None])[0, 0])


def local_mask(values: np.ndarray, window: Window) -> np.ndarray:
    """The lesion (z, y, x) bool in a window of the image (z, y, x); the ellipsoid where nothing tells it apart."""
    level = half_way(values, window)
    if level is None:
        return window.ellipsoid
    middle, brighter = level
    found = window.kept(((values > middle) == brighter) & (window.distance <= REACH))
    return found if found.sum() >= window.ellipsoid.sum() * LEAST_SHARE else window.ellipsoid


def half_way(values: np.ndarray, window: Window) -> tuple[float, bool] | None:
    """The value half-way between the middle of the box and what surrounds it, and whether the middle is brighter; None
    where too few voxels tell, or they are the same."""
    core = values[(window.distance <= CORE) & window.inside]
    around = values[~window.inside & (window.distance <= AROUND * np.sqrt(3))]
    if len(core) == 0 or len(around) < FEWEST:
        return None
    first, second = float(np.median(core)), float(np.median(around))
    return None if first == second else ((first + second) / 2, first > second)


def settled(values: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The lesion (z, y, x) bool where a network says how likely each voxel of an image (z, y, x) is one.

    A network knows a lesion by its shape, and its border less well than the image does: where it is not `SURE`, the
    value half-way between what surely is lesion and what surely is not, close by, decides; unless these two look alike.
    """
    core, outside = probability > SURE, probability < 1 - SURE
    near = outside & ndimage.binary_dilation(~outside, iterations=NEAR)
    if core.sum() < FEWEST or near.sum() < FEWEST:
        return probability > 0.5
    first, second = float(np.median(values[core])), float(np.median(values[near]))
    spread = (_spread(values[core], first) + _spread(values[near], second)) / 2
    if abs(first - second) <= CLEAR * spread:
        return probability > 0.5
    return core | (~outside & ((values > (first + second) / 2) == (first > second)))


def _spread(values: np.ndarray, middle: float) -> float:
    """The standard deviation that the median absolute deviation stands for."""
    return 1.4826 * float(np.median(np.abs(values - middle)))


def _bounds(mask: np.ndarray) -> np.ndarray:
    """Lower and upper bounds (2, 3) of what a mask (z, y, x) holds; nothing has no extent."""
    voxels = np.argwhere(mask)
    return np.stack([voxels.min(axis=0), voxels.max(axis=0) + 1]) if len(voxels) else np.zeros((2, 3))
