"""From a probability map to a mask."""

import numpy as np
import SimpleITK as sitk

from liverpair.bundle.manifest import Postprocessing
from liverpair.core.geometry import Grid
from liverpair.measures.plausibility import parts


def to_mask(
    probability: sitk.Image, rules: Postprocessing, largest_component: bool | None = None
) -> tuple[sitk.Image, list[float]]:
    """uint8 mask (0 and 1) of a probability map on the same grid, and the parts in percent that it was in before the
    largest was kept (see `parts`).

    `rules` are the bundle's; `largest_component` overrides theirs when it is not None.
    """
    whole = sitk.BinaryThreshold(probability, rules.threshold, 1e9, 1, 0)
    block = _block_of(whole)
    if block is None:
        return whole, []
    mask = whole[block]
    keep_largest = rules.largest_component if largest_component is None else largest_component
    numbered, percents = parts(mask)
    if keep_largest:
        mask = sitk.Equal(numbered, 1)
    del numbered
    if rules.fill_holes:
        mask = sitk.BinaryFillhole(mask, fullyConnected=False, foregroundValue=1)
    whole[block] = sitk.Cast(mask, sitk.sitkUInt8)
    return whole, percents


def _block_of(mask: sitk.Image) -> tuple[slice, slice, slice] | None:
    """Slices (x, y, z) of what is not 0, with a voxel around it where there is one; None for an empty mask."""
    voxels = sitk.GetArrayViewFromImage(mask)
    block = []
    for axis, size in enumerate(mask.GetSize()):
        held = np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != 2 - axis)))
        if not len(held):
            return None
        block.append(slice(max(0, int(held[0]) - 1), min(size, int(held[-1]) + 2)))
    return tuple(block)


def entropy(probability: sitk.Image, in_place: bool = False) -> sitk.Image:
    """Binary entropy of a probability map in bits, 0 (certain) to 1 (p = 0.5), as float32 on the same grid, or
    `in_place` of it."""
    found = probability if in_place else Grid.of(probability).image()
    for number in range(probability.GetSize()[2]):
        p = np.clip(sitk.GetArrayFromImage(probability[:, :, number]), 1e-6, 1.0 - 1e-6).astype(np.float64)
        layer = -(p * np.log2(p) + (1.0 - p) * np.log2(1.0 - p))
        found[:, :, number] = sitk.GetImageFromArray(layer.astype(np.float32))
    return found
