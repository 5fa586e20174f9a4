"""What a reader does to the lesion that is chosen, one undo step each; no widget is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import DETECTION_STEP
from LesionPairDetectLib.exchange import IMPORT_STEP
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml.lesions.lesion_study import LesionStudy

LINK, SWAP = "link", "swap"
BOUNDARIES = (DETECTION_STEP, IMPORT_STEP)
"""Steps that bring whole tables of lesions: nobody wants to undo one by pressing the key once too often."""


class Reviewer:
    """Reviews the lesions of a `ReadingContext`.

    Every method that cannot do its work raises InputError with the reason, which `reason` gives beforehand. `advances`:
    whether accepting or rejecting goes on to the next lesion. `waitingFor`: LINK or SWAP while the next lesion that is
    chosen becomes the other one, else None.
    """

    def __init__(self, context: ReadingContext) -> None:
        self._context = context
        self.advances = False
        self.waitingFor = None
        self._first = self._last = None

    @property
    def study(self) -> LesionStudy:
        return self._context.study

    @property
    def pair(self) -> Lesion | None:
        """The `Lesion` that is chosen, or None."""
        uid = self._context.selectedUid
        return self.study.pair(uid) if uid is not None else None

    @property
    def order(self) -> list[str]:
        """UIDs of the lesions that `goOn` and `goBack` walk through: those that are shown, as the table lists them, by
        number where there is no table.
        """
        return [uid for uid in self._listed() if self.study.is_shown(self.study.pair(uid))]

    @property
    def boundary(self) -> str | None:
        """Name of the step that `undo` would take back when it is a detection or an import, which is worth a question;
        else None.
        """
        name = self.study.undo_name if self.study is not None else None
        return name if name in BOUNDARIES else None

    def remember(self) -> None:
        """Keep in mind where the reader is, for `goOn` and `goBack` when the filter hides that lesion."""
        self._last = self._context.selectedUid or self._last

    def reason(self, action: str) -> str | None:
        """One sentence about why the action of that name cannot be done now, or None."""
        if self.study is None:
            return _("Choose a T1 or a T2 volume.")
        if action == "undo":
            return None if self.study.undo_name else _("There is nothing to undo.")
        if action == "redo":
            return None if self.study.redo_name else _("There is nothing to redo.")
        if not len(self.study):
            return _("There is no lesion yet.")
        if action in ("goOn", "goBack"):
            return None
        pair = self.pair
        if pair is None:
            return _("Choose a lesion first.")
        if action in ("link", "swap") and len(self.study) < 2:
            return _("There is no other lesion.")
        if action in ("split", "swap") and pair.missing:
            return _("Lesion {number} has one box only.").format(number=pair.number)
        return None

    def goOn(self) -> None:
        """Choose the next lesion, after the last one the first."""
        self._step(1)

    def goBack(self) -> None:
        """Choose the previous lesion, before the first one the last."""
        self._step(-1)

    def accept(self) -> None:
        """The lesion is one, and its boxes are right: a partner that was proposed for a drawn box is seen now."""
        self._judge("accepted", _("Accept"), _("Lesion {number} is accepted."))

    def reject(self) -> None:
        self._judge("rejected", _("Reject"), _("Lesion {number} is rejected."))

    def split(self) -> None:
        """Make two lesions of the chosen one: one seen in T1, the other in T2."""
        pair = self._require("split")
        with self._keepingShown(_("Split pair")):
            first, second = self.study.split(pair.uid)
        self._context.select(first)
        numbers = [self.study.pair(uid).number for uid in (first, second)]
        self._context.say(
            _("Lesion {number} was split: T1 is lesion {first} now, T2 is lesion {second}.").format(
                number=pair.number, first=numbers[0], second=numbers[1]
            )
        )

    def delete(self) -> None:
        """Remove both boxes of the chosen lesion and choose the next one."""
        pair = self._require("delete")
        following = self._following(pair.uid)
        self.study.remove(pair.uid)
        self._context.select(following)
        self._context.say(_("Lesion {number} was deleted.").format(number=pair.number))

    def deleteSide(self, side: Side) -> None:
        """Remove the box of the chosen lesion on a side; its partner stays."""
        pair = self._require("delete")
        if side not in pair.boxes:
            raise InputError(_("Lesion {number} has no box in {side}.").format(number=pair.number, side=side.title))
        if pair.missing:
            self.delete()
            return
        with self._keepingShown(_("Delete box")):
            self.study.remove_side(pair.uid, side)
        self._context.say(
            _("The box of lesion {number} in {side} was deleted.").format(number=pair.number, side=side.title)
        )

    def setNote(self, text: str) -> None:
        """Write a note to the chosen lesion; the same text again is no step."""
        pair = self.pair
        if pair is not None and text != pair.note:
            self.study.set_note(pair.uid, text)

    def undo(self) -> None:
        self._require("undo")
        self._context.say(_("Undone: {step}.").format(step=self.study.undo()))

    def redo(self) -> None:
        self._require("redo")
        self._context.say(_("Done again: {step}.").format(step=self.study.redo()))

    def link(self) -> None:
        """The next lesion that is chosen gives its box in the other image to the one that is chosen now."""
        self._waitFor(LINK)

    def swap(self) -> None:
        """The next lesion that is chosen exchanges its T2 box with the one that is chosen now."""
        self._waitFor(SWAP)

    def stopWaiting(self) -> None:
        """Forget about linking or swapping."""
        self.waitingFor, self._first = None, None

    @property
    def question(self) -> str:
        """What the reader is to choose now, or ""."""
        if self.waitingFor is None or self.study is None or self._first not in self.study:
            return ""
        pair = self.study.pair(self._first)
        if self.waitingFor == SWAP:
            return _("Choose the lesion that exchanges its T2 box with lesion {number}.").format(number=pair.number)
        return _("Choose the lesion whose {side} box belongs to lesion {number}.").format(
            side=(pair.missing or Side.T2).title, number=pair.number
        )

    def takeChosen(self) -> bool:
        """Link or swap with the lesion that has been chosen meanwhile; whether that was done."""
        kind, first = self.waitingFor, self._first
        if kind is None:
            return False
        if self.study is None or first not in self.study:
            self.stopWaiting()
            return False
        chosen = self._context.selectedUid
        if chosen in (None, first):
            return False
        self.stopWaiting()
        if kind == LINK:
            self.linkWith(first, chosen)
        else:
            self.swapWith(first, chosen)
        return True

    def linkWith(self, uid: str, otherUid: str) -> None:
        """Make one lesion of a box of each; what remains of either stays as a lesion of its own."""
        first, second = self.study.pair(uid), self.study.pair(otherUid)
        inT1, inT2 = _linkable(first, second)
        with self._keepingShown(_("Link boxes")):
            linked = self.study.link(inT1.uid, inT2.uid)
        self._context.select(linked)
        self._context.say(
            _("The T1 box of lesion {first} and the T2 box of lesion {second} are lesion {number} now.").format(
                first=inT1.number, second=inT2.number, number=self.study.pair(linked).number
            )
        )

    def swapWith(self, uid: str, otherUid: str) -> None:
        """Exchange the T2 boxes of two lesions."""
        first, second = self.study.pair(uid), self.study.pair(otherUid)
        for pair in (first, second):
            if pair.missing:
                raise InputError(
                    _("Lesion {number} has one box only; there is no partner to swap.").format(number=pair.number)
                )
        with self._keepingShown(_("Swap partners")):
            self.study.swap_partner(uid, otherUid)
        self._context.select(uid)
        self._context.say(
            _("Lesions {first} and {second} have exchanged their T2 boxes.").format(
                first=first.number, second=second.number
            )
        )

    def _require(self, action: str) -> Lesion:
        reason = self.reason(action)
        if reason is not None:
            raise InputError(reason)
        return self.pair

    def _judge(self, state: str, step: str, sentence: str) -> None:
        pair = self._require("judge")
        following = self._following(pair.uid)
        with self.study.action(step):
            for side, found in pair.boxes.items():
                if state == "accepted" and _isProposed(pair, side):
                    self.study.set_box(pair.uid, side, found.box, origin="drawn", score=found.score)
            self.study.set_state(pair.uid, state)
        if following is not None and (self.advances or not self.study.is_shown(self.study.pair(pair.uid))):
            self._context.select(following)
        self._context.say(sentence.format(number=pair.number))

    def _waitFor(self, kind: str) -> None:
        self._first = self._require(kind).uid
        self.waitingFor = kind

    def _step(self, by: int) -> None:
        self._require("goOn")
        listed, shown, current = self._listed(), set(self.order), self._context.selectedUid or self._last
        if not shown:
            raise InputError(_("The filter hides all lesions."), _("Lower the score threshold."))
        before = listed.index(current) if current in listed else (-1 if by > 0 else len(listed))
        steps = range(1, len(listed) + 1)
        there = (listed[(before + by * step) % len(listed)] for step in steps)
        self._context.select(next(uid for uid in there if uid in shown))

    def _listed(self) -> list[str]:
        """UIDs of all lesions, also of those that the filter hides, in the order of the table."""
        uids = [pair.uid for pair in self.study.pairs()] if self.study is not None else []
        rows = {uid: row for row, uid in enumerate(self._context.listedUids())}
        return sorted(uids, key=lambda uid: rows.get(uid, len(rows)))

    @contextmanager
    def _keepingShown(self, name: str) -> Iterator[None]:
        """An action that hides no lesion that was shown before, or was made of one: a box that has lost its partner may
        have a score below the threshold.
        """
        before = {pair.uid: self.study.is_shown(pair) for pair in self.study.pairs()}
        with self.study.action(name):
            yield
            hidden = (pair.uid for pair in self.study.pairs() if not self.study.is_shown(pair))
            self.study.keep_shown([uid for uid in hidden if before.get(uid, True)])

    def _following(self, uid: str) -> str | None:
        """The lesion after this one, or before it when it is the last; None when it is the only one."""
        order = self.order
        if uid not in order or len(order) < 2:
            return None
        row = order.index(uid)
        return order[row + 1] if row + 1 < len(order) else order[row - 1]


def _isProposed(pair: Lesion, side: Side) -> bool:
    """Whether the box on this side was proposed as the partner of one that somebody has drawn."""
    origins = [pair.boxes[each].origin for each in (side, side.other) if each in pair.boxes]
    return origins == ["predicted", "drawn"]


def _linkable(first: Lesion, second: Lesion) -> tuple[Lesion, Lesion]:
    """The lesion that gives its T1 box and the one that gives its T2 box, when `first` is to be linked with `second`.

    `first` keeps the box it has; where it has both, its T1 box, unless `second` has nothing but a T1 box. Raises
    InputError when both are seen in the same image only.
    """
    keepsT1 = Side.T1 in first.boxes and (Side.T2 not in first.boxes or Side.T2 in second.boxes)
    inT1, inT2 = (first, second) if keepsT1 else (second, first)
    if Side.T1 not in inT1.boxes or Side.T2 not in inT2.boxes:
        raise InputError(
            _("Lesions {first} and {second} are both seen in {side} only.").format(
                first=first.number, second=second.number, side=_("T1") if keepsT1 else _("T2")
            ),
            _("Choose one with a box in the other image."),
        )
    return inT1, inT2
