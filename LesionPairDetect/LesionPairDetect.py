"""The module LesionPairDetect: lesions of the liver as pairs of boxes in a T1- and a T2-weighted volume."""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

if importlib.util.find_spec("LiverPairLib") is None:  # run from a source checkout: the libraries are one folder up
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from LesionPairDetectLib.detectionrun import DetectionRun
from LesionPairDetectLib.drawsection import DrawSection
from LesionPairDetectLib.exchangesection import ExchangeSection
from LesionPairDetectLib.inputssection import InputsSection, reasonNotToDetect
from LesionPairDetectLib.lesionssection import LesionsSection
from LesionPairDetectLib.linkrun import LinkRun, reasonNotToLink
from LesionPairDetectLib.linksection import LinkSection
from LesionPairDetectLib.maskssection import MasksSection
from LesionPairDetectLib.nextsection import NextSection
from LesionPairDetectLib.phasessection import PhasesSection
from LesionPairDetectLib.readingcontext import ReadingContext
from LesionPairDetectLib.readingsection import ReadingSection
from LesionPairDetectLib.recoveredsection import RecoveredSection
from LesionPairDetectLib.reviewsection import ReviewSection
from LesionPairDetectLib.runsection import RunSection
from LesionPairDetectLib.visitssection import VisitsSection
from LesionPairDetectLib.worklist import COMPARE, MASKS, REPORT, Worklist
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.jobs.masks_request import AUTO
from liverpair.mrml.lesions.lesion_notices import Notices
from liverpair.mrml.lesions.lesion_study import LesionStudy, adopt_scene
from LiverPairLib import inputs, sampledata, standins
from LiverPairLib.documentation import documentation
from LiverPairLib.finetunesection import FineTuneSection
from LiverPairLib.modellogic import ModelLogic, OnChanged
from LiverPairLib.provenancesection import ProvenanceSection
from LiverPairLib.sectionedwidget import SectionedWidget


