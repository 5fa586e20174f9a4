"""The folder that the job "segment" writes to: its files, what they were made of, and whether it can be written to."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from liverpair.errors import InputError
from liverpair.files import image_suffix

MEASURES_FILE = "measures.json"
SCHEMA_VERSION = 1
SIDES = ("t1", "t2")
MAPS = ("liver", "probability", "uncertainty")

_DETACHED_HEADERS = (".nhdr", ".mhd")


def file_name(side: str, what: str) -> str:
    """The name of a result file: `file_name("t1", "liver")` is "t1_liver.nii.gz"."""
    return f"{side}_{what}.nii.gz"


def folder_of_results(name: str) -> Path:
    """The folder a user named for results. Raises `InputError` for a name that no folder can have."""
    if not name:
        raise InputError("No folder is given for the results.")
    if "\0" in name:
        raise InputError(f"{name!r} cannot be the name of a folder.", "Choose another folder.")
    return Path(name)


def read_measures(folder: Path) -> dict[str, Any] | None:
    """What `measures.json` in a folder of results says; None when there is none, or it is damaged."""
    try:
        content = json.loads((folder / MEASURES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if _is_whole(content) else None


def is_complete(folder: Path, measures: dict[str, Any]) -> bool:
    """Whether every file that `measures` (see `read_measures`) names is in `folder`."""
    names = (measures[side].get(what) for side in SIDES if measures[side] for what in MAPS)
    return all((folder / name).is_file() for name in names if name)


def existing_results(folder: Path) -> list[str]:
    """Names of files in `folder` that a segmentation would replace."""
    names = [MEASURES_FILE, *(file_name(side, what) for side in SIDES for what in MAPS)]
    return [name for name in names if os.path.lexists(folder / name)]


def content_sha256(path: str | Path) -> str:
    """A checksum of an image: of its file, of all files of a DICOM folder, or of a header and the data beside it."""
    from liverpair.bundle.weights import file_sha256

    path = Path(path)
    if path.is_dir():
        files = sorted(inside for inside in path.rglob("*") if inside.is_file())
    elif image_suffix(path) in _DETACHED_HEADERS:
        files = sorted(beside for beside in path.parent.iterdir() if beside.is_file() and beside.stem == path.stem)
    else:
        return file_sha256(path)
    return hashlib.sha256("\n".join(file_sha256(file) for file in files).encode("ascii")).hexdigest()


@contextmanager
def writable_folder(folder: Path) -> Iterator[None]:
    """`folder` exists and can be written to. If the block fails, the folders made for it go again when they are empty.

    Raises `InputError` when it cannot be made or written to.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            staging_folder(folder).cleanup()
        except OSError as error:
            raise InputError(f"'{folder}' cannot be written to.", "Choose another folder for the results.") from error
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise


def staging_folder(folder: Path) -> tempfile.TemporaryDirectory:
    """A temporary folder inside `folder`, so that files move from one to the other whole."""
    return tempfile.TemporaryDirectory(prefix=".partial-", dir=folder)


def _is_whole(content: Any) -> bool:
    """Whether the content of a `measures.json` is what this version writes."""
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        return False
    measures, provenance = content.get("measures"), content.get("provenance")
    return (
        all(side in content and (content[side] is None or _is_side(content[side])) for side in SIDES)
        and any(content[side] for side in SIDES)
        and isinstance(measures, dict)
        and _is_number(measures.get("dice_as_scanned", ""), or_none=True)
        and isinstance(provenance, dict)
        and _is_number(provenance.get("seconds"))
    )


def _is_side(side: Any) -> bool:
    return (
        isinstance(side, dict)
        and isinstance(side.get("liver"), str)
        and all(side.get(what) is None or isinstance(side[what], str) for what in MAPS)
        and _is_number(side.get("volume_ml"))
    )


def _is_number(value: Any, or_none: bool = False) -> bool:
    return (isinstance(value, int | float) and not isinstance(value, bool)) or (or_none and value is None)
