"""A small scripted module in the style of Slicer's template; knows nothing of the harness."""

import enum
from pathlib import Path
from typing import Annotated

import numpy as np
import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

LAYOUT_ID = 8471
LAYOUT = """
<layout type="vertical" split="true">
 <item splitSize="700"><layout type="horizontal" split="true">
  <item><view class="vtkMRMLSliceNode" singletontag="ExampleAxial">
   <property name="orientation" action="default">Axial</property>
   <property name="viewlabel" action="default">A</property>
   <property name="viewcolor" action="default">#E53935</property>
   <property name="viewgroup" action="default">7</property>
  </view></item>
  <item><view class="vtkMRMLSliceNode" singletontag="ExampleCoronal">
   <property name="orientation" action="default">Coronal</property>
   <property name="viewlabel" action="default">C</property>
   <property name="viewcolor" action="default">#43A047</property>
   <property name="viewgroup" action="default">7</property>
  </view></item>
 </layout></item>
 <item splitSize="300"><layout type="horizontal" split="true">
  <item><view class="vtkMRMLTableViewNode" singletontag="ExampleTable"/></item>
  <item><view class="vtkMRMLPlotViewNode" singletontag="ExamplePlot"/></item>
 </layout></item>
</layout>
"""


class HarnessExample(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Harness example")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Examples")]
        self.parent.helpText = _("Marks what is brighter than a fraction of the maximum.")
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Add a data set that is made on the spot, to the module Sample Data."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="Harness example", sampleName="HarnessExampleBlob", customDownloader=makeBlob
    )


def makeBlob(source=None):
    """A volume with a bright ellipsoid in the middle."""
    k, j, i = np.indices((24, 40, 48))
    inside = ((i - 24) / 15) ** 2 + ((j - 20) / 12) ** 2 + ((k - 12) / 7) ** 2 < 1
    volume = slicer.util.addVolumeFromArray(np.where(inside, 200.0, 20.0).astype("float32"), name="Blob")
    volume.SetSpacing(2.0, 2.0, 3.0)
    volume.CreateDefaultDisplayNodes()
    return volume


class Side(enum.Enum):
    """Which voxels to mark."""

    Brighter = 1
    Darker = 2


@parameterNodeWrapper
class HarnessExampleParameterNode:
    """What the panel shows."""

    inputVolume: vtkMRMLScalarVolumeNode
    maskVolume: vtkMRMLScalarVolumeNode | None
    fraction: Annotated[float, WithinRange(0, 1)] = 0.5
    repeats: Annotated[int, WithinRange(1, 9)] = 1
    showOutline: bool = True
    side: Side = Side.Brighter
    unit: Annotated[str, Choice(["mL", "voxels"])] = "mL"
    label: str = "bright"
    folder: Path = Path("results")


class HarnessExampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/HarnessExample.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = HarnessExampleLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.failButton.connect("clicked()", self.onFailButton)
        self.ui.removeButton.connect("clicked(bool)", self.onRemoveButton)
        self.shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+J"), self.parent)
        self.shortcut.connect("activated()", lambda: self.ui.log.append("shortcut"))
        self.process = qt.QProcess()
        self.process.connect("readyReadStandardOutput()", self.onProcessOutput)
        self.initializeParameterNode()
        self.showLayout()

    def cleanup(self):
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, inputParameterNode):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
        self._parameterNode = inputParameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._checkCanApply)
            self._checkCanApply()

    def _checkCanApply(self, caller=None, event=None):
        ready = bool(self._parameterNode and self._parameterNode.inputVolume)
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Mark the voxels") if ready else _("Select an input volume")

    def onApplyButton(self):
        node = self._parameterNode
        with slicer.util.tryWithErrorDisplay(_("Failed to compute results."), waitCursor=True):
            segmentation = self.logic.process(node.inputVolume, node.fraction, node.side, node.label)
            self.ui.segments.setSegmentationNode(segmentation)
            table = self.logic.measure(segmentation, node.label)
            self.ui.results.setMRMLTableNode(table)
            slicer.app.layoutManager().tableWidget(0).tableView().setMRMLTableNode(table)
            self.ui.progressBar.value = 100
            self.process.start("echo", ["done"])

    def onProcessOutput(self):
        self.ui.log.append(self.process.readAllStandardOutput().data().decode().strip())

    def onFailButton(self):
        raise ValueError("the button that fails")

    def onRemoveButton(self):
        if slicer.util.confirmYesNoDisplay(_("Remove the segmentation?")):
            slicer.mrmlScene.RemoveNode(self.ui.segments.segmentationNode())

    def showLayout(self):
        layoutNode = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
        if not layoutNode.IsLayoutDescription(LAYOUT_ID):
            layoutNode.AddLayoutDescription(LAYOUT_ID, LAYOUT)
        slicer.app.layoutManager().setLayout(LAYOUT_ID)


class HarnessExampleLogic(ScriptedLoadableModuleLogic):
    """What the panel computes."""

    def getParameterNode(self):
        return HarnessExampleParameterNode(super().getParameterNode())

    def process(self, volume, fraction, side, label) -> vtkMRMLSegmentationNode:
        """Mark the voxels at one side of a fraction of the maximum."""
        array = slicer.util.arrayFromVolume(volume)
        mask = array >= fraction * array.max()
        if side is Side.Darker:
            mask = ~mask
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} {label}")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        segment = segmentation.GetSegmentation().AddEmptySegment(label, label, (0.2, 0.9, 0.3))
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype("uint8"), segmentation, segment, volume)
        return segmentation

    def measure(self, segmentation, label):
        """A table with the number of voxels marked."""
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Measures")
        voxels = int((slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, label) > 0).sum())
        slicer.util.updateTableFromArray(table, [np.array([voxels], dtype=np.int32)], ["voxels"])
        return table


class HarnessExampleTest(ScriptedLoadableModuleTest):
    """The module's own test."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_process(self):
        logic = HarnessExampleLogic()
        segmentation = logic.process(makeBlob(), 0.5, Side.Brighter, "bright")
        self.assertGreater(logic.measure(segmentation, "bright").GetTable().GetValue(0, 0).ToInt(), 1000)
