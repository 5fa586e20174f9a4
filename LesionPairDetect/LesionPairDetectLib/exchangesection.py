"""The section "Files": the automatic copy, and files in and out."""

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from LesionPairDetectLib.autosave import FILE
from LesionPairDetectLib.autosavekeeper import AutosaveKeeper
from LesionPairDetectLib.exchange import ADD, MERGE, REPLACE, Exchange
from LesionPairDetectLib.readingcontext import ReadingContext
from LiverPairLib.dicomsaver import DicomSaver
from LiverPairLib.looks import labelStyle
from LiverPairLib.section import Section


class ExchangeSection(Section):
    """Buttons over an `Exchange` and an `AutosaveKeeper`."""

    name = "Exchange"

    def __init__(self, context: ReadingContext) -> None:
        super().__init__(context)
        self.exchange = Exchange(context)
        self.keeper = AutosaveKeeper(self.showAutosave)
        self.autosave = None
        self._saver = DicomSaver(self.ui.saveDicomButton, context, self.exchange.dicomContent)
        buttons = {
            "importLesionsButton": self.onImport,
            "exportLesionsButton": self.onExportLesions,
            "exportTableButton": self.onExportTable,
            "autosaveFolderButton": self.onAutosaveFolder,
        }
        for name, slot in buttons.items():
            getattr(self.ui, name).connect("clicked(bool)", slot)
        self.show()

    def exit(self) -> None:
        self.keeper.flush()

    def cleanup(self) -> None:
        super().cleanup()
        self._saver.stop()
        self.keeper.release()

    def onChanged(self, what: str) -> None:
        if what == "study":
            self.autosave = None
            if self.context.study is not None:
                with self.context.attempt():
                    self.autosave = self.keeper.follow(self.context.study)
        if what in ("study", "boxes"):
            self.show()
        elif what == "parameters":
            self._saver.show()

    def onImport(self, checked: bool = False) -> None:
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("Import lesions"), "", _("Lesions (*.json)"))
        if path:
            self.take(path)

    def take(self, path: Path | str, then: Callable[[], None] = lambda: None) -> None:
        """Take the lesions of a file, in the way that the user chooses when there are some already."""
        with self.context.attempt():
            pairs = self.exchange.read(path)
            how = self._askHow(len(pairs)) if len(self.context.study) else MERGE
            if how is not None:
                self._do(lambda: self.exchange.take(pairs, how), then)

    def onExportLesions(self, checked: bool = False) -> None:
        path = self._askWhere(_("Export lesions"), FILE, _("Lesions (*.json)"))
        if path:
            self._do(lambda: self.exchange.exportLesions(path))

    def onExportTable(self, checked: bool = False) -> None:
        path = self._askWhere(_("Export the table of lesions"), "lesions.csv", _("Tables (*.csv)"))
        if path:
            self._do(lambda: self.exchange.exportTable(path))

    def onAutosaveFolder(self, checked: bool = False) -> None:
        """Keep lesions.json in a folder that the user chooses; one that is there is not overwritten unasked."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Keep lesions.json in this folder"))
        if not folder:
            return
        path = Path(folder) / FILE
        question = _("'{path}' already exists. Overwrite it with the lesions of the scene?").format(path=path)
        if path.exists() and not self.context.confirm(question):
            return
        with self.context.attempt():
            self.autosave = self.keeper.follow(self.context.study, folder)
        self.showAutosave()

    def show(self) -> None:
        """Show what can be done."""
        hasStudy = self.context.study is not None
        count = len(self.context.study) if hasStudy else 0
        self.ui.importLesionsButton.enabled = self.ui.autosaveFolderButton.enabled = hasStudy
        self.ui.exportLesionsButton.enabled = self.ui.exportTableButton.enabled = count > 0
        self._saver.show()
        self.showAutosave()

    def showAutosave(self) -> None:
        """Say where the automatic copy is, and how old."""
        label, autosave = self.ui.autosaveLabel, self.autosave
        label.styleSheet = labelStyle(autosave is not None and bool(autosave.problem))
        label.toolTip = str(autosave.path) if autosave is not None else ""
        if autosave is None:
            label.text = _("Boxes are saved automatically once a volume is chosen.")
        elif autosave.problem:
            label.text = _("Not saved automatically: {problem}").format(problem=autosave.problem)
        elif autosave.isInCache:
            label.text = _("Saved automatically ({time}) in case Slicer crashes.").format(time=self._clock())
        else:
            label.text = _("Saved automatically ({time}) in '{folder}'.").format(
                time=self._clock(), folder=autosave.path.parent.name
            )

    def _clock(self) -> str:
        return self.autosave.savedAt.strftime("%H:%M:%S") if self.autosave.savedAt else _("nothing yet")

    def _askHow(self, count: int) -> str | None:
        """One of the `WAYS` to import, or None when the user thinks better of it."""
        box = qt.QMessageBox(slicer.util.mainWindow())
        box.setIcon(qt.QMessageBox.Question)
        box.setWindowTitle(self.context.title)
        box.setText(
            _("Lesions in the file: {count}. Lesions here already: {here}.").format(
                count=count, here=len(self.context.study)
            )
        )
        box.setInformativeText(
            _(
                "Merge: lesions that overlap are the same; one that you have reviewed, drawn or noted on stays.\n"
                "Replace: the lesions that are here go.\n"
                "Add: all stay, also where they overlap."
            )
        )
        titles = {MERGE: _("Merge"), REPLACE: _("Replace"), ADD: _("Add")}
        buttons = {way: box.addButton(title, qt.QMessageBox.AcceptRole) for way, title in titles.items()}
        box.setDefaultButton(buttons[MERGE])
        box.setEscapeButton(box.addButton(qt.QMessageBox.Cancel))
        box.exec_()
        chosen = next((way for way, button in buttons.items() if box.clickedButton() == button), None)
        box.deleteLater()
        return chosen

    def _askWhere(self, title: str, name: str, kind: str) -> str:
        folder = self.autosave.path.parent if self.autosave is not None and not self.autosave.isInCache else Path()
        return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, str(folder / name), kind)

    def _do(self, work: Callable[[], str], then: Callable[[], None] = lambda: None) -> None:
        with self.context.attempt():
            with slicer.util.WaitCursor():
                sentence = work()
            then()
            self.context.say(sentence)
        self.show()
