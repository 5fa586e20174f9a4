"""Radiomic features of one object in an array, by pyradiomics' feature classes, fast enough for every step of a dream.

pyradiomics' extractor reads, checks, crops and resamples images around the same classes; here they get the cropped
object at once and share its discretization. The values are the same.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError, MissingPackageError

LEAST_DIMENSIONS = 2
"""An object must be wider than one voxel along so many axes; pyradiomics' `minimumROIDimensions`."""

FIXED_SETTINGS: dict[str, Any] = {"distances": [1], "symmetricalGLCM": True, "gldm_a": 0, "voxelArrayShift": 0}
"""Settings of pyradiomics that nobody chooses: symmetric co-occurrences of neighbors (distance 1), and dependence on
neighbors of the same gray level (GLDM alpha 0). They are its defaults."""


@dataclass(frozen=True)
class FeatureSettings:
    """What intensities features are computed on.

    Parameters
    ----------
    scale
        Intensities in [0, 1] are clipped there and multiplied by this.
    bin_width
        Width of a gray level after that; levels begin at multiples of it.

    Raises `InputError` for a number that is not above 0.
    """

    scale: float = 255.0
    bin_width: float = 10.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"The {name.replace('_', ' ')} of features must be a number above 0, not {value}.")

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON holds them."""
        return asdict(self)

    def for_pyradiomics(self) -> dict[str, Any]:
        """The same for pyradiomics' `RadiomicsFeatureExtractor`, given an image that is clipped and scaled."""
        return {**FIXED_SETTINGS, "binWidth": self.bin_width}


def features_of(
    image: np.ndarray,
    mask: np.ndarray,
    spacing_mm: Sequence[float],
    names: Sequence[str],
    settings: FeatureSettings = FeatureSettings(),
) -> dict[str, float]:
    """Radiomic features of the voxels of `mask`.

    A feature is NaN where it is undefined: for an empty object, one of a single voxel or row (as pyradiomics refuses
    those), one with voxels that are not finite, and wherever pyradiomics' own answer is NaN.

    Parameters
    ----------
    image
        (z, y, x) or (y, x), intensities in [0, 1]; what lies beyond is clipped.
    mask
        Of the same shape; what is not 0 is the object.
    spacing_mm
        (x, y, z) or (x, y).
    names
        As in `liverpair.measures.feature_names.GROUPS`: "glcm_Contrast".
    settings
        How intensities are scaled and discretized.

    Raises `InputError` for a feature that pyradiomics does not know in these dimensions, `MissingPackageError` without
    pyradiomics, and `ValueError` when the shapes do not fit.
    """
    mask = np.asarray(mask) != 0
    if image.shape != mask.shape or len(spacing_mm) != mask.ndim:
        raise ValueError(f"image {image.shape}, mask {mask.shape} and spacing {tuple(spacing_mm)} do not fit")
    asked = _by_class(names, mask.ndim)
    undefined = dict.fromkeys(names, float("nan"))
    box = _bounding_box(mask)
    if box is None or sum(side.stop - side.start > 1 for side in box) < LEAST_DIMENSIONS:
        return undefined
    values, mask = np.asarray(image[box], np.float64), mask[box]
    if not np.isfinite(values[mask]).all():
        return undefined
    with quiet():
        found = _measured(np.clip(values, 0.0, 1.0) * settings.scale, mask, spacing_mm, asked, settings)
    return {name: found[name] for name in undefined}


def _measured(
    values: np.ndarray,
    mask: np.ndarray,
    spacing_mm: Sequence[float],
    asked: dict[str, list[str]],
    settings: FeatureSettings,
) -> dict[str, float]:
    """The features `asked`, short names by class, of a cropped object whose intensities are scaled."""
    pictures = sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask.astype(np.uint8))
    for picture in pictures:
        picture.SetSpacing([float(s) for s in spacing_mm])
    options = settings.for_pyradiomics()
    gray_levels = None if all(key.startswith("shape") for key in asked) else _discretized(values, mask, options)
    found = {}
    for key, short_names in asked.items():
        calculator = _classes()[key](*pictures, gray_levels=gray_levels, **options)
        for short in short_names:
            calculator.enableFeatureByName(short)
        for short, value in calculator.execute().items():
            found[f"{key}_{short}"] = float(np.real(value))
    return found


