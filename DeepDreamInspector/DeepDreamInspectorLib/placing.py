"""Placing markups by clicking in a view, with Slicer's own mouse mode."""

import slicer
from slicer.util import VTKObservationMixin

from liverpair.mrml import frames


def newPoints(name):
    """A new node for points, without any."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    node.SetControlPointLabelFormat("%d")
    node.CreateDefaultDisplayNodes()
    return node


def pointsMm(node):
    """The points that are placed, in world LPS mm; the one that follows the mouse is not among them."""
    placed = [i for i in range(node.GetNumberOfControlPoints()) if _isPlaced(node, i)]
    return [frames.flip(node.GetNthControlPointPositionWorld(i)) for i in placed]


def _isPlaced(node, number):
    return node.GetNthControlPointPositionStatus(number) == node.PositionDefined


class Placer(VTKObservationMixin):
    """Puts Slicer into the mode in which clicks place control points of one markups node, and says when that is over.

    `onChanged()` is called when placing begins or ends, whoever did it.
    """

    def __init__(self, onChanged):
        VTKObservationMixin.__init__(self)
        self._onChanged = onChanged
        logic = slicer.app.applicationLogic()
        self._selection, self._interaction = logic.GetSelectionNode(), logic.GetInteractionNode()

    def watch(self):
        """Hear of the mouse mode until `stop`."""
        event = self._interaction.InteractionModeChangedEvent
        if not self.hasObserver(self._interaction, event, self._onMode):
            self.addObserver(self._interaction, event, self._onMode)

    def stop(self, node=None):
        """Stop placing `node`, and hear of the mouse mode no longer."""
        self.end(node)
        self.removeObservers()

    def begin(self, node, isPersistent):
        """Let clicks place points of `node`: until `end` when persistent, else until it is whole."""
        self._selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        self._selection.SetActivePlaceNodeID(node.GetID())
        self._interaction.SetPlaceModePersistence(isPersistent)
        self._interaction.SetCurrentInteractionMode(self._interaction.Place)

    def end(self, node):
        """Let clicks do what they usually do, if they place points of `node`."""
        if self.isPlacing(node):
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def isPlacing(self, node):
        """Whether clicks place points of `node`."""
        isPlaceMode = self._interaction.GetCurrentInteractionMode() == self._interaction.Place
        return node is not None and isPlaceMode and self._selection.GetActivePlaceNodeID() == node.GetID()

    def _onMode(self, caller=None, event=None):
        self._onChanged()
