"""The panels on a light and on a dark theme: whatever they say can be read."""

import pytest
import slicer
from PySide6 import QtGui, QtWidgets
from test_panel_sizes import MODULES, window  # noqa: F401

from Testing.harness import start
from Testing.harness.appearance import unreadable

ROLES = QtGui.QPalette
DARK = {
    ROLES.Window: "#2d2d2d", ROLES.WindowText: "#e6e6e6", ROLES.Base: "#1e1e1e", ROLES.AlternateBase: "#2a2a2a",
    ROLES.Text: "#e6e6e6", ROLES.Button: "#3a3a3a", ROLES.ButtonText: "#e6e6e6", ROLES.Highlight: "#2a82da",
    ROLES.HighlightedText: "#ffffff", ROLES.PlaceholderText: "#8a8a8a", ROLES.Link: "#6fb3ff",
}  # fmt: skip
"""As Slicer's own dark style has them."""


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
        for role, color in colors.items():
            palette.setColor(role, QtGui.QColor(color))
        for role in (ROLES.WindowText, ROLES.Text, ROLES.ButtonText):
            palette.setColor(ROLES.Disabled, role, QtGui.QColor("#808080"))
        app.setPalette(palette)
        start().wait(seconds=0.1)

    yield choose
    app.setPalette(before)


@pytest.mark.parametrize("colors", [{}, DARK], ids=["light", "dark"])
def test_everything_that_a_panel_says_can_be_read(window, theme, colors, tmp_path):  # noqa: F811
    panel = window.harness_panel()
    for label in slicer.util.findChildren(panel, className="QLabel"):
        if label.wordWrap:
            for part in (label, label.parentWidget()):
                part.visible = True
            label.text = label.text or "T2 has 3 components; LiverPair needs a scalar volume."
    theme(colors)
    assert panel.palette.color(ROLES.Window).lightness() > 128 or colors
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
