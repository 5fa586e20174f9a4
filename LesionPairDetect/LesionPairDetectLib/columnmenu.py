"""The menu in which a reader chooses the columns of the table of lesions; the choice is kept for the next time."""

import qt
import slicer

from LesionPairDetectLib.lesionlist import LesionTable

SETTING = "LesionPairDetect/HiddenColumns"


class ColumnMenu:
    """A button whose menu has an entry with a check mark for each column."""

    def __init__(self, button: "qt.QToolButton", table: LesionTable) -> None:
        self._table = table
        kept = slicer.app.settings().value(SETTING)
        if kept is not None:
            table.hideColumns(str(kept).split())
        self._menu = qt.QMenu(button)
        for key, title in table.columns.items():
            entry = self._menu.addAction(title)
            entry.checkable = True
            entry.checked = key not in table.hidden
            entry.connect("toggled(bool)", lambda checked, key=key: self.onToggled(key, checked))
        button.setMenu(self._menu)

    def onToggled(self, key: str, isShown: bool) -> None:
        """Show a column, or hide it."""
        self._table.hideColumns((self._table.hidden - {key}) if isShown else (self._table.hidden | {key}))
        slicer.app.settings().setValue(SETTING, " ".join(sorted(self._table.hidden)))
