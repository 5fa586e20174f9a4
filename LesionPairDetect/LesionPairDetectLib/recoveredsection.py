"""On top of the panel: the lesions of a session that ended unexpectedly, as long as nobody has decided about them."""

from slicer.i18n import tr as _

from LesionPairDetectLib.autosave import LeftBehind
from LesionPairDetectLib.exchangesection import ExchangeSection
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.mrml.scanner_space import same_lesions
from LiverPairLib.looks import frameStyle
from LiverPairLib.section import TOP, Section


class RecoveredSection(Section):
    """Offers the newest automatic copy that `files`, the section of that name, has found for the chosen volumes."""

    name = "Recovered"
    part = TOP

    def __init__(self, context: ReadingContext, files: ExchangeSection) -> None:
        super().__init__(context)
        self._files = files
        self.ui.recoveredFrame.styleSheet = frameStyle("recoveredFrame")
        self.ui.restoreButton.connect("clicked(bool)", self.onRestore)
        self.ui.discardButton.connect("clicked(bool)", self.onDiscard)
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("study", "boxes"):
            self.show()

    def onRestore(self, checked: bool = False) -> None:
        path = self._leftBehind()[0]
        self._files.take(path, then=lambda: self._files.autosave.drop(path))
        self.show()

    def onDiscard(self, checked: bool = False) -> None:
        path, _time, pairs = self._leftBehind()
        question = _("Delete the automatic copy? Lesions in it: {count}.").format(count=len(pairs))
        if self.context.confirm(question):
            self._files.autosave.drop(path)
            self.show()

    def show(self) -> None:
        """Show what there is to decide about, or nothing."""
        found = None
        with self.context.attempt():
            found = self._leftBehind()
        self.widget.visible = found is not None
        if found is not None:
            self.ui.recoveredLabel.text = _(
                "Slicer ended unexpectedly. There is an automatic copy of {time} for these volumes. "
                "Lesions in it: {count}."
            ).format(time=found[1].strftime("%Y-%m-%d %H:%M"), count=len(found[2]))

    def _leftBehind(self) -> LeftBehind | None:
        """The newest copy of an earlier session that differs from what is in the scene, or None."""
        autosave = self._files.autosave
        if autosave is None or not autosave.leftBehind:
            return None
        own = self._files.exchange.pairs()
        differing = [entry for entry in autosave.leftBehind if entry[2] and not same_lesions(entry[2], own)]
        return differing[0] if differing else None
