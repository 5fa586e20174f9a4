"""Keeps the file of every study of this session up to date, also while another module is on screen."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

from LesionPairDetectLib.autosave import Autosave
from liverpair.core.errors import LiverPairError
from liverpair.core.failures import failure_of
from liverpair.core.notifying import notify
from liverpair.core.sides import Side
from liverpair.mrml import scanner_space
from liverpair.mrml.lesions.lesion_study import LesionStudy

DELAY_MS = 500


class AutosaveKeeper(VTKObservationMixin):
    """Follows a study from its first look until the scene is closed, whoever changes its boxes.

    `onSaved()` is called after each attempt to save.
    """

    def __init__(self, onSaved: Callable[[], None] = lambda: None) -> None:
        VTKObservationMixin.__init__(self)
        self._onSaved = onSaved
        self._kept = {}
        self._changed = set()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.connect("timeout()", self.flush)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)

    def follow(self, study: LesionStudy, folder: Path | str | None = None) -> Autosave:
        """The `Autosave` of a study, which is kept up to date from now on; in `folder` when one is given."""
        key = study.folder.GetID()
        nodes = [study.volume(side) for side in Side]
        if key not in self._kept:
            own = LesionStudy(*nodes)
            own.observe(lambda what: self._onStudyChanged(key, what))
            self._kept[key] = own, Autosave(nodes, folder)
            self._save(key)
        elif folder is not None:
            own, before = self._kept[key]
            before.finish()
            self._kept[key] = own, Autosave(nodes, folder)
            self._kept[key][1].leftBehind = before.leftBehind
            self._save(key)
        return self._kept[key][1]

    def flush(self) -> None:
        """Save at once what has changed."""
        self._timer.stop()
        for key in self._changed & set(self._kept):
            self._save(key)
        self._changed.clear()

    def finish(self) -> None:
        """The session ends well: nothing is observed any more, and no file is left in the cache."""
        self.flush()
        for study, autosave in self._kept.values():
            study.release()
            autosave.finish()
        self._kept.clear()

    def release(self) -> None:
        """As `finish`, for good."""
        self.finish()
        self.removeObservers()

    def onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        self.finish()

    def _onStudyChanged(self, key: str, what: str) -> None:
        if what == "boxes":
            self._changed.add(key)
            self._timer.start()

    def _save(self, key: str) -> None:
        study, autosave = self._kept[key]
        try:
            autosave.save(scanner_space.to_scanner(study.pairs(), *[study.volume(side) for side in Side]))
        except LiverPairError as error:
            autosave.problem = str(error)
        except Exception as error:
            logging.exception("The lesions could not be saved automatically")
            autosave.problem = str(failure_of(error))
        notify([self._onSaved])
