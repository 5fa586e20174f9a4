"""Stand-ins for qMRML tables, over real table and segmentation nodes."""

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .mrml_selectors import SceneHolder, qMRMLWidget
from .observing import Observers
from .standins import stand_in, stored_property

ID_ROLE = QtCore.Qt.UserRole


@stand_in
class qMRMLTableView(SceneHolder, QtWidgets.QTableView):
    """Shows a vtkMRMLTableNode and writes back what is typed into it."""

    mrmlSceneChanged = Signal(object)
    _selection_changed = Signal()
    _signal_attributes = {"selectionChanged()": "_selection_changed"}
    _node: object
    _observers: Observers
    _items: QtGui.QStandardItemModel

    transposed = stored_property(bool, "transposed", False)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None
        self._observers = Observers(self)
        self._items = QtGui.QStandardItemModel(self)
        self.setModel(self._items)
        self._items.itemChanged.connect(self._on_edited)
        self.selectionModel().selectionChanged.connect(lambda *_: self._selection_changed.emit())

    def mrmlTableNode(self):
        return self._node

    def setMRMLTableNode(self, node) -> None:
        if isinstance(node, str):
            node = slicer.mrmlScene.GetNodeByID(node)
        self._observers.clear()
        self._node = node
        if node is not None:
            self._observers.watch(node, lambda *_: self._fill())
        self._fill()

    def _fill(self) -> None:
        self._items.blockSignals(True)
        self._items.clear()
        if self._node is not None and self._node.GetTable() is not None:
            table = self._node.GetTable()
            names = [table.GetColumnName(column) or "" for column in range(table.GetNumberOfColumns())]
            self._items.setHorizontalHeaderLabels(names)
            locked = self._node.GetLocked()
            for row in range(table.GetNumberOfRows()):
                for column in range(len(names)):
                    item = QtGui.QStandardItem(table.GetValue(row, column).ToString())
                    item.setEditable(not locked)
                    self._items.setItem(row, column, item)
        self._items.blockSignals(False)
        self._items.layoutChanged.emit()
        self.resizeColumnsToContents()

    def _on_edited(self, item: QtGui.QStandardItem) -> None:
        self._node.SetCellText(item.row(), item.column(), item.text())


@stand_in
class qMRMLTableWidget(qMRMLWidget):
    """A table view of a layout: shows the table of its vtkMRMLTableViewNode."""

    _view: qMRMLTableView
    _view_node: object
    _observers: Observers

    def __init__(self, parent=None):
        super().__init__(parent)
        self._view, self._view_node, self._observers = qMRMLTableView(), None, Observers(self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)

    def tableView(self) -> qMRMLTableView:
        return self._view

    def mrmlTableViewNode(self):
        return self._view_node

    def setMRMLTableViewNode(self, node) -> None:
        self._observers.clear()
        self._view_node = node
        if node is not None:
            self._observers.watch(node, lambda *_: self._show_table())
            self._show_table()

    def _show_table(self) -> None:
        table = self._view_node.GetTableNode()
        if table is not self._view.mrmlTableNode():
            self._view.setMRMLTableNode(table)


@stand_in
class qMRMLSegmentsTableView(qMRMLWidget):
    """The segments of a segmentation with their visibility, color and name."""

    selectionChanged = Signal(object, object)
    _table: QtWidgets.QTableWidget
    _node: object
    _observers: Observers

    selectionMode = stored_property(int, "selectionMode", 3)
    readOnly = stored_property(bool, "readOnly", False)
    headerVisible = stored_property(bool, "headerVisible", True)
    visibilityColumnVisible = stored_property(bool, "visibilityColumnVisible", True)
    colorColumnVisible = stored_property(bool, "colorColumnVisible", True)
    opacityColumnVisible = stored_property(bool, "opacityColumnVisible", True)
    statusColumnVisible = stored_property(bool, "statusColumnVisible", False)
    layerColumnVisible = stored_property(bool, "layerColumnVisible", False)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._observers = None, Observers(self)
        self._table = QtWidgets.QTableWidget(0, 3)
        self._table.setHorizontalHeaderLabels(["Visible", "Color", "Name"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().hide()
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._table.itemChanged.connect(self._on_edited)
        self._table.selectionModel().selectionChanged.connect(lambda *change: self.selectionChanged.emit(*change))

    def segmentationNode(self):
        return self._node

    def setSegmentationNode(self, node) -> None:
        self._observers.clear()
        self._node = node
        if node is not None:
            kind = slicer.vtkSegmentation
            self._observers.add(
                node, [kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified], lambda *_: self._fill()
            )
        self._fill()

    segmentCount = Property(int, lambda self: self._table.rowCount)

    def selectedSegmentIDs(self) -> list[str]:
        rows = self._table.selectionModel().selectedRows()
        return [self._table.item(index.row(), 0).data(ID_ROLE) for index in rows]

    def setSelectedSegmentIDs(self, identifiers) -> None:
        self._table.clearSelection()
        for row in range(self._table.rowCount):
            if self._table.item(row, 0).data(ID_ROLE) in identifiers:
                self._table.selectRow(row)

    def _fill(self) -> None:
        self._table.blockSignals(True)
        self._table.setRowCount(0)
        for segment_id in self._node.GetSegmentation().GetSegmentIDs() if self._node else []:
            self._add_row(segment_id)
        self._table.resizeColumnsToContents()
        self._table.blockSignals(False)

    def _add_row(self, segment_id: str) -> None:
        segment = self._node.GetSegmentation().GetSegment(segment_id)
        display = self._node.GetDisplayNode()
        row = self._table.rowCount
        self._table.insertRow(row)
        visible = QtWidgets.QTableWidgetItem()
        is_visible = display is None or display.GetSegmentVisibility(segment_id)
        visible.setCheckState(QtCore.Qt.Checked if is_visible else QtCore.Qt.Unchecked)
        visible.setData(ID_ROLE, segment_id)
        color = QtWidgets.QTableWidgetItem()
        color.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
        for column, item in enumerate((visible, color, QtWidgets.QTableWidgetItem(segment.GetName()))):
            self._table.setItem(row, column, item)

    def _on_edited(self, item: QtWidgets.QTableWidgetItem) -> None:
        segment_id = self._table.item(item.row(), 0).data(ID_ROLE)
        if item.column() == 0 and self._node.GetDisplayNode():
            self._node.GetDisplayNode().SetSegmentVisibility(segment_id, item.checkState() == QtCore.Qt.Checked)
        elif item.column() == 2:
            self._node.GetSegmentation().GetSegment(segment_id).SetName(item.text())


WIDGETS = (qMRMLTableView, qMRMLTableWidget, qMRMLSegmentsTableView)
