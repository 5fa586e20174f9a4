"""The section "Lesions": which lesions are shown, their table and what they come to."""

from dataclasses import replace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.columnmenu import ColumnMenu
from LesionPairDetectLib.lesionlist import LesionTable
from LesionPairDetectLib.maskwatch import MaskWatch
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.measures.axial_lines import Line
from liverpair.measures.burden import lesion_measures, summary
from liverpair.measures.lesion_rows import LesionRow
from liverpair.measures.recist import RecistLimits
from liverpair.mrml.lesions import lesion_segments, lesion_table
from liverpair.mrml.lesions.lesion_diameters import DiameterLines
from LiverPairLib.resultnodes import isInScene
from LiverPairLib.section import Section
from LiverPairLib.viewsize import windowHeight

MOST_LINES = 5
"""Of the sums."""
TABLE_HEIGHTS = ((1200, 330), (900, 146), (0, 102))
"""In pixels, of a window from this height on: how high the table is, with 13, 5, or 3 rows."""
MEASURE_DELAY_MS = 300
"""Contrasts are measured, and the table node written, when nothing has changed for so long."""


class LesionsSection(Section):
    """Keeps the table, the filter and the sums up to date with the study."""

    name = "Lesions"

    def __init__(self, context: ReadingContext) -> None:
        super().__init__(context)
        self.table = LesionTable(self.ui.lesionsTable, self.onRowChosen)
        self._pairs, self._rows, self._problem = [], {}, ""
        self._images, self._livers, self._measured, self._masks = {}, {}, {}, {}
        self._shownWith = None
        self._isFiltering = False
        self._columns = ColumnMenu(self.ui.columnsButton, self.table)
        label = self.ui.sumsLabel  # one that grows lies on the table until the whole panel has got its new height
        label.minimumHeight = MOST_LINES * label.fontMetrics().lineSpacing()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(MEASURE_DELAY_MS)
        self._timer.connect("timeout()", self.measure)
        self._watch = MaskWatch(self.onMasksEdited)
        self._lines = DiameterLines()
        context.listedUids, context.longestLine = self.listedUids, self.longestLine
        self.show()

    def enter(self) -> None:
        self._fitTable()
        self._filter()
        self.show()

    def exit(self) -> None:
        self._timer.stop()

    def cleanup(self) -> None:
        super().cleanup()
        self._watch.stop()
        self._lines.remove()
        self.context.listedUids, self.context.longestLine = list, lambda uid, side: None

    def onChanged(self, what: str) -> None:
        if what in ("study", "boxes", "selection") and self.context.study is not None:
            self._showMasks()
        if what == "selection":
            self.table.choose(self.context.selectedUid)
            self._showDiameters()
        elif what == "study":
            self._livers, self._measured = {}, {}
            self._filter()
            self.show()
        elif what == "window":
            self._fitTable()
        elif what == "boxes" and not self._isFiltering:
            self.show()
        elif what == "parameters" and self._choices() != self._shownWith:
            self._filter()
            self._present()

    def listedUids(self) -> list[str]:
        """UIDs of all lesions in the order of the table, hidden ones in their places."""
        return [row.uid for row in self.table.sorted(map(self._asMeasured, self._rows.values()))]

    def longestLine(self, uid: str, side: Side) -> Line | None:
        """The longest axial diameter of a lesion as far as its mask was measured, else None."""
        row = self._rows.get(uid)
        return None if row is None or self._problem else self._asMeasured(row).sides[side].long_line

    def onRowChosen(self, uid: str) -> None:
        with self.context.attempt():
            self.context.select(uid)

    def onMasksEdited(self) -> None:
        """Somebody, most likely the Segment Editor, has changed a mask."""
        if self.context.study is not None and self.context.parameterNode is not None:
            self._showMasks()

    def show(self) -> None:
        """Read the lesions and show them; what takes time to measure follows."""
        context = self.context
        self._pairs, self._rows, self._problem = [], {}, ""
        if context.study is not None:
            try:
                self._pairs, self._masks = context.study.pairs(), lesion_segments.versions(context.study)
                self._images = {side: context.image(side) for side in Side}
                self._rows = {row.uid: row for row in lesion_measures(self._pairs, self._images)}
            except InputError as error:
                self._problem = str(error)
        self._present()

    def measure(self) -> None:
        """Measure the masks and contrasts of the lesions that are shown, and write the table node."""
        context = self.context
        if context.study is None or context.parameterNode is None or self._problem:
            return
        livers, shown = {side: context.livers(side) for side in Side}, self._shown()
        rows = lesion_measures(shown, self._images, livers, context.lesionMasks())
        self._measured = {
            (row.uid, side): (self._basis(pair, side), row.sides[side])
            for pair, row in zip(shown, rows)
            for side in Side
        }
        self._livers = livers
        self._present(isMeasured=True)
        self._writeNode(rows)

    def _present(self, isMeasured: bool = False) -> None:
        """Show what was read, with the contrasts that were measured last."""
        self._shownWith = self._choices()
        hasStudy = self.context.parameterNode is not None and self.context.study is not None
        shown = self._shown() if hasStudy and not self._problem else []
        self._letGoOfHidden(shown)
        rows = [self._asMeasured(self._rows[pair.uid]) for pair in shown]
        self.table.show(rows, self.context.selectedUid)
        self._showDiameters()
        if self._problem or not hasStudy:
            self.ui.sumsLabel.text = self._problem
            return
        sums = summary(shown, self._images, self._livers, self._limits(), rows=rows)
        self.ui.sumsLabel.text = "\n".join([self._shownText(len(shown)), *sumsLines(sums)])
        if not isMeasured:
            self._timer.start()

    def _showDiameters(self) -> None:
        """Draw the longest axial diameters of the chosen lesion, as far as its masks were measured, where its boxes are
        shown."""
        uid = self.context.selectedUid
        self._lines.show({side: self.longestLine(uid, side) for side in Side})

    def _shown(self) -> list[Lesion]:
        """The lesions that pass the filter, by number."""
        return [pair for pair in self._pairs if self.context.study.is_shown(pair)]

    def _shownText(self, count: int) -> str:
        """How many lesions are shown, and why the others are not."""
        parameterNode = self.context.parameterNode
        rejected = sum(pair.state == "rejected" for pair in self._pairs) if parameterNode.hideRejected else 0
        below = len(self._pairs) - count - rejected
        text = (_("{count} lesion shown") if count == 1 else _("{count} lesions shown")).format(count=count)
        if below:
            text = _("{shown} (score ≥ {score:.2f}), {below} below").format(
                shown=text, score=parameterNode.displayThreshold, below=below
            )
        return _("{shown}, {count} rejected hidden").format(shown=text, count=rejected) if rejected else text

    def _letGoOfHidden(self, shown: list[Lesion]) -> None:
        """A lesion that nobody sees is not the chosen one: the next key would be for it."""
        uid = self.context.selectedUid
        if uid is not None and not self._problem and uid not in [pair.uid for pair in shown]:
            self.context.select(None)

    def _filter(self) -> None:
        """Show in the views what the choices say; the study tells everybody, this section too."""
        parameterNode, study = self.context.parameterNode, self.context.study
        if parameterNode is None or study is None:
            return
        self._isFiltering = True
        try:
            study.filter(parameterNode.displayThreshold, parameterNode.hideRejected)
        finally:
            self._isFiltering = False

    def _showMasks(self) -> None:
        """Bring masks and boxes in line, and follow what becomes of the masks."""
        with self.context.attempt():
            lesion_segments.show(self.context.study)
            self._watch.follow([lesion_segments.of_study(self.context.study, side) for side in Side])

    def _basis(self, pair: Lesion, side: Side) -> tuple:
        """What decides the measures of a lesion in an image."""
        return pair.boxes.get(side), self._masks.get((pair.uid, side))

    def _asMeasured(self, row: LesionRow) -> LesionRow:
        """A row that was read off the boxes, with what was measured of the masks, and contrasts."""
        pair = next(pair for pair in self._pairs if pair.uid == row.uid)
        sides = {}
        for side, own in row.sides.items():
            basis, known = self._measured.get((row.uid, side), (None, None))
            if known is not None:
                own = known if basis == self._basis(pair, side) else replace(own, contrast=known.contrast)
            sides[side] = own
        return replace(row, sides=sides)

    def _writeNode(self, rows: list[LesionRow]) -> None:
        """The table node is made with the first lesion, and follows from then on."""
        node = self.context.parameterNode.lesionTable
        if not isInScene(node):
            if not rows:
                return
            name = slicer.mrmlScene.GenerateUniqueName(_("Lesions"))
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", name)
            self.context.parameterNode.lesionTable = node
        lesion_table.show(node, self.context.study, rows)

    def _limits(self) -> RecistLimits:
        parameterNode = self.context.parameterNode
        targets = parameterNode.recistTargets
        return RecistLimits(parameterNode.recistMinimumMm, most=targets, most_per_organ=targets)

    def _fitTable(self) -> None:
        height = windowHeight()
        if height is not None:
            self.ui.lesionsTable.setFixedHeight(next(table for least, table in TABLE_HEIGHTS if height >= least))

    def _choices(self) -> tuple | None:
        """What of the parameters the section depends on."""
        parameterNode = self.context.parameterNode
        if parameterNode is None:
            return None
        return (
            parameterNode.displayThreshold,
            parameterNode.hideRejected,
            parameterNode.recistMinimumMm,
            parameterNode.recistTargets,
            self.context.liverStates(),
        )


def sumsLines(sums: dict[str, Any]) -> list[str]:
    """The sums over the lesions that are shown, as a reader wants to hear them."""
    if not sums["lesions"] and not sums["rejected"]:
        return []
    lines = [
        _("In both images {both}, in T1 only {t1_only}, in T2 only {t2_only}").format(**sums),
        _("Accepted: {accepted}, proposed: {proposed}, rejected: {rejected}").format(**sums),
        _("Sum of diameters: {sum:.0f} mm (targets: {count})").format(sum=sums["sum_mm"], count=len(sums["targets"]))
        + (_(", provisional") if sums["proposed"] else ""),
    ]
    burdens = [
        _("{percent:.1f} % in {side}").format(percent=sums[f"{side}_burden_percent"], side=side.title)
        for side in Side
        if sums[f"{side}_burden_percent"] is not None
    ]
    if burdens:
        lines.append(_("Tumor in the liver: {burdens}").format(burdens=", ".join(burdens)))
    return lines
