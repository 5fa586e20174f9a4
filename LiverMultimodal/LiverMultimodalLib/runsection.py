"""The part "Run": segmentations are started and stopped, and their results shown."""

from typing import Any

import slicer
from slicer.i18n import tr as _

from LiverMultimodalLib.choices import DETAILS, rememberOutputs
from LiverMultimodalLib.segmentationrun import SegmentationRun
from liverpair.core.notifying import notify
from liverpair.mrml import maps
from LiverPairLib import inputs, runsection, sourcedisplay


class RunSection(runsection.RunSection):
    """Turns clicks into runs of the logic, and shows their results."""

    applyTip = _("Segment the liver in the chosen volumes")
    cancelTip = _("Stop the segmentation; the scene stays as it is")

    def apply(self, accepted: list[str]) -> None:
        parameterNode = self.context.parameterNode
        self.logic.apply(parameterNode, lambda run: self.onRunChanged(run, parameterNode), accepted)

    def choices(self) -> tuple[list | None, list | None]:
        return inputs.statusChoices(self.context.parameterNode, *DETAILS)

    def onRunChanged(self, run: SegmentationRun, parameterNode: Any) -> None:
        """Show how a run goes that was started with these choices; the user may be in another module meanwhile."""
        if run.nodes is not None:
            steps = (rememberOutputs, lambda chosen, run: sourcedisplay.showResult(run), showMaps)
            notify(steps, parameterNode, run, report=self.logic.fail)
        self.show()


def showMaps(parameterNode: Any, run: SegmentationRun) -> None:
    """Lay a map that was made over the images: of the kind that the user looked at last, where there is one."""
    made = [kind for side, kind in run.nodes.maps]
    if made:
        with slicer.util.NodeModify(parameterNode):
            parameterNode.shownMap = parameterNode.shownMap if parameterNode.shownMap in made else made[0]
        maps.show_maps(run.nodes.segmentations.values(), parameterNode.shownMap)
