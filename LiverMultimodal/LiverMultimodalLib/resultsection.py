"""The section "Result": livers to be corrected by hand or saved as DICOM, and maps that lie over the images."""

import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from LiverMultimodalLib.choices import segmentationsOf
from liverpair.core.sides import Side
from liverpair.mrml import maps, segmentations
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.dicomsaver import Content, DicomSaver
from LiverPairLib.inputs import volumesOf
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.section import Section

NO_MAP = ""
MAPS = {NO_MAP: _("None"), "probability": _("Probability"), "uncertainty": _("Uncertainty")}
"""What can lie over the images, and how it is called."""
SEGMENT_EDITOR = "SegmentEditor"


class ResultSection(Section):
    """Opens the Segment Editor on a liver, and lays a map that there is over the images."""

    name = "Result"

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._mapBox = KeyComboBox(self.ui.shownMapComboBox, self.onMapChosen)
        self._editButtons = dict(zip(Side, (self.ui.t1EditButton, self.ui.t2EditButton)))
        for side, button in self._editButtons.items():
            button.connect("clicked(bool)", lambda checked, side=side: self.onEdit(side))
        self._saver = DicomSaver(self.ui.saveDicomButton, context, self._dicomContent)

    def cleanup(self) -> None:
        super().cleanup()
        self._saver.stop()

    def onChanged(self, what: str) -> None:
        if what == "parameters" and self.context.parameterNode is not None:
            self.show()

    def onMapChosen(self, kind: str) -> None:
        self.context.parameterNode.shownMap = kind
        maps.show_maps(filter(None, segmentationsOf(self.context.parameterNode).values()), kind)

    def onEdit(self, side: Side) -> None:
        """Correct a liver by hand, in the views as they are."""
        with self.context.attempt():
            edit(segmentationsOf(self.context.parameterNode)[side], self.context.volume(side))

    def show(self) -> None:
        """Show which livers can be edited, which maps there are, and which lies over the images."""
        parameterNode = self.context.parameterNode
        outputs = segmentationsOf(parameterNode)
        for side, button in self._editButtons.items():
            hasLiver = outputs[side] is not None and segmentations.has_segment(outputs[side])
            button.enabled = hasLiver
            button.toolTip = (
                _("Correct the liver in {side} with the Segment Editor; come back by choosing this module again")
                if hasLiver
                else _("There is no liver in {side} yet")
            ).format(side=side.title)
        kinds = {NO_MAP, *(kind for node in filter(None, outputs.values()) for kind in maps.maps_of(node))}
        self._mapBox.setEntries({kind: text for kind, text in MAPS.items() if kind in kinds})
        self._mapBox.setCurrent(parameterNode.shownMap if parameterNode.shownMap in kinds else NO_MAP)
        self.ui.shownMapComboBox.enabled = len(kinds) > 1
        self._saver.show()

    def _dicomContent(self) -> Content:
        chosen = self.context.parameterNode
        return Content(volumesOf(chosen), segmentationsOf(chosen)) if chosen is not None else Content({}, {})


def edit(segmentationNode: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode | None) -> None:
    """Open the Segment Editor on the segment Liver, over the volume that it was made of, else over `volumeNode`."""
    slicer.util.selectModule(SEGMENT_EDITOR)
    editor = slicer.util.getModuleWidget(SEGMENT_EDITOR).editor
    editor.setSegmentationNode(segmentationNode)
    editor.setSourceVolumeNode(segmentations.source_of(segmentationNode) or volumeNode)
    editor.setCurrentSegmentID(segmentations.id_of_segment(segmentationNode))
