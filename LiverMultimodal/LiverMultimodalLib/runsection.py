"""The buttons that start and stop a segmentation, how far it is, and what came of it."""

from typing import Any

import slicer

from LiverMultimodalLib.choices import DETAILS, rememberOutputs
from LiverMultimodalLib.segmentationrun import SegmentationRun
from liverpair.core.notifying import notify
from liverpair.mrml import maps
from LiverPairLib import inputs, sourcedisplay
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.runpanel import RunPanel
from LiverPairLib.section import Section


class RunSection(Section):
    """Turns clicks into runs of the logic, and shows their results."""

    name = "Run"

    def __init__(self, context: PanelContext, logic: ModelLogic) -> None:
        super().__init__(context)
        self.logic = logic
        self._runPanel = RunPanel(self, logic, lambda chosen: inputs.statusChoices(chosen, *DETAILS), self.apply)
        self.show()

    def cleanup(self) -> None:
        self._runPanel.stop()
        super().cleanup()

    def onChanged(self, what: str) -> None:
        if what == "parameters":
            self.show()

    def show(self) -> None:
        self._runPanel.show()

    def apply(self) -> None:
        parameterNode = self.context.parameterNode
        self.logic.apply(parameterNode, lambda run: self.onRunChanged(run, parameterNode))

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