def _discretized(values: np.ndarray, mask: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    from radiomics import imageoperations

    return imageoperations.binImage(values, mask, **options)[0]


def _by_class(names: Sequence[str], dimensions: int) -> dict[str, list[str]]:
    """Short names by class of pyradiomics, "glcm" to "Contrast". Raises `InputError` for one that is unknown or
    deprecated."""
    other_shape = "shape" if dimensions == 2 else "shape2D"
    asked: dict[str, list[str]] = {}
    for name in names:
        key, _, short = name.partition("_")
        deprecated = _classes()[key].getFeatureNames() if key in _classes() and key != other_shape else {}
        if deprecated.get(short, True):
            raise InputError(f"pyradiomics has no feature '{name}' in {dimensions} dimensions.")
        asked.setdefault(key, []).append(short)
    return asked


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest box that holds the object; None without one."""
    sides = []
    for axis in range(mask.ndim):
        there = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        if not len(there):
            return None
        sides.append(slice(int(there[0]), int(there[-1]) + 1))
    return tuple(sides)


def radiomics_package() -> ModuleType:
    """pyradiomics. Raises `MissingPackageError`."""
    try:
        import radiomics
    except ImportError as error:
        raise MissingPackageError(
            "Radiomic features need the package 'pyradiomics'.",
            "Install 'pyradiomics-bhklab', or the extension SlicerRadiomics in Slicer.",
        ) from error
    return radiomics


@lru_cache(maxsize=1)
def _classes() -> dict[str, type]:
    """pyradiomics' feature classes by name. Raises `MissingPackageError`."""
    classes = {key: _sharing(base) for key, base in radiomics_package().getFeatureClasses().items()}
    return {**classes, "glcm": _lazy(classes["glcm"])}


def _sharing(base: type) -> type:
    """A feature class of pyradiomics that is given the gray levels, and looks up its features' names only once."""
    names = base.getFeatureNames()

    class Sharing(base):
        __module__ = base.__module__  # by which pyradiomics names the logger

        def __init__(self, image: sitk.Image, mask: sitk.Image, gray_levels: np.ndarray | None, **options: Any):
            self.gray_levels = gray_levels
            super().__init__(image, mask, **options)

        def _applyBinning(self, matrix: np.ndarray) -> np.ndarray:
            levels = np.unique(self.gray_levels[self.maskArray])
            self.coefficients["grayLevels"] = levels
            self.coefficients["Ng"] = int(levels[-1])
            return self.gray_levels.copy()

        @classmethod
        def getFeatureNames(cls) -> dict[str, bool]:
            return names

    return Sharing


def _lazy(base: type) -> type:
    """The co-occurrence class without the coefficients that only some of its features need, until one asks for them:
    they take longer than everything else."""

    class Lazy(base):
        __module__ = base.__module__

        def _calculateCoefficients(self) -> None:
            levels = self.coefficients["grayLevels"].astype(float)
            self.coefficients["i"], self.coefficients["j"] = np.meshgrid(levels, levels, indexing="ij", sparse=True)
            self.coefficients = _Filled(self.coefficients, super()._calculateCoefficients)

    return Lazy


class _Filled(dict):
    """A dictionary that calls `fill`, which puts the rest into it, when it is asked for something it does not hold."""

    def __init__(self, known: dict[str, Any], fill: Callable[[], None]):
        super().__init__(known)
        self.fill = fill

    def __missing__(self, key: str) -> Any:
        self.fill()
        if key not in self:
            raise KeyError(key)
        return self[key]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pyradiomics and numpy from warning about features that are undefined."""
    logger = logging.getLogger("radiomics")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
