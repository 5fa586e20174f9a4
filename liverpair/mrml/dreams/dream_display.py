"""How dreamt images look: as bright as the original, the object in one color, the difference in two."""

import weakref

import numpy as np
import vtk

from liverpair.mrml.dreams import dream_folders

OBJECT_COLOR = (1.0, 0.69, 0.0)
LESS, MORE = (0.16, 0.45, 1.0), (1.0, 0.45, 0.1)
"""Colors of what became darker and brighter, which color-blind readers tell apart; what has not changed is black."""
DIFFERENCE_OPACITY = 0.75
SHADES = 255
COLORS = "LiverPair.DreamColors"


def style_object(proxy, dream_table) -> None:
    """Show a label map in the color of dreamt objects."""
    colors = _colors(dream_table, "object", [(0.0, 0.0, 0.0, 0.0), (*OBJECT_COLOR, 1.0)])
    proxy.CreateDefaultDisplayNodes()
    proxy.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())


def style_difference(proxy, dream_table, largest: float) -> None:
    """Show a difference from `-largest` to `largest`."""
    amounts = np.linspace(-1, 1, SHADES)
    shades = [(*(abs(amount) * np.array(LESS if amount < 0 else MORE)), 1.0) for amount in amounts]
    proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    was_modifying = display.StartModify()
    display.SetAndObserveColorNodeID(_colors(dream_table, "difference", shades).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(2 * largest, 0.0)
    display.EndModify(was_modifying)


class SameWindow:
    """Two volume display nodes with one window and level: whichever the user changes, the other follows.

    At first the second takes over what the first has, which is not touched.
    """

    def __init__(self, first, second):
        self._nodes = first, second
        self._is_copying = False
        living = weakref.ref(self)

        def follow(changed, _event):
            twins = living()
            if twins is not None:
                twins._copy(changed, twins._nodes[changed is twins._nodes[0]])

        self._tags = [node.AddObserver(vtk.vtkCommand.ModifiedEvent, follow) for node in self._nodes]
        self._copy(first, second)

    def holds(self, first, second) -> bool:
        """Whether it is these two displays that are kept alike."""
        return self._nodes == (first, second)

    def release(self) -> None:
        """Leave the two to themselves."""
        for node, tag in zip(self._nodes, self._tags):
            node.RemoveObserver(tag)

    def _copy(self, source, target) -> None:
        wanted = source.GetWindow(), source.GetLevel()
        if self._is_copying or (target.GetWindow(), target.GetLevel()) == wanted:
            return
        self._is_copying = True
        try:
            was_modifying = target.StartModify()
            target.SetAutoWindowLevel(False)
            target.SetWindowLevel(*wanted)
            target.EndModify(was_modifying)
        finally:
            self._is_copying = False


def _colors(dream_table, what: str, shades: list[tuple[float, ...]]):
    """The color table of a dream for one kind of picture; made when it is missing."""
    for node in dream_folders.nodes_of(dream_table, "vtkMRMLColorTableNode"):
        if node.GetAttribute(COLORS) == what:
            return node
    scene = dream_table.GetScene()
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetName(f"{dream_table.GetName()} {what} colors")
    node.SetAttribute(COLORS, what)
    node.SetHideFromEditors(True)
    node.SetTypeToUser()
    node.SetNumberOfColors(len(shades))
    for number, shade in enumerate(shades):
        node.SetColor(number, f"{what} {number}", *shade)
    node.GetLookupTable().SetTableRange(0, len(shades) - 1)
    scene.AddNode(node)
    dream_folders.own(dream_table, node, filed=False)
    return node
