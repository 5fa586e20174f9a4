"""The choices of a panel follow the scene while the module is on screen."""

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin


class SceneChoices(VTKObservationMixin):
    """Takes a node that is deleted out of the choices, before the selectors choose its neighbor in its place; and calls
    `onVolumes()` once volumes have come or gone, with all that their loader says about them.
    """

    def __init__(self, onVolumes):
        VTKObservationMixin.__init__(self)
        self._onVolumes = onVolumes
        self._parameterNode = None
        self._isAsked = False

    def follow(self, parameterNode):
        """Follow the scene for this parameter node, or for none."""
        self.removeObservers()
        self._parameterNode = parameterNode
        if parameterNode is not None:
            scene = slicer.mrmlScene
            self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)
            self.addObserver(scene, scene.NodeAddedEvent, self._onNodeAdded)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node):
        chosenIn = self._parameterNode.parameterNode
        roles = [chosenIn.GetNthNodeReferenceRole(n) for n in range(chosenIn.GetNumberOfNodeReferenceRoles())]
        for role in roles:
            if chosenIn.GetNodeReference(role) is node and hasattr(self._parameterNode, role):
                setattr(self._parameterNode, role, None)
        self._ask(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node):
        self._ask(node)

    def _ask(self, node):
        if node.IsA("vtkMRMLScalarVolumeNode") and not self._isAsked:
            self._isAsked = True
            qt.QTimer.singleShot(0, self._tell)

    def _tell(self):
        self._isAsked = False
        if self._parameterNode is not None:
            self._onVolumes()
