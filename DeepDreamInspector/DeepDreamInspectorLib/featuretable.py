"""The list of features beside the plot: which are drawn, in which color, and where they stand."""

from collections.abc import Callable
from dataclasses import dataclass

import qt
from slicer.i18n import tr as _

from LiverPairLib.looks import swatch

SHOWN, TITLE, VALUE = range(3)
ROW_HEIGHT = 22


@dataclass(frozen=True)
class FeatureRow:
    """One feature: its identifier, what it is called, its color ("#rrggbb"), whether it is drawn, and its value."""

    name: str
    title: str
    color: str
    isShown: bool
    value: str


class FeatureTable:
    """Shows `FeatureRow`s in a QTableWidget.

    A click on a check box calls `onShown(name, isShown)`, a click on a feature `onChosen(name)`; nothing else does.
    """

    def __init__(
        self, table: "qt.QTableWidget", onChosen: Callable[[str], None], onShown: Callable[[str, bool], None]
    ) -> None:
        self._table, self._onChosen, self._onShown = table, onChosen, onShown
        self._rows, self._chosen = [], None
        self._isUpdating = False
        self._setUp()
        table.connect("cellClicked(int,int)", self._onClicked)
        table.connect("itemChanged(QTableWidgetItem*)", self._onItemChanged)

    def show(self, rows: list[FeatureRow], chosen: str | None = None, valueTitle: str = "") -> None:
        """Show these rows, with the feature `chosen` marked, and a heading over the values."""
        self._isUpdating = True
        try:
            if [row.name for row in rows] != [row.name for row in self._rows]:
                self._addItems(rows)
            self._rows = list(rows)
            for number, row in enumerate(rows):
                self._write(number, row)
            self._table.horizontalHeaderItem(VALUE).setText(valueTitle)
            self._choose(chosen)
        finally:
            self._isUpdating = False

    def _setUp(self) -> None:
        table = self._table
        table.setColumnCount(VALUE + 1)
        table.setHorizontalHeaderLabels(["", _("Feature"), ""])
        table.horizontalHeaderItem(TITLE).setTextAlignment(qt.Qt.AlignLeft | qt.Qt.AlignVCenter)
        table.horizontalHeaderItem(VALUE).setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(ROW_HEIGHT)
        header.setHighlightSections(False)
        header.setSectionResizeMode(SHOWN, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(TITLE, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(VALUE, qt.QHeaderView.ResizeToContents)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)

    def _addItems(self, rows: list[FeatureRow]) -> None:
        self._rows = []
        self._table.setRowCount(len(rows))
        for number in range(len(rows)):
            shown = qt.QTableWidgetItem()
            shown.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            shown.setToolTip(_("Draw this feature"))
            title = qt.QTableWidgetItem()
            title.setToolTip(_("Click to see this feature alone, click again to see all"))
            value = qt.QTableWidgetItem()
            value.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            for column, item in enumerate((shown, title, value)):
                self._table.setItem(number, column, item)

    def _write(self, number: int, row: FeatureRow) -> None:
        self._table.item(number, SHOWN).setCheckState(qt.Qt.Checked if row.isShown else qt.Qt.Unchecked)
        title = self._table.item(number, TITLE)
        title.setText(row.title)
        title.setIcon(swatch(qt.QColor(row.color)))
        self._table.item(number, VALUE).setText(row.value)

    def _choose(self, chosen: str | None) -> None:
        names = [row.name for row in self._rows]
        if chosen in names:
            self._table.selectRow(names.index(chosen))
        else:
            self._table.clearSelection()

    def _onClicked(self, row: int, column: int) -> None:
        if column != SHOWN and row < len(self._rows):
            self._onChosen(self._rows[row].name)

    def _onItemChanged(self, item: "qt.QTableWidgetItem") -> None:
        if not self._isUpdating and item.column() == SHOWN:
            self._onShown(self._rows[item.row()].name, item.checkState() == qt.Qt.Checked)
