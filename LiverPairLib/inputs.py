"""What the user has chosen: whether it can be run, what looks wrong about it, and what to choose at first."""

import slicer
from slicer.i18n import tr as _

from liverpair.core.errors import InputError
from liverpair.io.weighting import sequence_warning
from liverpair.mrml import provenance, volumes
from liverpair.mrml.segmentations import source_of

SIDES = ("t1", "t2")
"""The two volumes of a pair, as parameters (`t1Volume`), worker requests and results name them."""


def volumeOf(parameterNode, side):
    """The volume node chosen for "t1" or "t2", or None."""
    return getattr(parameterNode, f"{side}Volume")


def segmentationOf(parameterNode, side):
    """The segmentation node chosen for the result of "t1" or "t2"; None stands for a new one."""
    return getattr(parameterNode, f"{side}Segmentation")


def volumesOf(parameterNode):
    """The chosen volume nodes, or None, by side."""
    return {side: volumeOf(parameterNode, side) for side in SIDES}


def segmentationsOf(parameterNode):
    """The chosen segmentation nodes, or None, by side."""
    return {side: segmentationOf(parameterNode, side) for side in SIDES}


def canMirror(bundle):
    """Whether a model was trained on mirrored images, so that averaging over them helps."""
    return bundle is not None and bool(bundle.manifest.get("mirror_axes"))


def options(parameterNode, bundle=None):
    """The options of the worker's job "segment" that are chosen, as far as the model can do them."""
    return {
        "device": parameterNode.device,
        "probability": parameterNode.probabilityMap,
        "uncertainty": parameterNode.uncertaintyMap,
        "largest_component": parameterNode.largestComponent,
        "mirror": parameterNode.mirroredEnsemble and canMirror(bundle),
    }


def statusChoices(parameterNode, *others):
    """The choices that a result speaks of, the volumes, and those that a failure does, which are `others` too: names of
    parameters. Both are None where there is no parameter node.
    """
    if parameterNode is None:
        return None, None
    chosen = list(volumesOf(parameterNode).values())
    return chosen, [*chosen, *(getattr(parameterNode, name) for name in others)]


def rememberOutputs(parameterNode, run):
    """Choose the nodes that a run made as outputs of the next one, where its volumes are still chosen."""
    if parameterNode.parameterNode.GetScene() is None:
        return
    with slicer.util.NodeModify(parameterNode):
        for side in run.nodes.taken:
            if volumeOf(parameterNode, side) is run.volume(side):
                setattr(parameterNode, f"{side}Segmentation", run.nodes.segmentations[side])
        parameterNode.measures = run.nodes.table


class VolumeChecks:
    """Why a volume cannot be segmented, remembered until the volume changes: the check reads every voxel."""

    def __init__(self):
        self._known = {}

    def defect(self, volumeNode, name):
        """One sentence, or None for a volume that can be segmented. `name` ("T1", "T2") is who it speaks of."""
        image = volumeNode.GetImageData()
        state = (name, volumeNode.GetMTime(), image.GetMTime() if image is not None else None)
        if self._known.get(volumeNode.GetID(), (None, None))[0] != state:
            try:
                volumes.check_node(volumeNode, name)
                sentence = None
            except InputError as error:
                sentence = str(error)
            self._known[volumeNode.GetID()] = (state, sentence)
        return self._known[volumeNode.GetID()][1]

    def forget(self):
        """Drop what is remembered, as after the scene was closed."""
        self._known.clear()


def reasonNotToRun(parameterNode, bundles, checks):
    """One sentence about why these choices cannot be run, or None. `bundles` are the installed models by name."""
    if parameterNode is None:
        return _("Choose a T1 or a T2 volume.")
    chosen = volumesOf(parameterNode)
    given = {side: node for side, node in chosen.items() if node is not None}
    if not given:
        return _("Choose a T1 or a T2 volume.")
    if chosen["t1"] is chosen["t2"]:
        return warning(parameterNode)
    for side, node in given.items():
        defect = checks.defect(node, side.upper())
        if defect:
            return defect
    return modelDefect(parameterNode.model, bundles, given) or _outputDefect(parameterNode, given)


