"""The module DeepDreamInspector: dream an object with a trained network, and watch which features it asks for."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import slicer
from slicer import (
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLMarkupsROINode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
)
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

if importlib.util.find_spec("LiverPairLib") is None:  # run from a source checkout: the libraries are one folder up
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from DeepDreamInspectorLib import choices
from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.dreamrun import DreamRun, NewDream, ResumedDream, isResumable
from DeepDreamInspectorLib.dreamssection import DreamsSection
from DeepDreamInspectorLib.exportsection import ExportSection
from DeepDreamInspectorLib.featuressection import FeaturesSection
from DeepDreamInspectorLib.modelandimagesection import ModelAndImageSection
from DeepDreamInspectorLib.neuronsection import NeuronSection
from DeepDreamInspectorLib.plotsection import PlotSection
from DeepDreamInspectorLib.radiomicsinstaller import DreamInstaller
from DeepDreamInspectorLib.readingtextsection import ReadingTextSection
from DeepDreamInspectorLib.runsection import RunSection
from DeepDreamInspectorLib.settingssection import MoreSettingsSection, SettingsSection
from DeepDreamInspectorLib.views import settleLoadedScene
from DeepDreamInspectorLib.watchsection import WatchSection
from liverpair.bundle.catalogue import DEFAULT_DREAMER
from liverpair.core.sides import Side
from liverpair.dreaming.dream_settings import PUBLISHED_FRAMES, DreamSettings
from liverpair.jobs.dream_request import dimensions_of
from liverpair.measures.feature_names import default_features
from liverpair.mrml import frames
from liverpair.mrml.dreams.dream_scene import DreamScene
from LiverPairLib import sampledata, standins
from LiverPairLib.documentation import documentation
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.provenancesection import ProvenanceSection
from LiverPairLib.sectionedwidget import SectionedWidget


class DeepDreamInspector(ScriptedLoadableModule):
    """What the module says about itself."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("DeepDream Inspector")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = ["Markups", "Plots", "Segmentations", "Sequences"]
        self.parent.contributors = ["LiverPair contributors"]
        self.parent.helpText = _(
            "Changes an image step by step until a trained network sees an object in it, and plots how the object's "
            "radiomic features change on the way: that shows which features the network has learned to look for. The "
            "computation runs beside Slicer, which stays usable. For research and teaching only."
        ) + documentation("deepdreaminspector")
        self.parent.acknowledgementText = _(
            "The method is that of V. Couteaux et al., Towards interpretability of segmentation networks by analyzing "
            "DeepDreams (iMIMIC 2019), and of his PhD thesis (2021)."
        )


@parameterNodeWrapper
class DeepDreamInspectorParameterNode:
    """The user's choices, saved with the scene.

    `device` is a key that `core.device.choose_device` takes, `side` the image that is dreamt on where the model
    could take both, `place` where the neurons are (`choices.POINTS`, `BOX` or `LIVER`). `features` are names separated
    by spaces; none stand for the default ones. The settings of the dream are those of `DreamSettings`. `dreamTable` and
    `secondTable` are the tables of the dreams on the screen.
    """

    t1Volume: vtkMRMLScalarVolumeNode
    t2Volume: vtkMRMLScalarVolumeNode
    t1Liver: vtkMRMLSegmentationNode
    t2Liver: vtkMRMLSegmentationNode
    points: vtkMRMLMarkupsFiducialNode
    box: vtkMRMLMarkupsROINode
    dreamTable: vtkMRMLTableNode
    secondTable: vtkMRMLTableNode
    model: str = ""
    device: str = "auto"
    side: str = ""
    place: str = choices.POINTS
    randomStarts: Annotated[int, WithinRange(1, 100)] = 10
    seed: Annotated[int, WithinRange(0, 1_000_000)] = DreamSettings.seed
    features: str = ""
    direction: str = DreamSettings.direction
    activation: str = DreamSettings.activation
    gradient: str = DreamSettings.gradient
    step: float = DreamSettings.step
    iterations: Annotated[int, WithinRange(1, 100_000)] = DreamSettings.iterations
    minimumGainPercent: Annotated[float, WithinRange(0.0, 99.0)] = 100 * DreamSettings.minimum_gain
    patience: Annotated[int, WithinRange(1, 10_000)] = DreamSettings.patience
    frames: str = ", ".join(map(str, PUBLISHED_FRAMES))
    framesEvery: Annotated[int, WithinRange(0, 100_000)] = DreamSettings.every
    randomWeights: bool = False
    randomDirection: bool = False
    sanity: bool = False


