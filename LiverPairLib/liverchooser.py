"""Which liver segmentations belong to the chosen volumes."""

from typing import Any

import slicer
from slicer import vtkMRMLScalarVolumeNode

from liverpair.core.sides import Side
from liverpair.mrml import segmentations
from LiverPairLib.inputs import volumeOf


class LiverChooser:
    """Chooses the liver segmentations that were made of the chosen volumes, in a module that asks for some."""

    def __init__(self) -> None:
        self._volumes, self._offered = {}, set()

    def follow(self, parameterNode: Any) -> None:
        """Take out a liver that belongs to another volume than the chosen one, and choose one where none is chosen. One
        that the user has taken out is put back only for another volume.
        """
        with slicer.util.NodeModify(parameterNode):
            for side in Side:
                volume = volumeOf(parameterNode, side)
                if volume is not None and hasattr(parameterNode, f"{side}Liver"):
                    self._followSide(parameterNode, f"{side}Liver", volume, self._volumes.get(side) is volume)
                    self._volumes[side] = volume

    def forget(self) -> None:
        """Drop what is remembered about the nodes of a scene that was closed."""
        self._volumes.clear()
        self._offered.clear()

    def _followSide(self, parameterNode: Any, name: str, volume: vtkMRMLScalarVolumeNode, isKnown: bool) -> None:
        liver = getattr(parameterNode, name)
        if liver is not None and segmentations.source_of(liver) in (None, volume):
            return
        found = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        own = [node for node in found if segmentations.source_of(node) is volume and segmentations.has_segment(node)]
        new = [node for node in own if not isKnown or node.GetID() not in self._offered]
        self._offered.update(node.GetID() for node in own)
        if new or liver is not None:
            setattr(parameterNode, name, new[-1] if new else None)
