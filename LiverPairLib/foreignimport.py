"""The dialog that asks what a model of another tool is to be called, and which of its labels is what."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from liverpair.bundle import Catalogue
from liverpair.bundle.foreign_import import label_names


class ForeignImportDialog:
    """Asks how to import the model in a folder of nnU-Net or MONAI. Raises LiverPairError where it has no labels."""

    def __init__(self, catalogue: Catalogue, folder: str) -> None:
        self._catalogue, self._folder = catalogue, folder
        labels = label_names(Path(folder))
        self._dialog = qt.QDialog(slicer.util.mainWindow())
        self._dialog.objectName = "ForeignImportDialog"
        self._dialog.windowTitle = _("Import a model of another tool")
        form = qt.QFormLayout(self._dialog)
        self._name = qt.QLineEdit()
        self._name.objectName = "ForeignNameEdit"
        self._name.placeholderText = _("lower-case letters, digits, '-'")
        form.addRow(_("Name:"), self._name)
        self._liver = self._box(form, "ForeignLiverBox", _("Liver:"), labels, "liver")
        self._lesions = self._box(form, "ForeignLesionsBox", _("Lesions:"), labels, "lesion", "tumor", "tumour")
        inputs = {_("T1 and T2"): "either", _("T1 only"): "t1", _("T2 only"): "t2"}
        self._inputs = list(inputs.values())
        self._input = qt.QComboBox()
        self._input.objectName = "ForeignInputBox"
        for title in inputs:
            self._input.addItem(title)
        form.addRow(_("Made for:"), self._input)
        self._refer = qt.QCheckBox(_("Leave its files where they are"))
        self._refer.objectName = "ForeignReferBox"
        form.addRow("", self._refer)
        buttons = qt.QDialogButtonBox()
        buttons.setStandardButtons(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)
        buttons.connect("accepted()", self._dialog.accept)
        buttons.connect("rejected()", self._dialog.reject)
        form.addRow(buttons)

    def run(self) -> list[str]:
        """The names of the models that were imported; none when the user thought better of it. Raises what
        `Catalogue.import_foreign` raises."""
        accepted = self._dialog.exec_()
        name, liver, lesions = self._name.text.strip(), self._chosen(self._liver), self._chosen(self._lesions)
        input_, copy = self._inputs[self._input.currentIndex], not self._refer.checked
        self._dialog.deleteLater()
        if not accepted:
            return []
        # The worker looks into the weights when the model runs: torch is not for Slicer's own process.
        bundles = self._catalogue.import_foreign(self._folder, name, liver, lesions, input_, copy, trial=False)
        return [bundle.name for bundle in bundles]

    def _box(self, form: qt.QFormLayout, name: str, title: str, labels: list[str], *guesses: str) -> qt.QComboBox:
        box = qt.QComboBox()
        box.objectName = name
        for label in (_("(none)"), *labels):
            box.addItem(label)
        alike = (row for row, label in enumerate(labels, 1) if any(guess in label.lower() for guess in guesses))
        exact = (row for row, label in enumerate(labels, 1) if label.lower() in guesses)
        box.setCurrentIndex(next(exact, 0) or next(alike, 0))
        form.addRow(title, box)
        return box

    @staticmethod
    def _chosen(box: qt.QComboBox) -> str | None:
        return box.currentText if box.currentIndex > 0 else None
