"""The section "Details": where the results go, and how they are computed."""

from slicer.i18n import tr as _

from LiverMultimodalLib.choices import canMirror, segmentationsOf
from liverpair.mrml import provenance
from liverpair.mrml.segmentations import source_of
from LiverPairLib.inputs import volumesOf
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.section import DETAILS, Section


class DetailsSection(Section):
    """Keeps the result of one volume from being overwritten by that of the next one that the user chooses."""

    name = "Details"
    part = DETAILS

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._followed, self._volumes = None, {}

    def onChanged(self, what: str) -> None:
        if what == "parameters":
            self._releaseOutputs()
        if what == "parameters" and self.context.parameterNode is not None:
            self.show()

    def show(self) -> None:
        """Show whether the model can mirror."""
        self.ui.mirroredEnsembleCheckBox.enabled = canMirror(self.context.bundle)
        self.ui.mirroredEnsembleCheckBox.toolTip = (
            _("Run the model on mirrored copies too, and average the results")
            if canMirror(self.context.bundle)
            else _("Only for a model that was trained on mirrored images, which this one was not")
        )

    def _releaseOutputs(self) -> None:
        """Where another volume has been chosen, take out an output that LiverPair made for a different volume."""
        parameterNode, before = self.context.parameterNode, self._followed
        self._followed = parameterNode
        if parameterNode is None or parameterNode is not before:
            self._volumes = volumesOf(parameterNode) if parameterNode is not None else {}
            return
        for side, output in segmentationsOf(parameterNode).items():
            volume = volumesOf(parameterNode)[side]
            if volume is None or volume is self._volumes[side]:
                continue
            self._volumes[side] = volume
            if output is not None and provenance.read(output) and source_of(output) is not volume:
                setattr(parameterNode, f"{side}Segmentation", None)
