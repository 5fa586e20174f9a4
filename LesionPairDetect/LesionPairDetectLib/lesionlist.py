"""The table of lesions: what stands in it, in which order, and which row is chosen."""

from collections.abc import Callable, Iterable

import qt
from slicer.i18n import tr as _

from liverpair.core.lesions import STATES
from liverpair.io.lesion_csv import COLUMNS, Column
from liverpair.measures.lesion_rows import LesionRow
from liverpair.mrml.lesions.lesion_display import color_of
from LiverPairLib.looks import GRAY, swatch

HEADINGS = {
    "number": _("No."),
    "state": _("State"),
    "kind": _("Seen\nin"),
    "t1_score": _("Score\nT1"),
    "t2_score": _("Score\nT2"),
    "t1_diameter_mm": _("T1\nmm"),
    "t2_diameter_mm": _("T2\nmm"),
    "displacement_mm": _("Shift\nmm"),
    "note": _("Note"),
    "t1_slice": _("Slice\nT1"),
    "t2_slice": _("Slice\nT2"),
    "t1_volume_ml": _("ml\nT1"),
    "t2_volume_ml": _("ml\nT2"),
    "t1_contrast": _("Contrast\nT1 %"),
    "t2_contrast": _("Contrast\nT2 %"),
}
"""Columns of the panel, what a reader looks at first to the left; the whole title is the tool tip."""
TIPS = {
    "displacement_mm": _(
        "Distance from the lesion in T1 to itself in T2 (mm). Most of it is how the patient lay or breathed between "
        "the two sequences: below the table stands how far the whole liver moved, where both livers are segmented"
    )
}
"""Where the title needs words beside it."""
HIDDEN_AT_FIRST = ("note", "t1_slice", "t2_slice", "t1_volume_ml", "t2_volume_ml", "t1_contrast", "t2_contrast")
"""The others fit a panel of 420 pixels."""
ORDERS = {"kind": ("T1 only", "T2 only", "neither", "both"), "state": STATES}
"""How words are sorted: what was seen in one image only needs the reader most."""
SIGNS = {"proposed": "?", "accepted": "✓", "rejected": "✗"}
"""How a state is written where there is no room for words; the tool tip has them."""
PROPOSED = "?"
UID_ROLE = qt.Qt.UserRole
ALIGNMENTS = {
    "number": qt.Qt.AlignCenter,
    "state": qt.Qt.AlignCenter,
    "kind": qt.Qt.AlignLeft | qt.Qt.AlignVCenter,
    "note": qt.Qt.AlignLeft | qt.Qt.AlignVCenter,
}
"""All other cells are numbers, and lie at the right."""
ROW_HEIGHT, NARROWEST_COLUMN, SWATCH_PIXELS = 22, 28, 6
ASCENDING, DESCENDING = "▲", "▼"


