"""The part "Run": detections are started and stopped, and their lesions shown."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import DetectionRun
from liverpair.core.sides import Side
from LiverPairLib import inputs, runsection
from LiverPairLib.sourcedisplay import showPair
from LiverPairLib.workerrun import DONE, WorkerRun

SCORE_DECIMALS = 2
"""Of the slider of scores."""


class RunSection(runsection.RunSection):
    """Turns clicks into runs of the logic, and shows their results."""

    applyTip = _("Find the lesions in both volumes and link them")
    cancelTip = _("Stop the detection; the scene stays as it is")

    def apply(self, accepted: list[str]) -> None:
        self.logic.apply(self.context.parameterNode, self.onRunChanged, accepted)

    def startBeside(
        self,
        reasonNot: Callable[[], str | None],
        makeRun: Callable[[], WorkerRun],
        onDone: Callable[[WorkerRun], None] = lambda run: None,
    ) -> None:
        """Start a run that is no detection when there is no reason not to; its progress is shown as that of one, and
        `onDone(run)` is called when it has ended well."""

        def onChanged(run: WorkerRun) -> None:
            if run.ending == DONE:
                with self.context.attempt():
                    onDone(run)
            self.show()

        self.attempt(lambda: self.logic.attempt(reasonNot, makeRun, onChanged))

    def choices(self) -> tuple[list | None, list | None]:
        return inputs.statusChoices(self.context.parameterNode, "t1Liver", "t2Liver", "model", "device")

    def onChanged(self, what: str) -> None:
        if what == "history":  # what was said about a run is old when somebody has changed its lesions
            self.logic.clearStatus()
        if what in ("parameters", "study", "history") and self.context.parameterNode is not None:
            self.show()

    def onRunChanged(self, run: DetectionRun) -> None:
        self.show()
        if run.ending == DONE:
            with self.context.attempt():
                self._showResult(run)
            self.show()

    def _showResult(self, run: DetectionRun) -> None:
        """Show what a run found, when its volumes are still the chosen ones: the first lesion is chosen, and the views
        go to the one that is chosen when they have settled.
        """
        context = self.context
        chosen = [context.volume(side) for side in Side]
        if chosen != [run.volume(side) for side in Side]:
            return
        with slicer.util.NodeModify(context.parameterNode):
            for side, node in run.livers.items():
                setattr(context.parameterNode, f"{side}Liver", node)
            moved = followThreshold(context.parameterNode, run.displayThreshold)
        if moved:
            self.logic.status = f"{self.logic.status} {moved}"
        context.foldInputs()
        shown = (pair.uid for pair in context.study.pairs() if context.study.is_shown(pair))
        context.select(next(shown, None), jump=False)
        showPair(chosen, [context.liverSegmentation(side) for side in Side], onFitted=context.jumpToSelected)


def followThreshold(parameterNode: Any, displayThreshold: float | None) -> str:
    """Show what the model would show at first, unless the user has moved the slider since the last result. None, from a
    model that does not say, changes nothing. Returns a sentence on the slider, "" where it stays.
    """
    if displayThreshold is None:
        return ""
    before = parameterNode.displayThreshold
    if round(parameterNode.displayThreshold - parameterNode.lastDisplayThreshold, SCORE_DECIMALS) == 0:
        parameterNode.displayThreshold = round(float(displayThreshold), SCORE_DECIMALS)
    parameterNode.lastDisplayThreshold = now = parameterNode.displayThreshold
    if round(now - before, SCORE_DECIMALS) == 0:
        return ""
    return _("Score threshold {before:.2f} → {now:.2f}, the model's own.").format(before=before, now=now)
