"""The section "Review": one key for every decision about the lesion that is chosen."""

import html
import math

from slicer.i18n import tr as _

from LesionPairDetectLib.keys import KeyBindings, escapeKey
from LesionPairDetectLib.readingcontext import ReadingContext
from LesionPairDetectLib.reviewer import LINK, SWAP, Reviewer
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml.lesions.lesion_display import color_of
from LiverPairLib.section import Section

ACTIONS = {
    "goBack": ("previousLesionButton", "W"),
    "goOn": ("nextLesionButton", "S"),
    "accept": ("acceptLesionButton", "A"),
    "reject": ("rejectLesionButton", "D"),
    "split": ("splitLesionButton", "Q"),
    "link": ("linkLesionButton", "E"),
    "swap": ("swapPartnerButton", "C"),
    "delete": ("deleteLesionButton", "X"),
    "undo": ("undoButton", "Z"),
    "redo": ("redoButton", "Shift+Z"),
}
"""Method of the `Reviewer`, its button, and its key: all within reach of the left hand, the right one has the mouse."""


class ReviewSection(Section):
    """Buttons and keys over a `Reviewer`; the keys live while the module is entered."""

    name = "Review"

    def __init__(self, context: ReadingContext) -> None:
        super().__init__(context)
        self.reviewer = Reviewer(context)
        self._tips = {}
        self._noteUid = None
        for action, (button, key) in ACTIONS.items():
            widget = getattr(self.ui, button)
            self._tips[action] = widget.toolTip
            widget.text = f"{widget.text} ({key})"
            widget.connect("clicked(bool)", lambda checked=False, action=action: self.do(action))
        self._keys = KeyBindings({key: lambda action=action: self.do(action) for action, (_b, key) in ACTIONS.items()})
        self.ui.noteLineEdit.connect("editingFinished()", self.onNote)
        self.ui.advanceCheckBox.connect("toggled(bool)", self.onAdvance)
        self.onAdvance(self.ui.advanceCheckBox.checked)
        self.show()

    def enter(self) -> None:
        self._keys.install()
        self.show()

    def exit(self) -> None:
        self._keys.remove()
        self.stopWaiting()

    def onChanged(self, what: str) -> None:
        if what == "study":
            self.reviewer.stopWaiting()
        elif what == "selection":
            self.reviewer.remember()
            with self.context.attempt():
                self.reviewer.takeChosen()
        self.show()

    def do(self, action: str) -> None:
        """Do what a button or key stands for; what cannot be done is said in the status line."""
        self.context.say("")
        if action == "undo" and not self._agreesToUndo():
            return
        wasWaitingFor = self.reviewer.waitingFor
        self.reviewer.stopWaiting()
        if wasWaitingFor is None or wasWaitingFor != action:
            with self.context.attempt():
                getattr(self.reviewer, action)()
        self.show()

    def _agreesToUndo(self) -> bool:
        """Whether to go on; a step that brought whole lesions is not taken back unasked."""
        step = self.reviewer.boundary
        question = _(
            "Undo has come to the step '{step}'. Take it back? The lesions that it brought go, and those that it took "
            "away come back. Redo does it again."
        ).format(step=step)
        return step is None or self.context.confirm(question)

    def stopWaiting(self) -> None:
        """Leave off linking or swapping."""
        self.reviewer.stopWaiting()
        self.show()

    def onNote(self) -> None:
        if self._noteUid is not None and self._noteUid == self.context.selectedUid:
            with self.context.attempt():
                self.reviewer.setNote(self.ui.noteLineEdit.text)

    def onAdvance(self, checked: bool) -> None:
        self.reviewer.advances = checked

    def show(self) -> None:
        """Show the lesion that is chosen and what can be done with it."""
        with self.context.attempt():
            pair = self.reviewer.pair
            self.ui.lesionLabel.text = self._description(pair)
            for action, (button, _key) in ACTIONS.items():
                reason = self.reviewer.reason(action)
                widget = getattr(self.ui, button)
                widget.enabled = reason is None
                widget.toolTip = reason or self._tip(action)
            self._showNote(pair)
            self._showQuestion()

    def _description(self, pair: Lesion | None) -> str:
        if pair is None:
            count = len(self.context.study or ())
            return (
                _("Lesions: {count}. Choose one to review it.").format(count=count)
                if count
                else _("No lesion yet: detect, draw or import some.")
            )
        color = "#" + "".join(f"{round(255 * part):02x}" for part in color_of(pair.number))
        kinds = {"both": _("seen in T1 and T2"), "T1 only": _("seen in T1 only"), "T2 only": _("seen in T2 only"),
                 "neither": _("predicted only"), "T1": _("seen in T1, proposed in T2"),
                 "T2": _("seen in T2, proposed in T1")}  # fmt: skip
        states = {"proposed": _("proposed"), "accepted": _("accepted"), "rejected": _("rejected")}
        kind = pair.kind
        if kind in ("T1 only", "T2 only") and not pair.missing:
            kind = kind.removesuffix(" only")
        parts = [kinds[kind], states[pair.state]]
        title = _("Lesion {number}").format(number=pair.number)
        words = html.escape(" · ".join(parts))
        shift = self._shiftText(pair)
        words += f"<br>{html.escape(shift)}" if shift else ""
        return f'<span style="color:{color}">&#9632;</span> <b>{html.escape(title)}</b> · {words}'

    def _shiftText(self, pair: Lesion) -> str:
        """How much of the shift of a lesion is that of the whole liver, as far as the livers are known."""
        liver = self.context.liverShift if len(pair.boxes) == len(Side) else None
        if liver is None:
            return ""
        return _("Shift {shift:.0f} mm; the whole liver: {liver:.0f} mm (position, breathing)").format(
            shift=math.dist(*(pair.box(side).center_mm for side in Side)), liver=math.hypot(*liver)
        )

    def _tip(self, action: str) -> str:
        study = self.context.study
        if action == "undo":
            tip = _("Take back: {step}").format(step=study.undo_name)
            return tip if self.reviewer.boundary is None else f"{tip}. {_('You are asked first: its lesions go')}"
        if action == "redo":
            return _("Do again: {step}").format(step=study.redo_name)
        return self._tips[action]

    def _showNote(self, pair: Lesion | None) -> None:
        field = self.ui.noteLineEdit
        field.enabled = pair is not None
        self._noteUid = pair.uid if pair is not None else None
        text = pair.note if pair is not None else ""
        if field.text != text:
            field.text = text

    def _showQuestion(self) -> None:
        waitingFor = self.reviewer.waitingFor
        for action, kind in (("link", LINK), ("swap", SWAP)):
            getattr(self.ui, ACTIONS[action][0]).checked = waitingFor == kind
        if waitingFor is not None:
            escapeKey.take(self.stopWaiting)
            self.context.prompt.show(self.reviewer.question, self.stopWaiting)
        else:
            escapeKey.release(self.stopWaiting)
            self.context.prompt.hide(self.stopWaiting)
