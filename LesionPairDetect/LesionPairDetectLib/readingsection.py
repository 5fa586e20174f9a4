"""The section "Reading": T1 above T2, each row going where the other one is looked at."""

from collections.abc import Sequence

from slicer.i18n import tr as _

from LesionPairDetectLib.keys import KeyBindings
from LesionPairDetectLib.linkedcursor import LinkedCursor
from LesionPairDetectLib.readingcontext import ReadingContext
from LesionPairDetectLib.registrar import Registrar
from LesionPairDetectLib.viewclicks import HandlesNearPointer, ViewClicks
from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml.lesions.box_drawing import slice_views_of
from liverpair.registration.places import Place
from LiverPairLib.section import DETAILS, Section
from LiverPairLib.sourcedisplay import showPair

FOLLOW_KEY = "F"


class ReadingSection(Section):
    """Turns clicks and scrolling in the views into what the other row shows."""

    name = "Reading"
    part = DETAILS

    def __init__(self, context: ReadingContext) -> None:
        super().__init__(context)
        self.cursor = LinkedCursor(context, self.onPlace)
        self.registrar = Registrar(context, self.onRegistered)
        self._clicks = ViewClicks(self.onClick, onPress=lambda: context.say(""))
        self._handles = HandlesNearPointer(context)
        self._keys = KeyBindings({FOLLOW_KEY: self.toggle})
        self._isEntered = False
        self._sentence = ""
        self.ui.linkedCursorCheckBox.text = f"{self.ui.linkedCursorCheckBox.text} ({FOLLOW_KEY})"
        self.ui.showPairButton.connect("clicked(bool)", self.onShowPair)
        self.show()

    def enter(self) -> None:
        self._isEntered = True
        self._keys.install()
        self._clicks.start()
        self._handles.start()
        self.cursor.start()
        self.registrar.start()
        self.show()

    def exit(self) -> None:
        self._isEntered = False
        self._keys.remove()
        self._clicks.stop()
        self._handles.stop()
        self.cursor.stop()
        self.registrar.stop()

    def onChanged(self, what: str) -> None:
        if what == "study":
            self._sentence = ""
            self.registrar.stop()
            if self._isEntered:
                self.cursor.start()
                self.registrar.start()
        if what in ("study", "parameters", "boxes"):
            self.show()
        if what == "selection" and self._isEntered:
            self._markMissing()

    def toggle(self) -> None:
        """Let the rows follow each other, or no longer."""
        parameterNode = self.context.parameterNode
        parameterNode.linkedCursor = not parameterNode.linkedCursor
        self.context.say(
            _("T1 and T2 follow each other.")
            if parameterNode.linkedCursor
            else _("T1 and T2 no longer follow each other.")
        )

    def show(self, sentence: str | None = None) -> None:
        """Show whether the rows follow each other, and what the last place was known from: `sentence`, or what was said
        before.
        """
        if sentence is not None:
            self._sentence = sentence
        parameterNode = self.context.parameterNode
        self.cursor.enabled = parameterNode is not None and parameterNode.linkedCursor
        if not self.cursor.enabled:
            self.cursor.hide()
        hasBoth = None not in [self.context.volume(side) for side in Side]
        self.ui.showPairButton.enabled = hasBoth
        self.ui.correspondenceLabel.visible = hasBoth
        self.ui.correspondenceLabel.text = self._sentence or _(
            "Scroll or click in one row: the other one goes to the corresponding place."
        )

    def onPlace(self, side: Side, place: Place | None) -> None:
        other = side.other.title
        if place is None:
            self.show(
                _("Where this is in {other} is not known yet: detect or draw lesions, or segment both livers.").format(
                    other=other
                )
            )
        else:
            self.show(_("Place in {other}: {sentence}").format(other=other, sentence=place.sentence))

    def onRegistered(self, sentence: str) -> None:
        self.show(sentence)

    def onClick(self, group: int, ras: Sequence[float], viewName: str) -> None:
        """A click on a box chooses its lesion; one beside boxes brings both rows to the place. A view that shows
        another volume than that of its row says nothing about it.
        """
        side = tuple(Side)[group]
        volume = self.context.volume(side)
        if self.context.study is None or volume is None or viewName not in slice_views_of(volume):
            return
        with self.context.attempt():
            pointMm = frames.flip(ras)
            uid = self.context.study.at(pointMm, side)
            if uid is not None:
                self.context.select(uid, jump=False)
                self.context.jumpToSelected((side.other,))
            elif self.cursor.enabled:
                self.context.jump(side, pointMm)
                self.cursor.point(side, pointMm)

    def onShowPair(self) -> None:
        showPair(
            [self.context.volume(side) for side in Side],
            [self.context.liverSegmentation(side) for side in Side],
            onFitted=self.context.jumpToSelected,
        )

    def _markMissing(self) -> None:
        """Mark where the box should be that the chosen lesion lacks in one image."""
        self.cursor.hide()
        uid = self.context.selectedUid
        pair = self.context.study.pair(uid) if uid is not None else None
        if pair is not None and pair.missing:
            side = pair.missing.other
            self.cursor.point(side, pair.box(side).center_mm, jump=False)
