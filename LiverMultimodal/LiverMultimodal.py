"""The module LiverMultimodal: segment the liver in a T1- and a T2-weighted volume that are not registered."""

import importlib.util
import logging
import sys
import time
from pathlib import Path

import qt
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

if importlib.util.find_spec("liverpair") is None:  # run from a source checkout: the library is one folder up
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from LiverMultimodalLib import display, inputs, sampledata, selftest
from LiverMultimodalLib.controls import KeyComboBox, clockText
from LiverMultimodalLib.installer import Installer
from LiverMultimodalLib.models import ModelDialogs
from LiverMultimodalLib.run import SegmentationRun
from LiverMultimodalLib.session import sessionWorker
from LiverMultimodalLib.workerrun import FAILED
from liverpair.bundle import Catalogue
from liverpair.errors import InputError, LiverPairError, WorkerError
from liverpair.mrml import volumes
from liverpair.worker.failures import failure_of

ELAPSED_MS = 500
PROBLEM_STYLE = "color: #d9480f;"
STATUS_MS = 10_000
WAIT_S = 0.01


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


@parameterNodeWrapper
class LiverMultimodalParameterNode:
    """The user's choices, saved with the scene.

    A volume that is None is left out; a segmentation that is None is made anew. `device` is a key that
    `liverpair.device.choose_device` takes; `measures` is the table of the last run.
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

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LiverMultimodal.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)

        self.logic = LiverMultimodalLogic()
        self._models = ModelDialogs(self.logic.catalogue)
        self._modelBox = KeyComboBox(self.ui.modelComboBox, self.onModelChosen)
        self._deviceBox = KeyComboBox(self.ui.deviceComboBox, self.onDeviceChosen)
        self._deviceBox.setEntries({"auto": _("Automatic"), "cpu": _("CPU"), "gpu": _("GPU")})
        self._timer = qt.QTimer()
        self._timer.setInterval(ELAPSED_MS)
        self._timer.connect("timeout()", self.showRun)

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.cancelButton.connect("clicked(bool)", self.onCancel)
        self.ui.swapButton.connect("clicked(bool)", self.onSwap)
        self.ui.importFolderButton.connect("clicked(bool)", self.onImportFolder)
        self.ui.importZipButton.connect("clicked(bool)", self.onImportZip)
        self.ui.deleteModelButton.connect("clicked(bool)", self.onDeleteModel)
        self.ui.modelCardButton.connect("clicked(bool)", self.onShowCard)
        self.initializeParameterNode()
        self.showRun()

    def cleanup(self):
        """Called before the application closes and before a reload."""
        self.logic.abandon()
        self._timer.stop()
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
        self.refreshModels()
        self.logic.guessInputs(self._parameterNode)

    def setParameterNode(self, parameterNode):
        """Bind the widgets to another parameter node, or to none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._outputGuard.watch(parameterNode)
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None):
        """Show the choices, what looks wrong about them, and whether they can be run."""
        self._outputGuard.release(self._parameterNode)
        self._modelBox.setCurrent(self._parameterNode.model)
        self._deviceBox.setCurrent(self._parameterNode.device)
        bundle = self.logic.bundles.get(self._parameterNode.model)
        self.ui.modelCardButton.enabled = bundle is not None
        isOwn = bundle is not None and not self.logic.catalogue.is_shipped(bundle)
        self.ui.deleteModelButton.enabled = isOwn
        self.ui.deleteModelButton.toolTip = (
            _("Delete this model from the computer") if isOwn else _("Only imported models can be deleted")
        )
        warning = inputs.warning(self._parameterNode)
        self.ui.warningLabel.text = warning or ""
        self.ui.warningFrame.visible = warning is not None
        self.showRun()

    def showRun(self):
        """Show how far the run is, or how it ended, and which buttons make sense."""
        current = self.logic.run
        isRunning = current is not None and current.ending is None
        self.ui.progressFrame.visible = isRunning
        self.ui.cancelButton.enabled = isRunning and not current.isCancelling
        if isRunning:
            self._timer.start()
            self.ui.progressBar.value = round(100 * current.fraction)
            self.ui.progressLabel.text = current.message
            self.ui.elapsedLabel.text = clockText(current.seconds)
            reason = _("A segmentation is running.")
        else:
            self._timer.stop()
            reason = self.logic.reasonNotToRun(self._parameterNode)
        self.ui.applyButton.enabled = reason is None
        self.ui.applyButton.toolTip = reason or _("Segment the liver in the chosen volumes")
        self.ui.reasonLabel.text = reason or ""
        self.ui.reasonLabel.visible = bool(reason) and not isRunning
        self.ui.statusLabel.text = self.logic.status
        self.ui.statusLabel.styleSheet = PROBLEM_STYLE if self.logic.isStatusProblem else ""
        self.ui.statusLabel.visible = bool(self.logic.status)

    def refreshModels(self, chosen=None):
        """List the installed models; choose `chosen`, or the first one when nothing is chosen."""
        self.logic.refreshModels()
        names = {name: f"{name} {bundle.version}" for name, bundle in self.logic.bundles.items()}
        self._modelBox.setEntries(names, missing=_("{key} (not installed)"), none=_("No model is installed"))
        self.ui.modelProblemLabel.text = "\n".join(self.logic.modelProblems)
        self.ui.modelProblemLabel.visible = bool(self.logic.modelProblems)
        if chosen or not self._parameterNode.model:
            self.onModelChosen(chosen or next(iter(names), ""))
        self.onParametersChanged()

    def onModelChosen(self, name):
        self.logic.chooseModel(self._parameterNode, name)

    def onDeviceChosen(self, key):
        self._parameterNode.device = key

    def onSwap(self):
        inputs.swap(self._parameterNode)

    def onImportFolder(self):
        self._onImported(self._models.importFolder())

    def onImportZip(self):
        self._onImported(self._models.importZip())

    def _onImported(self, name):
        if name is not None:
            self.refreshModels(chosen=name)

    def onDeleteModel(self):
        if self._models.delete(self._parameterNode.model):
            self._parameterNode.model = ""
            self.refreshModels()

    def onShowCard(self):
        self._models.showCard(self.logic.bundles[self._parameterNode.model])

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("The segmentation could not be started."), waitCursor=True):
            self.logic.apply(self._parameterNode, self.showRun)
        self.showRun()

    def onCancel(self):
        self.logic.run.cancel()


