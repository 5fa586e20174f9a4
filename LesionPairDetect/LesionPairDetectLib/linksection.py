"""The section "Lesions from segmentation": lesions that were segmented in each image become linked boxes."""

from collections.abc import Callable

from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.sides import Side
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
        self._tip = self.ui.linkLesionsButton.toolTip
        self.ui.linkLesionsButton.connect("clicked(bool)", lambda checked: self._onLink(link))
        self.ui.linkSectionButton.connect("contentsCollapsed(bool)", lambda collapsed: self.show())
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("parameters", "study"):
            self.show()

    def show(self) -> None:
        context = self.context
        reason = self._reasonNot() if context.parameterNode is not None else None
        hasBoth = None not in map(context.volume, Side)  # the part Run says what is missing of them
        self.ui.linkReasonLabel.text = reason or ""
        self.ui.linkReasonLabel.visible = bool(reason) and hasBoth and not self.ui.linkSectionButton.collapsed
        self.ui.linkLesionsButton.enabled = context.parameterNode is not None and not reason
        self.ui.linkLesionsButton.toolTip = reason or self._tip

    def _onLink(self, link: Link) -> None:
        accepted = self.context.accepted(inputs.doubts(inputs.volumesOf(self.context.parameterNode)))
        if accepted is not None:
            with self.context.attempt():
                link(accepted)
