"""Asking the network where the partner of a drawn box lies, while the user goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from LesionPairDetectLib.candidates import looksAtEachAlone
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.sides import Side
from LiverPairLib.workerrun import WorkerRun


class PartnerRun(WorkerRun):
    """The job "propose" for a box in image `side`.

    When it is done, `box` is the partner (world LPS mm) and `score` what the detector gives to that place, or None.
    """

    job = "propose"
    title = _("proposal of a partner")
    needsAllVolumes = True
    inBackground = True

    def __init__(self, context: ReadingContext, side: Side, box: Box) -> None:
        super().__init__(context.worker, {each: context.volume(each) for each in Side})
        self._images = {each: context.image(each) for each in Side}
        self._livers = {each: context.livers(each) for each in Side}
        self._model, self._device = context.parameterNode.model, context.parameterNode.device
        self._side, self._drawn = side, box
        self.box = self.score = None

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {"model": self._model, "device": self._device, "side": self._side}
        for side in Side:
            for name, image in ((side, self._images[side]), (f"{side}_liver", self._livers[side])):
                request[name] = self.write(image, folder / f"{name}.nrrd")
        request["box"] = {
            "center_mm": list(self._drawn.center_mm),
            "size_mm": list(self._drawn.size_mm),
            "direction": list(self._drawn.direction),
        }
        return request

    def takeResult(self, result: dict[str, Any]) -> str:
        answer = result["box"]
        self.box = Box(tuple(answer["center_mm"]), tuple(answer["size_mm"]), tuple(answer["direction"]))
        self.score = result.get("score")
        if self.score is None:
            return _("Placed by the network.")
        return _("Placed by the network, which gives it a score of {score:.2f}.").format(score=self.score)


class PartnerProposer:
    """Asks the network for the partner of one box at a time; a newer question takes the place of an older one."""

    def __init__(self, context: ReadingContext) -> None:
        self._context = context
        self._run = None

    @property
    def isAsking(self) -> bool:
        return self._run is not None and self._run.ending is None

    def reason(self) -> str | None:
        """One sentence about why the network cannot be asked, or None."""
        context = self._context
        if context.parameterNode is None or None in [context.volume(side) for side in Side]:
            return _("Choose a T1 and a T2 volume.")
        if not context.parameterNode.model:
            return _("There is no model to ask.")
        if looksAtEachAlone(context.bundle):
            return _("Model '{name}' looks at each image alone, and does not know where a partner lies.").format(
                name=context.parameterNode.model
            )
        missing = [side.title for side in Side if context.livers(side) is None]
        if missing:
            return _("The liver in {side} is not segmented.").format(side=missing[0])
        if context.worker.busy:
            return _("The worker is busy.")
        return None

    def ask(self, side: Side, box: Box, onAnswered: Callable[[PartnerRun], None]) -> None:
        """Start asking; `onAnswered(run)` gets the `PartnerRun` when it has ended, well or not.

        Raises LiverPairError when it cannot be asked.
        """
        reason = self.reason()
        if reason is not None:
            raise InputError(reason)
        self.stop()
        self._run = PartnerRun(self._context, side, box)
        self._run.start(lambda run: onAnswered(run) if run.ending else None)

    def stop(self) -> None:
        """Ask no longer; nobody is told."""
        if self._run is not None:
            self._run.abandon()
            self._run = None
