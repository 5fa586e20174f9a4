"""The module LesionPairDetect: lesions of the liver as pairs of boxes in a T1- and a T2-weighted volume."""

import importlib.util
import sys
from pathlib import Path

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

SOURCE = Path(__file__).resolve().parents[1]
for name, folder in (("liverpair", SOURCE), ("LiverMultimodalLib", SOURCE / "LiverMultimodal")):
    if importlib.util.find_spec(name) is None:  # run from a source checkout
        sys.path.append(str(folder))

from LesionPairDetectLib.context import ReadingContext


class LesionPairDetect(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Lesion Pair Detect")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.contributors = ["LiverPair contributors"]
        self.parent.helpText = _(
            "Detects lesions of the liver in a T1- and a T2-weighted MR volume of one patient that are not registered, "
            "and says which box in T1 is which box in T2. Boxes can be reviewed, corrected, drawn and linked by hand. "
            "The computation runs beside Slicer, which stays usable. For research and teaching only."
        )
        self.parent.acknowledgementText = _("LiverPair follows the PhD thesis of V. Couteaux (2021).")


@parameterNodeWrapper
class LesionPairDetectParameterNode:
    """The user's choices, saved with the scene.

    A liver segmentation that is None is computed when lesions are detected. `device` is a key that
    `liverpair.device.choose_device` takes; `scoreThreshold` hides boxes with a lower score; `lesionTable` is the table
    of lesions, derived from the boxes.
    """

    t1Volume: vtkMRMLScalarVolumeNode
    t2Volume: vtkMRMLScalarVolumeNode
    t1Liver: vtkMRMLSegmentationNode
    t2Liver: vtkMRMLSegmentationNode
    lesionTable: vtkMRMLTableNode
    model: str = ""
    device: str = "auto"
    scoreThreshold: float = 0.5
    hideRejected: bool = False
    linkedCursor: bool = True


class LesionPairDetectWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Stacks the sections of the panel and tells them when the module or the scene comes and goes."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.context = None
        self.sections = []
