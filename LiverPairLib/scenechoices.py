"""The choices of a panel follow the scene while the module is on screen."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer import vtkMRMLNode
from slicer.util import VTKObservationMixin

TRANSFORMABLE = "vtkMRMLTransformableNode"


class SceneChoices(VTKObservationMixin):
    """Takes a node that is deleted out of the choices, before the selectors choose its neighbor in its place; and calls
    `onVolumes()` once volumes have come or gone, with all that their loader says about them, and `onMoved()` once a
    chosen node has been put under another transform.
    """

    def __init__(self, onVolumes: Callable[[], None], onMoved: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onVolumes, self._onMoved = onVolumes, onMoved
        self._parameterNode = None
        self._asked, self._transforms = [], {}

    def follow(self, parameterNode: Any) -> None:
        """Follow the scene for this parameter node, or for none."""
        self.removeObservers()
        self._parameterNode, self._transforms = parameterNode, {}
        if parameterNode is not None:
            scene = slicer.mrmlScene
            self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)
            self.addObserver(scene, scene.NodeAddedEvent, self._onNodeAdded)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._watchChosen)
            self._watchChosen()

    def _chosen(self) -> dict[str, vtkMRMLNode | None]:
        """The chosen nodes by name of the parameter."""
        chosenIn = self._parameterNode.parameterNode
        roles = [chosenIn.GetNthNodeReferenceRole(n) for n in range(chosenIn.GetNumberOfNodeReferenceRoles())]
        return {role: chosenIn.GetNodeReference(role) for role in roles if hasattr(self._parameterNode, role)}

    def _watchChosen(self, caller: Any = None, event: Any = None) -> None:
        nodes = {node for node in self._chosen().values() if node is not None and node.IsA(TRANSFORMABLE)}
        for node in self._transforms.keys() - nodes:
            self.removeObserver(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._onTransformModified)
            del self._transforms[node]
        for node in nodes - self._transforms.keys():
            self.addObserver(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._onTransformModified)
            self._transforms[node] = node.GetTransformNodeID()

    def _onTransformModified(self, node: vtkMRMLNode, event: Any) -> None:
        """Told too when the transform itself is changed, which moves all that lies under it alike."""
        before, self._transforms[node] = self._transforms[node], node.GetTransformNodeID()
        if before != node.GetTransformNodeID():
            self._ask(self._onMoved)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller: Any, event: Any, node: vtkMRMLNode) -> None:
        for role, chosen in self._chosen().items():
            if chosen is node:
                setattr(self._parameterNode, role, None)
        self._onCameOrWent(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller: Any, event: Any, node: vtkMRMLNode) -> None:
        self._onCameOrWent(node)

    def _onCameOrWent(self, node: vtkMRMLNode) -> None:
        if node.IsA("vtkMRMLScalarVolumeNode"):
            self._ask(self._onVolumes)

    def _ask(self, callback: Callable[[], None]) -> None:
        """Call it soon, once for all that happens until then."""
        if callback not in self._asked:
            self._asked.append(callback)
            qt.QTimer.singleShot(0, lambda: self._tell(callback))

    def _tell(self, callback: Callable[[], None]) -> None:
        self._asked.remove(callback)
        if self._parameterNode is not None:
            callback()
