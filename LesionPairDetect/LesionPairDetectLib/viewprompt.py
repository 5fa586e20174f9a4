"""A line over the views that says what the user is to do in them."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from LiverPairLib.looks import frameStyle

MARGIN = 4
BOLD = "QFrame#viewPrompt QLabel { font-weight: bold; }"
LAYOUT_CHANGED = "layoutChanged(int)"


class ViewPrompt:
    """Lies over the top of the views, where the eye is, and has a button to leave off."""

    def __init__(self) -> None:
        self._frame = self._label = self._leaveOff = None

    @property
    def text(self) -> str:
        """What it says, "" while it is away."""
        return self._label.text if self._frame is not None else ""

    def show(self, sentence: str, leaveOff: Callable[[], None], isProblem: bool = False) -> None:
        """Say a sentence; `leaveOff()` is called when the user presses the button."""
        if self._frame is None:
            self._make()
        self._leaveOff = leaveOff
        self._label.text = sentence
        self._frame.styleSheet = frameStyle("viewPrompt", "problem" if isProblem else "warning") + BOLD
        self._place()

    def hide(self, leaveOff: Callable[[], None] | None = None) -> None:
        """Go away; nothing happens when somebody else than who gave this `leaveOff` has taken the place."""
        if self._frame is not None and leaveOff in (None, self._leaveOff):
            slicer.app.layoutManager().disconnect(LAYOUT_CHANGED, self._place)
            self._frame.hide()
            self._frame.deleteLater()
            self._frame = self._label = self._leaveOff = None

    def _make(self) -> None:
        self._frame = qt.QFrame(slicer.app.layoutManager().viewport())
        self._frame.objectName = "viewPrompt"
        layout = qt.QHBoxLayout(self._frame)
        layout.setContentsMargins(10, MARGIN, MARGIN, MARGIN)
        self._label = qt.QLabel()
        self._label.objectName = "viewPromptLabel"
        button = qt.QPushButton(_("Cancel (Esc)"))
        button.objectName = "viewPromptButton"
        button.connect("clicked(bool)", lambda checked=False: self._leaveOff())
        layout.addWidget(self._label, 1)
        layout.addWidget(button)
        slicer.app.layoutManager().connect(LAYOUT_CHANGED, self._place)

    def _place(self, layout: Any = None) -> None:
        """Over the middle of the upper row, as wide as the sentence, wrapped where the views are narrower."""
        frame, room = self._frame, slicer.app.layoutManager().viewport().width - 2 * MARGIN
        self._label.wordWrap = False
        frame.adjustSize()
        if frame.width > room:
            self._label.wordWrap = True
            frame.resize(room, frame.heightForWidth(room))
        frame.move(MARGIN + (room - frame.width) // 2, MARGIN)
        frame.show()
        frame.raise_()
