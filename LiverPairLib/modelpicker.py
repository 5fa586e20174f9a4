"""The rows of a panel in which a model and a device are chosen, and models are imported, read about and deleted."""

from slicer.i18n import tr as _

from liverpair.bundle import Bundle
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.looks import labelStyle
from LiverPairLib.modellist import ModelDialogs
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.section import Section


class ModelPicker:
    """Binds the widgets `modelComboBox`, `modelCardButton`, `importFolderButton`, `importZipButton`,
    `deleteModelButton`, `modelProblemLabel` and `deviceComboBox` of a section to a `ModelLogic` and to the choices
    `model` and `device`.
    """

    def __init__(self, section: Section, logic: ModelLogic) -> None:
        ui, self._context, self._logic = section.ui, section.context, logic
        self._ui = ui
        ui.modelProblemLabel.styleSheet = labelStyle()
        self._dialogs = ModelDialogs(logic.catalogue)
        self._modelBox = KeyComboBox(ui.modelComboBox, self._onModelChosen)
        self._deviceBox = KeyComboBox(ui.deviceComboBox, self._onDeviceChosen)
        self._deviceBox.setEntries({"auto": _("Automatic"), "cpu": _("CPU"), "gpu": _("GPU")})
        ui.importFolderButton.connect("clicked(bool)", lambda checked: self._onImported(self._dialogs.importFolder()))
        ui.importZipButton.connect("clicked(bool)", lambda checked: self._onImported(self._dialogs.importZip()))
        ui.deleteModelButton.connect("clicked(bool)", self._onDelete)
        ui.modelCardButton.connect("clicked(bool)", lambda checked: self._dialogs.showCard(self._bundle()))

    def refresh(self, chosen: str | None = None) -> None:
        """List the installed models; choose `chosen`, or the first one when nothing is chosen."""
        self._logic.refreshModels()
        names = {name: f"{name} {bundle.version}" for name, bundle in self._logic.bundles.items()}
        self._modelBox.setEntries(names, missing=_("{key} (not installed)"), none=_("No model is installed"))
        self._modelBox.setHeading(_("For teaching:"), [name for name in names if name in self._logic.forTeaching])
        self._ui.modelProblemLabel.text = "\n".join(self._logic.modelProblems)
        self._ui.modelProblemLabel.visible = bool(self._logic.modelProblems)
        if chosen or not self._context.parameterNode.model:
            self._onModelChosen(chosen or next(iter(names), ""))
        self._context.tell("parameters")  # which models there are is news to other sections too

    def show(self) -> None:
        """Show what is chosen, and what can be done with it."""
        self._modelBox.setCurrent(self._context.parameterNode.model)
        self._deviceBox.setCurrent(self._context.parameterNode.device)
        bundle = self._bundle()
        self._ui.modelCardButton.enabled = bundle is not None
        isOwn = bundle is not None and not self._logic.catalogue.is_shipped(bundle)
        self._ui.deleteModelButton.enabled = isOwn
        self._ui.deleteModelButton.toolTip = (
            _("Delete this model from the computer") if isOwn else _("Only imported models can be deleted")
        )

    def _bundle(self) -> Bundle | None:
        return self._logic.bundles.get(self._context.parameterNode.model)

    def _onModelChosen(self, name: str) -> None:
        self._logic.chooseModel(self._context.parameterNode, name)

    def _onDeviceChosen(self, key: str) -> None:
        self._context.parameterNode.device = key

    def _onImported(self, name: str | None) -> None:
        if name is not None:
            self._logic.refreshModels()
            self.refresh(chosen=name if name in self._logic.bundles else None)

    def _onDelete(self) -> None:
        if self._dialogs.delete(self._context.parameterNode.model):
            self._context.parameterNode.model = ""
            self.refresh()
