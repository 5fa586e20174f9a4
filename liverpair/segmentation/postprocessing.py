"""From a probability map to a mask."""

import SimpleITK as sitk

from liverpair.bundle.manifest import Postprocessing
from liverpair.measures.plausibility import parts


def to_mask(
    probability: sitk.Image, rules: Postprocessing, largest_component: bool | None = None
) -> tuple[sitk.Image, list[float]]:
    """uint8 mask (0 and 1) of a probability map on the same grid, and the parts in percent that it was in before the
    largest was kept (see `parts`).

    `rules` are the bundle's; `largest_component` overrides theirs when it is not None.
    """
    mask = sitk.BinaryThreshold(probability, rules.threshold, 1e9, 1, 0)
    keep_largest = rules.largest_component if largest_component is None else largest_component
    numbered, percents = parts(mask)
    if keep_largest:
        mask = sitk.Equal(numbered, 1)
    if rules.fill_holes:
        mask = sitk.BinaryFillhole(mask, fullyConnected=False, foregroundValue=1)
    return sitk.Cast(mask, sitk.sitkUInt8), percents


def entropy(probability: sitk.Image) -> sitk.Image:
    """Binary entropy of a probability map in bits, 0 (certain) to 1 (p = 0.5), as float32 on the same grid."""
    p = sitk.Clamp(probability, sitk.sitkFloat32, 1e-6, 1.0 - 1e-6)
    q = 1.0 - p
    return sitk.Cast(-(p * sitk.Log(p) + q * sitk.Log(q)) / 0.6931471805599453, sitk.sitkFloat32)
