"""Files that appear whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from liverpair.core.errors import InputError

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


def image_suffix(path: str | Path) -> str:
    """The image file suffix of a name, in lower case (`.nii.gz` counts as one), or "" when it is none of
    `IMAGE_SUFFIXES`."""
    name = Path(path).name.lower()
    return next((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix) and name != suffix), "")


def check_name(path: str | Path) -> None:
    """Raise `InputError` for a name whose bytes are no text: ITK ends the process on it."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
        raise InputError(f"'{shown}' has a name that is not valid UTF-8.", "Rename it.") from None


def part_of_address(address: str | Path) -> tuple[Path, int | None]:
    """A path and the number behind its last colon, counted from 1: "export:3", "dynamic.nii.gz:2". A path that is
    there as it stands, or that has no such number, has None."""
    path, colon, number = str(address).rpartition(":")
    if not colon or not number.isdecimal() or Path(address).exists() or not Path(path).exists():
        return Path(address), None
    return Path(path), int(number)


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A path beside `path`, with the same suffix, to write to; it takes the place of `path` when the block ends well.

    When the block fails, `path` is as it was before and nothing is left beside it. Missing parent folders are made.
    Raises `InputError` when the place cannot be written to.
    """
    path = Path(path)
    suffix = image_suffix(path) or path.suffix
    beside = path.with_name(f".{uuid.uuid4().hex}.part{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be written: {error.strerror or error}.", "Choose another place or free some space."
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
