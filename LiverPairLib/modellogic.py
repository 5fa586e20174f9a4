"""What the logics of the modules have in common: the installed models of their task, and one run at a time."""

import logging
import time
from typing import ClassVar

import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from liverpair.bundle import Catalogue
from liverpair.core.errors import InputError, LiverPairError, WorkerError
from liverpair.core.failures import failure_of
from LiverPairLib.installer import Installer
from LiverPairLib.workerrun import DONE, FAILED
from LiverPairLib.workersession import sessionWorker

STATUS_MS = 10_000
WAIT_S = 0.01


class ModelLogic(ScriptedLoadableModuleLogic):
    """Runs the models of some `tasks` in the worker of the session.

    `bundles` are the installed models by name, `preferred` first, then those of the first task; `modelProblems` are
    sentences about damaged ones, `run` is the current or last `WorkerRun`, `status` the sentence that the user should
    read about it, and `isStatusProblem` whether it says that something went wrong. A subclass overrides
    `reasonNotToRun`.
    """

    tasks = ()
    preferred = ""
    earlierParameters: ClassVar = {}

    def __init__(self, worker=None, installer=None, catalogue=None):
        ScriptedLoadableModuleLogic.__init__(self)
        self.worker = worker or sessionWorker()
        self.installer = installer or Installer()
        self.catalogue = catalogue or Catalogue()
        self.bundles, self.modelProblems = {}, []
        self.run = None
        self.status, self.isStatusProblem = "", False

    def getParameterNode(self):
        """The node, with what an earlier version saved in it under the names of today (see `earlierParameters`)."""
        node = super().getParameterNode()
        for earlier, today in self.earlierParameters.items():
            if value := node.GetParameter(earlier):
                node.SetParameter(today, value)
                node.UnsetParameter(earlier)
        return node

    def refreshModels(self):
        """Read the catalogue anew; damaged models become `modelProblems`."""
        offered = [bundle for bundle in self.catalogue.list() if bundle.task in self.tasks]
        self.bundles = {bundle.name: bundle for bundle in sorted(offered, key=self._rank)}
        self.modelProblems = list(self.catalogue.problems().values())

    def _rank(self, bundle):
        return bundle.name != self.preferred, self.tasks.index(bundle.task)

    def clearStatus(self):
        """What the status said is no longer so."""
        self.status, self.isStatusProblem = "", False

    def forgetScene(self):
        """Drop what is remembered about a scene that was closed; a subclass remembers more."""
        self.clearStatus()

    def findModel(self, name=None):
        """The bundle of that name, the first installed one when None; raises LiverPairError when there is none."""
        if not self.bundles:
            self.refreshModels()
        return self.catalogue.find(name or next(iter(self.bundles), ""))

    def reasonNotToRun(self, parameterNode):
        """One sentence about why these choices cannot be run, or None."""
        raise NotImplementedError

    def requireRunnable(self, parameterNode):
        """Raise InputError when these choices cannot be run."""
        reason = self.reasonNotToRun(parameterNode)
        if reason is not None:
            raise InputError(reason)

    def attempt(self, parameterNode, start):
        """Call `start()` once everything is installed; a failure becomes `status`."""
        self.attemptWhen(lambda: self.requireRunnable(parameterNode), start)

    def attemptWhen(self, requireReady, start):
        """As `attempt`; `requireReady()` raises LiverPairError when it cannot be started."""
        self.clearStatus()
        try:
            requireReady()
            self.installer.ensure()
            requireReady()  # while packages were installed, anything may have happened
            start()
        except Exception as error:
            logging.info("Nothing was started", exc_info=error)
            self.fail(error)

    def fail(self, error):
        """Let the user read what went wrong."""
        self.status, self.isStatusProblem = str(failure_of(error)), True

    def begin(self, run):
        """Start a `WorkerRun` and return it; raises LiverPairError when that is not possible."""
        if self.run is not None and self.run.ending is None:
            raise WorkerError(_("A {what} is running.").format(what=self.run.title), _("Wait for it, or cancel it."))
        run.start()
        self.run = run
        return run

    def follow(self, run):
        """Take over what a run says at its end."""
        if run.ending is not None:
            self.status, self.isStatusProblem = run.sentence, run.ending == FAILED
            slicer.util.showStatusMessage(run.sentence, STATUS_MS)

    def finish(self, run):
        """Wait until a run is done, while Slicer stays usable; raises LiverPairError when it comes to nothing."""
        while run.ending is None:
            slicer.app.processEvents()
            time.sleep(WAIT_S)
        if run.ending != DONE:
            raise LiverPairError(run.sentence)

    def abandon(self):
        """Cancel what runs, without another word to whoever started it."""
        if self.run is not None:
            self.run.abandon()
