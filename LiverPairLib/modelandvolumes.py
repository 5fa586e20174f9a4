"""The section of a panel in which the volumes and the model are chosen."""

from liverpair.core.sides import Side
from LiverPairLib import inputs, sampledata
from LiverPairLib.looks import frameStyle
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.modelpicker import ModelPicker
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.section import INPUTS, Section


class ModelAndVolumesSection(Section):
    """Chooses what looks right where nothing is chosen yet, and warns of what looks wrong.

    `segmentations` is what the parameter with the segmentation of a volume is called after its side.
    """

    part = INPUTS
    segmentations = "Liver"

    def __init__(self, context: PanelContext, logic: ModelLogic) -> None:
        super().__init__(context)
        self.logic = logic
        self._models = ModelPicker(self, logic)
        self.ui.warningFrame.styleSheet = frameStyle("warningFrame")
        self.ui.swapButton.connect("clicked(bool)", self.onSwap)
        self.ui.tryButton.connect("clicked(bool)", self.onTry)

    def enter(self) -> None:
        self._models.refresh()
        self.logic.guessInputs(self.context.parameterNode)

    def onChanged(self, what: str) -> None:
        if what == "volumes":
            self.logic.guessInputs(self.context.parameterNode)
        elif what == "models" and self.context.parameterNode is not None:
            self._models.refresh()
        elif what == "parameters" and self.context.parameterNode is not None:
            self.show()

    def onSwap(self) -> None:
        inputs.swap(self.context.parameterNode, ("Volume", self.segmentations))

    def onTry(self) -> None:
        """Load the sample pair; it is chosen as soon as it is there."""
        with self.context.attempt():
            sampledata.loadDemoPair()

    def show(self) -> None:
        """Show what is chosen, and what looks wrong about it."""
        self._models.show()
        self.ui.tryButton.visible = not any(map(self.context.volume, Side))
        self.showWarning()

    def showWarning(self) -> None:
        warning = self.warning()
        self.ui.warningLabel.text = warning or ""
        self.ui.warningFrame.visible = warning is not None

    def warning(self) -> str | None:
        """One sentence about what looks wrong about the volumes, or None."""
        chosen = self.context.parameterNode
        return inputs.warning(chosen) or inputs.displacedLiver(chosen, self.segmentations)
