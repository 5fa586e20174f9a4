"""Stand-ins for qMRML containers and node selectors, over the real scene."""

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

from .observing import Observers
from .standins import stand_in, stored_property


class SceneHolder:
    """What every qMRML widget has: a scene, and a signal when it changes."""

    _scene: object

    def mrmlScene(self):
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene) -> None:
        if scene is not self.mrmlScene():
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


@stand_in
class qMRMLWidget(SceneHolder, QtWidgets.QWidget):
    """The top widget of a module; passes the scene on along the connections that its `.ui` file declares."""

    mrmlSceneChanged = Signal(object)


def _refresh(self, _value=None) -> None:
    self._refresh()


@stand_in
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A combo box of the nodes of some classes. Gray until it has a scene, as in Slicer."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeAddedByUser = Signal(object)
    nodeAdded = Signal(object)
    nodeActivated = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    mrmlSceneChanged = Signal(object)
    _combo: QtWidgets.QComboBox
    _scene: object
    _node: object
    _entries: list
    _attributes: list
    _scene_observers: Observers
    _node_observers: Observers

    nodeTypes = stored_property("QStringList", "nodeTypes", [], _refresh)
    hideChildNodeTypes = stored_property("QStringList", "hideChildNodeTypes", [], _refresh)
    showHidden = stored_property(bool, "showHidden", False, _refresh)
    showChildNodeTypes = stored_property(bool, "showChildNodeTypes", True, _refresh)
    noneEnabled = stored_property(bool, "noneEnabled", False, _refresh)
    noneDisplay = stored_property(str, "noneDisplay", "None", _refresh)
    addEnabled = stored_property(bool, "addEnabled", True, _refresh)
    removeEnabled = stored_property(bool, "removeEnabled", True, _refresh)
    renameEnabled = stored_property(bool, "renameEnabled", False, _refresh)
    editEnabled = stored_property(bool, "editEnabled", False)
    selectNodeUponCreation = stored_property(bool, "selectNodeUponCreation", True)
    baseName = stored_property(str, "baseName", "")
    interactionNodeSingletonTag = stored_property(str, "interactionNodeSingletonTag", "")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = self._node = None
        self._entries, self._attributes = [], []
        self._scene_observers, self._node_observers = Observers(self), Observers(self)
        self._combo = QtWidgets.QComboBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self._combo.activated.connect(self._on_activated)
        self.setEnabled(False)

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene) -> None:
        if scene is self._scene:
            return
        self._scene_observers.clear()
        self._scene = scene
        if scene is not None:
            kind = slicer.vtkMRMLScene
            events = [kind.NodeAddedEvent, kind.NodeRemovedEvent, kind.EndImportEvent, kind.EndCloseEvent]
            self._scene_observers.add(scene, [*events, kind.EndBatchProcessEvent], lambda *_: self._on_scene())
        self.setEnabled(scene is not None)
        self._refresh()
        self.mrmlSceneChanged.emit(scene)

    def addAttribute(self, node_type: str, name: str, value: str | None = None) -> None:
        """Show nodes of the type only when they have the attribute (and the value, if given)."""
        self._attributes.append((node_type, name, value))
        self._refresh()

    def removeAttribute(self, node_type: str, name: str) -> None:
        self._attributes = [item for item in self._attributes if item[:2] != (node_type, name)]
        self._refresh()

    def nodeCount(self) -> int:
        return len(self._nodes())

    def nodeFromIndex(self, index: int):
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def currentNode(self):
        return self._node

    def setCurrentNode(self, node) -> None:
        if isinstance(node, str):
            node = self._scene.GetNodeByID(node) if node and self._scene else None
        self._select(node if node is not None and node in self._nodes() else None)

    def setCurrentNodeID(self, identifier: str) -> None:
        self.setCurrentNode(identifier or None)

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    currentNodeID = Property(str, lambda self: self._node.GetID() if self._node else "", setCurrentNodeID)

    def addNode(self, node_type: str | None = None):
        """Add a node of the type (the first of `nodeTypes` when None), select it and return it."""
        node_type = node_type or self.nodeTypes[0]
        name = self.baseName or self._scene.GetTagByClassName(node_type)
        node = self._scene.AddNewNodeByClass(node_type, self._scene.GenerateUniqueName(name))
        for kind, attribute, value in self._attributes:
            if node.IsA(kind):
                node.SetAttribute(attribute, value or "")
        self.nodeAdded.emit(node)
        if self.selectNodeUponCreation:
            self._select(node)
        return node

    def _is_of_type(self, node) -> bool:
        if any(node.IsA(hidden) for hidden in self.hideChildNodeTypes):
            return False
        return self.showChildNodeTypes or node.GetClassName() in self.nodeTypes

    def _is_accepted(self, node) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        for kind, name, value in self._attributes:
            found = node.GetAttribute(name)
            if node.IsA(kind) and (found is None or value not in (None, found)):
                return False
        return True

    def _candidates(self) -> list:
        if self._scene is None:
            return []
        found = {}
        for kind in self.nodeTypes:
            found.update((node.GetID(), node) for node in slicer.util.getNodesByClass(kind, self._scene))
        return [node for node in found.values() if self._is_of_type(node)]

    def _nodes(self) -> list:
        return [node for node in self._candidates() if self._is_accepted(node)]

    def _wanted_entries(self) -> list[tuple[str, object]]:
        """Texts of the list with what each stands for: a node, None, or a function that acts."""
        entries = [(self.noneDisplay, None)] if self.noneEnabled or self._scene is None else []
        entries += [(node.GetName() or "", node) for node in self._nodes()]
        if self._scene is not None:
            for kind in self.nodeTypes if self.addEnabled else []:
                tag = self._scene.GetTagByClassName(kind) or kind
                entries.append((f"Create new {tag}", lambda kind=kind: self._create(kind)))
            if self.renameEnabled and self._node:
                entries.append(("Rename current node", self._rename))
            if self.removeEnabled and self._node:
                entries.append(("Delete current node", lambda: self._scene.RemoveNode(self._node)))
        return entries

    def _on_scene(self) -> None:
        """While many nodes come or go, only the end of it counts."""
        if not self._scene.IsBatchProcessing():
            self._refresh()

    def _refresh(self) -> None:
        nodes = self._nodes()
        self._node_observers.clear()
        for node in self._candidates():
            self._node_observers.watch(node, lambda *_: self._refresh_texts())
        if self._node is not None and self._node not in nodes:
            self._select(self._neighbor(nodes))
        if self._node is None and nodes and not self.noneEnabled:
            self._select(nodes[0])
        self._fill()

    def _neighbor(self, nodes: list):
        """What a list chooses in place of an entry that goes: the one that takes its row, else the last."""
        left = ([None] if self.noneEnabled else []) + nodes
        row = self._entries.index(self._node) if self._node in self._entries else 0
        return left[min(row, len(left) - 1)] if left else None

    def _refresh_texts(self) -> None:
        shown = [self._combo.itemText(row) for row in range(self._combo.count)]
        if shown != [text for text, _ in self._wanted_entries()]:
            self._refresh()

    def _fill(self) -> None:
        entries = self._wanted_entries()
        self._entries = [target for _, target in entries]
        self._combo.clear()
        self._combo.addItems([text for text, _ in entries])
        rows = [row for row, target in enumerate(self._entries) if target is self._node]
        self._combo.setCurrentIndex(rows[0] if rows else -1)

    def _select(self, node) -> None:
        if node is self._node:
            self._fill()
            return
        self._node = node
        self._fill()
        self.currentNodeChanged.emit(node)
        self.currentNodeIDChanged.emit(node.GetID() if node else "")

    def _on_activated(self, row: int) -> None:
        target = self._entries[row]
        if callable(target):
            target()
        else:
            self._select(target)
        self._fill()
        self.nodeActivated.emit(self._node)

    def _create(self, kind: str) -> None:
        self.nodeAddedByUser.emit(self.addNode(kind))

    def _rename(self) -> None:
        name = QtWidgets.QInputDialog.getText(self, "Rename", "New name:")
        if name:
            self._node.SetName(name)


WIDGETS = (qMRMLWidget, qMRMLNodeComboBox)
