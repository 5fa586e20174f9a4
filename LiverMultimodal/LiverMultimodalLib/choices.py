"""What the user has chosen, in the words of the job "segment", and why it cannot be run."""

from typing import Any

import slicer
from slicer import vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from LiverMultimodalLib.segmentationrun import SegmentationRun
from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.mrml import provenance
from LiverPairLib import inputs
from LiverPairLib.inputs import VolumeChecks

DETAILS = (
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


def segmentationsOf(parameterNode: Any) -> dict[str, vtkMRMLSegmentationNode | None]:
    """The segmentation nodes chosen for the results, by side; None stands for a new one."""
    return {side: getattr(parameterNode, f"{side}Segmentation") for side in Side}


def provenances(parameterNode: Any) -> dict[str, dict[str, str]]:
    """By title of the side: how the liver was made that is chosen for it."""
    livers = segmentationsOf(parameterNode)
    return {side.title: provenance.read(node) for side, node in livers.items() if node is not None}


def canMirror(bundle: Bundle | None) -> bool:
    """Whether a model was trained on mirrored images, so that averaging over them helps."""
    return bundle is not None and bool(bundle.manifest.get("mirror_axes"))


def options(parameterNode: Any, bundle: Bundle) -> dict[str, Any]:
    """The options of the job that are chosen, as far as the model can do them."""
    return {
        "device": parameterNode.device,
        "probability": parameterNode.probabilityMap,
        "uncertainty": parameterNode.uncertaintyMap,
        "largest_component": parameterNode.largestComponent,
        "mirror": parameterNode.mirroredEnsemble and canMirror(bundle),
    }


def reasonNotToSegment(parameterNode: Any, bundles: dict[str, Bundle], checks: VolumeChecks) -> str | None:
    """One sentence about why these choices cannot be run, or None. `bundles` are the installed models by name."""
    given = inputs.givenVolumes(parameterNode)
    if not given:
        return _("Choose a T1 or a T2 volume.")
    defect = inputs.volumeDefect(parameterNode, given, checks)
    if defect is None:
        defect = inputs.modelDefect(parameterNode.model, bundles, given)
    outputs = [segmentationsOf(parameterNode)[side] for side in given]
    if defect is None and len(outputs) == 2 and outputs[0] is not None and outputs[0] is outputs[1]:
        return _("T1 and T2 need different output segmentations.")
    return defect


def rememberOutputs(parameterNode: Any, run: SegmentationRun) -> None:
    """Choose the nodes that a run made as outputs of the next one, where its volumes are still chosen."""
    if parameterNode.parameterNode.GetScene() is None:
        return
    with slicer.util.NodeModify(parameterNode):
        for side in run.nodes.taken:
            if inputs.volumeOf(parameterNode, side) is run.volume(side):
                setattr(parameterNode, f"{side}Segmentation", run.nodes.segmentations[side])
        parameterNode.measures = run.nodes.table
