"""The section "Lesions": which lesions are shown, their table and what they come to."""

from dataclasses import replace

import qt
import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.lesiontable import LesionTable
from LesionPairDetectLib.section import Section
from LiverMultimodalLib.inputs import SIDES
from LiverMultimodalLib.results import isInScene
from liverpair.errors import InputError
from liverpair.measures.burden import lesion_measures, summary
from liverpair.measures.recist import RecistLimits
from liverpair.mrml import lesion_table

MEASURE_DELAY_MS = 300
"""Contrasts are measured, and the table node written, when nothing has changed for so long."""


class LesionsSection(Section):
    """Keeps the table, the filter and the sums up to date with the study."""

    name = "Lesions"

    def __init__(self, context):
        super().__init__(context)
        self.table = LesionTable(self.ui.lesionsTable, self.onRowChosen)
        self._contrasts = {}
        self._shownWith = None
        self._isFiltering = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(MEASURE_DELAY_MS)
        self._timer.connect("timeout()", self.measure)
        self.show()

    def enter(self):
        self._filter()
        self.show()

    def exit(self):
        self._timer.stop()

    def cleanup(self):
        self._timer.stop()
        super().cleanup()

    def onChanged(self, what):
        if what == "selection":
            self.table.choose(self.context.selectedUid)
        elif what == "boxes" and not self._isFiltering:
            self.show()
        elif what == "study" or (what == "parameters" and self._choices() != self._shownWith):
            self._filter()
            self.show()

    def onRowChosen(self, uid):
        with self.context.attempt():
            self.context.select(uid)

    def shownPairs(self):
        """The lesions that pass the filter, by number."""
        study = self.context.study
        return [pair for pair in study.pairs() if study.is_shown(pair)] if study is not None else []

    def show(self):
        """Show the lesions as they are; what takes time to measure follows."""
        self._shownWith = self._choices()
        parameterNode, study = self.context.parameterNode, self.context.study
        if parameterNode is None or study is None:
            self._contrasts = {}
            self.table.show([])
            self.ui.sumsLabel.text = _("Choose a T1 and a T2 volume.")
            return
        self._showRows(withContrasts=False)
        self._timer.start()

    def _filter(self):
        """Show in the views what the choices say; the study tells everybody, this section too."""
        parameterNode, study = self.context.parameterNode, self.context.study
        if parameterNode is None or study is None:
            return
        self._isFiltering = True
        try:
            study.filter(parameterNode.scoreThreshold, parameterNode.hideRejected)
        finally:
            self._isFiltering = False

    def measure(self):
        """Measure everything of the lesions that are shown, and write the table node."""
        if self.context.study is not None:
            rows = self._showRows(withContrasts=True)
            if rows is not None:
                self._writeNode(rows)

    def _showRows(self, withContrasts):
        """Show and return the rows; None when a transform makes boxes or images unusable, which is then said."""
        try:
            pairs = self.shownPairs()
            images = {side: self.context.image(side) for side in SIDES}
            livers = {side: self.context.livers(side) for side in SIDES} if withContrasts else {}
            rows = lesion_measures(pairs, images, livers)
            sums = summary(pairs, images, livers, self._limits())
        except InputError as error:
            self.table.show([])
            self.ui.sumsLabel.text = str(error)
            return None
        if withContrasts:
            self._contrasts = {row.uid: (row.t1_contrast, row.t2_contrast) for row in rows}
        self.table.show([self._withContrasts(row) for row in rows], self.context.selectedUid)
        hidden = len(self.context.study) - len(pairs)
        self.ui.sumsLabel.text = sumsText(sums, hidden)
        return rows

    def _withContrasts(self, row):
        """The row with the contrasts that were measured last."""
        if row.uid not in self._contrasts or row.t1_contrast is not None or row.t2_contrast is not None:
            return row
        t1, t2 = self._contrasts[row.uid]
        return replace(row, t1_contrast=t1, t2_contrast=t2)

    def _writeNode(self, rows):
        """The table node is made with the first lesion, and follows from then on."""
        node = self.context.parameterNode.lesionTable
        if not isInScene(node):
            if not rows:
                return
            name = slicer.mrmlScene.GenerateUniqueName(_("Lesions"))
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", name)
            self.context.parameterNode.lesionTable = node
        lesion_table.show(node, self.context.study, rows)

    def _limits(self):
        parameterNode = self.context.parameterNode
        targets = parameterNode.recistTargets
        return RecistLimits(parameterNode.recistMinimumMm, most=targets, most_per_organ=targets)

    def _choices(self):
        """What of the parameters the section depends on."""
        parameterNode = self.context.parameterNode
        if parameterNode is None:
            return None
        return (
            parameterNode.scoreThreshold,
            parameterNode.hideRejected,
            parameterNode.recistMinimumMm,
            parameterNode.recistTargets,
            self.context.liverStates(),
        )


def sumsText(sums, hidden=0):
    """The sums over all lesions as a reader wants to hear them."""
    if not sums["lesions"] and not sums["rejected"]:
        lines = [_("No lesion is shown.")]
    else:
        lines = [
            _("Lesions: {lesions} (both images {both}, T1 only {t1_only}, T2 only {t2_only})").format(**sums),
            _("Accepted: {accepted}, proposed: {proposed}, rejected: {rejected}").format(**sums),
            _("Sum of diameters: {sum:.0f} mm over {count} targets").format(
                sum=sums["sum_mm"], count=len(sums["targets"])
            ),
        ]
        burdens = [
            _("{percent:.1f} % of the liver in {side}").format(
                percent=sums[f"{side}_burden_percent"], side=side.upper()
            )
            for side in SIDES
            if sums[f"{side}_burden_percent"] is not None
        ]
        if burdens:
            lines.append(_("Tumor: {burdens}").format(burdens=", ".join(burdens)))
    if hidden:
        lines.append(_("Hidden by the filter: {count}").format(count=hidden))
    return "\n".join(lines)
