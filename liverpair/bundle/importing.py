"""Copying a bundle out of a folder or zip file that nobody has looked at yet."""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from liverpair.bundle.bundle import LICENSE_FILE
from liverpair.bundle.manifest import MANIFEST_FILE, MAXIMUM_MANIFEST_BYTES, WEIGHTS_FILE
from liverpair.core.errors import BundleError

MAXIMUM_BYTES = 2 * 2**30
MAXIMUM_FILES = 1000
PAGE_SUFFIXES = {".md", ".txt", ".png", ".jpg", ".jpeg"}
BLOCK = 2**20


def copy_bundle(source: Path, target: Path, maximum_bytes: int = MAXIMUM_BYTES) -> None:
    """Copy the files of the bundle in `source`, a folder or a zip file, into the existing empty folder `target`.

    Raises `BundleError` with the reason: not there, not a zip, no manifest or several, a path that leads outside, a
    link, too many files, or more than `maximum_bytes` when unpacked (counted while unpacking; what a zip claims about
    its sizes is not believed).
    """
    if source.is_dir():
        _copy_folder(source, target, maximum_bytes)
    elif source.is_file():
        _copy_zip(source, target, maximum_bytes)
    else:
        raise BundleError(f"'{source}' is neither a folder nor a zip file.")


def _copy_folder(source: Path, target: Path, maximum_bytes: int) -> None:
    inner = [p for p in sorted(source.iterdir()) if p.is_dir() and (p / MANIFEST_FILE).is_file()]
    folder = source if (source / MANIFEST_FILE).is_file() else _only(inner, source)
    total = 0
    for path in sorted(folder.iterdir()):
        if not _wanted(path.name):
            continue
        if path.is_symlink() or not path.is_file():
            raise BundleError(f"'{path.name}' in '{folder}' is not an ordinary file.", "Copy the real file there.")
        total += path.stat().st_size
        if total > maximum_bytes:
            raise _too_large(source, maximum_bytes)
        shutil.copyfile(path, target / path.name)


def _copy_zip(source: Path, target: Path, maximum_bytes: int) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _check_members(members, source)
            files = [m for m in members if not m.is_dir() and not _is_clutter(m.filename)]
            manifests = [
                PurePosixPath(m.filename).parent
                for m in files
                if PurePosixPath(m.filename).name == MANIFEST_FILE and len(PurePosixPath(m.filename).parts) <= 2
            ]
            folder = PurePosixPath() if PurePosixPath() in manifests else _only(manifests, source)
            left = maximum_bytes
            for member in files:
                path = PurePosixPath(member.filename)
                if path.parent == folder and _wanted(path.name):
                    limit = min(left, MAXIMUM_MANIFEST_BYTES) if path.name == MANIFEST_FILE else left
                    left -= _unpack(archive, member, target / path.name, limit, source)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BundleError(f"'{source.name}' cannot be unpacked as a zip file: {error}.") from error


def _check_members(members: list[zipfile.ZipInfo], source: Path) -> None:
    """Refuse the whole archive for one member that only a broken or hostile one has."""
    if len(members) > MAXIMUM_FILES:
        raise BundleError(f"'{source.name}' holds {len(members)} files; a model has a handful.")
    names = set()
    for member in members:
        name = member.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in member.orig_filename:
            raise BundleError(f"'{source.name}' is refused: '{name}' leads out of the folder it is unpacked into.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise BundleError(f"'{source.name}' is refused: '{name}' is a link.")
        if member.flag_bits & 0x1:
            raise BundleError(f"'{source.name}' is refused: '{name}' is encrypted.", "Unpack it and import the folder.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(f"'{source.name}' is refused: '{name}' is packed in an unusual way.", "Pack it again.")
        if name in names:
            raise BundleError(f"'{source.name}' is refused: it holds '{name}' twice.")
        names.add(name)


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, limit: int, source: Path) -> int:
    """Write one member and return its size in bytes."""
    size = 0
    with archive.open(member) as packed, target.open("xb") as file:
        while block := packed.read(BLOCK):
            size += len(block)
            if size > limit:
                raise _too_large(source, limit)
            file.write(block)
    return size


def _only(folders: list, source: Path):
    if not folders:
        raise BundleError(
            f"'{source.name}' is not a model: it has no {MANIFEST_FILE}, neither at its top nor in one folder of it.",
            f"Choose the folder or zip that holds {MANIFEST_FILE} and {WEIGHTS_FILE}.",
        )
    if len(folders) > 1:
        names = ", ".join(sorted(folder.name for folder in folders))
        raise BundleError(f"'{source.name}' holds several models ({names}).", "Import them one by one.")
    return folders[0]


def _wanted(name: str) -> bool:
    if name in (MANIFEST_FILE, WEIGHTS_FILE, LICENSE_FILE):
        return True
    return Path(name).suffix.lower() in PAGE_SUFFIXES and not name.startswith(".")


def _is_clutter(name: str) -> bool:
    """What macOS adds to a zip."""
    return PurePosixPath(name).parts[:1] == ("__MACOSX",) or PurePosixPath(name).name.startswith("._")


def _too_large(source: Path, limit: int) -> BundleError:
    return BundleError(f"'{source.name}' is refused: unpacked, it is larger than {limit / 2**20:.0f} MiB.")
