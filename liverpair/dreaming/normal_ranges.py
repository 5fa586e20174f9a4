"""What is normal: mean and standard deviation of every feature over the lesions that a network was trained on (Couteaux
2021, section 3.1.3). Importing this needs neither torch nor pyradiomics."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError, Progress, no_progress
from liverpair.core.sides import Side

if TYPE_CHECKING:
    from liverpair.bundle import Bundle
    from liverpair.measures.radiomics import FeatureSettings

LEAST_VOXELS = 20
"""Objects of fewer voxels have no texture to speak of and are left out."""

MEASURED_ALIKE = 0.02
"""Part of a spacing by which two may differ and still count as the same."""


@dataclass(frozen=True)
class NormalRanges:
    """Mean and standard deviation of features over lesions.

    Parameters
    ----------
    features
        By name: {"mean": …, "sd": …}.
    settings
        What they were computed with: "dimensions" (2 or 3), "scale", "bin_width" (see `FeatureSettings`) and
        "spacing_mm" (x, y[, z]).
    count
        How many lesions.
    data
        Which lesions, in words.
    """

    features: Mapping[str, Mapping[str, float]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    count: int = 0
    data: str = ""

    @classmethod
    def of_bundle(cls, bundle: "Bundle") -> "NormalRanges | None":
        """The ranges that a model brings; None when it brings none."""
        return cls.from_dict(bundle.normal_ranges) if bundle.normal_ranges else None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "NormalRanges":
        """What `as_dict` made. Raises `InputError` for what is something else."""
        try:
            features = {
                str(name): {"mean": _finite(band["mean"]), "sd": _finite(band["sd"])}
                for name, band in content["features"].items()
            }
            if any(band["sd"] < 0 for band in features.values()):
                raise ValueError("a standard deviation is below 0")
            settings = _settings(content.get("settings", {}))
            return cls(features, settings, int(content.get("count", 0)), str(content.get("data", "")))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"These are not normal ranges: {error}.", "'python -m liverpair normal-ranges' makes them."
            ) from error

    @classmethod
    def read(cls, path: str | Path) -> "NormalRanges":
        """The ranges in a JSON file. Raises `InputError` for a file that is missing or holds something else."""
        path = Path(path)
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise InputError(f"File '{path}' cannot be read: {error.strerror or error}.") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"File '{path}' is not valid JSON: {error}.") from error
        except InputError as error:
            raise InputError(f"File '{path}': {error.message}", error.hint) from error

    def write(self, path: str | Path) -> None:
        """Write them as JSON, whole or not at all. Raises `InputError` when the place cannot be written to."""
        text = json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with written_whole(path) as draft:
            draft.write_text(text, encoding="utf-8")

    def as_dict(self) -> dict[str, Any]:
        """The ranges as JSON and bundles hold them."""
        return asdict(self)

    def z(self, name: str, value: float) -> float:
        """A value in standard deviations from the mean; NaN for a feature that is unknown here or has no spread."""
        band = self.features.get(name)
        return (float(value) - band["mean"]) / band["sd"] if band and band["sd"] > 0 else math.nan

    def mismatch(
        self, settings: "FeatureSettings", dimensions: int, spacing_mm: Sequence[float] | None = None
    ) -> str | None:
        """Why features measured like this cannot be held against these ranges, in one sentence; None when they can.

        `spacing_mm`: of the measured image, (x, y[, z]); not compared when None.
        """
        mine = self.settings
        if mine.get("dimensions", dimensions) != dimensions:
            return f"The normal ranges are of {mine['dimensions']}-D objects and these objects are {dimensions}-D."
        for name, value in settings.as_dict().items():
            if name in mine and not math.isclose(mine[name], value):
                words = name.replace("_", " ")
                return f"The normal ranges were computed with a {words} of {mine[name]:g}, these with {value:g}."
        theirs = mine.get("spacing_mm")
        if theirs and spacing_mm and not np.allclose(theirs[:dimensions], spacing_mm[:dimensions], rtol=MEASURED_ALIKE):
            return f"The normal ranges are of voxels of {_mm(theirs)} and these voxels are {_mm(spacing_mm)}."
        return None


def normal_ranges(
    studies: Sequence[str | Path],
    bundle: "Bundle",
    side: Side | None = None,
    settings: "FeatureSettings | None" = None,
    progress: Progress = no_progress,
) -> NormalRanges:
    """The ranges of every feature over the lesions of study folders, each as `bundle` sees it.

    Lesions are drawn in `t1_lesions.nii.gz` and `t2_lesions.nii.gz` (or another image suffix): label maps with a value
    for each lesion, or a single value, whose connected parts are then the lesions. A network of slices sees each lesion
    in the slice that shows most of it. Studies without such a file are left out.

    Parameters
    ----------
    side
        "T1" or "T2"; both that the model takes when None.
    settings
        How features are computed; the default ones when None.

    Raises `InputError` when no study holds lesions, when one cannot be read (naming it), or for fewer than two lesions;
    `MissingPackageError` without pyradiomics.
    """
    from liverpair.dreaming.study_lesions import DrawnLesions

    drawn = DrawnLesions.find(studies, bundle, side)
    return ranges_of_objects(drawn.objects(bundle, progress), drawn.words, settings)


def ranges_of_objects(
    objects: Iterable[tuple[np.ndarray, np.ndarray, Sequence[float]]],
    data: str,
    settings: "FeatureSettings | None" = None,
) -> NormalRanges:
    """The ranges of every feature over objects.

    Parameters
    ----------
    objects
        Image in [0, 1], mask (both (z, y, x) or (y, x)) and spacing (x, y[, z]) of each, all of the same dimensions.
        Those of fewer than `LEAST_VOXELS` are left out.
    data
        Which objects, in words.
    settings
        The default ones when None.

    A feature that is defined for fewer than two objects is left out. Raises `InputError` for fewer than two objects,
    `MissingPackageError` without pyradiomics.
    """
    from liverpair.measures.feature_names import feature_groups
    from liverpair.measures.radiomics import FeatureSettings, features_of

    settings = settings or FeatureSettings()
    names: list[str] = []
    rows, spacings = [], []
    for image, mask, spacing_mm in objects:
        if np.count_nonzero(mask) < LEAST_VOXELS:
            continue
        names = names or [name for group in feature_groups(image.ndim).values() for name in group]
        rows.append(list(features_of(image, mask, spacing_mm, names, settings).values()))
        spacings.append(spacing_mm)
    if len(rows) < 2:
        raise InputError(f"A normal range takes at least two lesions of {LEAST_VOXELS} voxels; {len(rows)} were found.")
    features = {}
    for name, values in zip(names, np.array(rows).T):
        known = values[np.isfinite(values)]
        if len(known) > 1:
            features[name] = {"mean": float(known.mean()), "sd": float(known.std(ddof=1))}
    if not features:
        raise InputError("No feature is defined for two of the lesions; they are no wider than one voxel.")
    spacing_mm = [round(float(s), 4) for s in np.median(spacings, axis=0)]
    used = {"dimensions": len(spacing_mm), **settings.as_dict(), "spacing_mm": spacing_mm}
    return NormalRanges(features, used, len(rows), data)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON held them. Raises `ValueError` or `TypeError` for what they cannot be."""
    for name in ("scale", "bin_width"):
        if name in given:
            _finite(given[name])
    dimensions = given.get("dimensions", 2)
    if type(dimensions) is not int or dimensions not in (2, 3):
        raise ValueError(f"dimensions {dimensions!r} are neither 2 nor 3")
    if "spacing_mm" in given and len([_finite(s) for s in given["spacing_mm"]]) < dimensions:
        raise ValueError(f"spacing_mm {given['spacing_mm']} is of fewer dimensions than {dimensions}")
    return dict(given)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value} is not a number")
    return float(value)


def _mm(spacing_mm: Sequence[float]) -> str:
    return " × ".join(f"{s:.3g}" for s in spacing_mm) + " mm"
