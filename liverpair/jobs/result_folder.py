"""A folder that a job writes its results to: whether it can be written to, and what the results were made of."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from liverpair.core.atomic import check_name, image_suffix, part_of_address
from liverpair.core.errors import InputError

_DETACHED_HEADERS = (".nhdr", ".mhd")


def folder_of_results(name: str) -> Path:
    """The folder a user named for results. Raises `InputError` for a name that no folder can have."""
    if not name:
        raise InputError("No folder is given for the results.")
    if "\0" in name:
        raise InputError(f"{name!r} cannot be the name of a folder.", "Choose another folder.")
    check_name(name)
    return Path(name)


def content_sha256(path: str | Path) -> str:
    """A checksum of an image: of its file, of all files of a DICOM folder, or of a header and the data beside it."""
    from liverpair.bundle.weights import file_sha256
    from liverpair.io.exports import series_at

    path, number = part_of_address(path)
    if number is not None and path.is_dir():
        files = sorted(series_at(path, number).files)
    elif path.is_dir():
        files = sorted(inside for inside in path.rglob("*") if inside.is_file())
    elif image_suffix(path) in _DETACHED_HEADERS:
        files = sorted(beside for beside in path.parent.iterdir() if beside.is_file() and beside.stem == path.stem)
    else:
        return file_sha256(path)
    return hashlib.sha256("\n".join(file_sha256(file) for file in files).encode("ascii")).hexdigest()


@contextmanager
def writable_folder(folder: Path, files: Sequence[str] = ()) -> Iterator[None]:
    """`folder` exists, and files of these names can be written to it. If the block fails, the folders made for it go
    again when they are empty.

    Raises `InputError` when it cannot be made or written to, or a folder has the name of one of the files.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        try:
            staging_folder(folder).cleanup()
        except (OSError, UnicodeError) as error:
            raise InputError(f"'{folder}' cannot be written to.", "Choose another folder for the results.") from error
        for name in files:
            if (folder / name).is_dir():
                raise InputError(f"'{folder / name}' is a folder; a file of that name is to be written.", "Rename it.")
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError, UnicodeError):
                path.rmdir()
        raise


def staging_folder(folder: Path) -> tempfile.TemporaryDirectory:
    """A temporary folder inside `folder`, so that files move from one to the other whole."""
    folder.mkdir(parents=True, exist_ok=True)  # another run that failed here may have removed it, empty
    return tempfile.TemporaryDirectory(prefix=".partial-", dir=folder)
