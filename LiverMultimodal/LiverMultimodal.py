"""The module LiverMultimodal: segment the liver in a T1- and a T2-weighted volume that are not registered."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

if importlib.util.find_spec("LiverPairLib") is None:  # run from a source checkout: the libraries are one folder up
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from LiverMultimodalLib import choices
from LiverMultimodalLib.detailssection import DetailsSection
from LiverMultimodalLib.inputssection import InputsSection
from LiverMultimodalLib.resultsection import ResultSection
from LiverMultimodalLib.runsection import RunSection
from LiverMultimodalLib.segmentationrun import SegmentationRun
from liverpair.bundle.catalogue import DEFAULT_LIVER_MODEL
from liverpair.core.geometry import volume_ml
from liverpair.core.sides import Side
from liverpair.mrml import segmentations, volumes
from LiverPairLib import inputs, sampledata, sourcedisplay, standins
from LiverPairLib.documentation import documentation
from LiverPairLib.finetunesection import FineTuneSection
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.provenancesection import ProvenanceSection
from LiverPairLib.resultnodes import ResultNodes
from LiverPairLib.sectionedwidget import SectionedWidget

SMALLEST_LIVER_ML = 500
"""Of the demo pair, as the module's own test takes it."""


class LiverMultimodal(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Liver Multimodal")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations"]
        self.parent.contributors = ["LiverPair contributors"]
        self.parent.helpText = _(
            "Segments the liver in a T1- and a T2-weighted MR volume of one patient. The two need not be registered: "
            "each gets its own segmentation on its own grid. The computation runs beside Slicer, which stays usable. "
            "For research and teaching only."
        ) + documentation("livermultimodal")
        self.parent.acknowledgementText = _("LiverPair follows the PhD thesis of V. Couteaux (2021).")
        slicer.app.connect("startupCompleted()", sampledata.registerSampleData)
        slicer.app.connect("startupCompleted()", sourcedisplay.start)


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


class LiverMultimodalWidget(SectionedWidget):
    """The panel; each of its sections is a file of `LiverMultimodalLib`."""

    def setup(self) -> None:
        super().setup()
        self.logic = LiverMultimodalLogic()
        self.context = PanelContext(self.logic.worker, self.say, lambda: self.logic.bundles)
        runSection = RunSection(self.context, self.logic)
        self.addSections(
            [
                InputsSection(self.context, self.logic),
                runSection,
                ResultSection(self.context),
                DetailsSection(self.context),
                FineTuneSection(self.context, self.logic, runSection.show),
                ProvenanceSection(self.context, lambda: choices.provenances(self.context.parameterNode)),
            ]
        )


class LiverMultimodalLogic(ModelLogic):
    """Runs segmentations in the worker of the session. `segment` does it for scripts, without the widget."""

    tasks = ("segmentation",)
    title = SegmentationRun.title
    preferred = DEFAULT_LIVER_MODEL

    def getParameterNode(self) -> LiverMultimodalParameterNode:
        return LiverMultimodalParameterNode(super().getParameterNode())

    def chooseModel(self, parameterNode: LiverMultimodalParameterNode, name: str) -> None:
        """Choose a model, with the clean-up that it was validated with."""
        with slicer.util.NodeModify(parameterNode):
            parameterNode.model = name
            if name in self.bundles:
                parameterNode.largestComponent = self.bundles[name].postprocessing.largest_component

    def reasonNotToRun(self, parameterNode: LiverMultimodalParameterNode | None) -> str | None:
        return choices.reasonNotToSegment(parameterNode, self.bundles, self.checks)

    def doubts(self, parameterNode: LiverMultimodalParameterNode) -> list[str]:
        return inputs.doubts(inputs.volumesOf(parameterNode))

    def runOf(self, parameterNode: LiverMultimodalParameterNode) -> SegmentationRun:
        bundle = self.bundles[parameterNode.model]
        volumeNodes, segmentationNodes = inputs.volumesOf(parameterNode), choices.segmentationsOf(parameterNode)
        options = choices.options(parameterNode, bundle)
        return SegmentationRun(self.worker, bundle, volumeNodes, segmentationNodes, parameterNode.measures, options)

    def segment(
        self,
        t1Volume: vtkMRMLScalarVolumeNode | None = None,
        t2Volume: vtkMRMLScalarVolumeNode | None = None,
        model: str | None = None,
        t1Segmentation: vtkMRMLSegmentationNode | None = None,
        t2Segmentation: vtkMRMLSegmentationNode | None = None,
        **options: Any,
    ) -> ResultNodes:
        """Segment and wait for it; for scripts. Slicer stays usable meanwhile.

        `model` is a name, the first installed one when None; `options` are those of the worker's job "segment"
        (`device`, `probability`, `uncertainty`, `largest_component`, `mirror`). Returns the `ResultNodes`; raises
        LiverPairError with the reason when there are none.
        """
        volumeNodes = dict(zip(Side, (t1Volume, t2Volume)))
        segmentationNodes = dict(zip(Side, (t1Segmentation, t2Segmentation)))
        bundle = self.findModel(model)
        return self.finish(SegmentationRun(self.worker, bundle, volumeNodes, segmentationNodes, None, options)).nodes


class LiverMultimodalTest(ScriptedLoadableModuleTest):
    """The demo pair through the module: with the true worker where PyTorch and a model are, else with a stand-in."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        self.setUp()
        self.test_demoPairIsSegmented()

    def test_demoPairIsSegmented(self) -> None:
        self.delayDisplay("Making the demo pair")
        t1, t2 = sampledata.loadDemoPair()
        self.assertEqual([t1, t2], list(volumes.guess_pair()))
        logic = standins.workingLogic(LiverMultimodalLogic)
        self.delayDisplay("Segmenting it")
        nodes = logic.segment(t1, t2)
        for side, volume in ((Side.T1, t1), (Side.T2, t2)):
            segmentation = nodes.segmentations[side]
            segment = segmentation.GetSegmentation().GetNthSegment(0)
            self.assertEqual(segment.GetName(), "Liver")
            self.assertIn("10200004", segment.GetTerminology())
            self.assertGreater(volume_ml(segmentations.liver_mask(segmentation, volume)), SMALLEST_LIVER_ML)
        for column in (1, 2):
            self.assertGreater(float(nodes.table.GetCellText(0, column)), SMALLEST_LIVER_ML)
        self.delayDisplay("Test passed")
