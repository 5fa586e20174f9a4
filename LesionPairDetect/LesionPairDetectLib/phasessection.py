"""The section "Phases": further series of the visit, the lesions in them, and what the radiologist decides."""

from collections.abc import Callable

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _

from LesionPairDetectLib.phaserun import PhaseRun
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesion_findings import DYNAMIC, FORM, FORM_TITLES, PHASES
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.io.phases import guess_phase
from liverpair.measures.phases import lirads_inputs, lirads_sentences
from liverpair.mrml import phase_plot, provenance, volumes
from LiverPairLib.section import Section

PHASE = "LiverPairPhase"
"""Attribute of a volume: the phase that a person has said it is, "-" for none. What begins with "LiverPair." is how a
node was made."""
NONE = "-"
ROW_HEIGHT, MOST_ROWS = 24, 6
Start = Callable[[Callable[[], str | None], Callable[[], PhaseRun]], None]


class PhasesSection(Section):
    """Starts a `PhaseRun`, shows what was measured of the chosen lesion, and keeps what is decided about it.
    `start(reasonNot, makeRun)` starts a run of the logic.
    """

    name = "Phases"

    def __init__(self, context: ReadingContext, start: Start) -> None:
        super().__init__(context)
        self._start, self._shown, self._isShowing = start, None, False
        self._choices = {}
        table = self.ui.phasesTable
        table.setColumnCount(2)
        table.setHorizontalHeaderLabels([_("Series"), _("Phase")])
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
        table.horizontalHeader().setSectionResizeMode(1, qt.QHeaderView.ResizeToContents)
        self.ui.measurePhasesButton.connect("clicked(bool)", lambda checked=False: self.measure())
        self.ui.plotPhasesButton.connect("clicked(bool)", lambda checked=False: self.plot())
        self.ui.phasesSectionButton.connect("contentsCollapsed(bool)", lambda collapsed: self.show())
        self._form = {}
        for key, answers in FORM.items():
            box = getattr(self.ui, f"{key}ComboBox")
            box.addItem(_("not said"), "")
            for answer in answers:
                box.addItem(answer, answer)
            box.connect("activated(int)", lambda index, key=key: self.decide(key, index))
            self._form[key] = box
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("study", "boxes", "selection", "parameters"):
            self.show()

    def phases(self) -> dict[str, vtkMRMLScalarVolumeNode]:
        """The series of the scene by phase, as said or guessed; of two of one phase the first."""
        found = {}
        for node in self._candidates():
            key = phaseOf(node)
            if key is not None:
                found.setdefault(key, node)
        return found

    def measure(self) -> None:
        """Measure all lesions in the series that have a phase."""
        self.context.say("")
        self._start(self.reason, lambda: PhaseRun(self.context, self.phases()))

    def plot(self) -> None:
        """Plot the curve of the chosen lesion below the views."""
        with self.context.attempt():
            pair = self._pair()
            if pair is None or not phase_plot.show(pair):
                raise InputError(_("The chosen lesion was not measured in two dynamic phases."))

    def decide(self, key: str, index: int) -> None:
        """Keep an answer of the form, one step."""
        pair = self._pair()
        if self._isShowing or pair is None:
            return
        with self.context.attempt():
            answer = self._form[key].itemData(index)
            reading = {name: said for name, said in pair.reading.items() if name != key}
            self.context.study.set_reading(pair.uid, reading | ({key: answer} if answer else {}))

    def reason(self) -> str | None:
        """One sentence about why nothing can be measured, or None."""
        context = self.context
        if context.parameterNode is None or context.study is None or not len(context.study):
            return _("There is no lesion yet.")
        if not self.phases():
            return _("No series beside T1 and T2 has a phase: say which one is which.")
        missing = [side.title for side in Side if context.volume(side) is not None and context.livers(side) is None]
        if missing:
            return _("The liver in {side} is not segmented.").format(side=missing[0])
        return None

    def show(self) -> None:
        """Show the series with their phases, and what is known of the chosen lesion."""
        if self.ui.phasesSectionButton.collapsed or self.context.parameterNode is None:
            return
        self._isShowing = True
        try:
            self._showSeries()
            pair = self._pair()
            measured = lirads_sentences(lirads_inputs(pair.phases)) if pair is not None else []
            nothing = _("Choose a lesion.") if pair is None else _("Not measured in any phase yet.")
            self.ui.phasesLabel.text = " ".join(measured) or nothing
            for key, box in self._form.items():
                box.enabled = pair is not None
                answer = pair.reading.get(key, "") if pair is not None else ""
                box.setCurrentIndex(box.findData(answer))
                box.toolTip = FORM_TITLES[key]
            self.ui.plotPhasesButton.enabled = pair is not None and sum(key in pair.phases for key in DYNAMIC) > 1
            reason = self.reason()
            self.ui.measurePhasesButton.enabled = reason is None
            self.ui.measurePhasesButton.toolTip = reason or _(
                "Measure every lesion in these series, which the livers bring onto T1 (diffusion onto T2)"
            )
        finally:
            self._isShowing = False

    def _showSeries(self) -> None:
        nodes = self._candidates()
        shown = [(node.GetID(), node.GetName(), phaseOf(node)) for node in nodes]
        if shown == self._shown:
            return
        self._shown, table = shown, self.ui.phasesTable
        table.setRowCount(len(nodes))
        for row, node in enumerate(nodes):
            item = qt.QTableWidgetItem(node.GetName())
            item.setToolTip(node.GetName())
            table.setItem(row, 0, item)
            box = qt.QComboBox()
            box.addItem(NONE, NONE)
            for key, title in PHASES.items():
                box.addItem(title, key)
            box.setCurrentIndex(max(0, box.findData(phaseOf(node) or NONE)))
            box.connect("activated(int)", lambda index, box=box, node=node: self._onPhase(node, box.itemData(index)))
            table.setCellWidget(row, 1, box)
        table.resizeColumnToContents(1)
        table.setFixedHeight(ROW_HEIGHT * (1 + max(1, min(MOST_ROWS, len(nodes)))) + 8)

    def _onPhase(self, node: vtkMRMLScalarVolumeNode, key: str) -> None:
        node.SetAttribute(PHASE, key)
        self.show()

    def _candidates(self) -> list[vtkMRMLScalarVolumeNode]:
        """The volumes of the scene that may be further series."""
        own = [self.context.volume(side) for side in Side]
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        return [
            node
            for node in nodes
            if node not in own
            and not node.IsA("vtkMRMLLabelMapVolumeNode")
            and not node.GetHideFromEditors()
            and not provenance.read(node)
        ]

    def _pair(self) -> Lesion | None:
        study, uid = self.context.study, self.context.selectedUid
        return study.pair(uid) if study is not None and uid is not None else None


def phaseOf(node: vtkMRMLScalarVolumeNode) -> str | None:
    """The phase of a volume, as said, else guessed from its name and tags; None for none."""
    said = node.GetAttribute(PHASE)
    if said:
        return said if said in PHASES else None
    known = volumes.describe(node)
    return guess_phase(known["name"], known["tags"])
