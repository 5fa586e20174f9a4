"""Single-key shortcuts that live only while a module is on screen and stand back while somebody types."""

from collections.abc import Callable

import qt
import slicer

TEXT_FIELDS = ("QLineEdit", "QTextEdit", "QPlainTextEdit", "QAbstractSpinBox", "QKeySequenceEdit")
FOCUS_CHANGED = "focusChanged(QWidget*,QWidget*)"


class KeyBindings:
    """Keys of the main window and what they do, as `{"Shift+Z": function}`.

    Nothing is bound before `install`, and nothing is left behind after `remove`. A key that is typed into a text field
    goes to that field.
    """

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        self._actions = dict(actions)
        self._shortcuts = []

    @property
    def installed(self) -> bool:
        """Whether the keys are bound now."""
        return bool(self._shortcuts)

    def install(self) -> None:
        """Bind the keys; doing it again changes nothing."""
        if self.installed:
            return
        for key, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow())
            shortcut.connect("activated()", action)
            self._shortcuts.append(shortcut)
        slicer.app.connect(FOCUS_CHANGED, self._onFocusChanged)
        self._onFocusChanged(None, qt.QApplication.focusWidget())

    def remove(self) -> None:
        """Give the keys back."""
        if not self.installed:
            return
        slicer.app.disconnect(FOCUS_CHANGED, self._onFocusChanged)
        for shortcut in self._shortcuts:
            shortcut.disconnect("activated()")
            shortcut.setEnabled(False)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []

    def _onFocusChanged(self, old: "qt.QWidget | None", new: "qt.QWidget | None") -> None:
        isTyping = takesText(new)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(not isTyping)


class EscapeKey:
    """The key Esc, for one thing at a time that can be left off: who takes it makes the one before leave off."""

    def __init__(self) -> None:
        self._leaveOff = None
        self._keys = KeyBindings({"Esc": self._onEscape})

    def take(self, leaveOff: Callable[[], None]) -> None:
        """Call `leaveOff` when Esc is pressed, or when somebody else takes the key."""
        before, self._leaveOff = self._leaveOff, leaveOff
        self._keys.install()
        if before is not None and before != leaveOff:
            before()

    def release(self, leaveOff: Callable[[], None]) -> None:
        """Give the key back; nothing happens when it belongs to somebody else."""
        if self._leaveOff == leaveOff:
            self._leaveOff = None
            self._keys.remove()

    def _onEscape(self) -> None:
        if self._leaveOff is not None:
            self._leaveOff()


escapeKey = EscapeKey()
"""The one that all sections share."""


def takesText(widget: "qt.QWidget") -> bool:
    """Whether a widget (or None) takes what is typed as text."""
    if widget is None:
        return False
    if widget.inherits("QComboBox"):
        return bool(widget.editable)
    if not any(widget.inherits(name) for name in TEXT_FIELDS):
        return False
    return not (hasattr(widget, "readOnly") and widget.readOnly)
