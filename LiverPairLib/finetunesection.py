"""Among the details of a panel, folded away: the chosen model is trained further on the studies in a folder."""

from collections.abc import Callable

import ctk
from slicer.i18n import tr as _

from liverpair.bundle.manifest import NAMES, is_name
from LiverPairLib.finetunerun import FineTuneRun
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.section import DETAILS, Section
from LiverPairLib.workerrun import DONE


class FineTuneSection(Section):
    """Starts a fine-tuning, which the part "Run" shows (`showRun`). The new model is chosen when it is there."""

    name = "FineTune"
    part = DETAILS

    def __init__(self, context: PanelContext, logic: ModelLogic, showRun: Callable[[], None]) -> None:
        super().__init__(context)
        self.logic, self._showRun = logic, showRun
        self.ui.fineTuneStudiesEdit.filters = ctk.ctkPathLineEdit.Dirs
        self.ui.fineTuneStudiesEdit.connect("currentPathChanged(QString)", lambda path: self.show())
        self.ui.fineTuneNameEdit.connect("textChanged(QString)", lambda text: self.show())
        self.ui.fineTuneButton.connect("clicked(bool)", self.onFineTune)
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("parameters", "models"):
            self.show()

    def show(self) -> None:
        """Show what is still to be chosen."""
        reason = self.reasonNot()
        self.ui.fineTuneReasonLabel.text = reason or ""
        self.ui.fineTuneReasonLabel.visible = bool(reason)
        self.ui.fineTuneButton.enabled = not reason

    def reasonNot(self) -> str | None:
        """One sentence about why nothing can be trained with these choices, or None."""
        bundle, name = self.context.bundle, self.ui.fineTuneNameEdit.text.strip()
        if bundle is None:
            return _("Choose the model to start from, above.")
        if bundle.foreign is not None:
            return _("'{name}' was trained by another tool, which alone can train it further.").format(name=bundle.name)
        if not self.ui.fineTuneStudiesEdit.currentPath:
            return _(
                "Choose the folder of your studies: in it one folder each, with t1, t2, their liver masks and, for a "
                "detector, lesions.json."
            )
        if not is_name(name):
            return _("Name the new model. {rule}").format(rule=NAMES)
        if name in self.logic.bundles:
            return _("There is already a model '{name}'.").format(name=name)
        return None

    def onFineTune(self, checked: bool = False) -> None:
        """Start, once what training needs is installed."""
        self.logic.attempt(self.reasonNot, self._run, self._onRunChanged)
        self._showRun()

    def _run(self) -> FineTuneRun:
        self.logic.installer.ensureTool("training")
        request = {
            "model": self.context.bundle.name,
            "studies": self.ui.fineTuneStudiesEdit.currentPath,
            "name": self.ui.fineTuneNameEdit.text.strip(),
            "steps": self.ui.fineTuneStepsBox.value,
            "device": self.context.parameterNode.device,
        }
        return FineTuneRun(self.context.worker, request)

    def _onRunChanged(self, run: FineTuneRun) -> None:
        if run.ending == DONE:
            self.logic.refreshModels()
            if self.context.parameterNode is not None and run.model in self.logic.bundles:
                self.logic.chooseModel(self.context.parameterNode, run.model)
            self.context.tell("models")
        self._showRun()