class DeepDreamInspectorWidget(SectionedWidget):
    """The panel; each of its sections is a file of `DeepDreamInspectorLib`."""

    def setup(self) -> None:
        super().setup()
        self.logic = DeepDreamInspectorLogic()
        self.context = DreamContext(self.logic.worker, self.say, lambda: self.logic.bundles)
        self.logic.addSamples = self.context.addSamples
        self.addSections(
            [
                ModelAndImageSection(self.context, self.logic),
                NeuronSection(self.context),
                SettingsSection(self.context),
                RunSection(self.context, self.logic),
                DreamsSection(self.context),
                PlotSection(self.context),
                WatchSection(self.context),
                ReadingTextSection(self.context),
                ExportSection(self.context),
                FeaturesSection(self.context),
                MoreSettingsSection(self.context),
                ProvenanceSection(self.context, self.context.provenances),
            ]
        )

    def onSceneEndImport(self, caller: Any = None, event: Any = None) -> None:
        super().onSceneEndImport(caller, event)
        settleLoadedScene()


class DeepDreamInspectorLogic(ModelLogic):
    """Runs dreams in the worker of the session. `dream` does it for scripts, without the widget."""

    tasks = ("slice-segmentation", "segmentation", "detection")
    title = NewDream.title
    preferred = DEFAULT_DREAMER
    makeInstaller = DreamInstaller
    addSamples = staticmethod(DreamScene.add_samples)
    """Takes a dream and what the worker has said about it since the last time."""

    def getParameterNode(self) -> DeepDreamInspectorParameterNode:
        return DeepDreamInspectorParameterNode(super().getParameterNode())

    def reasonNotToRun(self, parameterNode: DeepDreamInspectorParameterNode | None) -> str | None:
        return choices.reasonNotToDream(parameterNode, self.bundles, self.checks)

    def runOf(self, parameterNode: DeepDreamInspectorParameterNode) -> NewDream:
        bundle = self.bundles[parameterNode.model]
        volumeNodes, side = choices.sentVolumes(parameterNode, bundle), choices.dreamtSide(parameterNode, bundle)
        liverNodes = {side: getattr(parameterNode, f"{side}Liver") for side in volumeNodes}
        options = choices.options(parameterNode, bundle)
        return NewDream(self.worker, bundle, volumeNodes, liverNodes, options, side, self.addSamples)

    def resume(self, dream: DreamScene, onChanged: Callable[[DreamRun], None]) -> None:
        """Go on with a dream that was paused or failed; a failure becomes `status`."""
        cannot = _("This dream cannot be resumed: it has ended, or its files are gone.")
        self.attempt(
            lambda: None if isResumable(dream) else cannot,
            lambda: ResumedDream(self.worker, dream, self.addSamples),
            onChanged,
        )

    def dream(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        pointsRas: Sequence[Sequence[float]] = (),
        model: str | None = None,
        side: Side | str = Side.T1,
        liverNode: vtkMRMLSegmentationNode | None = None,
        otherVolumeNode: vtkMRMLScalarVolumeNode | None = None,
        **options: Any,
    ) -> DreamScene:
        """Dream and wait for it; for scripts. Slicer stays usable meanwhile.

        `pointsRas` are the neurons (world RAS, mm), `model` is a name, the first that fits when None. `side` says
        which of the two the volume is; a model that sees both needs the other one as well. `options` are those of
        the worker's job "dream" (`iterations`, `random_starts`, `features`, `baselines`, ...). Returns the
        `DreamScene`; raises LiverPairError with the reason when there is none.
        """
        side = Side(side)
        volumeNodes = {side: volumeNode} | ({side.other: otherVolumeNode} if otherVolumeNode is not None else {})
        if not self.bundles:
            self.refreshModels()
        bundle = self.findModel(model or next(iter(choices.modelsFor(self.bundles, volumeNodes)), None))
        starts = [{"point_mm": list(frames.flip(point))} for point in pointsRas]
        features = options.pop("features", None) or default_features(dimensions_of(bundle))
        options = {**options, "starts": starts, "features": list(features)}
        livers = {side: liverNode}
        return self.finish(NewDream(self.worker, bundle, volumeNodes, livers, options, side, self.addSamples)).dream


class DeepDreamInspectorTest(ScriptedLoadableModuleTest):
    """A short dream on the demo pair: with the true worker where all it needs is there, else with a stand-in."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        self.setUp()
        self.test_demoVolumeIsDreamtOn()

    def test_demoVolumeIsDreamtOn(self) -> None:
        self.delayDisplay("Making the demo pair")
        t1, _t2 = sampledata.loadDemoPair()
        before = slicer.util.arrayFromVolume(t1).copy()
        bounds = [0.0] * 6
        t1.GetRASBounds(bounds)
        middle = [(low + high) / 2 for low, high in zip(bounds[::2], bounds[1::2])]
        logic = standins.workingLogic(DeepDreamInspectorLogic)
        volumeModels = {name: bundle for name, bundle in logic.bundles.items() if bundle.task == "segmentation"}
        model = choices.modelsFor(volumeModels, [Side.T1])[0]
        self.delayDisplay("Dreaming")
        dream = logic.dream(t1, [middle], model, iterations=3, frames=[0, 3])
        self.assertTrue(dream.finished)
        self.assertGreater(dream.last_iteration, 0)
        self.assertEqual(len(dream.result["runs"]), 1)
        self.assertTrue((slicer.util.arrayFromVolume(t1) == before).all())
        dream.remove()
        self.delayDisplay("Test passed")
