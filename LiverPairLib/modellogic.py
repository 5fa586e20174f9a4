"""What the logics of the modules have in common: the installed models of their task, and one run at a time."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import slicer
from slicer import vtkMRMLScriptedModuleNode
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.errors import InputError, LiverPairError, WorkerError
from liverpair.core.failures import failure_of
from LiverPairLib import inputs
from LiverPairLib.inputs import VolumeChecks
from LiverPairLib.installer import Installer
from LiverPairLib.liverchooser import LiverChooser
from LiverPairLib.workerrun import DONE, FAILED, WorkerRun
from LiverPairLib.workersession import SessionWorker, sessionWorker

STATUS_MS = 10_000
WAIT_S = 0.01

OnChanged = Callable[[WorkerRun], None]


class ModelLogic(ScriptedLoadableModuleLogic):
    """Runs the models of some `tasks` in the worker of the session. `title` is what the user calls a run.

    `bundles` are the installed models by name, `preferred` first, then those of the first task, at last those
    `forTeaching`, which are names; `modelProblems` are sentences about damaged ones, `run` is the current or last
    `WorkerRun`, `status` the sentence that the user should read about it, and `isStatusProblem` whether it says
    that something went wrong. `checks` know which volumes are damaged, `livers` which liver belongs to which
    volume. A subclass overrides `reasonNotToRun` and `runOf`.
    """

    tasks: tuple[str, ...] = ()
    title = ""
    preferred = ""
    makeInstaller = Installer
    earlierParameters: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        worker: SessionWorker | None = None,
        installer: Installer | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.worker = worker or sessionWorker()
        self.installer = installer or self.makeInstaller()
        self.catalogue = catalogue or Catalogue()
        self.bundles, self.modelProblems, self.forTeaching = {}, [], []
        self.run = None
        self.status, self.isStatusProblem = "", False
        self.checks = VolumeChecks()
        self.livers = LiverChooser()
        self._seenVolumes: set[str] = set()

    def getParameterNode(self) -> vtkMRMLScriptedModuleNode:
        """The node, with what an earlier version saved in it under the names of today (see `earlierParameters`)."""
        node = super().getParameterNode()
        for earlier, today in self.earlierParameters.items():
            if value := node.GetParameter(earlier):
                node.SetParameter(today, value)
                node.UnsetParameter(earlier)
        return node

    def guessInputs(self, parameterNode: Any) -> None:
        """Choose volumes that look T1- and T2-weighted, and their livers, where nothing is chosen yet."""
        inputs.guess(parameterNode, self._seenVolumes)
        self.livers.follow(parameterNode)

    def chooseModel(self, parameterNode: Any, name: str) -> None:
        """Choose a model; a subclass chooses with it what goes with it."""
        parameterNode.model = name

    def refreshModels(self) -> None:
        """Read the catalogue anew; damaged models become `modelProblems`."""
        offered = [bundle for bundle in self.catalogue.list() if bundle.task in self.tasks]
        self.forTeaching = [bundle.name for bundle in offered if self.catalogue.is_published(bundle)]
        self.bundles = {bundle.name: bundle for bundle in sorted(offered, key=self._rank)}
        self.modelProblems = list(self.catalogue.problems().values())

    def _rank(self, bundle: Bundle) -> tuple[bool, bool, int]:
        return bundle.name != self.preferred, bundle.name in self.forTeaching, self.tasks.index(bundle.task)

    def clearStatus(self) -> None:
        """What the status said is no longer so."""
        self.status, self.isStatusProblem = "", False

    def forgetScene(self) -> None:
        """Drop what is remembered about the nodes of a scene that was closed."""
        self.clearStatus()
        self.checks.forget()
        self.livers.forget()
        self._seenVolumes.clear()

    def findModel(self, name: str | None = None) -> Bundle:
        """The bundle of that name, the first installed one when None; raises LiverPairError when there is none."""
        if not self.bundles:
            self.refreshModels()
        return self.catalogue.find(name or next(iter(self.bundles), ""))

    def reasonNotToRun(self, parameterNode: Any) -> str | None:
        """One sentence about why these choices cannot be run, or None."""
        raise NotImplementedError

    def runOf(self, parameterNode: Any) -> WorkerRun:
        """The run of these choices, not yet started."""
        raise NotImplementedError

    def doubts(self, parameterNode: Any) -> list[str]:
        """Sentences on what speaks against the chosen volumes, which the user is asked about before a run."""
        return []

    def apply(self, parameterNode: Any, onChanged: OnChanged, accepted: Sequence[str] = ()) -> None:
        """Start a run with the user's choices; a failure becomes `status`. `onChanged(run)` hears of its progress, and
        `accepted` are the doubts that the user was asked about.
        """

        def makeRun() -> WorkerRun:
            run = self.runOf(parameterNode)
            run.accepted = list(accepted)
            return run

        bundle = self.bundles.get(parameterNode.model)
        self.attempt(lambda: self.reasonNotToRun(parameterNode), makeRun, onChanged, bundle)

    def attempt(
        self,
        reasonNot: Callable[[], str | None],
        makeRun: Callable[[], WorkerRun],
        onChanged: OnChanged,
        bundle: Bundle | None = None,
    ) -> None:
        """Start the run that `makeRun()` gives, once everything is installed, also what the model `bundle` needs, when
        there is no reason not to; a failure becomes `status`.
        """
        self.clearStatus()
        try:
            requireNone(reasonNot())
            self.installer.ensure()
            if bundle is not None and bundle.foreign is not None:
                self.installer.ensureTool(bundle.foreign.kind)
            requireNone(reasonNot())  # while packages were installed, anything may have happened
            self.start(makeRun(), onChanged)
        except Exception as error:
            logging.info("Nothing was started", exc_info=error)
            self.fail(error)

    def start(self, run: WorkerRun, onChanged: OnChanged = lambda run: None) -> WorkerRun:
        """Start a run and return it; raises LiverPairError when that is not possible."""
        if self.run is not None and self.run.ending is None:
            raise WorkerError(_("A {what} is running.").format(what=self.run.title), _("Wait for it, or cancel it."))

        def follow(run: WorkerRun) -> None:
            if run.ending is not None:
                self.status, self.isStatusProblem = run.sentence, run.ending == FAILED
                slicer.util.showStatusMessage(run.sentence, STATUS_MS)
            onChanged(run)

        run.start(follow)
        self.run = run
        return run

    def fail(self, error: Exception) -> None:
        """Let the user read what went wrong."""
        self.status, self.isStatusProblem = str(failure_of(error)), True

    def finish(self, run: WorkerRun) -> WorkerRun:
        """Start a run and wait until it is done, while Slicer stays usable; raises LiverPairError when it comes to
        nothing.
        """
        self.start(run)
        while run.ending is None:
            slicer.app.processEvents()
            time.sleep(WAIT_S)
        if run.ending != DONE:
            raise LiverPairError(run.sentence)
        return run

    def abandon(self) -> None:
        """Cancel what runs, without another word to whoever started it."""
        if self.run is not None:
            self.run.abandon()


def requireNone(reason: str | None) -> None:
    """Raise InputError with a reason, if there is one."""
    if reason is not None:
        raise InputError(reason)
