"""The catalogue of models as the user meets it: a list, and dialogs to import, delete and read about them."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.foreign_import import is_foreign
from liverpair.core.errors import LiverPairError
from LiverPairLib.foreignimport import ForeignImportDialog

CARD_SIZE = (720, 640)


class ModelDialogs:
    """Dialogs over a `liverpair.bundle.Catalogue`. Every failure is one sentence in a message box."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def importFolder(self) -> str | None:
        """Ask for a folder, of another tool's model also for its labels, and import it; its name, or None."""
        path = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Import model folder"))
        return self._importForeign(path) if path and is_foreign(Path(path)) else self._import(path)

    def importZip(self) -> str | None:
        """Ask for a zip file and import the model in it; its name, or None."""
        path = qt.QFileDialog.getOpenFileName(
            slicer.util.mainWindow(), _("Import model from zip file"), "", _("Zip files (*.zip)")
        )
        return self._import(path)

    def delete(self, name: str) -> bool:
        """Delete an imported model after a question; whether that was done."""
        question = _("Delete the model '{name}' from this computer?").format(name=name)
        if not slicer.util.confirmOkCancelDisplay(question, windowTitle=_("Delete model")):
            return False
        try:
            self._catalogue.delete(name)
        except (LiverPairError, OSError) as error:
            slicer.util.errorDisplay(str(error))
            return False
        return True

    def showCard(self, bundle: Bundle) -> None:
        """Show the model's card until it is closed."""
        dialog = qt.QDialog(slicer.util.mainWindow())
        dialog.objectName = "ModelCardDialog"
        dialog.windowTitle = _("Model {name} {version}").format(name=bundle.name, version=bundle.version)
        dialog.resize(*CARD_SIZE)
        layout = qt.QVBoxLayout(dialog)
        card = qt.QTextBrowser()
        card.objectName = "ModelCardText"
        card.openExternalLinks = True
        card.setMarkdown(bundle.card())
        layout.addWidget(card)
        buttons = qt.QDialogButtonBox()
        buttons.setStandardButtons(qt.QDialogButtonBox.Close)
        buttons.connect("rejected()", dialog.reject)
        layout.addWidget(buttons)
        dialog.exec_()
        dialog.deleteLater()

    def _importForeign(self, path: str) -> str | None:
        try:
            names = ForeignImportDialog(self._catalogue, path).run()
        except (LiverPairError, OSError) as error:
            slicer.util.errorDisplay(str(error))
            return None
        return names[0] if names else None

    def _import(self, path: str) -> str | None:
        if not path:
            return None
        try:
            return self._catalogue.import_from(path).name
        except (LiverPairError, OSError) as error:
            slicer.util.errorDisplay(str(error))
            return None
