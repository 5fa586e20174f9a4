"""The longest axial diameter of one lesion, drawn over each image in the slice in which it was measured."""

from collections.abc import Mapping

import slicer

from liverpair.core.sides import Side
from liverpair.measures.axial_lines import Line
from liverpair.mrml import frames
from liverpair.mrml.layouts import row_views

LINE_THICKNESS = 0.3
COLOR = (1.0, 1.0, 0.0)
"""Of every diameter, so that it is told from the outline in the color of the lesion. Slicer shifts it toward
orange in slices beside that of the line."""


class DiameterLines:
    """A line for each image that nobody can grab, shown in the views of its row only and not saved with the scene: it
    is measured anew from the mask, as the boxes are not."""

    def __init__(self):
        self._nodes: dict[Side, object] = {}

    def show(self, lines: Mapping[Side, Line | None]) -> None:
        """Draw these diameters (world LPS, mm), and no others."""
        for side in Side:
            line = lines.get(side)
            node = self.node(side)
            if line is None:
                if node is not None:
                    node.GetDisplayNode().SetVisibility(False)
                continue
            node = node or self._make(side)
            was_modifying = node.StartModify()
            try:
                for index, end in enumerate(line):
                    node.SetNthControlPointPositionWorld(index, *frames.flip(end))
            finally:
                node.EndModify(was_modifying)
            node.GetDisplayNode().SetVisibility(True)

    def remove(self) -> None:
        """Take the lines out of the scene; `show` makes new ones."""
        for side in Side:
            node = self.node(side)
            if node is not None:
                slicer.mrmlScene.RemoveNode(node)
        self._nodes.clear()

    def node(self, side: Side):
        """The line of an image as it is in the scene, shown or hidden; None where there is none."""
        node = self._nodes.get(side)
        return node if node is not None and slicer.mrmlScene.IsNodePresent(node) else None

    def _make(self, side: Side):
        scene = slicer.mrmlScene
        node = scene.CreateNodeByClass("vtkMRMLMarkupsLineNode")
        node.UnRegister(None)
        node.SetName(f"Longest axial diameter in {side.title}")
        node.SetSaveWithScene(False)
        node.SetHideFromEditors(True)
        node.SetLocked(True)
        scene.AddNode(node)
        for _end in range(2):
            node.AddControlPoint(0.0, 0.0, 0.0)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        for set_color in (display.SetColor, display.SetSelectedColor, display.SetActiveColor):
            set_color(*COLOR)
        display.SetGlyphType(display.GlyphTypeInvalid)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        display.SetLineThickness(LINE_THICKNESS)
        display.SetViewNodeIDs([view.GetID() for view in row_views(list(Side).index(side))])
        self._nodes[side] = node
        return node
