"""Placing markups by clicking in a view, with Slicer's own mouse mode."""

from collections.abc import Callable, Sequence
from typing import Any

import slicer
from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLMarkupsNode, vtkMRMLMarkupsROINode, vtkMRMLScalarVolumeNode
from slicer.util import VTKObservationMixin

from liverpair.mrml import frames, pen
from liverpair.mrml.dreams.dream_folders import OWNER
from liverpair.mrml.dreams.dream_scene import VOLUME as DREAMT_VOLUME
from liverpair.mrml.lesions.lesion_boxes import VOLUME as BOX_VOLUME

MARK_PERCENT = 2.5
"""Size of a point's mark in a view: less than Slicer's usual 3 %, for what is dreamt there is often no larger."""


def newPoints(name: str) -> vtkMRMLMarkupsFiducialNode:
    """A new node for points, without any."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    node.SetControlPointLabelFormat("%d")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetGlyphType(display.CrossDot2D)
    display.SetGlyphScale(MARK_PERCENT)
    pen.draw(display)
    return node


def newBox(name: str) -> vtkMRMLMarkupsROINode:
    """A new box that is drawn as an outline alone: handles and filling would hide what is in it."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetGlyphScale(MARK_PERCENT)
    for part in ("FillVisibility", "PropertiesLabelVisibility", "PointLabelsVisibility", "HandlesInteractive"):
        getattr(display, f"Set{part}")(False)
    return node


def placed(node: vtkMRMLMarkupsNode) -> list[int]:
    """The numbers of the control points that are placed; the one that follows the mouse is not among them."""
    numbers = range(node.GetNumberOfControlPoints())
    return [number for number in numbers if node.GetNthControlPointPositionStatus(number) == node.PositionDefined]


def pointsMm(node: vtkMRMLMarkupsNode) -> list[Sequence[float]]:
    """The points that are placed, in world LPS mm."""
    return [frames.flip(node.GetNthControlPointPositionWorld(number)) for number in placed(node)]


def volumeAt(node: vtkMRMLMarkupsNode, number: int) -> vtkMRMLScalarVolumeNode | None:
    """The volume node in whose view a control point was placed, as Slicer notes it; None where nobody knows.

    A dreamt image stands for the volume it was dreamt on: both lie in the same space.
    """
    volume = slicer.mrmlScene.GetNodeByID(node.GetNthControlPointAssociatedNodeID(number) or "none")
    dream = volume.GetNodeReference(OWNER) if volume is not None else None
    return dream.GetNodeReference(DREAMT_VOLUME) if dream is not None else volume


def volumeOfBox(node: vtkMRMLMarkupsNode) -> vtkMRMLScalarVolumeNode | None:
    """The volume node in whose view a box was drawn, or of which the box of a lesion is; None where nobody knows."""
    return node.GetNodeReference(BOX_VOLUME) or (volumeAt(node, 0) if node.GetNumberOfControlPoints() else None)


class Placer(VTKObservationMixin):
    """Puts Slicer into the mode in which clicks place control points of one markups node, and says when that is over.

    `onChanged()` is called when placing begins or ends, whoever did it.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onChanged = onChanged
        logic = slicer.app.applicationLogic()
        self._selection, self._interaction = logic.GetSelectionNode(), logic.GetInteractionNode()
        self._persistence = None

    def watch(self) -> None:
        """Hear of the mouse mode until `stop`."""
        event = self._interaction.InteractionModeChangedEvent
        if not self.hasObserver(self._interaction, event, self._onMode):
            self.addObserver(self._interaction, event, self._onMode)

    def stop(self) -> None:
        """Hear of the mouse mode no longer."""
        self.removeObservers()

    def begin(self, node: vtkMRMLMarkupsNode, isPersistent: bool) -> None:
        """Let clicks place points of `node`: until `end` when persistent, else until it is whole."""
        self._selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        self._selection.SetActivePlaceNodeID(node.GetID())
        if self._persistence is None:
            self._persistence = self._interaction.GetPlaceModePersistence()
        self._interaction.SetPlaceModePersistence(isPersistent)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)

    def end(self, node: vtkMRMLMarkupsNode | None) -> None:
        """Let clicks do what they usually do, if they place points of `node`."""
        if self.isPlacing(node):
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def isPlacing(self, node: vtkMRMLMarkupsNode | None) -> bool:
        """Whether clicks place points of `node`."""
        isPlaceMode = self._interaction.GetCurrentInteractionMode() == self._interaction.Place
        return node is not None and isPlaceMode and self._selection.GetActivePlaceNodeID() == node.GetID()

    def _onMode(self, caller: Any = None, event: Any = None) -> None:
        isPlaceMode = self._interaction.GetCurrentInteractionMode() == self._interaction.Place
        if not isPlaceMode and self._persistence is not None:
            self._interaction.SetPlaceModePersistence(self._persistence)  # what the user had, in other modules too
            self._persistence = None
        self._onChanged()
