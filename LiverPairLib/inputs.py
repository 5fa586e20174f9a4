"""What the user has chosen: whether it can be run, what looks wrong about it, and what to choose at first."""

from collections.abc import Iterable
from typing import Any

import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.io.tag_doubts import tag_doubts
from liverpair.mrml import volumes
from liverpair.mrml.segmentations import source_of

Volumes = dict[Side, vtkMRMLScalarVolumeNode | None]
Segmentations = dict[Side, vtkMRMLSegmentationNode | None]
"""Nodes by side."""


def volumeOf(parameterNode: Any, side: Side) -> vtkMRMLScalarVolumeNode | None:
    """The volume node chosen for a side, or None."""
    return getattr(parameterNode, f"{side}Volume")


def volumesOf(parameterNode: Any) -> Volumes:
    """The chosen volume nodes, or None, by side."""
    return {side: volumeOf(parameterNode, side) for side in Side}


def givenVolumes(parameterNode: Any) -> dict[str, vtkMRMLScalarVolumeNode]:
    """The volume nodes that are chosen, by side; none without a parameter node."""
    chosen = volumesOf(parameterNode) if parameterNode is not None else {}
    return {side: node for side, node in chosen.items() if node is not None}


def statusChoices(parameterNode: Any, *others: str) -> tuple[list | None, list | None]:
    """The choices that a result speaks of, the volumes, and those that a failure does, which are `others` too: names of
    parameters. Both are None where there is no parameter node.
    """
    if parameterNode is None:
        return None, None
    chosen = list(volumesOf(parameterNode).values())
    return chosen, [*chosen, *(getattr(parameterNode, name) for name in others)]


class VolumeChecks:
    """Why a volume cannot be segmented, remembered until the volume changes: the check reads every voxel."""

    def __init__(self) -> None:
        self._known = {}

    def defect(self, volumeNode: vtkMRMLScalarVolumeNode, name: str) -> str | None:
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

    def forget(self) -> None:
        """Drop what is remembered, as after the scene was closed."""
        self._known.clear()


def volumeDefect(parameterNode: Any, given: dict[str, vtkMRMLScalarVolumeNode], checks: VolumeChecks) -> str | None:
    """One sentence about why the volumes `given` by side cannot be used, or None."""
    if len(given) == 2 and given[Side.T1] is given[Side.T2]:
        return warning(parameterNode)
    return next(filter(None, (checks.defect(node, side.title) for side, node in given.items())), None)


def modelDefect(name: str, bundles: dict[str, Bundle], given: Volumes) -> str | None:
    """One sentence about why the model called `name` cannot be run on the volumes `given` by side, or None."""
    if not name:
        return _("There is no model. Import one from a folder or a zip file.") if not bundles else _("Choose a model.")
    if name not in bundles:
        return _("Model '{name}' is not installed. Import it or choose another.").format(name=name)
    inputs = bundles[name].inputs
    for side in Side:
        accepted = any(side.title in text for text in inputs)
        if side in given and not accepted:
            return _("Model '{name}' is not for {side}. Leave {side} empty or choose another model.").format(
                name=name, side=side.title
            )
        if side not in given and accepted and len(inputs) > 1:
            return _("Model '{name}' expects T1 and T2; {side} is not selected.").format(name=name, side=side.title)
    return None


def doubts(chosen: Volumes) -> list[str]:
    """Sentences on what speaks against volumes being T1 and T2 of one patient and visit: other patients or dates,
    another modality, swapped, the same, or not what they are chosen as.
    """
    given = {side: node for side, node in chosen.items() if node is not None}
    known = {side: volumes.describe(node) for side, node in given.items()}
    names, tags = ({side: one[what] for side, one in known.items()} for what in ("name", "tags"))
    return tag_doubts(names, tags, len(given) == 2 and given[Side.T1] is given[Side.T2])


def warning(parameterNode: Any) -> str | None:
    """The `doubts` about the chosen volumes, or None."""
    return " ".join(doubts(volumesOf(parameterNode))) or None


def displacedLiver(parameterNode: Any, kind: str = "Liver", sides: Iterable[Side] = Side) -> str | None:
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
            ).format(side=side.title)
    return None


def guess(parameterNode: Any, seen: set[str]) -> None:
    """Fill volumes that are not chosen with what looks T1- or T2-weighted in the scene.

    `seen` is the set of IDs of the volumes that were there at earlier guesses: a volume that the user has not chosen,
    or has taken out, is not put back.
    """
    for side, node in zip(Side, volumes.guess_pair()):
        if node is not None and node.GetID() not in seen and volumeOf(parameterNode, side) is None:
            setattr(parameterNode, f"{side}Volume", node)
    seen.update(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))


def swap(parameterNode: Any, kinds: Iterable[str]) -> None:
    """Make T1 what was T2 and the other way round; `kinds` are the parameters that each side has."""
    with slicer.util.NodeModify(parameterNode):
        for what in kinds:
            t1, t2 = (getattr(parameterNode, f"{side}{what}") for side in Side)
            setattr(parameterNode, f"t1{what}", t2)
            setattr(parameterNode, f"t2{what}", t1)
