"""The panels on a light and on a dark theme: whatever they say can be read."""

import pytest
import slicer
from PySide6 import QtGui, QtWidgets
from test_panel_sizes import MODULES, window  # noqa: F401

from Testing.harness import start
from Testing.harness.appearance import unreadable

ROLES = QtGui.QPalette
DISABLED = "disabled"
LIGHT = {
    ROLES.Window: "#ffffff", ROLES.WindowText: "#000000", ROLES.Base: "#ffffff", ROLES.AlternateBase: "#e4e4fe",
    ROLES.Text: "#000000", ROLES.Button: "#fcfcfc", ROLES.ButtonText: "#000000", ROLES.Highlight: "#308cc6",
    ROLES.HighlightedText: "#ffffff", ROLES.Link: "#0000ff", DISABLED: "#bebebe",
}  # fmt: skip
DARK = {
    ROLES.Window: "#323232", ROLES.WindowText: "#ffffff", ROLES.Base: "#1e1e1e", ROLES.AlternateBase: "#323232",
    ROLES.Text: "#ffffff", ROLES.Button: "#323232", ROLES.ButtonText: "#ffffff", ROLES.Highlight: "#3ca4ff",
    ROLES.HighlightedText: "#ffffff", ROLES.Link: "#3ca4ff", DISABLED: "#6d6d6d",
}  # fmt: skip
"""The colors of Slicer's own two styles."""


@pytest.fixture
def language():
    return "English"


@pytest.fixture
def theme():
    """A function that puts the application on another palette, as a user's theme does."""
    app = QtWidgets.QApplication.instance()
    before = app.palette()

    def choose(colors: dict) -> None:
        palette = QtGui.QPalette(before)
        for role in colors.keys() - {DISABLED}:
            palette.setColor(role, QtGui.QColor(colors[role]))
        for role in (ROLES.WindowText, ROLES.Text, ROLES.ButtonText):
            palette.setColor(ROLES.Disabled, role, QtGui.QColor(colors[DISABLED]))
        app.setPalette(palette)
        start().wait(seconds=0.1)

    yield choose
    app.setPalette(before)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_that_a_panel_says_can_be_read(window, theme, colors, tmp_path):  # noqa: F811
    panel = window.harness_panel()
    for label in slicer.util.findChildren(panel, className="QLabel"):
        if label.wordWrap:
            for part in (label, label.parentWidget()):
                part.visible = True
            label.text = label.text or "T2 has 3 components; LiverPair needs a scalar volume."
    theme(colors)
    assert panel.palette.color(ROLES.Window).name() == colors[ROLES.Window]
    assert unreadable(panel) == []
    module = start().panel(next(name for name in MODULES if start().panel(name).parent is panel))
    module.say("T2 has one slice.", isProblem=True)
    start().wait()
    assert unreadable(panel) == []


def test_a_text_that_vanishes_on_a_theme_is_found_out(theme):
    label = QtWidgets.QLabel("Choose a T1 volume.")
    label.setStyleSheet("color: #303030")
    label.show()
    start().wait()
    assert unreadable(label) == []
    holder = QtWidgets.QWidget()
    QtWidgets.QVBoxLayout(holder).addWidget(label)
    holder.show()
    assert unreadable(holder) == []
    theme(DARK)
    assert len(unreadable(holder)) == 1