class LesionTable:
    """Shows rows of measures in a QTableWidget, sorted by the column whose heading was clicked.

    `onChosen(uid)` is called when the user, and nobody else, chose another row.
    """

    def __init__(self, table: "qt.QTableWidget", onChosen: Callable[[str], None]) -> None:
        self._table, self._onChosen = table, onChosen
        columns = {column.key: column for column in COLUMNS}
        self._columns = [columns[key] for key in HEADINGS]
        self._rows, self._filled = [], []
        self._sortedBy, self._isDescending = 0, False
        self._isUpdating = False
        self.hidden = frozenset()
        self._setUp()
        self.hideColumns(HIDDEN_AT_FIRST)
        table.connect("itemSelectionChanged()", self._onSelectionChanged)
        table.horizontalHeader().connect("sectionClicked(int)", self._onHeadingClicked)

    @property
    def columns(self) -> dict[str, str]:
        """The titles of all columns by key, from left to right."""
        return {column.key: column.title for column in self._columns}

    def hideColumns(self, keys: Iterable[str]) -> None:
        """Hide these columns, and show all others."""
        self.hidden = frozenset(keys)
        for index, column in enumerate(self._columns):
            self._table.setColumnHidden(index, column.key in self.hidden)

    @property
    def uids(self) -> list[str]:
        """UIDs of the lesions from top to bottom."""
        return [row.uid for row in self._rows]

    def show(self, rows: list[LesionRow], chosen: str | None = None) -> None:
        """Show these `LesionRow`s and choose the one with the UID `chosen`."""
        self._rows = self.sorted(rows)
        self._isUpdating = True
        try:
            self._table.setRowCount(len(self._rows))
            del self._filled[len(self._rows) :]
            for position, row in enumerate(self._rows):
                self._fill(position, row)
            self._table.resizeColumnsToContents()
        finally:
            self._isUpdating = False
        self.choose(chosen)

    def choose(self, uid: str) -> None:
        """Choose the row of a lesion, or none."""
        self._isUpdating = True
        try:
            if uid in self.uids:
                self._table.selectRow(self.uids.index(uid))
                self._table.scrollToItem(self._table.item(self.uids.index(uid), 0))
            else:
                self._table.clearSelection()
        finally:
            self._isUpdating = False

    def _setUp(self) -> None:
        table = self._table
        table.setColumnCount(len(self._columns))
        self._markHeading()
        for position, column in enumerate(self._columns):
            table.horizontalHeaderItem(position).setToolTip(TIPS.get(column.key, column.title))
        header = table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(NARROWEST_COLUMN)
        header.setSortIndicatorShown(False)
        table.verticalHeader().hide()
        table.setIconSize(qt.QSize(SWATCH_PIXELS, SWATCH_PIXELS))
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.setHorizontalScrollMode(qt.QAbstractItemView.ScrollPerPixel)

    def _markHeading(self) -> None:
        """Show in the headings by what the rows are sorted; Qt's own sign makes every column too wide."""
        headings = list(HEADINGS.values())
        lines = headings[self._sortedBy].split("\n")
        lines += [""] * (len(lines) == 1)
        lines[lines.index(min(lines, key=len))] += DESCENDING if self._isDescending else ASCENDING
        headings[self._sortedBy] = "\n".join(lines)
        for index, heading in enumerate(headings):
            if self._table.horizontalHeaderItem(index) is None:
                self._table.setHorizontalHeaderItem(index, qt.QTableWidgetItem())
            self._table.horizontalHeaderItem(index).setText(heading)

    def _fill(self, position: int, row: LesionRow) -> None:
        """Only what is different is written: a table of fifty lesions follows a slider."""
        if position == len(self._filled):
            self._addItems(position)
            self._filled.append(None)
        before, self._filled[position] = self._filled[position], row
        if before == row:
            return
        for index, column in enumerate(self._columns):
            if before is None or _cell(column, before) != _cell(column, row):
                self._write(self._table.item(position, index), column, *_cell(column, row))
        if before is None or (before.number, before.uid) != (row.number, row.uid):
            self._mark(self._table.item(position, 0), row)
        if before is None or (before.state == "rejected") != (row.state == "rejected"):
            brush = qt.QBrush(qt.QColor(GRAY)) if row.state == "rejected" else qt.QBrush()
            for index in range(1, len(self._columns)):
                self._table.item(position, index).setForeground(brush)

    def _addItems(self, position: int) -> None:
        for index, column in enumerate(self._columns):
            item = qt.QTableWidgetItem()
            item.setTextAlignment(ALIGNMENTS.get(column.key, qt.Qt.AlignRight | qt.Qt.AlignVCenter))
            self._table.setItem(position, index, item)

    def _write(self, item: "qt.QTableWidgetItem", column: Column, text: str, tip: str) -> None:
        item.setText(SIGNS[text] if column.key == "state" else text)
        item.setToolTip(text if column.key in ("state", "note") else tip)

    def _mark(self, item: "qt.QTableWidgetItem", row: LesionRow) -> None:
        """The number beside the color that the boxes have, which is seen in a chosen row too."""
        item.setData(UID_ROLE, row.uid)
        color = qt.QColor()
        color.setRgbF(*color_of(row.number))
        item.setIcon(swatch(color))

    def sorted(self, rows: list[LesionRow]) -> list[LesionRow]:
        """`LesionRow`s in the order of the table: by the chosen column, empty cells last, equals by number."""
        column = self._columns[self._sortedBy]
        order = ORDERS.get(column.key)
        known = [row for row in rows if column.text(row)]
        unknown = [row for row in rows if not column.text(row)]
        byNumber = sorted(known, key=lambda row: row.number)
        key = column.value if order is None else lambda row: order.index(column.value(row))
        return sorted(byNumber, key=key, reverse=self._isDescending) + sorted(unknown, key=lambda row: row.number)

    def _onHeadingClicked(self, index: int) -> None:
        self._isDescending = index == self._sortedBy and not self._isDescending
        self._sortedBy = index
        self._markHeading()
        self.show(self._rows, self._chosenUid())

    def _chosenUid(self) -> str | None:
        row = self._table.currentRow()
        isChosen = bool(self._table.selectedItems()) and 0 <= row < len(self._rows)
        return self._rows[row].uid if isChosen else None

    def _onSelectionChanged(self) -> None:
        if not self._isUpdating:
            self._onChosen(self._chosenUid())


def _cell(column: Column, row: LesionRow) -> tuple[str, str]:
    """Text and tool tip of a cell. What was proposed, and seen by nobody yet, has a question mark."""
    text, proposed = column.text(row), _proposedSide(row)
    if proposed is None or column.key not in ("kind", f"{proposed}_score", f"{proposed}_diameter_mm"):
        return text, ""
    seen = proposed.other.title
    tip = _(
        "Seen in {seen}. The box in {side} is proposed: accept the lesion or adjust the box if it is there, delete the "
        "box if it is not. It is not measured before."
    ).format(seen=seen, side=proposed.title)
    if column.key == "kind":
        return f"{seen} {proposed.title}{PROPOSED}", tip
    return f"{text}{PROPOSED}", tip


def _proposedSide(row: LesionRow) -> str | None:
    """The image in which the box is only proposed, of a lesion that was seen in the other one; else None."""
    return row.predicted[0] if row.kind.endswith("only") and row.predicted else None