def modelDefect(name, bundles, given):
    """One sentence about why the model called `name` cannot be run on the volumes `given` by side, or None."""
    if not name:
        return _("There is no model. Import one from a folder or a zip file.") if not bundles else _("Choose a model.")
    if name not in bundles:
        return _("Model '{name}' is not installed. Import it or choose another.").format(name=name)
    inputs = bundles[name].inputs
    for side in SIDES:
        accepted = any(side.upper() in text for text in inputs)
        if side in given and not accepted:
            return _("Model '{name}' is not for {side}. Leave {side} empty or choose another model.").format(
                name=name, side=side.upper()
            )
        if side not in given and accepted and len(inputs) > 1:
            return _("Model '{name}' expects T1 and T2; {side} is not selected.").format(name=name, side=side.upper())
    return None


def warning(parameterNode):
    """One sentence when T1 and T2 seem swapped, the same, or not what they are chosen as; else None."""
    t1, t2 = volumesOf(parameterNode).values()
    known = [volumes.describe(node) if node is not None else {"name": None, "tags": None} for node in (t1, t2)]
    same = t1 is not None and t1 is t2
    return sequence_warning(known[0]["name"], known[0]["tags"], known[1]["name"], known[1]["tags"], same)


def displacedLiver(parameterNode, kind="Liver", sides=SIDES):
    """One sentence about a segmentation that does not lie where the volume does which it was made of, or None. `kind`
    is what the parameter is called after its side.
    """
    for side in sides:
        volume, liver = volumeOf(parameterNode, side), getattr(parameterNode, f"{side}{kind}")
        if None in (volume, liver) or source_of(liver) is not volume:
            continue
        if liver.GetTransformNodeID() != volume.GetTransformNodeID():
            return _(
                "{side} and its liver segmentation lie under different transforms. Put both under the same one in the "
                "module Transforms, or have the liver segmented anew."
            ).format(side=side.upper())
    return None


def guess(parameterNode, seen):
    """Fill volumes that are not chosen with what looks T1- or T2-weighted in the scene.

    `seen` is the set of IDs of the volumes that were there at earlier guesses: a volume that the user has not chosen,
    or has taken out, is not put back.
    """
    for side, node in zip(SIDES, volumes.guess_pair()):
        if node is not None and node.GetID() not in seen and volumeOf(parameterNode, side) is None:
            setattr(parameterNode, f"{side}Volume", node)
    seen.update(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))


def swap(parameterNode, kinds=("Volume", "Segmentation")):
    """Make T1 what was T2 and the other way round; `kinds` are the parameters that each side has."""
    with slicer.util.NodeModify(parameterNode):
        for what in kinds:
            t1, t2 = (getattr(parameterNode, f"{side}{what}") for side in SIDES)
            setattr(parameterNode, f"t1{what}", t2)
            setattr(parameterNode, f"t2{what}", t1)


class OutputGuard:
    """Keeps the result of one volume from being overwritten by that of the next one that the user chooses."""

    def __init__(self):
        self._volumes = {}

    def watch(self, parameterNode):
        """Start with what is chosen now."""
        self._volumes = volumesOf(parameterNode)

    def release(self, parameterNode):
        """Where another volume has been chosen, take out an output that LiverPair made for a different volume."""
        for side in SIDES:
            volume, output = volumeOf(parameterNode, side), segmentationOf(parameterNode, side)
            if volume is None or volume is self._volumes.get(side):
                continue
            self._volumes[side] = volume
            if output is not None and provenance.read(output) and source_of(output) is not volume:
                setattr(parameterNode, f"{side}Segmentation", None)


def _outputDefect(parameterNode, given):
    outputs = [segmentationOf(parameterNode, side) for side in given]
    if len(outputs) == 2 and outputs[0] is not None and outputs[0] is outputs[1]:
        return _("T1 and T2 need different output segmentations.")
    return None
