"""The line of a panel that says what happened last."""

import qt

from LiverPairLib.looks import labelStyle


class StatusLine:
    """Shows in a label what somebody said last, or else how the last run of the panel ended."""

    def __init__(self, label: "qt.QLabel") -> None:
        self._label = label
        self._said = self._ofRun = ("", False)
        self._show()

    def say(self, sentence: str, isProblem: bool = False) -> None:
        """Show a sentence; with "", the one about the last run comes back."""
        self._said = (sentence, isProblem)
        self._show()

    def tellOfRun(self, sentence: str, isProblem: bool) -> None:
        """What there is to say about the last run, "" where there is nothing; a new sentence is what happened last."""
        if sentence and (sentence, isProblem) != self._ofRun:
            self._said = ("", False)
        self._ofRun = (sentence, isProblem)
        self._show()

    def _show(self) -> None:
        sentence, isProblem = self._said if self._said[0] else self._ofRun
        self._label.text = sentence
        self._label.styleSheet = labelStyle(isProblem)
        self._label.visible = bool(sentence)
