"""The section "Masks": the voxels of the lesions, from their boxes or drawn by hand."""

from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.keys import KeyBindings
from LesionPairDetectLib.maskrun import MaskRun, only, withoutMasks
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.jobs.masks_request import (
    AUTO,
    DEFAULT_DRAWER,
    LITE_MEDSAM,
    NO_MODEL,
    REAL_DRAWER,
    lite_medsam_installed,
)
from liverpair.mrml.lesions import lesion_segments
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.section import Section

MASK_KEY = "M"
DRAWERS = {
    AUTO: _("by {model}").format(model=DEFAULT_DRAWER),
    NO_MODEL: _("by brightness in the box (no model)"),
    REAL_DRAWER: _("by {model} where it fills the box").format(model=REAL_DRAWER),
    LITE_MEDSAM: _("by LiteMedSAM where it fills the box"),
}
"""What draws in boxes; the first one measured best."""
SEGMENT_EDITOR = "SegmentEditor"
Draw = Callable[[Callable[[], str | None], Callable[[], MaskRun]], None]


class MasksSection(Section):
    """Starts a `MaskRun` for the chosen lesion, or for all that have no mask, and opens the Segment Editor on one.
    `draw(reasonNot, makeRun)` starts a run of the logic.
    """

    name = "Masks"

    def __init__(self, context: ReadingContext, draw: Draw) -> None:
        super().__init__(context)
        self._draw = draw
        self.ui.maskButton.text = f"{self.ui.maskButton.text} ({MASK_KEY})"
        self.ui.maskButton.connect("clicked(bool)", lambda checked=False: self.drawChosen())
        self.ui.allMasksButton.connect("clicked(bool)", lambda checked=False: self.drawAll())
        for side in Side:
            button = getattr(self.ui, f"edit{side.title}MaskButton")
            button.connect("clicked(bool)", lambda checked=False, side=side: self.edit(side))
        self._drawers = KeyComboBox(self.ui.maskModelComboBox, self.onDrawerChosen)
        self._keys = KeyBindings({MASK_KEY: self.drawChosen})
        self.show()

    def enter(self) -> None:
        self._keys.install()
        self.show()

    def exit(self) -> None:
        self._keys.remove()

    def onChanged(self, what: str) -> None:
        if what in ("study", "boxes", "selection", "parameters"):
            self.show()

    @property
    def pair(self) -> Lesion | None:
        """The lesion that is chosen, or None."""
        uid = self.context.selectedUid
        return self.context.study.pair(uid) if uid is not None else None

    def drawChosen(self) -> None:
        """Draw the lesion that is chosen, also where it has a mask."""
        self.context.say("")
        self._draw(self.reason, lambda: MaskRun(self.context, [_seen(self.pair)]))

    def drawAll(self) -> None:
        """Draw the lesions that are shown and have no mask yet."""
        self.context.say("")
        self._draw(self._reasonNotAll, lambda: MaskRun(self.context, self._without()))

    def edit(self, side: Side) -> None:
        """Correct the mask of the chosen lesion by hand; what is done there comes back at once."""
        with self.context.attempt():
            study, uid = self.context.study, self.context.selectedUid
            segment = lesion_segments.segment_of(study, uid, side) if uid is not None else None
            if segment is None:
                raise InputError(_("The chosen lesion has no mask in {side}.").format(side=side.title))
            node = lesion_segments.of_study(study, side)
            slicer.util.selectModule(SEGMENT_EDITOR)
            editor = slicer.util.getModuleWidget(SEGMENT_EDITOR).editor
            editor.setSegmentationNode(node)
            editor.setSourceVolumeNode(study.volume(side))
            editor.setCurrentSegmentID(segment)

    def onDrawerChosen(self, model: str) -> None:
        """Let this draw from now on."""
        self.context.parameterNode.maskModel = model

    def reason(self) -> str | None:
        """One sentence about why the chosen lesion cannot be drawn, or None."""
        if self.context.parameterNode is None or self.context.study is None:
            return _("Choose a T1 or a T2 volume.")
        pair = self.pair
        if pair is None:
            return _("Choose a lesion first.")
        if all(pair.seen(side) is None for side in Side):
            return _("Lesion {number} was seen in neither image: draw its box.").format(number=pair.number)
        return None

    def show(self) -> None:
        """Show what can be drawn, edited and deleted."""
        with self.context.attempt():
            reason, pair = self.reason(), self.pair if self.context.study is not None else None
            self.ui.maskButton.enabled = reason is None
            self.ui.maskButton.toolTip = reason or _("Draw the chosen lesion inside its boxes")
            self._showDrawers()
            without = 0 if self.context.study is None or self.context.parameterNode is None else len(self._without())
            self.ui.allMasksButton.enabled = without > 0
            for side in Side:
                segment = pair and lesion_segments.segment_of(self.context.study, pair.uid, side)
                getattr(self.ui, f"edit{side.title}MaskButton").enabled = segment is not None

    def _showDrawers(self) -> None:
        """The choices; a network is one where it is installed."""
        chosen = self.context.parameterNode
        networks = {REAL_DRAWER: self.context.isInstalled(REAL_DRAWER), LITE_MEDSAM: lite_medsam_installed()}
        known = {key: text for key, text in DRAWERS.items() if networks.get(key, True)}
        self._drawers.setEntries(known, missing=_("{key} (not installed)"))
        self._drawers.setCurrent(chosen.maskModel if chosen is not None else AUTO)
        self.ui.maskModelComboBox.enabled = chosen is not None

    def _without(self) -> list[Lesion]:
        shown = [pair.uid for pair in self.context.study.pairs() if self.context.study.is_shown(pair)]
        return withoutMasks(self.context, shown)

    def _reasonNotAll(self) -> str | None:
        if self.context.parameterNode is None or self.context.study is None:
            return _("Choose a T1 or a T2 volume.")
        return None if self._without() else _("Every lesion that is shown has its masks.")


def _seen(pair: Lesion) -> Lesion:
    """A lesion with the boxes that were seen."""
    return only(pair, {side: found for side, found in pair.boxes.items() if pair.seen(side) is not None})
