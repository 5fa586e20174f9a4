"""The radiomic signature of lesions: every feature of pyradiomics, under its names and with settings of its format."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.measures.radiomics import quiet, radiomics_package

DEFAULT_SETTINGS = Path(__file__).with_name("signature.yaml")
_NAMED = 3


@dataclass(frozen=True)
class Signature:
    """The features of one lesion in one image, "original_glcm_Contrast" to its value; None where it is undefined.

    `note` is a sentence about what is undefined; "" when nothing is.
    """

    features: Mapping[str, float | None]
    note: str = ""


def read_settings(path: str | Path = DEFAULT_SETTINGS) -> dict[str, Any]:
    """The settings in a YAML file of pyradiomics. Raises `InputError` for a file that is none."""
    try:
        import yaml
    except ImportError as error:
        raise MissingPackageError("Reading settings needs the package 'PyYAML'.", "Install it with pip.") from error
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The settings '{path}' cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The settings '{path}' are not YAML: {' '.join(str(error).split())[:200]}.") from error
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"The settings '{path}' are empty.", "pyradiomics' pages show what such a file holds.")
    return dict(content)


class SignatureExtractor:
    """pyradiomics' extractor with settings, for many lesions.

    Raises `InputError` for settings that pyradiomics refuses, `MissingPackageError` without pyradiomics.
    """

    def __init__(self, settings: Mapping[str, Any]):
        radiomics_package()
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        try:
            with quiet():
                self._extractor = RadiomicsFeatureExtractor(dict(settings))
        except Exception as error:  # pykwalify's own kinds, and what the validation of values raises
            said = " ".join(str(getattr(error, "msg", error)).split())[:300]
            raise InputError(f"pyradiomics refuses the settings: {said}", "Its pages show what may be set.") from error
        self._extractor.settings["additionalInfo"] = False

    def signature(self, image: sitk.Image, labels: sitk.Image, number: int, name: str) -> Signature:
        """The features of the voxels of `labels` that hold `number`, in `image` on the same grid.

        `name` begins sentences: "Lesion 3 in T1".
        """
        try:
            with quiet():
                found = self._extractor.execute(image, labels, label=number)
        except (ValueError, IndexError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200].rstrip(".")
            return Signature({}, f"{name} has no signature, as pyradiomics refuses its mask: {why}.")
        features = {key: _number(value) for key, value in found.items()}
        return Signature(features, _undefined(features, name))


def _number(value: Any) -> float | None:
    number = float(getattr(value, "real", value))
    return number if math.isfinite(number) else None


def _undefined(features: Mapping[str, float | None], name: str) -> str:
    missing = [key for key, value in features.items() if value is None]
    if not missing:
        return ""
    listed = _listed(missing)
    return f"{name} is too small or too uniform for {len(missing)} of {len(features)} features: {listed}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
