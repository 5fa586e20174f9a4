"""CTK widgets to press, choose and pick: buttons, combo boxes, paths, colors."""

from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .standins import forwarded_property, stand_in, stored_property

HEADER_HEIGHT = 24
UNLIMITED = 16777215


@stand_in
class ctkCollapsibleButton(QtWidgets.QWidget):
    """A button that shows and hides the widgets laid out inside it."""

    contentsCollapsed = Signal(bool)
    clicked = Signal(bool)
    toggled = Signal(bool)
    _is_collapsed: bool
    _label: str

    icon = stored_property(QtGui.QIcon, "icon")
    checkable = stored_property(bool, "checkable", False)
    indicatorAlignment = stored_property(int, "indicatorAlignment", 0)
    contentsFrameShape = stored_property(int, "contentsFrameShape", 0)
    collapsedHeight = stored_property(int, "collapsedHeight", 10)

    def __init__(self, text="", parent=None):
        if not isinstance(text, str):
            text, parent = "", text
        super().__init__(parent)
        self._is_collapsed, self._label = False, text
        self.setContentsMargins(6, HEADER_HEIGHT + 2, 6, 4)

    def _set_collapsed(self, collapsed: bool) -> None:
        if bool(collapsed) == self._is_collapsed:
            return
        self._is_collapsed = bool(collapsed)
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                child.setVisible(not collapsed)
        self.setMaximumHeight(HEADER_HEIGHT if collapsed else UNLIMITED)
        self.toggled.emit(not collapsed)
        self.contentsCollapsed.emit(self._is_collapsed)

    def _set_text(self, text: str) -> None:
        self._label = text
        self.update()

    collapsed = Property(bool, lambda self: self._is_collapsed, _set_collapsed)
    checked = Property(bool, lambda self: not self._is_collapsed, lambda self, on: self._set_collapsed(not on))
    text = Property(str, lambda self: self._label, _set_text)

    def setText(self, text: str) -> None:
        self._set_text(text)

    def setChecked(self, checked: bool) -> None:
        self._set_collapsed(not checked)

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(0, HEADER_HEIGHT) if self._is_collapsed else super().minimumSizeHint()

    def childEvent(self, event) -> None:
        super().childEvent(event)
        if event.added() and self._is_collapsed and isinstance(event.child(), QtWidgets.QWidget):
            event.child().setVisible(False)

    def paintEvent(self, event) -> None:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER_HEIGHT)
        option.text = ("\u25b8 " if self._is_collapsed else "\u25be ") + self._label
        painter = QtGui.QPainter(self)
        self.style().drawControl(QtWidgets.QStyle.CE_PushButton, option, painter, self)
        painter.end()

    def mousePressEvent(self, event) -> None:
        if event.position().y() < HEADER_HEIGHT:
            self._set_collapsed(not self._is_collapsed)
            self.clicked.emit(self.checked)


@stand_in
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that can be typed or browsed for."""

    Files, Dirs, Drives, Readable, Writable, Hidden, NoDot, NoDotDot = 0x2, 0x1, 0x4, 0x10, 0x20, 0x100, 0x2000, 0x4000
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    _edit: QtWidgets.QLineEdit
    _button: QtWidgets.QToolButton

    filters = stored_property(int, "filters", 0x2 | 0x2000 | 0x4000)
    options = stored_property(int, "options", 0)
    nameFilters = stored_property("QStringList", "nameFilters", [])
    settingKey = stored_property(str, "settingKey", "")
    label = stored_property(str, "label", "")
    showHistoryButton = stored_property(bool, "showHistoryButton", True)
    showBrowseButton = stored_property(bool, "showBrowseButton", True, lambda self, on: self._button.setVisible(on))

    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit, self._button = QtWidgets.QLineEdit(), QtWidgets.QToolButton()
        self._button.setText("\u2026")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit, 1)
        layout.addWidget(self._button)
        self._edit.textChanged.connect(self._on_text)
        self._button.clicked.connect(self.browse)

    currentPath = forwarded_property(str, "_edit", "text")

    def setCurrentPath(self, path: str) -> None:
        self._edit.setText(path)

    def addCurrentPathToHistory(self) -> None:
        """History is not kept."""

    def browse(self) -> None:
        """Ask for a path with a file dialog, as the button does."""
        if self.filters & self.Dirs and not self.filters & self.Files:
            path = QtWidgets.QFileDialog.getExistingDirectory(self)
        elif self.filters & self.Writable:
            path = QtWidgets.QFileDialog.getSaveFileName(self)[0]
        else:
            path = QtWidgets.QFileDialog.getOpenFileName(self)[0]
        if path:
            self._edit.setText(path)

    def _is_valid(self) -> bool:
        path = Path(self.currentPath)
        wanted_folder = self.filters & self.Dirs and not self.filters & self.Files
        return bool(self.currentPath) and (path.is_dir() if wanted_folder else path.exists())

    def _on_text(self, text: str) -> None:
        self.currentPathChanged.emit(text)
        self.validInputChanged.emit(self._is_valid())


@stand_in
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box with "don't show again"; the harness shows every one."""

    dontShowAgainVisible = stored_property(bool, "dontShowAgainVisible", False)
    dontShowAgain = stored_property(bool, "dontShowAgain", False)
    dontShowAgainSettingsKey = stored_property(str, "dontShowAgainSettingsKey", "")
