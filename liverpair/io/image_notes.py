"""What is known of an image beside its voxels: sentences about how it was read, and its DICOM attributes.

They are kept with the image until whoever asked for it needs them; images made from it do not carry them on.
"""

import json
from collections.abc import Mapping

import SimpleITK as sitk

_NOTES, _DOUBTS, _TAGS = "LiverPair notes", "LiverPair doubts", "LiverPair tags"


def note_on(image: sitk.Image, sentence: str) -> None:
    """Add a sentence to those about an image, to follow its name and a colon."""
    _set(image, _NOTES, [*notes_on(image), sentence])


def notes_on(image: sitk.Image) -> list[str]:
    """The sentences about an image."""
    return _get(image, _NOTES) or []


def doubt_on(image: sitk.Image, sentence: str) -> None:
    """Add a sentence on why an image may mislead, to follow its name and a colon."""
    _set(image, _DOUBTS, [*doubts_on(image), sentence])


def doubts_on(image: sitk.Image) -> list[str]:
    """The sentences on why an image may mislead."""
    return _get(image, _DOUBTS) or []


def set_tags(image: sitk.Image, tags: Mapping[str, str]) -> None:
    """Keep the DICOM attributes of an image, as text by keyword."""
    _set(image, _TAGS, dict(tags))


def tags_of(image: sitk.Image) -> dict[str, str]:
    """The DICOM attributes of an image; none for one that was not read from DICOM."""
    return _get(image, _TAGS) or {}


def _set(image: sitk.Image, key: str, value: list | dict) -> None:
    image.SetMetaData(key, json.dumps(value))


def _get(image: sitk.Image, key: str) -> list | dict | None:
    return json.loads(image.GetMetaData(key)) if image.HasMetaDataKey(key) else None
