"""Sentences about an image that was read, kept with it until whoever asked for it tells the user."""

import SimpleITK as sitk

_KEY = "LiverPair notes"


def note_on(image: sitk.Image, sentence: str) -> None:
    """Add a sentence to those about an image. Images made from it do not carry them on."""
    image.SetMetaData(_KEY, "\n".join([*notes_on(image), sentence]))


def notes_on(image: sitk.Image) -> list[str]:
    """The sentences about an image, each to follow its name and a colon."""
    return image.GetMetaData(_KEY).split("\n") if image.HasMetaDataKey(_KEY) else []