class LiverMultimodalLogic(ScriptedLoadableModuleLogic):
    """Runs segmentations in the worker of the session. `segment` does it for scripts, without the widget.

    `bundles` are the installed models by name, `run` is the current or last `SegmentationRun`, `status` the sentence
    that the user should read about it, and `isStatusProblem` whether it says that something went wrong.
    """

    def __init__(self, worker=None, installer=None, catalogue=None):
        ScriptedLoadableModuleLogic.__init__(self)
        self.worker = worker or sessionWorker()
        self.installer = installer or Installer(Path(__file__).parent / "Resources" / "requirements.txt")
        self.catalogue = catalogue or Catalogue()
        self.bundles, self.modelProblems = {}, []
        self.run = None
        self.status, self.isStatusProblem = "", False
        self._checks = inputs.VolumeChecks()
        self._seenVolumes = set()

    def getParameterNode(self):
        return LiverMultimodalParameterNode(super().getParameterNode())

    def refreshModels(self):
        """Read the catalogue anew; damaged models become `modelProblems`."""
        self.bundles = {bundle.name: bundle for bundle in self.catalogue.list() if bundle.task == "segmentation"}
        self.modelProblems = list(self.catalogue.problems().values())

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
        self._checks.forget()
        self._seenVolumes.clear()

    def reasonNotToRun(self, parameterNode):
        """One sentence about why these choices cannot be run, or None."""
        return inputs.reasonNotToRun(parameterNode, self.bundles, self._checks)

    def apply(self, parameterNode, onChanged):
        """Start a run with the user's choices; a failure becomes `status`.

        `onChanged` is called, without argument, whenever there is something new to show.
        """
        self.status, self.isStatusProblem = "", False
        try:
            self.requireRunnable(parameterNode)
            self.installer.ensure()
            self.requireRunnable(parameterNode)  # while packages were installed, anything may have happened
            self.startRun(
                self.bundles[parameterNode.model],
                inputs.volumesOf(parameterNode),
                inputs.segmentationsOf(parameterNode),
                parameterNode.measures,
                inputs.options(parameterNode),
                lambda current: self._onRunChanged(current, parameterNode, onChanged),
            )
        except Exception as error:
            logging.info("The segmentation was not started", exc_info=error)
            self.status, self.isStatusProblem = str(failure_of(error)), True

    def requireRunnable(self, parameterNode):
        """Raise InputError when these choices cannot be run."""
        reason = self.reasonNotToRun(parameterNode)
        if reason is not None:
            raise InputError(reason)

    def startRun(self, bundle, volumeNodes, segmentationNodes, tableNode, options, onChanged):
        """Start a `SegmentationRun` and return it; raises LiverPairError when that is not possible."""
        if self.run is not None and self.run.ending is None:
            raise WorkerError(_("A segmentation is running."), _("Wait for it, or cancel it."))
        given = {side: node for side, node in volumeNodes.items() if node is not None}
        started = SegmentationRun(self.worker, bundle, given, segmentationNodes, tableNode, options, onChanged)
        started.start()
        self.run = started
        return started

    def abandon(self):
        """Cancel what runs, without another word to whoever started it."""
        if self.run is not None:
            self.run.abandon()

    def segment(self, t1Volume=None, t2Volume=None, model=None, t1Segmentation=None, t2Segmentation=None, **options):
        """Segment and wait for it; for scripts. Slicer stays usable meanwhile.

        `model` is a name, the first installed one when None; `options` are those of the worker's job "segment"
        (`device`, `probability`, `uncertainty`, `largest_component`, `mirror`). Returns the `ResultNodes`; raises
        LiverPairError with the reason when there are none.
        """
        if not self.bundles:
            self.refreshModels()
        bundle = self.catalogue.find(model or next(iter(self.bundles), ""))
        volumeNodes = {"t1": t1Volume, "t2": t2Volume}
        segmentationNodes = {"t1": t1Segmentation, "t2": t2Segmentation}
        started = self.startRun(bundle, volumeNodes, segmentationNodes, None, options, lambda current: None)
        while started.ending is None:
            slicer.app.processEvents()
            time.sleep(WAIT_S)
        if started.nodes is None:
            raise LiverPairError(started.sentence)
        return started.nodes

    def _onRunChanged(self, current, parameterNode, onChanged):
        if current.ending is not None:
            self.status, self.isStatusProblem = current.sentence, current.ending == FAILED
            slicer.util.showStatusMessage(current.sentence, STATUS_MS)
        if current.nodes is not None:
            inputs.rememberOutputs(parameterNode, current)
            display.showResult(current)
        onChanged()


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
