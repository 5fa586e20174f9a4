"""The section "Lesions from segmentation": lesions that were segmented in each image become linked boxes."""

from collections.abc import Callable

from LesionPairDetectLib.readingcontext import ReadingContext
from LiverPairLib import inputs
from LiverPairLib.section import INPUTS, Section

Link = Callable[[list[str]], None]


class LinkSection(Section):
    """Turns a click into a run of the logic. `reasonNot()` is why it cannot be run; `link(doubts)` starts it, in spite
    of doubts about the volumes that the user has accepted.
    """

    name = "Link"
    part = INPUTS

    def __init__(self, context: ReadingContext, reasonNot: Callable[[], str | None], link: Link) -> None:
        super().__init__(context)
        self._reasonNot = reasonNot
        self.ui.linkLesionsButton.connect("clicked(bool)", lambda checked: self._onLink(link))
        self.ui.linkSectionButton.connect("contentsCollapsed(bool)", lambda collapsed: self.show())
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("parameters", "study"):
            self.show()

    def show(self) -> None:
        reason = self._reasonNot() if self.context.parameterNode is not None else None
        self.ui.linkReasonLabel.text = reason or ""
        self.ui.linkReasonLabel.visible = bool(reason) and not self.ui.linkSectionButton.collapsed
        self.ui.linkLesionsButton.enabled = self.context.parameterNode is not None and not reason

    def _onLink(self, link: Link) -> None:
        accepted = self.context.accepted(inputs.doubts(inputs.volumesOf(self.context.parameterNode)))
        if accepted is not None:
            with self.context.attempt():
                link(accepted)
