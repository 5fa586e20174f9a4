"""Which phase or contrast a series shows that is neither the T1 nor the T2 of a visit, told from its name and tags.

A guess helps a user to name a series; it never decides anything.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from liverpair.core.atomic import part_of_address
from liverpair.core.lesion_findings import PHASES
from liverpair.io.series_kinds import kind_of_text

_BY_KIND = {
    "arterial": "arterial",
    "portal venous": "portal",
    "delayed": "delayed",
    "hepatobiliary": "hepatobiliary",
    "in phase": "in_phase",
    "out of phase": "out_of_phase",
    "diffusion": "dwi",
}
_NATIVE = re.compile(r"\b(?:native?|pre ?contrast|pre|unenhanced|non ?contrast|before contrast)\b")
_TEXT_TAGS = ("SeriesDescription", "ProtocolName", "ImageType")


def guess_phase(name: str, tags: Mapping[str, str] | None = None) -> str | None:
    """Guess which of `PHASES` a series is; None for a plain one, or one of another kind.

    Args:
        name: of a node, file or series.
        tags: DICOM attributes by keyword (`SeriesDescription`, `ProtocolName`, `ImageType`, `DiffusionBValue`), as
            text. Any may be missing. What they say counts before the name.
    """
    tags = tags or {}
    told = " ".join(str(tags[key]) for key in _TEXT_TAGS if tags.get(key))
    for text, own in ((told, tags), (name, {})):
        words = re.sub(r"[^a-z0-9]+", " ", text.lower())
        if _NATIVE.search(words):
            return "native"
        kind = kind_of_text(text, own.get("DiffusionBValue"))
        if kind in _BY_KIND:
            return _BY_KIND[kind]
    return None


def phases_in(folder: str | Path) -> dict[str, Path]:
    """The phases that a study folder holds as `phase_arterial.nii.gz` …, with their liver masks under
    "arterial_liver" …"""
    found = {}
    for path in sorted(Path(folder).glob("phase_*")):
        key = part_of_address(path)[0].name.removeprefix("phase_").split(".")[0]
        if key.removesuffix("_liver") in PHASES:
            found[key] = path
    return found
