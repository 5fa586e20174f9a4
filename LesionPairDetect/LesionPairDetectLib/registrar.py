"""The registration of the two livers, computed in the background while somebody reads."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import SimpleITK as sitk
from slicer.i18n import tr as _

from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError, LiverPairError
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence
from LiverPairLib.workerrun import CANCELLED, WorkerRun

RETRY_MS = 2000


class RegistrationRun(WorkerRun):
    """The job "register" for two liver masks. When it is done, `correspondence` is the `LiverCorrespondence`."""

    job = "register"
    title = _("registration of the livers")
    needsAllVolumes = True
    inBackground = True

    def __init__(self, context: ReadingContext) -> None:
        super().__init__(context.worker, {side: context.volume(side) for side in Side})
        self._livers = {side: context.livers(side) for side in Side}
        self.correspondence = None

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {"output": str(folder / "results")}
        for side, mask in self._livers.items():
            request[f"{side}_liver"] = str(folder / f"{side}_liver.nrrd")
            sitk.WriteImage(mask, request[f"{side}_liver"])
        return request

    def takeResult(self, result: dict[str, Any]) -> str:
        try:
            self.correspondence = LiverCorrespondence(sitk.ReadTransform(result["transform"]), float("nan"))
        except RuntimeError as error:
            raise InputError(_("The registration of the livers could not be read.")) from error
        return _("The livers are registered; they overlap with Dice {dice:.2f}.").format(dice=result["dice"])


class Registrar:
    """Sees to it that a `ReadingContext` has the registration of its livers, as soon as the worker has nothing else to
    do. A failure is not tried again until a liver changes.
    """

    def __init__(self, context: ReadingContext, onRegistered: Callable[[str], None]) -> None:
        self._context, self._onRegistered = context, onRegistered
        self._run, self._failedFor = None, None
        self._timer = qt.QTimer()
        self._timer.setInterval(RETRY_MS)
        self._timer.connect("timeout()", self._try)

    @property
    def isRegistering(self) -> bool:
        return self._run is not None and self._run.ending is None

    def start(self) -> None:
        """Register when there is something to register, now or later."""
        self._timer.start()

    def stop(self) -> None:
        """Register no longer."""
        self._timer.stop()
        if self._run is not None:
            self._run.abandon()
            self._run = None

    def _try(self) -> None:
        context = self._context
        states = context.liverStates()
        if self.isRegistering or None in states or context.correspondence is not None or states == self._failedFor:
            return
        if not context.worker.idle or None in [context.livers(side) for side in Side]:
            return
        run = RegistrationRun(context)
        try:
            run.start(lambda run: self._onRunChanged(run, states))
            self._run = run
        except LiverPairError as error:
            logging.info("The livers were not registered: %s", error)
            self._failedFor = states

    def _onRunChanged(self, run: RegistrationRun, states: tuple) -> None:
        if run.ending is None:
            return
        if run.correspondence is None:
            if run.ending != CANCELLED:
                logging.info("The livers were not registered: %s", run.sentence)
                self._failedFor = states
        elif states == self._context.liverStates():
            self._context.correspondence = run.correspondence
            self._onRegistered(run.sentence)
