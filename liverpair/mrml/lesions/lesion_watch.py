"""Observers of ROI nodes and of the scene: who listens does so weakly and can stop, and is silent while it writes."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import slicer
import vtk

_MARKUPS = slicer.vtkMRMLMarkupsNode
_SCENE = slicer.vtkMRMLScene


class Listener(Protocol):
    """Who is told what others have done to the boxes of one study."""

    def on_changed(self, node) -> None:
        """A box was edited, or an attribute of it."""

    def on_moved_by_transform(self, node) -> None:
        """A transform above a box has changed."""

    def on_drag(self, node, started: bool) -> None:
        """The user has taken hold of a handle, or let go of it."""

    def on_added(self, node) -> None:
        """A ROI node was added to the scene."""

    def on_removed(self, node) -> None:
        """A watched box has left the scene."""

    def on_closed(self) -> None:
        """The scene was closed."""

    def on_loaded(self) -> None:
        """A scene was loaded, or imported into this one."""


class BoxWatch:
    """Tells one listener what happens to the nodes that are watched, and to the scene."""

    def __init__(self, scene, listener: Listener):
        self._listener = weakref.ref(listener)
        self._scene = scene
        self._quiet = 0
        self._tags: dict[object, list[int]] = {}
        self._tags[scene] = [
            scene.AddObserver(_SCENE.NodeAddedEvent, self._with_node("on_added")),
            scene.AddObserver(_SCENE.NodeRemovedEvent, self._with_node("on_removed")),
            scene.AddObserver(_SCENE.EndCloseEvent, lambda *_: self._tell("on_closed")),
            scene.AddObserver(_SCENE.EndImportEvent, lambda *_: self._tell("on_loaded")),
        ]

    def watch(self, node) -> None:
        """Watch a ROI node; watching it again changes nothing."""
        if node in self._tags:
            return
        self._tags[node] = [
            node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_node("on_changed")),
            node.AddObserver(_MARKUPS.TransformModifiedEvent, self._on_node("on_moved_by_transform")),
            node.AddObserver(_MARKUPS.PointStartInteractionEvent, self._on_node("on_drag", True)),
            node.AddObserver(_MARKUPS.PointEndInteractionEvent, self._on_node("on_drag", False)),
        ]

    def leave(self, node) -> None:
        """Watch a node no longer."""
        for tag in self._tags.pop(node, ()):
            node.RemoveObserver(tag)

    def release(self) -> None:
        """Watch nothing any more."""
        for watched in list(self._tags):
            self.leave(watched)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """What happens inside the block is the listener's own doing, and it is not told of it."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def _tell(self, what: str, *arguments) -> None:
        listener = self._listener()
        if listener is None:
            self.release()
        elif not self._quiet:
            getattr(listener, what)(*arguments)

    def _on_node(self, what: str, *arguments):
        return lambda node, _event: self._tell(what, node, *arguments)

    def _with_node(self, what: str):
        @vtk.calldata_type(vtk.VTK_OBJECT)
        def handle(scene, _event, node):
            if scene.IsClosing() or scene.IsImporting() or node is None:
                return
            if node.IsA("vtkMRMLMarkupsROINode"):
                self._tell(what, node)

        return handle
