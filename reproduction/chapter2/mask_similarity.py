"""How alike two masks are when the first may be moved: DS(a, b, Ω) = max over τ in Ω of Dice(τ(a), b).

Couteaux 2021, section 2.3.1. For translations the maximum is exact; for smooth fields it is what descent finds.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import correlate

from liverpair.core.errors import InputError
from reproduction.training.registration_network import binomial_blur, warp


@dataclass(frozen=True)
class FieldSearch:
    """How the best smooth field is looked for.

    Attributes:
        cell: voxels of the image per control point along every axis; published: 16.
        rate: of Adam, voxels.
        iterations: at most.
        patience: iterations without `gain` after which the search ends.
        gain: Dice that counts as progress.
        blur_length: of the binomial filter that both masks are seen through, voxels.
    """

    cell: int = 16
    rate: float = 0.5
    iterations: int = 300
    patience: int = 50
    gain: float = 1e-4
    blur_length: int = 3


def translation_similarity(a: np.ndarray, b: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """The largest Dice of `a`, moved by whole voxels, with `b`, and the translation (voxels, in the order of axes).

    What leaves the image is cut off, and nothing comes in. All translations are tried at once, by Fourier transform.

    Args:
        a, b: boolean arrays of one shape, of any number of axes.

    Raises:
        InputError: when the shapes differ.
    """
    a, b = _comparable(a, b)
    if not (a.any() and b.any()):
        return _dice(a, b), (0,) * a.ndim
    common = _correlation(b, a)
    kept = _correlation(np.ones_like(b), a)
    dice = 2.0 * common / (kept + np.count_nonzero(b))
    middle = np.array(a.shape) - 1
    best = np.argwhere(dice == dice.max()) - middle
    shortest = best[np.abs(best).sum(axis=1).argmin()]
    return float(dice.max()), tuple(int(n) for n in shortest)


def field_similarity(a: np.ndarray, b: np.ndarray, search: FieldSearch = FieldSearch()) -> tuple[float, np.ndarray]:
    """The largest Dice of `a`, pulled through a smooth field, with `b` that descent from the identity finds.

    The field lies on a coarse grid, as the registration network's does, and is interpolated linearly. Descent is on
    the squared difference of both masks seen through a binomial filter, the first one filtered after it was moved, as
    the registration network's loss does it; Dice is that of the unfiltered masks at 0.5.

    Args:
        a, b: boolean arrays of one shape, (y, x) or (z, y, x).
        search: how to look.

    Returns:
        Dice, never below that of the masks as they are; and the field (axes, *coarse), voxels.

    Raises:
        InputError: when the shapes differ.
    """
    a, b = _comparable(a, b)
    coarse = [-(-n // search.cell) for n in a.shape]
    if not (a.any() and b.any()):
        return _dice(a, b), np.zeros((a.ndim, *coarse), np.float32)
    moving, fixed = (torch.from_numpy(mask.astype(np.float32))[None, None] for mask in (a, b))
    field = torch.zeros(1, a.ndim, *coarse, requires_grad=True)
    optimizer = torch.optim.Adam([field], search.rate)
    best, found, since, gained = -1.0, field, 0, -1.0
    for iteration in range(search.iterations + 1):
        moved = warp(moving, field)
        reached = _dice((moved[0, 0] > 0.5).numpy(), b)
        if reached > best:
            best, found = reached, field.detach().clone()
        if best >= gained + search.gain:
            since, gained = iteration, best
        elif iteration - since >= search.patience:
            break
        loss = binomial_blur(moved - fixed, search.blur_length).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return best, found.detach()[0].numpy()


def _correlation(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Counts of common voxels for every translation of `moving`; no translation is in the middle."""
    return np.rint(correlate(fixed.astype(np.float64), moving.astype(np.float64), "full", "fft")).astype(np.int64)


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return float(2.0 * np.count_nonzero(a & b) / total) if total else 1.0


def _comparable(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if a.shape != b.shape:
        raise InputError(f"Masks of {a.shape} and {b.shape} voxels cannot be compared.", "Resample one to the other.")
    return a.astype(bool), b.astype(bool)
