"""The rows of a panel in which a model and a device are chosen, and models are imported, read about and deleted."""

from slicer.i18n import tr as _

from LiverPairLib.controls import KeyComboBox
from LiverPairLib.modellist import ModelDialogs


class ModelPicker:
    """Binds the widgets `modelComboBox`, `modelCardButton`, `importFolderButton`, `importZipButton`,
    `deleteModelButton`, `modelProblemLabel` and `deviceComboBox` of a panel to a `ModelLogic`.
    """

    def __init__(self, ui, logic, parameters, onChosen, onListed):
        """`parameters()` is the parameter node on the screen, with `model` and `device`; `onChosen(name)` is called
        with the name of the model that is to be used, `onListed()` when the list of models has been read anew: it
        calls `show`.
        """
        self._ui, self._logic, self._parameters = ui, logic, parameters
        self._onChosen, self._onListed = onChosen, onListed
        self._dialogs = ModelDialogs(logic.catalogue)
        self._modelBox = KeyComboBox(ui.modelComboBox, onChosen)
        self._deviceBox = KeyComboBox(ui.deviceComboBox, self._onDeviceChosen)
        self._deviceBox.setEntries({"auto": _("Automatic"), "cpu": _("CPU"), "gpu": _("GPU")})
        ui.importFolderButton.connect("clicked(bool)", self._onImportFolder)
        ui.importZipButton.connect("clicked(bool)", self._onImportZip)
        ui.deleteModelButton.connect("clicked(bool)", self._onDelete)
        ui.modelCardButton.connect("clicked(bool)", self._onShowCard)

    def refresh(self, chosen=None):
        """List the installed models; choose `chosen`, or the first one when nothing is chosen."""
        self._logic.refreshModels()
        names = {name: f"{name} {bundle.version}" for name, bundle in self._logic.bundles.items()}
        self._modelBox.setEntries(names, missing=_("{key} (not installed)"), none=_("No model is installed"))
        self._ui.modelProblemLabel.text = "\n".join(self._logic.modelProblems)
        self._ui.modelProblemLabel.visible = bool(self._logic.modelProblems)
        if chosen or not self._parameters().model:
            self._onChosen(chosen or next(iter(names), ""))
        self._onListed()

    def show(self):
        """Show what is chosen, and what can be done with it."""
        self._modelBox.setCurrent(self._parameters().model)
        self._deviceBox.setCurrent(self._parameters().device)
        bundle = self._bundle()
        self._ui.modelCardButton.enabled = bundle is not None
        isOwn = bundle is not None and not self._logic.catalogue.is_shipped(bundle)
        self._ui.deleteModelButton.enabled = isOwn
        self._ui.deleteModelButton.toolTip = (
            _("Delete this model from the computer") if isOwn else _("Only imported models can be deleted")
        )

    def _bundle(self):
        return self._logic.bundles.get(self._parameters().model)

    def _onDeviceChosen(self, key):
        self._parameters().device = key

    def _onImportFolder(self):
        self._onImported(self._dialogs.importFolder())

    def _onImportZip(self):
        self._onImported(self._dialogs.importZip())

    def _onImported(self, name):
        if name is not None:
            self.refresh(chosen=name)

    def _onDelete(self):
        if self._dialogs.delete(self._parameters().model):
            self._parameters().model = ""
            self.refresh()

    def _onShowCard(self):
        self._dialogs.showCard(self._bundle())
