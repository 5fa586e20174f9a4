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
    cpp_signals = {"contentsCollapsed(bool)", "clicked()", "clicked(bool)", "toggled(bool)"}
    _is_collapsed: bool
    _label: str

    icon = stored_property(QtGui.QIcon, "icon")
    checkable = stored_property(bool, "checkable", False)
    flat = stored_property(bool, "flat", False)
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

    def setCollapsed(self, collapsed: bool) -> None:
        self._set_collapsed(collapsed)

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
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box whose check box hides its contents."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.setCheckable(True)
        self.toggled.connect(self._show_contents)

    def _show_contents(self, on: bool) -> None:
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                child.setVisible(on)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))
    collapsedHeight = stored_property(int, "collapsedHeight", 14)


@stand_in
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box that may have an icon."""


@stand_in
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for "nothing chosen"."""

    defaultText = stored_property(str, "defaultText", "")
    forceDefault = stored_property(bool, "forceDefault", False)
    scrollWheelEffect = stored_property(int, "scrollWheelEffect", 0)


@stand_in
class ctkPushButton(QtWidgets.QPushButton):
    """A push button with free alignment of its text."""

    elideMode = stored_property(int, "elideMode", 0)


@stand_in
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box on it."""

    checkBoxControlsButton = stored_property(bool, "checkBoxControlsButton", True)
    checkBoxUserCheckable = stored_property(bool, "checkBoxUserCheckable", True)
    indicatorAlignment = stored_property(int, "indicatorAlignment", 0)


@stand_in
class ctkMenuButton(ctkPushButton):
    """A push button with an arrow beside it that opens its menu."""

    _menu: QtWidgets.QMenu
    _arrow: QtWidgets.QToolButton

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._menu = None
        self._arrow = QtWidgets.QToolButton(self)
        self._arrow.setArrowType(QtCore.Qt.DownArrow)
        self._arrow.setPopupMode(QtWidgets.QToolButton.InstantPopup)

    def setMenu(self, menu: QtWidgets.QMenu) -> None:
        """Unlike a plain push button, pressing the button itself does not open the menu."""
        self._menu = menu
        self._arrow.setMenu(menu)

    def menu(self) -> QtWidgets.QMenu | None:
        return self._menu

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        side = self.height
        self._arrow.setGeometry(self.width - side, 0, side, side)


@stand_in
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that can be typed or browsed for."""

    Files, Dirs, Drives, Readable, Writable, Hidden, NoDot, NoDotDot = 0x2, 0x1, 0x4, 0x10, 0x20, 0x100, 0x2000, 0x4000
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    cpp_signals = {"currentPathChanged(QString)", "validInputChanged(bool)"}
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
    validInput = Property(bool, lambda self: self._is_valid())

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
class ctkDirectoryButton(QtWidgets.QPushButton):
    """A button that shows a folder and asks for another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    cpp_signals = {"directoryChanged(QString)", "directorySelected(QString)"}
    caption = stored_property(str, "caption", "")

    def _on_directory(self, folder: str) -> None:
        self.setText(folder)
        self.directoryChanged.emit(folder)

    directory = stored_property(str, "directory", "", _on_directory)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.clicked.connect(self.browse)

    def browse(self) -> None:
        """Ask for a folder, as pressing the button does."""
        folder = QtWidgets.QFileDialog.getExistingDirectory(self)
        if folder:
            self.directory = folder
            self.directorySelected.emit(folder)


@stand_in
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a color."""

    colorChanged = Signal(QtGui.QColor)
    cpp_signals = {"colorChanged(QColor)"}
    color = stored_property(
        QtGui.QColor, "color", QtGui.QColor(), lambda self, value: self.colorChanged.emit(QtGui.QColor(value))
    )


@stand_in
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text browser as high as its text."""

    collapsed = stored_property(bool, "collapsed", False)
    collapsibleText = stored_property(str, "collapsibleText", "", lambda self, text: self.setHtml(text))


@stand_in
class ctkDynamicSpacer(QtWidgets.QWidget):
    """Takes the room that is left."""


@stand_in
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box with "don't show again"; the harness shows every one."""

    dontShowAgainVisible = stored_property(bool, "dontShowAgainVisible", False)
    dontShowAgain = stored_property(bool, "dontShowAgain", False)
    dontShowAgainSettingsKey = stored_property(str, "dontShowAgainSettingsKey", "")
