"""Random places in a mask, apart from each other. Imports no torch."""

from collections.abc import Sequence

import numpy as np

from liverpair.core.errors import InputError


def random_indices(
    allowed: np.ndarray, count: int, spacing_mm: Sequence[float], seed: int = 0
) -> list[tuple[int, ...]]:
    """At most `count` voxels of `allowed`, drawn at random and apart from each other: the distance that is kept begins
    at the size of the mask and is lowered until there is room for all.

    `spacing_mm` is in the order of the axes. The same seed draws the same voxels. Raises `InputError` for a count below
    1.
    """
    if count < 1:
        raise InputError(f"The number of random starts must be at least 1, not {count}.")
    voxels = np.argwhere(allowed)
    if len(voxels) <= count:
        return [tuple(int(i) for i in voxel) for voxel in voxels]
    order = np.random.default_rng(seed).permutation(len(voxels))
    points = voxels[order] * np.asarray(spacing_mm, float)
    apart = float(np.linalg.norm(np.ptp(points, axis=0)))
    while True:
        chosen = _apart(points, count, apart)
        if len(chosen) == count:
            return [tuple(int(i) for i in voxels[order[row]]) for row in chosen]
        apart = apart / 1.3 if apart > min(spacing_mm) / 2 else 0.0


def _apart(points: np.ndarray, count: int, distance: float) -> list[int]:
    """The first points, `count` at most, that keep `distance` from all chosen before."""
    free = np.ones(len(points), bool)
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        chosen.append(int(free.argmax()))
        free[chosen[-1]] = False
        free &= np.linalg.norm(points - points[chosen[-1]], axis=1) >= distance
    return chosen
