"""Lesions that survive a crash: a `lesions.json` that follows what is in the scene. No widget is needed."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from slicer import vtkMRMLScalarVolumeNode

from liverpair.core.errors import LiverPairError
from liverpair.core.lesions import Lesion, lesions_to_json, read_lesions, write_lesions
from liverpair.core.paths import user_cache_folder
from liverpair.mrml import volumes

LeftBehind = tuple[Path, datetime, list[Lesion]]
FILE = "lesions.json"
LEFT_BEHIND = "left-behind-*.json"


class Autosave:
    """The file of one study: in LiverPair's cache, or in a folder that the user has chosen.

    What earlier sessions left in the cache without ending well is never overwritten: it stays until it is dropped.
    `leftBehind` lists it as (path, time, pairs), newest first. `path` is the file, `isInCache` whether LiverPair chose
    the place, `savedAt` when it was written last, `problem` why it could not be.
    """

    def __init__(self, volumeNodes: Sequence[vtkMRMLScalarVolumeNode | None], folder: Path | None = None) -> None:
        """`volumeNodes` are the T1 and the T2 volume (or None) by which the study is known again; `folder` is the one
        that the user has chosen, if any."""
        self.isInCache = folder is None
        self._folder = cache_folder(volumeNodes) if folder is None else Path(folder)
        self._written = None
        self.savedAt, self.problem = None, ""
        self.leftBehind = []
        if self.isInCache:
            self._setAside()
            self.leftBehind = self._readLeftBehind()

    @property
    def path(self) -> Path:
        return self._folder / FILE

    def save(self, pairs: list[Lesion]) -> bool:
        """Write the lesions when they differ from those written last; whether the file is up to date now."""
        text = lesions_to_json(pairs)
        if text == self._written:
            return True
        try:
            if pairs or self.path.exists():
                write_lesions(self.path, pairs)
                self.savedAt = datetime.now()
        except LiverPairError as error:
            self.problem = str(error)
            return False
        self._written, self.problem = text, ""
        return True

    def finish(self) -> None:
        """The session ends well: nothing is left behind in the cache. A folder of the user's keeps its file."""
        if self.isInCache:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
                self._folder.rmdir()

    def drop(self, path: str) -> None:
        """Delete what was left behind."""
        self.leftBehind = [entry for entry in self.leftBehind if entry[0] != path]
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _readLeftBehind(self) -> list[LeftBehind]:
        """Damaged files are passed over."""
        found = []
        for path in self._folder.glob(LEFT_BEHIND):
            with suppress(LiverPairError, OSError):
                found.append((path, datetime.fromtimestamp(path.stat().st_mtime), read_lesions(path)))
        return sorted(found, key=lambda entry: entry[1], reverse=True)

    def _setAside(self) -> None:
        with suppress(OSError):
            if self.path.is_file():
                stamp = datetime.fromtimestamp(self.path.stat().st_mtime).strftime("%Y%m%d-%H%M%S-%f")
                self.path.rename(self._folder / LEFT_BEHIND.replace("*", stamp))


def cache_folder(volumeNodes: Sequence[vtkMRMLScalarVolumeNode | None]) -> Path:
    """The folder in LiverPair's cache for a study of these volumes, the same in every session that loads them."""
    return user_cache_folder() / "autosave" / _identity(volumeNodes)


def _identity(volumeNodes: Sequence[vtkMRMLScalarVolumeNode | None]) -> str:
    """What tells one pair of volumes from another: their series, or else names, and their grids."""
    known = []
    for node in volumeNodes:
        if node is None:
            known.append(None)
            continue
        described = volumes.describe(node)
        series = described["tags"].get("SeriesInstanceUID") or described["name"]
        size = node.GetImageData().GetDimensions() if node.GetImageData() is not None else ()
        spacing, origin = ([round(v, 3) for v in vector] for vector in (node.GetSpacing(), node.GetOrigin()))
        known.append((series, size, spacing, origin))
    return hashlib.sha256(repr(known).encode()).hexdigest()[:24]
