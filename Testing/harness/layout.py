"""`slicer.app.layoutManager()`: views made from the XML of a real vtkMRMLLayoutNode.

The layout logic of MRML makes and configures the view nodes; here each gets its widget, placed as the XML says.
"""

import xml.etree.ElementTree as ElementTree

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .mrml_plots import qMRMLPlotWidget
from .mrml_tables import qMRMLTableWidget
from .mrml_views import qMRMLSliceWidget, qMRMLThreeDWidget
from .observing import Observers
from .standins import stands_for

WIDGET_OF_NODE = {
    "vtkMRMLSliceNode": (qMRMLSliceWidget, "setMRMLSliceNode"),
    "vtkMRMLTableViewNode": (qMRMLTableWidget, "setMRMLTableViewNode"),
    "vtkMRMLPlotViewNode": (qMRMLPlotWidget, "setMRMLPlotViewNode"),
    "vtkMRMLViewNode": (qMRMLThreeDWidget, "setMRMLViewNode"),
}


@stands_for("qSlicerLayoutManager")
class LayoutManager(QtCore.QObject):
    """qSlicerLayoutManager: which views are shown, and where. Views of former layouts stay, hidden, and count."""

    layoutChanged = Signal(int)

    def __init__(self, application_logic):
        super().__init__()
        self._application_logic = application_logic
        self._viewport = QtWidgets.QWidget()
        QtWidgets.QVBoxLayout(self._viewport).setContentsMargins(0, 0, 0, 0)
        self._widgets: dict[tuple[str, str], QtWidgets.QWidget] = {}
        self._shown: list[tuple[str, str]] = []
        self._xml = ""
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._observers = Observers(self)
        self._later = QtCore.QTimer(self)  # the views come after the event of the layout node, not within it
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._show_layout)

    def harness_open(self) -> None:
        """Let the scene have a layout; Slicer's four views when none was chosen before."""
        if self._logic.GetMRMLScene() is not None:
            return
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._observers.watch(self._logic.GetLayoutNode(), lambda *_: self._later.start())
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    def harness_close(self) -> None:
        """Close all views and take their nodes, and the layout's, out of the scene."""
        layout_node = self._logic.GetLayoutNode()
        self._observers.clear()
        self._logic.SetMRMLScene(None)
        self._show("")
        for widget in self._widgets.values():
            if isinstance(widget, qMRMLSliceWidget):
                widget.sliceController().harness_close()
                widget.sliceView().harness_close()
            elif isinstance(widget, qMRMLPlotWidget):
                widget.plotView().harness_close()
            widget.deleteLater()
        self._widgets.clear()
        view_nodes = [node for node_class in WIDGET_OF_NODE for node in slicer.util.getNodesByClass(node_class)]
        for node in filter(None, [*view_nodes, layout_node]):
            slicer.mrmlScene.RemoveNode(node)

    def viewport(self) -> QtWidgets.QWidget:
        """The widget that holds the views."""
        return self._viewport

    def layoutLogic(self):
        return self._logic

    def setLayout(self, identifier: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(identifier)
        self._show_layout()

    layout = Property(int, lambda self: self._logic.GetLayoutNode().GetViewArrangement(), setLayout)

    def mrmlSliceLogics(self):
        return self._application_logic.GetSliceLogics()

    def sliceViewNames(self) -> list[str]:
        return [tag for cls, tag in self._widgets if cls == "vtkMRMLSliceNode"]

    def sliceWidget(self, name: str):
        return self._widgets.get(("vtkMRMLSliceNode", name))

    def _nth(self, node_class: str, index: int):
        widgets = [widget for (cls, _), widget in self._widgets.items() if cls == node_class]
        return widgets[index] if 0 <= index < len(widgets) else None

    def tableWidget(self, index: int):
        return self._nth("vtkMRMLTableViewNode", index)

    def plotWidget(self, index: int):
        return self._nth("vtkMRMLPlotViewNode", index)

    def threeDWidget(self, index: int):
        return self._nth("vtkMRMLViewNode", index)

    def _count(node_class: str):  # noqa: N805 (used in the class body only)
        return Property(int, lambda self: sum(cls == node_class for cls, _ in self._widgets))

    tableViewCount = _count("vtkMRMLTableViewNode")
    plotViewCount = _count("vtkMRMLPlotViewNode")
    threeDViewCount = _count("vtkMRMLViewNode")
    del _count

    def resetSliceViews(self) -> None:
        for name in self.sliceViewNames():
            self.sliceWidget(name).sliceLogic().FitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """3D views are not drawn."""

    def _show_layout(self) -> None:
        if self._logic.GetMRMLScene() is not None:
            self._show(self._logic.GetLayoutNode().GetCurrentLayoutDescription() or "")

    def _show(self, xml: str) -> None:
        if xml == self._xml:
            return
        self._xml = xml
        for key in self._shown:
            self._widgets[key].setParent(None)
            if self._node(key) is not None:
                self._node(key).SetMappedInLayout(0)
        self._shown = []
        while (item := self._viewport.layout().takeAt(0)) is not None:
            item.widget().deleteLater()
        if xml:
            self._viewport.layout().addWidget(self._build(ElementTree.fromstring(xml)))
            self.layoutChanged.emit(self.layout)

    def _build(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        """The widget of a <layout> or a <view> element."""
        if element.tag == "view":
            return self._view_widget((element.get("class"), element.get("singletontag", "")))
        items = [(item, self._build(item[0])) for item in element.findall("item")]
        kind = element.get("type", "horizontal")
        if kind == "tab":
            return _tabs(items)
        if kind == "grid":
            return _grid(items)
        return _splitter(kind, items) if element.get("split") == "true" else _box(kind, items)

    def _node(self, key: tuple[str, str]):
        return slicer.mrmlScene.GetSingletonNode(key[1], key[0])

    def _view_widget(self, key: tuple[str, str]) -> QtWidgets.QWidget:
        self._shown.append(key)
        node = self._node(key)
        if node is None or key[0] not in WIDGET_OF_NODE:
            raise ValueError(f"the layout names an unknown view: {key[0]} '{key[1]}'")
        if key not in self._widgets:
            widget_class, setter = WIDGET_OF_NODE[key[0]]
            widget = widget_class()
            widget.setObjectName(f"{widget_class.__name__}{key[1]}")
            widget.setMRMLScene(slicer.mrmlScene)
            getattr(widget, setter)(node)
            self._widgets[key] = widget
        node.SetMappedInLayout(1)
        self._widgets[key].setVisible(True)
        return self._widgets[key]


def _splitter(kind: str, items) -> QtWidgets.QSplitter:
    """As ctkLayoutManager makes it: without sizes, Qt divides the room as the widgets' size hints are, and views have
    next to none."""
    splitter = QtWidgets.QSplitter(QtCore.Qt.Vertical if kind == "vertical" else QtCore.Qt.Horizontal)
    for _, widget in items:
        splitter.addWidget(widget)
    sizes = [int(item.get("splitSize") or 0) for item, _ in items]
    if any(sizes):
        splitter.setSizes(sizes)
    return splitter


def _box(kind: str, items) -> QtWidgets.QWidget:
    holder = QtWidgets.QWidget()
    box = (QtWidgets.QVBoxLayout if kind == "vertical" else QtWidgets.QHBoxLayout)(holder)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(0)
    for _, widget in items:
        box.addWidget(widget)
    return holder


def _tabs(items) -> QtWidgets.QTabWidget:
    tabs = QtWidgets.QTabWidget()
    for item, widget in items:
        tabs.addTab(widget, item.get("name") or widget.objectName)
    return tabs


def _grid(items) -> QtWidgets.QWidget:
    holder = QtWidgets.QWidget()
    grid = QtWidgets.QGridLayout(holder)
    grid.setContentsMargins(0, 0, 0, 0)
    for item, widget in items:
        place = [int(item.get(name, default)) for name, default in
                 (("row", 0), ("column", 0), ("rowspan", 1), ("colspan", 1))]  # fmt: skip
        grid.addWidget(widget, *place)
    return holder
