"""What there is to do next in a reading. No widget is needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slicer.i18n import tr as _

from LesionPairDetectLib.maskrun import withoutMasks
from LesionPairDetectLib.readingcontext import ReadingContext

READ, MASKS, COMPARE, REPORT = "read", "masks", "compare", "report"


@dataclass(frozen=True)
class Step:
    """What to do next: a sentence and, where a button does it, its text and what it stands for."""

    sentence: str
    button: str = ""
    action: str = ""


class Worklist:
    """Tells the next step of a `ReadingContext`, and does it: `actions` do MASKS, COMPARE and REPORT.

    `isOpen(action)`: whether COMPARE or REPORT is still to be done.
    """

    def __init__(
        self, context: ReadingContext, actions: Mapping[str, Callable[[], None]], isOpen: Callable[[str], bool]
    ) -> None:
        self._context, self._actions, self._isOpen = context, actions, isOpen

    def next(self) -> Step:
        """The next step."""
        study = self._context.study
        if study is None or self._context.parameterNode is None:
            return Step("")
        shown = [pair for pair in study.pairs() if study.is_shown(pair)]
        if not shown:
            return Step(_("Detect lesions, or draw the first."))
        unread = [pair for pair in shown if pair.state == "proposed"]
        if unread:
            said = _("Lesions read: {done} of {all}.").format(done=len(shown) - len(unread), all=len(shown))
            return Step(said, _("Next unread"), READ)
        accepted = [pair.uid for pair in shown if pair.state == "accepted"]
        without = withoutMasks(self._context, accepted)
        if without:
            said = _("All read. Without a mask: {count}.").format(count=len(without))
            return Step(said, _("Draw masks"), MASKS)
        if self._isOpen(COMPARE):
            return Step(_("Not yet compared with before."), _("Compare"), COMPARE)
        if self._isOpen(REPORT):
            return Step(_("All read and drawn."), _("Report…"), REPORT)
        return Step(_("All read, drawn and reported."))

    def do(self, action: str) -> None:
        """Do what a step's button stands for."""
        if action == READ:
            self.readNext()
        else:
            self._actions[action]()

    def readNext(self) -> None:
        """Choose the next lesion that nobody has judged, after the chosen one in the order of the table."""
        study, chosen = self._context.study, self._context.selectedUid
        order = [uid for uid in self._context.listedUids() if study.is_shown(study.pair(uid))]
        if chosen in order:
            place = order.index(chosen) + 1
            order = order[place:] + order[:place]
        uid = next((uid for uid in order if study.pair(uid).state == "proposed"), None)
        if uid is not None:
            self._context.select(uid)
