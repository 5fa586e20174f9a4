"""The section "Reading": what each trajectory says about the network, in a sentence, the strongest first."""

import math
from dataclasses import asdict
from typing import Any

import qt
from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamcontext import DreamContext
from liverpair.dreaming.interpretation import readings
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.measures.feature_names import title_of
from liverpair.mrml.dreams.dream_scene import DreamScene
from LiverPairLib.looks import GRAY
from LiverPairLib.section import Section

FEATURE, RULE, SENTENCE = range(3)
FEATURE_WIDTH = 100
RULES = {
    "toward": (_("toward"), _("Moves into the normal range, or nearer to it: the network looks for it")),
    "flat inside": (_("flat inside"), _("Stays in the normal range: the network is robust to it")),
    "flat outside": (_("flat outside"), _("Stays out of the normal range: too little sensitivity")),
    "leaves": (_("leaves"), _("Moves out of the normal range, or farther from it: too much sensitivity")),
    "within": (_("within"), _("Moves, and never leaves the normal range")),
    "no range": (_("no range"), _("There is no normal range to compare it with")),
    "undefined": (_("undefined"), _("There was no object to measure it in")),
}
"""Each rule of `liverpair.dreaming.interpretation`, what the user calls it, and what it means."""
NEEDED = {"feature", "rule", "sentence"}
"""What a reading must say to be shown."""


class ReadingTextSection(Section):
    """The readings of the dream in a table. A click on one shows its feature alone in the plot."""

    name = "Reading"
    caption = _("Reading")

    def __init__(self, context: DreamContext) -> None:
        super().__init__(context)
        self._readings = []
        self._setUp()
        self.ui.readingTable.connect("cellClicked(int,int)", self.onClicked)
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("dream", "run"):
            self.show()

    def onClicked(self, row: int, column: int) -> None:
        """Show the feature of a reading alone; the same again: all."""
        plot, feature = self.context.plot, self._readings[row]["feature"]
        if plot is not None and feature in plot.dream.features:
            with self.context.attempt():
                plot.solo(None if plot.shown.solo == feature else feature)
            self.context.tell("parameters")

    def show(self) -> None:
        """Read the dream, when it has come to an end or to a halt."""
        dream = self.context.dream
        self._readings = []
        if dream is not None and not self.context.running:
            with self.context.attempt():
                self._readings = readingsOf(dream)
        self._fill()
        self.ui.readingTable.visible = bool(self._readings)
        self.ui.readingLabel.text = self._sentence(dream)
        self.ui.readingLabel.visible = bool(self.ui.readingLabel.text)

    def _sentence(self, dream: DreamScene) -> str:
        if self.context.running:
            return _("The dream is read when it has come to its end.")
        if not self._readings:
            return _("There is nothing to read yet.")
        if dream.ranges is None:
            return _("There are no normal ranges to compare with: only what rises and what falls can be shown.")
        if not dream.finished:
            return _("The dream was stopped: this is the reading so far.")
        return ""

    def _setUp(self) -> None:
        table = self.ui.readingTable
        table.setColumnCount(SENTENCE + 1)
        table.setHorizontalHeaderLabels([_("Feature"), _("Rule"), _("What it says")])
        header = table.horizontalHeader()
        for column in (FEATURE, RULE, SENTENCE):
            table.horizontalHeaderItem(column).setTextAlignment(qt.Qt.AlignLeft | qt.Qt.AlignVCenter)
        header.setHighlightSections(False)
        table.setColumnWidth(FEATURE, FEATURE_WIDTH)  # long titles break into lines: the sentence needs the room
        header.setSectionResizeMode(RULE, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(SENTENCE, qt.QHeaderView.Stretch)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        table.setVerticalScrollMode(qt.QAbstractItemView.ScrollPerPixel)

    def _fill(self) -> None:
        table = self.ui.readingTable
        table.setRowCount(len(self._readings))
        for row, reading in enumerate(self._readings):
            rule, meaning = RULES.get(reading["rule"], (reading["rule"], ""))
            cells = (
                (title_of(reading["feature"]), _("Click to see it alone in the plot")),
                (rule, meaning),
                (reading["sentence"], _numbers(reading)),
            )
            for column, (text, toolTip) in enumerate(cells):
                item = qt.QTableWidgetItem(text)
                item.setTextAlignment(qt.Qt.AlignLeft | qt.Qt.AlignTop)
                item.setToolTip(toolTip)
                if reading["rule"] in ("no range", "undefined"):
                    item.setForeground(qt.QBrush(qt.QColor(GRAY)))
                table.setItem(row, column, item)


def readingsOf(dream: DreamScene) -> list[dict[str, Any]]:
    """The readings of a `DreamScene` as dictionaries: those of its run, or, when that did not end, those of now."""
    if dream.finished:
        return [reading for reading in dream.readings if isinstance(reading, dict) and reading.keys() >= NEEDED]
    if not dream.kinds:
        return []
    ranges = NormalRanges.from_dict(dream.ranges) if dream.ranges else None
    direction = (dream.about.get("request") or {}).get("direction") or "ascent"
    return [asdict(reading) for reading in readings(dream.trajectories(), ranges, direction)]


def _numbers(reading: dict[str, Any]) -> str:
    """From where to where the feature went; nothing without a normal range."""
    first, last, strength = (reading.get(name) for name in ("z0", "z1", "strength"))
    if None in (first, last, strength) or math.isnan(first):
        return ""
    return _("z from {first:.2f} to {last:.2f}, strength {strength:.2f}").format(
        first=first, last=last, strength=strength
    )
