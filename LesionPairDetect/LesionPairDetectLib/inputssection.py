"""The section "Inputs": the volumes, their livers and the model, and the button that starts the detector."""

from typing import Any

import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import DetectionRun
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.mrml import segmentations
from liverpair.mrml.lesions import lesion_folders
from LiverPairLib import inputs
from LiverPairLib.inputs import VolumeChecks
from LiverPairLib.modelandvolumes import ModelAndVolumesSection
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.runpanel import RunPanel
from LiverPairLib.sourcedisplay import showPair
from LiverPairLib.workerrun import DONE

SCORE_DECIMALS = 2
"""Of the slider of scores."""


class InputsSection(ModelAndVolumesSection):
    """Turns choices and clicks into runs of the logic."""

    name = "Inputs"

    def __init__(self, context: ReadingContext, logic: ModelLogic) -> None:
        super().__init__(context, logic)
        self._runPanel = RunPanel(
            self,
            logic,
            lambda chosen: inputs.statusChoices(chosen, "t1Liver", "t2Liver", "model", "device"),
            lambda: logic.apply(context.parameterNode, self.onRunChanged),
        )
        self._runPanel.show()

    def cleanup(self) -> None:
        self._runPanel.stop()
        super().cleanup()

    def onChanged(self, what: str) -> None:
        super().onChanged(what)
        if self.context.parameterNode is None:
            return
        if what == "history":  # what was said about a run is old when somebody has changed its lesions
            self.logic.clearStatus()
        if what == "study":
            self.logic.livers.follow(self.context.parameterNode)
        if what in ("study", "history"):
            self.show()
        elif what == "boxes":
            self.showWarning()

    def show(self) -> None:
        super().show()
        self._runPanel.show()

    def warning(self) -> str | None:
        return super().warning() or displacedBoxes(self.context.parameterNode)

    def onRunChanged(self, run: DetectionRun) -> None:
        if run.ending == DONE:
            with self.context.attempt():
                self._showResult(run)
        self._runPanel.show()

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
            followThreshold(context.parameterNode, run.displayThreshold)
        self.ui.inputsButton.collapsed = True  # what came of them is to be read now
        shown = (pair.uid for pair in context.study.pairs() if context.study.is_shown(pair))
        context.select(next(shown, None), jump=False)
        showPair(chosen, [context.liverSegmentation(side) for side in Side], onFitted=context.jumpToSelected)


def followThreshold(parameterNode: Any, displayThreshold: float | None) -> None:
    """Show what the model would show at first, unless the user has moved the slider since the last result. None, from a
    model that does not say, changes nothing.
    """
    if displayThreshold is None:
        return
    if round(parameterNode.displayThreshold - parameterNode.lastDisplayThreshold, SCORE_DECIMALS) == 0:
        parameterNode.displayThreshold = round(float(displayThreshold), SCORE_DECIMALS)
    parameterNode.lastDisplayThreshold = parameterNode.displayThreshold


def reasonNotToDetect(parameterNode: Any, bundles: dict[str, Bundle], checks: VolumeChecks) -> str | None:
    """One sentence about why lesions cannot be detected with these choices, or None. `bundles` are the installed models
    by name, `checks` a `VolumeChecks`.
    """
    given = inputs.givenVolumes(parameterNode)
    if not given:
        return _("Choose a T1 and a T2 volume.")
    missing = [side.title for side in Side if side not in given]
    if missing:
        return _("{side} is not selected: a lesion is looked for in both volumes.").format(side=missing[0])
    defect = inputs.volumeDefect(parameterNode, given, checks)
    if defect:
        return defect
    livers = [getattr(parameterNode, f"{side}Liver") for side in Side]
    if livers[0] is not None and livers[0] is livers[1]:
        return _("T1 and T2 need different liver segmentations.")
    for side, liver in zip(Side, livers):
        if liver is not None and not segmentations.has_segment(liver):
            return _("The liver segmentation of {side} has no segment called Liver.").format(side=side.title)
    return inputs.displacedLiver(parameterNode) or inputs.modelDefect(parameterNode.model, bundles, given)


def displacedBoxes(parameterNode: Any) -> str | None:
    """One sentence about boxes that do not lie where their volume does, or None."""
    for side, volume in inputs.volumesOf(parameterNode).items():
        boxes = lesion_folders.boxes_on(volume) if volume is not None else []
        count = sum(box.GetTransformNodeID() != volume.GetTransformNodeID() for box in boxes)
        if count:
            return _(
                "{side} and its boxes lie under different transforms ({count} of {all}), so that the boxes are not "
                "where the lesions are. Put all of them under the same one in the module Transforms."
            ).format(side=side.title, count=count, all=len(boxes))
    return None
