"""A marker in one row of views: where the place that is looked at in the other row lies in this image."""

from collections.abc import Sequence

import slicer

from liverpair.mrml import pen
from liverpair.mrml.layouts import row_views

COLOR = (1.0, 1.0, 1.0)


class PlaceMarker:
    """A point that nobody can grab, shown in the views of one row (0: T1, 1: T2) only and not saved with the scene.

    Slicer's own crosshair cannot do it: there is one for all views.
    """

    def __init__(self, group: int):
        self.group = group
        self._node = None

    def show(self, point_ras: Sequence[float], text: str = "") -> None:
        """Put the marker at a world point (RAS, mm), with a text beside it."""
        node = self._living_node() or self._make()
        was_modifying = node.StartModify()
        try:
            node.SetNthControlPointPositionWorld(0, *point_ras)
            node.SetNthControlPointLabel(0, text)
        finally:
            node.EndModify(was_modifying)
        node.GetDisplayNode().SetVisibility(True)

    def hide(self) -> None:
        """Show the marker no longer, until the next `show`."""
        node = self._living_node()
        if node is not None:
            node.GetDisplayNode().SetVisibility(False)

    def remove(self) -> None:
        """Take the marker out of the scene; `show` makes a new one."""
        node, self._node = self._living_node(), None
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)

    @property
    def visible(self) -> bool:
        """Whether the marker is shown."""
        node = self._living_node()
        return node is not None and bool(node.GetDisplayNode().GetVisibility())

    def _living_node(self):
        return self._node if self._node is not None and slicer.mrmlScene.IsNodePresent(self._node) else None

    def _make(self):
        scene = slicer.mrmlScene
        self._node = scene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
        self._node.UnRegister(None)
        self._node.SetName(f"Corresponding place in {('T1', 'T2')[self.group]}")
        self._node.SetSaveWithScene(False)
        self._node.SetHideFromEditors(True)
        self._node.SetLocked(True)
        scene.AddNode(self._node)
        self._node.AddControlPoint(0.0, 0.0, 0.0)
        self._node.CreateDefaultDisplayNodes()
        display_node = self._node.GetDisplayNode()
        display_node.SetSaveWithScene(False)
        display_node.SetGlyphTypeFromString("CrossDot2D")
        display_node.SetColor(*COLOR)
        display_node.SetSelectedColor(*COLOR)
        pen.draw(display_node)
        for view_node in row_views(self.group):
            display_node.AddViewNodeID(view_node.GetID())
        return self._node
