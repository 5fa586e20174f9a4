"""The section "Draw": boxes by hand, their partners proposed, and why a box has none."""

from collections.abc import Callable

from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _

from LesionPairDetectLib.boxadder import Drawer, Task
from LesionPairDetectLib.boxdrag import BoxDrag
from LesionPairDetectLib.candidates import Candidate, explain, linkOverlap, looksAtEachAlone, unmatchedSide
from LesionPairDetectLib.keys import KeyBindings, escapeKey
from LesionPairDetectLib.partnerproposal import PartnerProposer, PartnerRun
from LesionPairDetectLib.readingcontext import ReadingContext
from LesionPairDetectLib.reviewer import Reviewer
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.section import Section
from LiverPairLib.sourcedisplay import showPair
from LiverPairLib.workerrun import FAILED

KEYS = {"drawT1Button": "1", "drawT2Button": "2", "drawPartnerButton": "3"}


class DrawSection(Section):
    """Turns drags in the views into boxes of a `Drawer`, and shows what is near the place of an unmatched box."""

    name = "Draw"
    caption = _("Boxes by hand")

    def __init__(self, context: ReadingContext) -> None:
        super().__init__(context)
        self.drawer, self.reviewer = Drawer(context), Reviewer(context)
        self.proposer = PartnerProposer(context)
        self.drag = BoxDrag(self.onDrawn, self.onTooSmall, self.onWrongRow)
        self.task = None
        self._unmatched, self._candidate = None, ""
        self._candidates = KeyComboBox(self.ui.candidatesComboBox, self.onCandidate)
        self._place, self._asked = {}, None
        starters = {"drawT1Button": lambda checked=False: self.draw(Side.T1),
                    "drawT2Button": lambda checked=False: self.draw(Side.T2),
                    "drawPartnerButton": lambda checked=False: self.drawPartner()}  # fmt: skip
        for name, start in starters.items():
            button = getattr(self.ui, name)
            button.text = f"{button.text} ({KEYS[name]})"
            button.connect("clicked(bool)", start)
        self._keys = KeyBindings({KEYS[name]: start for name, start in starters.items()})
        for side in Side:
            button = getattr(self.ui, f"delete{side.title}BoxButton")
            button.connect("clicked(bool)", lambda checked=False, side=side: self.deleteBox(side))
        self.ui.proposePartnerCheckBox.connect("toggled(bool)", self.onProposes)
        self.onProposes(self.ui.proposePartnerCheckBox.checked)
        self.ui.linkCandidateButton.connect("clicked(bool)", lambda checked=False: self.onLinkCandidate())
        self.show()

    def enter(self) -> None:
        self._keys.install()
        self.show()

    def exit(self) -> None:
        self._keys.remove()
        self.stop()

    def cleanup(self) -> None:
        super().cleanup()
        self.proposer.stop()

    def onChanged(self, what: str) -> None:
        if what == "study":
            self.proposer.stop()
            self._place = {}
        if self.task is not None and not self.drawer.isOpen(self.task):
            self.stop()
        self.show()

    def draw(self, side: Side) -> None:
        """Start drawing a new lesion on a side; doing it again leaves off."""
        self._toggle(lambda: self.drawer.newLesion(side))

    def drawPartner(self) -> None:
        """Start drawing the box that the chosen lesion lacks; doing it again leaves off."""
        self._toggle(self.drawer.partner)

    def stop(self) -> None:
        """Leave off drawing."""
        self.drag.stop()
        self.task = None
        self.show()

    def onDrawn(self, box: Box) -> None:
        task, self.task = self.task, None
        self.drag.stop()
        with self.context.attempt():
            if task is None or not self.drawer.isOpen(task):
                raise InputError(_("What was to be drawn is gone."))
            uid = self.drawer.take(task, box)
            self._place[uid] = self.drawer.placeSentence
            if task.uid is None and self.drawer.proposesPartner:
                self._askNetwork(uid, task.side, box)
        self.show()

    def onTooSmall(self) -> None:
        self._askAgain(_("Hold the button down and drag from one corner of the lesion to the opposite one."))

    def onWrongRow(self) -> None:
        """Somebody has dragged in the row of the other image."""
        side, other = self.task.side.title, self.task.side.other.title
        self._askAgain(_("That was a {other} view. Drag the box in a {side} view.").format(other=other, side=side))

    def onProposes(self, checked: bool) -> None:
        self.drawer.proposesPartner = checked

    def deleteBox(self, side: Side) -> None:
        with self.context.attempt():
            self.reviewer.deleteSide(side)

    def onCandidate(self, uid: str) -> None:
        """Bring the other image to a candidate; "" stands for none."""
        self._candidate = uid
        with self.context.attempt():
            if uid:
                other = self._unmatched.side.other
                self.context.jump(other, self.context.study.pair(uid).box(other).center_mm)
        self.ui.linkCandidateButton.enabled = bool(uid)

    def onLinkCandidate(self) -> None:
        if self._unmatched is not None and self._candidate:
            with self.context.attempt():
                self.reviewer.linkWith(self._unmatched.uid, self._candidate)

    def show(self) -> None:
        """Show what can be drawn, what is being drawn, and what lies near an unmatched box."""
        with self.context.attempt():
            self._showDrawing()
            self._showUnmatched()

    def _toggle(self, makeTask: Callable[[], Task]) -> None:
        self.context.say("")
        before, self.task = self.task, None
        self.drag.stop()
        with self.context.attempt():
            task = makeTask()
            if task != before:
                self._startDrag(task)
                self.task = task
        self.show()

    def _startDrag(self, task: Task) -> None:
        try:
            self.drag.start(*self._volumesOf(task))
        except InputError:  # no view shows it: the layout of both rows has some that do, once Slicer has made them
            showPair(
                [self.context.volume(side) for side in Side],
                [self.context.liverSegmentation(side) for side in Side],
                onFitted=lambda: self._dragInNewViews(task),
            )

    def _volumesOf(self, task: Task) -> tuple[vtkMRMLScalarVolumeNode | None, vtkMRMLScalarVolumeNode | None]:
        """The volume to draw in, and the other one."""
        return self.context.volume(task.side), self.context.volume(task.side.other)

    def _dragInNewViews(self, task: Task) -> None:
        if self.task == task and not self.drag.started:
            with self.context.attempt():
                self.drag.start(*self._volumesOf(task))

    def _askNetwork(self, uid: str, side: Side, box: Box) -> None:
        if self.proposer.reason() is not None:
            return
        proposed = self.context.study.pair(uid).box(side.other)
        self._asked = uid
        self.proposer.ask(side, box, lambda run: self._onAnswered(uid, side, proposed, run))

    def _onAnswered(self, uid: str, side: Side, proposed: Box | None, run: PartnerRun) -> None:
        with self.context.attempt():
            if run.box is not None:
                if self.drawer.replacePrediction(uid, side.other, proposed, run.box, run.score):
                    self._place[uid] = run.sentence
            elif run.ending == FAILED:
                self._place[uid] = f"{self._place[uid]} {run.sentence}"
        self.show()

    def _placeText(self, pair: Lesion | None) -> str:
        """How the place of the partner of a drawn box is known, as long as it is only proposed."""
        if pair is None or self.drawer.partnerSide() is None:
            return ""
        isAsked = self.proposer.isAsking and pair.uid == self._asked
        return " ".join(filter(None, [self._place.get(pair.uid), isAsked and _("The network is being asked.")]))

    def _showDrawing(self) -> None:
        context, task = self.context, self.task
        hasStudy = context.study is not None
        for side in Side:
            button = getattr(self.ui, f"draw{side.title}Button")
            button.enabled = hasStudy and context.volume(side) is not None
            button.checked = task is not None and task.uid is None and task.side == side
        missing = self.drawer.partnerSide() if hasStudy else None
        self.ui.drawPartnerButton.enabled = missing is not None and context.volume(missing) is not None
        self.ui.drawPartnerButton.checked = task is not None and task.uid is not None
        self.ui.proposePartnerCheckBox.toolTip = self._tipToPropose()
        if task is not None:
            escapeKey.take(self.stop)
            context.prompt.show(self._instruction(task), self.stop)
        else:
            escapeKey.release(self.stop)
            context.prompt.hide(self.stop)
        pair = self.reviewer.pair if hasStudy else None
        for side in Side:
            hasBox = pair is not None and side in pair.boxes
            getattr(self.ui, f"delete{side.title}BoxButton").enabled = hasBox
        place = self._placeText(pair)
        self.ui.placeLabel.text = place
        self.ui.placeLabel.visible = bool(place)

    def _tipToPropose(self) -> str:
        """What proposing means with the chosen model."""
        what = _("A new lesion gets a box in the other image as well, at the place where it should be.")
        if self.context.bundle is None:
            return what
        how = (
            _("Model '{name}' looks at each image alone: the other lesions, or else the livers, say where that is.")
            if looksAtEachAlone(self.context.bundle)
            else _("Model '{name}' is asked where that is.")
        )
        return f"{what} {how.format(name=self.context.bundle.name)}"

    def _askAgain(self, sentence: str) -> None:
        if self.task is not None:
            self.context.prompt.show(sentence, self.stop, isProblem=True)

    def _instruction(self, task: Task) -> str:
        if task.uid is None:
            return _("Drag a box around the lesion in a {side} view.").format(side=task.side.title)
        number = self.context.study.pair(task.uid).number
        return _("Drag the {side} box of lesion {number}.").format(side=task.side.title, number=number)

    def _showUnmatched(self) -> None:
        context = self.context
        pair = self.reviewer.pair if context.study is not None else None
        before = self._unmatched
        side = unmatchedSide(pair) if pair is not None else None
        self.ui.unmatchedFrame.visible = side is not None
        self._unmatched = None
        if side is None:
            return
        needed = linkOverlap(context.bundle)
        self._unmatched = found = explain(pair, context.study.pairs(), context.placeMap(), needed)
        candidates = found.candidates if found is not None else ()
        nothing = _("Where it should be in {other} is not known.").format(other=side.other.title)
        self.ui.unmatchedLabel.text = f"{found.sentence} <i>{found.source}</i>" if found is not None else nothing
        self.ui.candidatesComboBox.visible = self.ui.linkCandidateButton.visible = bool(candidates)
        if found != before:
            self._candidate = ""
        heading = _("Boxes in {other} near there: {count}").format(other=side.other.title, count=len(candidates))
        self._candidates.setEntries({"": heading} | {each.uid: _candidateText(each) for each in candidates})
        self._candidates.setCurrent(self._candidate)
        self.ui.linkCandidateButton.enabled = bool(self._candidate)


def _candidateText(candidate: Candidate) -> str:
    return _("Lesion {number}: {distance:.0f} mm away, overlap {overlap:.2f}, {partner}").format(
        number=candidate.number,
        distance=candidate.distance_mm,
        overlap=candidate.overlap,
        partner=_("has a partner") if candidate.taken else _("no partner"),
    )
