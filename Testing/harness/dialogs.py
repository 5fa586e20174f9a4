"""Dialogs answered by the test: what was asked is recorded, what the user would have pressed comes from a queue.

No modal dialog may wait for a person. Messages with one button are pressed away. A question needs an answer queued by
the test; without one it is dismissed and recorded as a problem.
"""

from collections import deque
from dataclasses import dataclass

from PySide6 import QtGui, QtWidgets

from . import problems


@dataclass(frozen=True)
class Dialog:
    """One dialog that came up. `kind` is "message", "file", "folder", "input", "menu", "color" or "dialog"."""

    kind: str
    title: str
    text: str
    details: str
    answer: object


_shown: list[Dialog] = []
_answers: deque = deque()

DISMISSED = object()


def shown() -> list[Dialog]:
    """The dialogs since the last `forget`, oldest first."""
    return list(_shown)


def answer(*values) -> None:
    """Queue answers for the next dialogs, first come, first served.

    A button's text ("Yes", "Cancel"), a path for a file dialog (None to cancel), a text or number for an input dialog,
    an action's text for a menu, or a function that is called with any other dialog and may press its buttons.
    """
    _answers.extend(values)


def forget() -> None:
    """Drop the record and the answers that were not used."""
    _shown.clear()
    _answers.clear()


def unused_answers() -> list:
    """Answers that no dialog asked for."""
    return list(_answers)


def _take_answer(kind: str, title: str, text: str, details: str = ""):
    """The next queued answer, or DISMISSED; either way the dialog is recorded."""
    if _answers:
        value = _answers.popleft()
    else:
        problems.record("dialog", f"nobody answered the {kind} dialog '{title}': {text}")
        value = DISMISSED
    _shown.append(Dialog(kind, title, text, details, None if value is DISMISSED else value))
    return value


def install() -> None:
    """Replace everything in Qt that would open a modal dialog."""
    _install_message_boxes()
    _install_file_dialogs()
    _install_inputs()
    for name in ("exec", "exec_"):
        setattr(QtWidgets.QDialog, name, _run_dialog)
        setattr(QtWidgets.QMenu, name, _run_menu)


def _install_message_boxes() -> None:
    box = QtWidgets.QMessageBox
    for name in ("exec", "exec_"):
        setattr(box, name, _run_message_box)
    for name in ("information", "warning", "critical"):
        setattr(box, name, _message_shower(box.Ok))
    box.question = _message_shower(box.Yes | box.No)


def _message_shower(default_buttons):
    def show(parent, title, text, buttons=default_buttons, default=None):
        box = QtWidgets.QMessageBox(parent)
        box.setWindowTitle(title)
        box.setText(text)
        box.setStandardButtons(buttons)
        return box.exec_()

    return staticmethod(show)


def _run_message_box(box: QtWidgets.QMessageBox):
    """Press the button that the test answered with. A message with one button (or none) asks nothing."""
    buttons = [button for button in box.buttons() if not _only_shows_details(box, button)]
    title = box.windowTitle.strip()
    if len(buttons) <= 1:
        _shown.append(Dialog("message", title, box.text, box.detailedText, _label(buttons[0]) if buttons else None))
        return _press(box, buttons[0]) if buttons else QtWidgets.QMessageBox.Ok
    value = _take_answer("message", title, box.text, box.detailedText)
    if value is DISMISSED:
        return QtWidgets.QMessageBox.Cancel
    for button in buttons:
        if _label(button).lower() == str(value).lower():
            return _press(box, button)
    raise AssertionError(f"'{box.text}' has no button '{value}', only {[_label(b) for b in buttons]}")


def _press(box: QtWidgets.QMessageBox, button: QtWidgets.QAbstractButton):
    button.click()
    standard = box.standardButton(button)
    return standard if standard != QtWidgets.QMessageBox.NoButton else box.buttons().index(button)


def _only_shows_details(box: QtWidgets.QMessageBox, button: QtWidgets.QAbstractButton) -> bool:
    """Qt adds this button itself when a box has a detailed text; it does not close the box."""
    return bool(box.detailedText) and box.buttonRole(button) == QtWidgets.QMessageBox.ActionRole


def _label(button: QtWidgets.QAbstractButton) -> str:
    return button.text.replace("&", "")


def _install_file_dialogs() -> None:
    dialog = QtWidgets.QFileDialog

    def ask(kind: str, several: bool = False):
        def run(parent=None, caption="", directory="", filter="", *_options, **_named):
            value = _take_answer(kind, str(caption), str(directory))
            if value is DISMISSED or value is None:
                return [] if several else ""
            return [str(path) for path in value] if several else str(value)

        return staticmethod(run)

    # PythonQt returns the path alone, not PySide6's pair of path and filter.
    dialog.getOpenFileName = ask("file")
    dialog.getSaveFileName = ask("file")
    dialog.getOpenFileNames = ask("file", several=True)
    dialog.getExistingDirectory = ask("folder")


def _install_inputs() -> None:
    dismissed = {"getText": "", "getMultiLineText": "", "getItem": "", "getInt": 0, "getDouble": 0.0}
    for name, nothing in dismissed.items():
        setattr(QtWidgets.QInputDialog, name, _input_asker(nothing))

    def ask_color(initial=None, parent=None, title="", *_options):
        value = _take_answer("color", title, "")
        return QtGui.QColor() if value is DISMISSED or value is None else QtGui.QColor(value)

    QtWidgets.QColorDialog.getColor = staticmethod(ask_color)


def _input_asker(nothing):
    """PythonQt returns the value alone, and an empty one when the dialog is dismissed."""

    def ask(parent, title, label, *_defaults):
        value = _take_answer("input", title, label)
        return nothing if value is DISMISSED or value is None else value

    return staticmethod(ask)


def delay_display(message: str, autoCloseMsec: int = 1000, parent=None, **_options) -> None:
    """`slicer.util.delayDisplay`: the popup that closes by itself; nobody waits for it here."""
    _shown.append(Dialog("message", "", message, "", None))
    QtWidgets.QApplication.processEvents()


def _run_dialog(dialog: QtWidgets.QDialog) -> int:
    value = _take_answer("dialog", dialog.windowTitle, dialog.objectName)
    if not callable(value):
        return QtWidgets.QDialog.Rejected.value
    dialog.show()
    value(dialog)
    dialog.hide()
    return dialog.result()


def _run_menu(menu: QtWidgets.QMenu, *_position):
    value = _take_answer("menu", menu.title, ", ".join(action.text for action in menu.actions()))
    for action in menu.actions():
        if action.text.replace("&", "") == value:
            action.trigger()
            return action
    return None
