"""The module LiverMultimodal: segment the liver in a T1- and a T2-weighted volume that are not registered."""

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
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if importlib.util.find_spec("LiverPairLib") is None:  # run from a source checkout: the libraries are one folder up
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from LiverMultimodalLib.mappicker import MapPicker
from LiverMultimodalLib.segmentationrun import SegmentationRun
from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.core.notifying import notify
from liverpair.mrml import maps, volumes
from LiverPairLib import inputs, sampledata, selftest
from LiverPairLib import sourcedisplay as display
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.modelpicker import ModelPicker
from LiverPairLib.runpanel import RunPanel
from LiverPairLib.scenechoices import SceneChoices

RUN_PARAMETERS = (
    "t1Segmentation",
    "t2Segmentation",
    "model",
    "device",
    "probabilityMap",
    "uncertaintyMap",
    "largestComponent",
    "mirroredEnsemble",
)
"""What a run depends on beside its volumes."""


class LiverMultimodal(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Liver Multimodal")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.contributors = ["LiverPair contributors"]
        self.parent.helpText = _(
            "Segments the liver in a T1- and a T2-weighted MR volume of one patient. The two need not be registered: "
            "each gets its own segmentation on its own grid. The computation runs beside Slicer, which stays usable. "
            "For research and teaching only."
        )
        self.parent.acknowledgementText = _("LiverPair follows the PhD thesis of V. Couteaux (2021).")
        slicer.app.connect("startupCompleted()", sampledata.registerSampleData)
        slicer.app.connect("startupCompleted()", display.start)


@parameterNodeWrapper
class LiverMultimodalParameterNode:
    """The user's choices, saved with the scene.

    A volume that is None is left out; a segmentation that is None is made anew. `device` is a key that
    `core.device.choose_device` takes; `measures` is the table of the last run; `shownMap` is the kind of map that
    lies over the images.
    """

    t1Volume: vtkMRMLScalarVolumeNode
    t2Volume: vtkMRMLScalarVolumeNode
    t1Segmentation: vtkMRMLSegmentationNode
    t2Segmentation: vtkMRMLSegmentationNode
    measures: vtkMRMLTableNode
    model: str = ""
    device: str = "auto"
    probabilityMap: bool = False
    uncertaintyMap: bool = False
    shownMap: str = ""
    largestComponent: bool = True
    mirroredEnsemble: bool = False


class LiverMultimodalWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Turns clicks into calls of the logic, and what changed into what is shown."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._outputGuard = inputs.OutputGuard()
        self._sceneChoices = SceneChoices(self.onVolumes, self.onParametersChanged)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LiverMultimodal.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.logic = LiverMultimodalLogic()
        self._models = ModelPicker(
            self.ui, self.logic, lambda: self._parameterNode, self.onModelChosen, self.onParametersChanged
        )
        self._mapPicker = MapPicker(self.ui, lambda: self._parameterNode)
        self._runPanel = RunPanel(
            self.ui,
            self.logic,
            lambda: self.logic.reasonNotToRun(self._parameterNode),
            _("A segmentation is running."),
            _("Segment the liver in the chosen volumes"),
            lambda: inputs.statusChoices(self._parameterNode, *RUN_PARAMETERS),
        )
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.swapButton.connect("clicked(bool)", self.onSwap)
        self.initializeParameterNode()

    def cleanup(self):
        """Called before the application closes and before a reload."""
        self.logic.abandon()
        self._runPanel.stop()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller=None, event=None):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller=None, event=None):
        self.logic.forgetScene()
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Observe the scene's parameter node; choose volumes and a model where nothing is chosen yet."""
        self.setParameterNode(self.logic.getParameterNode())
        self._models.refresh()
        self.logic.guessInputs(self._parameterNode)
        self._runPanel.show()

    def setParameterNode(self, parameterNode):
        """Bind the widgets to another parameter node, or to none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        self._sceneChoices.follow(parameterNode)
        if parameterNode is not None:
            self._outputGuard.watch(parameterNode)
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None):
        """Show the choices, what looks wrong about them, and whether they can be run."""
        self._outputGuard.release(self._parameterNode)
        self._models.show()
        warning = inputs.warning(self._parameterNode) or inputs.displacedLiver(self._parameterNode, "Segmentation")
        self.ui.warningLabel.text = warning or ""
        self.ui.warningFrame.visible = warning is not None
        self._showMirroring()
        self._mapPicker.show()
        self._runPanel.show()

    def _showMirroring(self):
        canMirror = inputs.canMirror(self.logic.bundles.get(self._parameterNode.model))
        self.ui.mirroredEnsembleCheckBox.enabled = canMirror
        self.ui.mirroredEnsembleCheckBox.toolTip = (
            _("Run the model on mirrored copies too, and average the results")
            if canMirror
            else _("Only for a model that was trained on mirrored images, which this one was not")
        )

    def onVolumes(self):
        """Volumes came into the scene, or went."""
        self.logic.guessInputs(self._parameterNode)

    def onModelChosen(self, name):
        self.logic.chooseModel(self._parameterNode, name)

    def onSwap(self):
        inputs.swap(self._parameterNode)

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("The segmentation could not be started."), waitCursor=True):
            self.logic.apply(self._parameterNode, self._runPanel.show)
        self._runPanel.show()


class LiverMultimodalLogic(ModelLogic):
    """Runs segmentations in the worker of the session. `segment` does it for scripts, without the widget."""

    tasks = ("segmentation",)
    preferred = DEFAULT_LIVER_MODEL

    def __init__(self, worker=None, installer=None, catalogue=None):
        ModelLogic.__init__(self, worker, installer, catalogue)
        self._checks = inputs.VolumeChecks()
        self._seenVolumes = set()

    def getParameterNode(self):
        return LiverMultimodalParameterNode(super().getParameterNode())

    def chooseModel(self, parameterNode, name):
        """Choose a model, with the clean-up that it was validated with."""
        with slicer.util.NodeModify(parameterNode):
            parameterNode.model = name
            if name in self.bundles:
                parameterNode.largestComponent = bool(self.bundles[name].postprocessing.get("largest_component", False))

    def guessInputs(self, parameterNode):
        """Choose volumes that look T1- and T2-weighted where nothing is chosen yet."""
        inputs.guess(parameterNode, self._seenVolumes)

    def forgetScene(self):
        """Drop what is remembered about the nodes of a scene that was closed."""
        super().forgetScene()
        self._checks.forget()
        self._seenVolumes.clear()

    def reasonNotToRun(self, parameterNode):
        return inputs.reasonNotToRun(parameterNode, self.bundles, self._checks)

    def apply(self, parameterNode, onChanged):
        """Start a run with the user's choices; a failure becomes `status`.

        `onChanged` is called, without argument, whenever there is something new to show.
        """

        def start():
            self.startRun(
                self.bundles[parameterNode.model],
                inputs.volumesOf(parameterNode),
                inputs.segmentationsOf(parameterNode),
                parameterNode.measures,
                inputs.options(parameterNode, self.bundles[parameterNode.model]),
                lambda current: self._onRunChanged(current, parameterNode, onChanged),
            )

        self.attempt(parameterNode, start)

    def startRun(self, bundle, volumeNodes, segmentationNodes, tableNode, options, onChanged):
        """Start a `SegmentationRun` and return it; raises LiverPairError when that is not possible."""
        given = {side: node for side, node in volumeNodes.items() if node is not None}
        return self.begin(SegmentationRun(self.worker, bundle, given, segmentationNodes, tableNode, options, onChanged))

    def segment(self, t1Volume=None, t2Volume=None, model=None, t1Segmentation=None, t2Segmentation=None, **options):
        """Segment and wait for it; for scripts. Slicer stays usable meanwhile.

        `model` is a name, the first installed one when None; `options` are those of the worker's job "segment"
        (`device`, `probability`, `uncertainty`, `largest_component`, `mirror`). Returns the `ResultNodes`; raises
        LiverPairError with the reason when there are none.
        """
        volumeNodes = {"t1": t1Volume, "t2": t2Volume}
        segmentationNodes = {"t1": t1Segmentation, "t2": t2Segmentation}
        started = self.startRun(
            self.findModel(model), volumeNodes, segmentationNodes, None, options, lambda current: None
        )
        self.finish(started)
        return started.nodes

    def _onRunChanged(self, current, parameterNode, onChanged):
        self.follow(current)
        if current.nodes is not None:
            steps = [
                lambda: inputs.rememberOutputs(parameterNode, current),
                lambda: display.showResult(current),
                lambda: self._showMaps(current, parameterNode),
            ]
            notify(steps, report=self.fail)
        onChanged()

    def _showMaps(self, current, parameterNode):
        """Lay a map that was made over the images: of the kind that the user looked at last, where there is one."""
        made = [kind for side, kind in current.nodes.maps]
        if made:
            with slicer.util.NodeModify(parameterNode):
                parameterNode.shownMap = parameterNode.shownMap if parameterNode.shownMap in made else made[0]
            maps.show_maps(current.nodes.segmentations.values(), parameterNode.shownMap)


class LiverMultimodalTest(ScriptedLoadableModuleTest):
    """The demo pair through the module: with the true worker where PyTorch and a model are, else with a stand-in."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_demoPairIsSegmented()

    def test_demoPairIsSegmented(self):
        self.delayDisplay("Making the demo pair")
        t1, t2 = sampledata.loadDemoPair()
        self.assertEqual([t1, t2], list(volumes.guess_pair()))
        logic = LiverMultimodalLogic()
        logic.refreshModels()
        if not (logic.bundles and logic.installer.hasTorch()):
            logic = LiverMultimodalLogic(selftest.BodyWorker(), catalogue=selftest.OneModelCatalogue())
        self.delayDisplay("Segmenting it")
        nodes = logic.segment(t1, t2)
        for side, volume in (("t1", t1), ("t2", t2)):
            segmentation = nodes.segmentations[side]
            segment = segmentation.GetSegmentation().GetNthSegment(0)
            self.assertEqual(segment.GetName(), "Liver")
            self.assertIn(selftest.LIVER_CODE, segment.GetTerminology())
            self.assertGreater(selftest.liverVolumeMl(segmentation, volume), selftest.SMALLEST_LIVER_ML)
        self.assertGreater(nodes.table.GetNumberOfRows(), 1)
        self.delayDisplay("Test passed")
