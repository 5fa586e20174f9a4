"""The section "Visits": the visit before, what became of its lesions, the response, and both side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.earliervisit import EarlierVisit
from LesionPairDetectLib.followuprun import FollowupRun
from LesionPairDetectLib.linkedcursor import LinkedCursor
from LesionPairDetectLib.readingcontext import ReadingContext
from LesionPairDetectLib.reportrun import ReportRun
from LesionPairDetectLib.visitcursor import VisitCursor
from LesionPairDetectLib.worklist import COMPARE
from liverpair.core.geometry import offset_t1_to_t2
from liverpair.core.sides import Side
from liverpair.mrml import layouts
from liverpair.mrml.companions import segmentations_made, show_over_source
from liverpair.registration.places import PlaceMap, visit_map
from LiverPairLib.resultnodes import isInScene
from LiverPairLib.section import Section
from LiverPairLib.sourcedisplay import showPair, whenSettled

Start = Callable[[Callable[[], str | None], Callable[[], FollowupRun], Callable[[FollowupRun], None]], None]
HEADINGS = (_("Lesion"), _("T1 mm"), _("T2 mm"), _("Change"))
ROW_HEIGHT, MOST_ROWS = 22, 8


class VisitsSection(Section):
    """Opens an earlier visit, compares it with this one in the worker, and shows both side by side.

    `start(reasonNot, makeRun, onDone)` starts a run of the logic; `cursor` links T1 and T2 of this visit.
    """

    name = "Visits"

    def __init__(self, context: ReadingContext, start: Start, cursor: LinkedCursor) -> None:
        super().__init__(context)
        self._start = start
        self.earlier = EarlierVisit(context)
        self.cursor = VisitCursor(context, cursor, self.mapOf)
        self._answer, self._correspondences, self._maps = {}, {}, {}
        self.reported = False
        self.ui.openEarlierButton.connect("clicked(bool)", self.onOpen)
        self.ui.compareVisitsButton.connect("clicked(bool)", lambda checked=False: self.compare())
        self.ui.reportButton.connect("clicked(bool)", lambda checked=False: self.report())
        self.ui.sideBySideButton.connect("clicked(bool)", self.onSideBySide)
        self.ui.visitsSectionButton.connect("contentsCollapsed(bool)", lambda collapsed: self.show())
        table = self.ui.visitsTable
        table.setColumnCount(len(HEADINGS))
        table.setHorizontalHeaderLabels(list(HEADINGS))
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        table.connect("cellClicked(int,int)", self.onRow)
        self.show()

    def enter(self) -> None:
        if layouts.is_visits_layout() and self.earlier.isChosen:
            self.cursor.start()
        self.show()

    def exit(self) -> None:
        self.cursor.stop()

    def onChanged(self, what: str) -> None:
        if what in ("study", "boxes"):
            self._maps = {}
        if what == "boxes":
            self.reported = False
        if what == "study":
            self._answer, self._correspondences, self.reported = {}, {}, False
        if what in ("study", "parameters", "boxes"):
            self.show()
        if what == "selection" and self.cursor.isStarted and layouts.is_visits_layout():
            for side in Side:
                self.cursor.showNow(side)

    def onOpen(self, checked: bool = False) -> None:
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Open the study of an earlier visit"))
        if folder:
            self.open(folder)

    def open(self, folder: str) -> None:
        """Open the study of the visit before, from its folder."""
        with self.context.attempt():
            with slicer.util.WaitCursor():
                sentence = self.earlier.open(folder)
            self._answer, self._correspondences, self._maps = {}, {}, {}
            self.context.say(sentence)
        self.show()

    def compare(self) -> None:
        """Register the livers of both visits, link their lesions, and reckon the response; asked first where the visits
        seem to be of different patients."""
        self.context.say("")
        if self.context.accepted(self.earlier.doubts()) is not None:
            self._start(self.reason, lambda: FollowupRun(self.context, self.earlier), self._onCompared)

    def isOpen(self, action: str) -> bool:
        """Whether the visits are still to be compared, or the report is to be written."""
        if action == COMPARE:
            return self.reason() is None and not self._answer
        return not self.reported

    def report(self) -> None:
        """Write the report on this visit, and the response since the earlier one, into a folder that the user names."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Write the report into this folder"))
        if folder:
            self._start(
                self._reasonNoReport,
                lambda: ReportRun(self.context, self.earlier, Path(folder)),
                self._onReported,
            )

    def onSideBySide(self, checked: bool = False) -> None:
        """Both visits beside each other, T1 above T2, or this one alone again."""
        now = [self.context.volume(side) for side in Side]
        livers = [self.context.liverSegmentation(side) for side in Side]
        if not checked:
            self.cursor.stop()
            showPair(now, livers, onFitted=self.context.jumpToSelected)
            return
        before, nodes = ([of(side) for side in Side] for of in (self.earlier.liver, self.earlier.volume))
        layouts.show_visits(nodes, now, [*before, *livers])

        def begin() -> None:
            if layouts.is_visits_layout() and all(isInScene(node) for node in (*nodes, *now) if node is not None):
                layouts.show_visits(nodes, now, [*before, *livers])
                for made in segmentations_made():  # each over its own volume, and over no other
                    show_over_source(made)
                self.context.jumpToSelected()
                for side in Side:
                    self.cursor.showNow(side)
                self.cursor.start()

        whenSettled(begin, [rows[group][0] for group in (0, 1) for rows in (layouts.EARLIER_ROWS, layouts.ROWS)])

    def onRow(self, row: int, column: int = 0) -> None:
        """Choose the lesion of a row; of one that is gone, the earlier views go to its place."""
        uids = self._answer["lesions"][row]["uids"]
        with self.context.attempt():
            if uids[-1] is not None and uids[-1] in self.context.study:
                self.context.select(uids[-1])

    def mapOf(self, side: Side) -> PlaceMap | None:
        """Where a place of the earlier visit is at this one, in one image, by links, registration, and centroids."""
        if side not in self._maps:
            self._maps[side] = self._makeMap(side)
        return self._maps[side]

    def reason(self) -> str | None:
        """One sentence about why the visits cannot be compared, or None."""
        context = self.context
        if context.parameterNode is None or context.study is None:
            return _("Choose a T1 or a T2 volume.")
        if not self.earlier.isChosen:
            return _("Open the earlier visit, or choose its volumes.")
        both = [s for s in Side if context.volume(s) is not None and self.earlier.volume(s) is not None]
        if any(context.volume(side) is self.earlier.volume(side) for side in both):
            return _("The earlier visit is this one: choose other volumes.")
        if not any(context.livers(side) is not None and self.earlier.liver(side) is not None for side in both):
            return _("No image has its liver segmented at both visits.")
        if not len(context.study):
            return _("There is no lesion yet.")
        return None

    def show(self) -> None:
        """Show what can be done, and what became of the lesions."""
        if self.ui.visitsSectionButton.collapsed:
            return
        reason = self.reason()
        self.ui.compareVisitsButton.enabled = reason is None
        self.ui.compareVisitsButton.toolTip = reason or _("Link the lesions of both visits and reckon the response")
        self.ui.reportButton.enabled = self._reasonNoReport() is None
        isSideBySide = layouts.is_visits_layout()  # also where the earlier visit is gone with its scene
        self.ui.sideBySideButton.enabled = self.context.study is not None and (self.earlier.isChosen or isSideBySide)
        self.ui.sideBySideButton.checked = isSideBySide
        told = [f"<b>{Side(side).title}: {one['category']}</b> " + " ".join(one["arithmetic"])
                for side, one in self._answer.get("response", {}).items()]  # fmt: skip
        isSaid = reason is None or self.context.study is None  # the part Run says which volumes are missing
        self.ui.responseLabel.text = "<br>".join(told) or ("" if isSaid else reason)
        self._fillTable(self._answer.get("lesions", []))

    def _reasonNoReport(self) -> str | None:
        if self.context.parameterNode is None or self.context.study is None or not len(self.context.study):
            return _("There is no lesion yet.")
        return None

    def _onReported(self, run: ReportRun) -> None:
        self.reported = True
        self.context.tell("visits")

    def _onCompared(self, run: FollowupRun) -> None:
        self._answer, self._correspondences, self._maps = run.answer, run.correspondences, {}
        self.show()
        self.context.tell("visits")

    def _fillTable(self, lesions: list[dict[str, Any]]) -> None:
        table = self.ui.visitsTable
        table.visible = bool(lesions)
        table.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            sides = [lesion[side] for side in Side]
            changes = list(dict.fromkeys(side["change"] for side in sides))
            texts = [lesion["name"], *(_arrow(side["diameters_mm"]) for side in sides), " / ".join(changes)]
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(text)
                table.setItem(row, column, item)
        table.setFixedHeight(ROW_HEIGHT * (1 + min(MOST_ROWS, len(lesions))) + 10)

    def _makeMap(self, side: Side) -> PlaceMap | None:
        study = self.earlier.study()
        if study is None or self.context.study is None:
            return None
        try:
            before = {pair.uid: pair for pair in study.pairs()}
        finally:
            study.release()
        links = [(before[now.earlier], now) for now in self.context.study.pairs() if now.earlier in before]
        livers = self.earlier.liverMask(side), self.context.livers(side)
        offset = None if None in livers else offset_t1_to_t2(*livers)
        return visit_map(links, side, self._correspondences.get(side), offset)


def _arrow(diameters: list[float | None]) -> str:
    return " → ".join("?" if value is None else f"{value:.0f}" for value in diameters)
