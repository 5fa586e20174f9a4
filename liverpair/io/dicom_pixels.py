"""The pixels of a DICOM series as real-world values: each slice and frame under its own rescale slope and intercept."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from liverpair.io.dicom_headers import Slice

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SCALING = ("RescaleSlope", "RescaleIntercept", "PixelValueTransformationSequence")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_EXACT_IN_FLOAT32 = 2**24


def real_world_values(slices: Sequence[Slice]) -> sitk.Image:
    """The slices as a volume, in the type they are stored in or, where they are scaled or stored differently, in one
    that holds all their values. Raises `RuntimeError` for pixels that cannot be read."""
    if slices[0].frame is None:
        return _of_files(slices)
    stored = {file: _stored_frames(file) for file in {s.file for s in slices}}
    frames = [(stored[s.file][s.frame], *s.scale) for s in slices]
    if all(s.scale == (1.0, 0.0) for s in slices):
        return sitk.GetImageFromArray(np.stack([frame for frame, *_ in frames]))
    return sitk.GetImageFromArray(_narrowed(np.stack([frame * slope + shift for frame, slope, shift in frames])))


def _of_files(slices: Sequence[Slice]) -> sitk.Image:
    """Classic slices; ITK scales each by its own tags, but gives all of them the pixel type of the first."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(s.file) for s in slices])
    if len({s.stored_as for s in slices}) == 1 and all(s.scale == (1.0, 0.0) for s in slices):
        return reader.Execute()
    reader.SetOutputPixelType(sitk.sitkFloat64)
    return sitk.GetImageFromArray(_narrowed(sitk.GetArrayFromImage(reader.Execute())))


def _narrowed(values: np.ndarray) -> np.ndarray:
    """Double precision values in 32 bits where those hold them: integers exactly, others to single precision."""
    largest = np.abs(values).max(initial=0.0)
    if largest < np.iinfo(np.int32).max and (values == np.rint(values)).all():
        return values.astype(np.int32)
    return values.astype(np.float32) if largest < _EXACT_IN_FLOAT32 else values


def _stored_frames(file: Path) -> np.ndarray:
    """The frames (frame, y, x) as they are stored: ITK would scale all of them as the first one asks for."""
    import pydicom

    content = pydicom.dcmread(file, force=True)
    groups = [item for name in _GROUPS for item in content.get(name) or []]
    changed = [_without_scaling(part) for part in (content, *groups)]
    if not any(changed):
        return sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    with tempfile.TemporaryDirectory() as folder:
        unscaled = Path(folder, "unscaled.dcm")
        content.save_as(unscaled)
        return sitk.GetArrayFromImage(sitk.ReadImage(str(unscaled)))


def _without_scaling(part: Dataset) -> bool:
    """Take the scaling out of a dataset; whether there was any."""
    found = [keyword for keyword in _SCALING if keyword in part]
    for keyword in found:
        del part[keyword]
    return bool(found)
