"""Small helpers over Qt widgets."""

from collections.abc import Callable, Sequence
from typing import Any

import qt

HEADING = object()
"""The key of a heading among the entries."""


class KeyComboBox:
    """A combo box whose entries stand for keys. `onChosen(key)` is called when the user, and nobody else, chose one."""

    def __init__(self, comboBox: "qt.QComboBox", onChosen: Callable[[Any], None]) -> None:
        self._comboBox = comboBox
        self._onChosen = onChosen
        self._entries = {}
        self._keys = []
        self._missing, self._none = "{key}", ""
        self._heading, self._underHeading = "", ()
        comboBox.connect("activated(int)", self._onActivated)

    def setEntries(self, entries: dict[Any, str], missing: str = "{key}", none: str = "") -> None:
        """Offer these texts by key. `missing` is how a current key without entry is shown, `none` how no key is."""
        self._entries, self._missing, self._none = dict(entries), missing, none

    def setHeading(self, text: str, keys: Sequence[Any]) -> None:
        """Put a heading, which cannot be chosen, before the first of these keys, which are the last ones."""
        self._heading, self._underHeading = text, keys

    def setCurrent(self, key: Any) -> None:
        """Show this key as the current one, also when it has no entry."""
        first = next((entry for entry in self._entries if entry in self._underHeading), None)
        texts = {}
        for entry, text in self._entries.items():
            if entry == first:
                texts[HEADING] = self._heading
            texts[entry] = text
        if key not in texts:
            texts[key] = self._missing.format(key=key) if key else self._none
        if [self._comboBox.itemText(row) for row in range(self._comboBox.count)] != list(texts.values()):
            self._comboBox.clear()
            self._comboBox.addItems(list(texts.values()))
            if HEADING in texts:
                self._comboBox.model().item(list(texts).index(HEADING)).setEnabled(False)
        self._keys = list(texts)
        self._comboBox.setCurrentIndex(self._keys.index(key))

    def _onActivated(self, row: int) -> None:
        self._onChosen(self._keys[row])


def clockText(seconds: float) -> str:
    """A duration as a clock shows it: "0:07", "12:30"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