class LesionPairDetect(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Lesion Pair Detect")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = ["Markups", "Segmentations"]
        self.parent.contributors = ["LiverPair contributors"]
        self.parent.helpText = _(
            "Detects lesions of the liver in a T1- and a T2-weighted MR volume of one patient that are not registered, "
            "and tells which box in T1 is which box in T2. Boxes can be reviewed, corrected, drawn and linked by hand. "
            "The computation runs beside Slicer, which stays usable. For research and teaching only."
        ) + documentation("lesionpairdetect")
        self.parent.acknowledgementText = _("LiverPair follows the PhD thesis of V. Couteaux (2021).")


@parameterNodeWrapper
class LesionPairDetectParameterNode:
    """The user's choices, saved with the scene.

    A liver segmentation that is None is computed when lesions are detected; `t1Lesions` and `t2Lesions` hold lesions of
    another tool; `earlierT1Volume` and `earlierT2Volume` are those of the visit before. `device` is a key that
    `core.device.choose_device` takes; `displayThreshold` hides boxes with a lower score, and `lastDisplayThreshold` is
    what it was when the last result came; `recistTargets` lesions of at least `recistMinimumMm` enter the sum of
    diameters; `lesionTable` is derived from the boxes; `maskModel` is what draws in boxes, as the job "masks" takes it.
    """

    t1Volume: vtkMRMLScalarVolumeNode
    t2Volume: vtkMRMLScalarVolumeNode
    t1Liver: vtkMRMLSegmentationNode
    t2Liver: vtkMRMLSegmentationNode
    t1Lesions: vtkMRMLSegmentationNode
    t2Lesions: vtkMRMLSegmentationNode
    lesionTable: vtkMRMLTableNode
    earlierT1Volume: vtkMRMLScalarVolumeNode
    earlierT2Volume: vtkMRMLScalarVolumeNode
    model: str = ""
    device: str = "auto"
    displayThreshold: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
    lastDisplayThreshold: float = 0.5
    hideRejected: bool = False
    recistTargets: Annotated[int, WithinRange(1, 54)] = 2
    recistMinimumMm: Annotated[float, WithinRange(0.0, 100.0)] = 10.0
    linkedCursor: bool = True
    maskModel: str = AUTO


class LesionPairDetectWidget(SectionedWidget):
    """The panel; each of its sections is a file of `LesionPairDetectLib`."""

    def setup(self) -> None:
        super().setup()
        Notices.defer = lambda deliver: qt.QTimer.singleShot(0, deliver)
        self.logic = LesionPairDetectLogic()
        self.context = ReadingContext(self.logic.worker, self.say, lambda: self.logic.bundles)
        self.context.addListener(self.onContextChanged)
        runSection = RunSection(self.context, self.logic)
        linkSection = LinkSection(
            self.context,
            lambda: reasonNotToLink(self.context.parameterNode, self.logic.checks),
            lambda accepted: self.logic.linkChosen(self.context.parameterNode, runSection.onRunChanged, accepted),
        )
        reading = ReadingSection(self.context)
        files = ExchangeSection(self.context)
        masks = MasksSection(self.context, runSection.startBeside)
        visits = VisitsSection(self.context, runSection.startBeside, reading.cursor)
        actions = {MASKS: masks.drawAll, COMPARE: visits.compare, REPORT: visits.report}
        self.addSections(
            [
                InputsSection(self.context, self.logic),
                linkSection,
                runSection,
                NextSection(self.context, Worklist(self.context, actions, visits.isOpen)),
                LesionsSection(self.context),
                ReviewSection(self.context),
                masks,
                DrawSection(self.context),
                files,
                RecoveredSection(self.context, files),
                visits,
                PhasesSection(self.context, runSection.startBeside),
                reading,
                FineTuneSection(self.context, self.logic, runSection.show),
                ProvenanceSection(self.context, self.context.provenances),
            ]
        )

    def cleanup(self) -> None:
        super().cleanup()
        Notices.defer = None

    def onContextChanged(self, what: str) -> None:
        """A sentence stands until the next deed, which is told here before whoever did it says another one."""
        if what in ("study", "selection", "history"):
            self.say("")

    def onSceneEndImport(self, caller: Any = None, event: Any = None) -> None:
        """A scene was loaded into this one: put its lesions in order, and follow what it brought."""
        repairs = adopt_scene()
        super().onSceneEndImport()
        if repairs:
            self.say(" ".join(repairs))


class LesionPairDetectLogic(ModelLogic):
    """Runs detections in the worker of the session. `detect` does it for scripts, without the widget."""

    tasks = ("detection",)
    title = DetectionRun.title
    earlierParameters: ClassVar = {"scoreThreshold": "displayThreshold", "lastScoreThreshold": "lastDisplayThreshold"}

    def getParameterNode(self) -> LesionPairDetectParameterNode:
        return LesionPairDetectParameterNode(super().getParameterNode())

    def reasonNotToRun(self, parameterNode: LesionPairDetectParameterNode | None) -> str | None:
        return reasonNotToDetect(parameterNode, self.bundles, self.checks)

    def doubts(self, parameterNode: LesionPairDetectParameterNode) -> list[str]:
        return inputs.doubts(inputs.volumesOf(parameterNode))

    def runOf(self, parameterNode: LesionPairDetectParameterNode) -> DetectionRun:
        bundle, volumeNodes = self.bundles[parameterNode.model], inputs.volumesOf(parameterNode)
        liverNodes = {side: getattr(parameterNode, f"{side}Liver") for side in Side}
        return DetectionRun(self.worker, bundle, volumeNodes, liverNodes, parameterNode.device)

    def linkChosen(
        self, parameterNode: LesionPairDetectParameterNode, onChanged: OnChanged, accepted: Sequence[str] = ()
    ) -> None:
        """Start to link the lesions of the chosen segmentations; a failure becomes `status`, and is raised. `accepted`
        are the doubts about the volumes that the user was asked about.
        """

        def run() -> LinkRun:
            lesions, livers = (
                {side: getattr(parameterNode, f"{side}{kind}") for side in Side} for kind in ("Lesions", "Liver")
            )
            made = LinkRun(self.worker, inputs.volumesOf(parameterNode), lesions, livers, parameterNode.device)
            made.accepted = list(accepted)
            return made

        self.attempt(lambda: reasonNotToLink(parameterNode, self.checks), run, onChanged)
        if self.isStatusProblem:
            raise InputError(self.status)

    def link(
        self,
        t1Volume: vtkMRMLScalarVolumeNode,
        t2Volume: vtkMRMLScalarVolumeNode,
        t1Lesions: vtkMRMLSegmentationNode,
        t2Lesions: vtkMRMLSegmentationNode,
        t1Liver: vtkMRMLSegmentationNode | None = None,
        t2Liver: vtkMRMLSegmentationNode | None = None,
        device: str = "auto",
    ) -> LesionStudy:
        """Link segmented lesions and wait for it, as `detect`: every segment but the liver holds lesions."""
        nodes = ((t1Volume, t2Volume), (t1Lesions, t2Lesions), (t1Liver, t2Liver))
        self.finish(LinkRun(self.worker, *(dict(zip(Side, pair)) for pair in nodes), device))
        return LesionStudy(t1Volume, t2Volume)

    def detect(
        self,
        t1Volume: vtkMRMLScalarVolumeNode,
        t2Volume: vtkMRMLScalarVolumeNode,
        model: str | None = None,
        t1Liver: vtkMRMLSegmentationNode | None = None,
        t2Liver: vtkMRMLSegmentationNode | None = None,
        device: str = "auto",
    ) -> LesionStudy:
        """Detect and wait for it; for scripts. Slicer stays usable meanwhile.

        `model` is a name, the first installed one when None; a liver segmentation that is None is computed. Returns the
        `LesionStudy` of the two volumes; raises LiverPairError with the reason when there is none.
        """
        volumeNodes, liverNodes = dict(zip(Side, (t1Volume, t2Volume))), dict(zip(Side, (t1Liver, t2Liver)))
        self.finish(DetectionRun(self.worker, self.findModel(model), volumeNodes, liverNodes, device))
        return LesionStudy(t1Volume, t2Volume)


class LesionPairDetectTest(ScriptedLoadableModuleTest):
    """The demo pair through the module: with the true worker where PyTorch and a model are, else with a stand-in."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        self.setUp()
        self.test_demoPairGetsLinkedBoxes()

    def test_demoPairGetsLinkedBoxes(self) -> None:
        self.delayDisplay("Making the demo pair")
        t1, t2 = sampledata.loadDemoPair()
        logic = standins.workingLogic(LesionPairDetectLogic)
        self.delayDisplay("Detecting its lesions")
        study = logic.detect(t1, t2)
        self.assertTrue(study.pairs())
        for pair in study.pairs():
            for side in Side:
                if side in pair.boxes:
                    self.assertEqual(study.uid_of(study.node(pair.uid, side)), pair.uid)
        uid = study.pairs()[0].uid
        study.set_state(uid, "accepted")
        self.assertEqual(study.pair(uid).state, "accepted")
        study.undo()
        self.assertEqual(study.pair(uid).state, "proposed")
        study.release()
        self.delayDisplay("Test passed")
