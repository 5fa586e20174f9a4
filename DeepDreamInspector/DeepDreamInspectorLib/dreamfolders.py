"""Where the files of dreams lie while Slicer runs: a private temporary folder for each."""

import itertools
import shutil
import tempfile
from pathlib import Path

from liverpair.worker.dream_results import DREAM_FILE

RESULTS = "results"


class DreamFolders:
    """Makes folders for dreams; all go when Slicer ends."""

    def __init__(self):
        self._root = None
        self._numbers = itertools.count(1)

    def new(self):
        """A new empty folder for the input of a dream. Its results go into the folder `RESULTS` in it."""
        if self._root is None:
            self._root = tempfile.TemporaryDirectory(prefix="liverpair-dreams-", ignore_cleanup_errors=True)
        folder = Path(self._root.name) / str(next(self._numbers))
        folder.mkdir(parents=True)
        return folder

    def remove(self, dream):
        """Delete the files of a dream (`DreamScene`), if they are in a folder that was made here."""
        folder = folderOf(dream)
        if folder is not None and self._root is not None and folder.parents[1] == Path(self._root.name):
            shutil.rmtree(folder.parent, ignore_errors=True)


def folderOf(dream):
    """The folder with the results of a dream (`DreamScene`); None when it is gone, as in a scene that was loaded."""
    folder = Path(dream.about.get("folder") or "")
    return folder if folder.name == RESULTS and (folder / DREAM_FILE).is_file() else None
