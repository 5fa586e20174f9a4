"""The radiomic features there are: pyradiomics' names, in groups and in words. Imports neither pyradiomics nor torch.

Definitions: https://pyradiomics.readthedocs.io/en/latest/features.html, which follows IBSI (Zwanenburg et al.,
Radiology 295, 2020) but for the differences it names. Features that pyradiomics calls deprecated are left out.
"""

import re
from collections.abc import Iterable

from liverpair.core.errors import InputError

SHAPE_2D, SHAPE_3D = "Shape (2-D)", "Shape (3-D)"


def _of(feature_class: str, names: str) -> tuple[str, ...]:
    return tuple(f"{feature_class}_{name}" for name in names.split())


GROUPS: dict[str, tuple[str, ...]] = {
    SHAPE_2D: _of(
        "shape2D",
        "Perimeter MeshSurface PixelSurface PerimeterSurfaceRatio Sphericity Elongation MaximumDiameter "
        "MajorAxisLength MinorAxisLength",
    ),
    SHAPE_3D: _of(
        "shape",
        "MeshVolume VoxelVolume SurfaceArea SurfaceVolumeRatio Sphericity Elongation Flatness Maximum3DDiameter "
        "Maximum2DDiameterSlice Maximum2DDiameterColumn Maximum2DDiameterRow MajorAxisLength MinorAxisLength "
        "LeastAxisLength",
    ),
    "First order": _of(
        "firstorder",
        "Mean Median RootMeanSquared Minimum 10Percentile 90Percentile Maximum Range InterquartileRange Variance "
        "MeanAbsoluteDeviation RobustMeanAbsoluteDeviation Skewness Kurtosis Entropy Uniformity Energy TotalEnergy",
    ),
    "Co-occurrence (GLCM)": _of(
        "glcm",
        "Contrast Correlation Autocorrelation JointAverage JointEnergy JointEntropy MaximumProbability ClusterTendency "
        "ClusterShade ClusterProminence DifferenceAverage DifferenceEntropy DifferenceVariance SumAverage SumEntropy "
        "SumSquares Id Idn Idm Idmn InverseVariance Imc1 Imc2 MCC",
    ),
    "Run length (GLRLM)": _of(
        "glrlm",
        "ShortRunEmphasis LongRunEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized "
        "RunLengthNonUniformity RunLengthNonUniformityNormalized RunPercentage GrayLevelVariance RunVariance "
        "RunEntropy LowGrayLevelRunEmphasis HighGrayLevelRunEmphasis ShortRunLowGrayLevelEmphasis "
        "ShortRunHighGrayLevelEmphasis LongRunLowGrayLevelEmphasis LongRunHighGrayLevelEmphasis",
    ),
    "Size zone (GLSZM)": _of(
        "glszm",
        "SmallAreaEmphasis LargeAreaEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized "
        "SizeZoneNonUniformity SizeZoneNonUniformityNormalized ZonePercentage GrayLevelVariance ZoneVariance "
        "ZoneEntropy LowGrayLevelZoneEmphasis HighGrayLevelZoneEmphasis SmallAreaLowGrayLevelEmphasis "
        "SmallAreaHighGrayLevelEmphasis LargeAreaLowGrayLevelEmphasis LargeAreaHighGrayLevelEmphasis",
    ),
    "Dependence (GLDM)": _of(
        "gldm",
        "SmallDependenceEmphasis LargeDependenceEmphasis GrayLevelNonUniformity DependenceNonUniformity "
        "DependenceNonUniformityNormalized GrayLevelVariance DependenceVariance DependenceEntropy "
        "LowGrayLevelEmphasis HighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis "
        "SmallDependenceHighGrayLevelEmphasis LargeDependenceLowGrayLevelEmphasis "
        "LargeDependenceHighGrayLevelEmphasis",
    ),
    "Neighborhood difference (NGTDM)": _of("ngtdm", "Coarseness Contrast Busyness Complexity Strength"),
}
"""Title of a group to the features in it, as "class_Name"."""

DEFAULT_TEXTURE = ("firstorder_Entropy", "firstorder_RootMeanSquared", "glcm_Contrast", "gldm_LargeDependenceEmphasis")
DEFAULTS = {
    2: ("shape2D_Perimeter", "shape2D_Sphericity", "shape2D_Elongation", "shape2D_MaximumDiameter", *DEFAULT_TEXTURE),
    3: ("shape_SurfaceArea", "shape_Sphericity", "shape_Elongation", "shape_Maximum3DDiameter", *DEFAULT_TEXTURE),
}
"""By dimensions: the six features of Couteaux (2021), figure 3.13, with the root mean square for intensity and the
surface for the perimeter in 3-D, and the elongation and diameter of its figures 3.11 and 3.12."""

ABBREVIATED = {
    "Id": "Inverse difference",
    "Idn": "Inverse difference, normalized",
    "Idm": "Inverse difference moment",
    "Idmn": "Inverse difference moment, normalized",
    "Imc1": "Informational measure of correlation 1",
    "Imc2": "Informational measure of correlation 2",
    "MCC": "Maximal correlation coefficient",
    "10Percentile": "10th percentile",
    "90Percentile": "90th percentile",
    "Maximum3DDiameter": "Maximum 3-D diameter",
    "Maximum2DDiameterSlice": "Maximum 2-D diameter in the slice",
    "Maximum2DDiameterColumn": "Maximum 2-D diameter in the column plane",
    "Maximum2DDiameterRow": "Maximum 2-D diameter in the row plane",
}


def title_of(name: str) -> str:
    """A feature in words, "Large dependence emphasis"; with its class where two classes share a name, "Contrast
    (GLCM)". The name of a feature that is in no group is taken apart in the same way."""
    feature_class, _, short = name.rpartition("_")
    title = ABBREVIATED.get(short) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", short).capitalize()
    title = title.replace("Non uniformity", "Non-uniformity").replace("non uniformity", "non-uniformity")
    return f"{title} ({feature_class.upper()})" if short in _SHARED_NAMES and feature_class else title


def feature_groups(dimensions: int) -> dict[str, tuple[str, ...]]:
    """The groups of `GROUPS` that there are in 2 or in 3 dimensions."""
    absent = SHAPE_3D if dimensions == 2 else SHAPE_2D
    return {title: names for title, names in GROUPS.items() if title != absent}


def default_features(dimensions: int) -> tuple[str, ...]:
    """The features to record when nobody chooses."""
    return DEFAULTS[dimensions]


def check_features(names: Iterable[str], dimensions: int) -> None:
    """Raise `InputError` naming the first of `names` that is no feature in 2 or 3 dimensions."""
    known = {name for group in feature_groups(dimensions).values() for name in group}
    for name in names:
        if name in known:
            continue
        if any(name in group for group in GROUPS.values()):
            raise InputError(
                f"The feature '{name}' is for {5 - dimensions}-D objects; the model sees {dimensions} dimensions.",
                f"Choose one of {SHAPE_2D if dimensions == 2 else SHAPE_3D}.",
            )
        alike = sorted(other for other in known if other.lower() == str(name).lower() or other.endswith(f"_{name}"))
        hint = f"Did you mean {' or '.join(alike)}?" if alike else "They are named as in pyradiomics: glcm_Contrast."
        raise InputError(f"There is no feature '{name}'.", hint)


def _shared_names() -> frozenset[str]:
    """What features of several texture classes are called. Shape in 2-D never stands beside shape in 3-D."""
    names = [name.split("_")[1] for title, group in GROUPS.items() if title != SHAPE_3D for name in group]
    return frozenset(name for name in names if names.count(name) > 1)


_SHARED_NAMES = _shared_names()
