"""Where the files of dreams lie while Slicer runs: a private temporary folder for each."""

import itertools
import shutil
import tempfile
from pathlib import Path

from liverpair.jobs.dream_results import DREAM_FILE
from liverpair.mrml.dreams.dream_scene import DreamScene

RESULTS = "results"

_session = None
_numbers = itertools.count(1)


def newFolder() -> Path:
    """A new empty folder for the input of a dream, which goes when Slicer ends. Results go into `RESULTS` in it."""
    global _session
    if _session is None:
        _session = tempfile.TemporaryDirectory(prefix="liverpair-dreams-", ignore_cleanup_errors=True)
    folder = Path(_session.name) / str(next(_numbers))
    folder.mkdir(parents=True)
    return folder


def removeFolder(dream: DreamScene) -> None:
    """Delete the files of a dream (`DreamScene`), if they are in a folder that was made here."""
    folder = folderOf(dream)
    if folder is not None and _session is not None and folder.parents[1] == Path(_session.name):
        shutil.rmtree(folder.parent, ignore_errors=True)


def folderOf(dream: DreamScene) -> Path | None:
    """The folder with the results of a dream (`DreamScene`); None when it is gone, as in a scene that was loaded."""
    folder = dream.about.get("folder")
    return Path(folder) if folder and (Path(folder) / DREAM_FILE).is_file() else None
