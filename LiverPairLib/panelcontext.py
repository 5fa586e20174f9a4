"""What the sections of a panel share: the parameter node, the worker, who listens, and how to speak to the user."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from liverpair.bundle import Bundle
from liverpair.core.errors import LiverPairError
from liverpair.core.failures import failure_of
from liverpair.core.notifying import notify
from liverpair.core.sides import Side
from LiverPairLib.inputs import volumeOf
from LiverPairLib.scenechoices import SceneChoices
from LiverPairLib.workersession import SessionWorker, sessionWorker

Say = Callable[[str, bool], None]
Bundles = Callable[[], dict[str, Bundle]]


class PanelContext(VTKObservationMixin):
    """Listeners are called with one word for what changed; "parameters" is known to every panel, "volumes" when
    volumes came into the scene or went, and "window" when the views, most likely with the window, got another size.

    Attributes:
        title: what the user calls the module.
        parameterNode: the module's parameter node that is followed; None outside the module.
        worker: runs jobs; the session's own unless a test gives another.
        tellOfRun: function `(sentence, isProblem)` that keeps the status line up to date about the last run.
        foldInputs: function that folds the inputs away, so that what came of them has the room.
    """

    title = ""

    def __init__(self, worker: SessionWorker | None = None, say: Say | None = None, bundles: Bundles = dict) -> None:
        """`say(sentence, isProblem)` shows a sentence to the user, `bundles()` gives the installed models by name."""
        VTKObservationMixin.__init__(self)
        self.worker = worker or sessionWorker()
        self.parameterNode = None
        self._say = say or (lambda sentence, isProblem: None)
        self._bundles = bundles
        self._listeners = []
        self.tellOfRun = lambda sentence, isProblem: None
        self.foldInputs = lambda: None
        self._sceneChoices = SceneChoices(lambda: self.tell("volumes"), lambda: self.onParametersChanged())

    def addListener(self, callback: Callable[[str], None]) -> None:
        """Call `callback(what)` whenever something changed, until `removeListener`."""
        self._listeners.append(callback)

    def removeListener(self, callback: Callable[[str], None]) -> None:
        if callback in self._listeners:
            self._listeners.remove(callback)

    def setParameterNode(self, parameterNode: Any) -> None:
        """Follow another parameter node, or none."""
        if self.parameterNode is not None:
            self.removeObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self.parameterNode = parameterNode
        self._sceneChoices.follow(parameterNode)
        if parameterNode is not None:
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self.onParametersChanged()

    def onParametersChanged(self) -> None:
        """Something in the parameter node changed, or it is another one. A subclass that follows its nodes overrides
        this and calls it last.
        """
        self.tell("parameters")

    @property
    def bundle(self) -> Bundle | None:
        """The bundle of the chosen model, or None."""
        return self._bundles().get(self.parameterNode.model) if self.parameterNode is not None else None

    def isInstalled(self, model: str) -> bool:
        """Whether there is a model of that name."""
        return model in self._bundles()

    def volume(self, side: Side) -> vtkMRMLScalarVolumeNode | None:
        """The volume node chosen for a side, or None."""
        return volumeOf(self.parameterNode, side) if self.parameterNode is not None else None

    def tell(self, what: str) -> None:
        """Call the listeners; the user reads it when one fails."""
        notify(self._listeners, what, report=self._sayFailure)

    def say(self, sentence: str, isProblem: bool = False) -> None:
        """Show a sentence in the status line of the panel."""
        self._say(sentence, isProblem)

    def confirm(self, question: str, title: str | None = None) -> bool:
        """Ask the user; whether the answer was yes."""
        return bool(slicer.util.confirmOkCancelDisplay(question, windowTitle=title or self.title))

    def accepted(self, doubts: list[str]) -> list[str] | None:
        """Ask whether to run in spite of doubts about the volumes, where there are any. Returns those that the user
        accepts, none where nobody is there to answer, and None when it is not to be run.
        """
        if not doubts:
            return []
        if slicer.app.testingEnabled() or slicer.util.mainWindow() is None:
            logging.warning("Nobody was asked about this: %s", " ".join(doubts))
            return []
        box = qt.QMessageBox(slicer.util.mainWindow())
        box.setIcon(qt.QMessageBox.Warning)
        box.setWindowTitle(self.title or "LiverPair")
        box.setText("\n\n".join(doubts))
        box.setInformativeText(_("If you run it anyway, this is kept with the result."))
        anyway = box.addButton(_("Run anyway"), qt.QMessageBox.AcceptRole)
        cancel = box.addButton(qt.QMessageBox.Cancel)
        box.setDefaultButton(cancel)
        box.setEscapeButton(cancel)
        box.exec_()
        agreed = box.clickedButton() == anyway
        box.deleteLater()
        return doubts if agreed else None

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Around what a click does: a failure becomes a sentence in the status line, never a stack trace."""
        try:
            yield
        except LiverPairError as error:
            self.say(str(error), isProblem=True)
        except Exception as error:
            logging.exception("%s could not do it", self.title)
            self._sayFailure(error)

    def release(self) -> None:
        """Let go of the scene: no observer stays."""
        self.setParameterNode(None)
        self._listeners.clear()
        self.removeObservers()

    def _sayFailure(self, error: Exception) -> None:
        self.say(str(failure_of(error)), isProblem=True)

    def _onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        self.onParametersChanged()
