"""The section "Run": how to dream, the buttons that begin, pause and end it, and the dreams in the scene."""

from collections.abc import Callable

from slicer.i18n import tr as _

from DeepDreamInspectorLib.choices import statusChoices
from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.dreamfiles import removeFolder
from DeepDreamInspectorLib.dreamrun import DreamRun, isResumable
from liverpair.mrml.dreams.dream_scene import MARK
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.runpanel import RunPanel
from LiverPairLib.section import Section

CHOICES = {
    "direction": {"ascent": _("Dream an object (ascent)"), "descent": _("Dream it away (descent)")},
    "activation": {"logit": _("Logit"), "probability": _("Probability")},
    "gradient": {"normalized": _("Normalized"), "raw": _("Raw")},
}
"""By parameter: what can be chosen, and how it is called."""


class RunSection(Section):
    """Turns choices and clicks into dreams of the logic."""

    name = "Run"

    def __init__(self, context: DreamContext, logic: ModelLogic) -> None:
        super().__init__(context)
        self.logic = logic
        self._boxes = {name: self._comboBox(name, entries) for name, entries in CHOICES.items()}
        self._runPanel = RunPanel(self, logic, statusChoices, self.apply)
        self.ui.dreamSelector.addAttribute("vtkMRMLTableNode", MARK)
        self.ui.pauseButton.connect("clicked(bool)", self.onPause)
        self.ui.resumeButton.connect("clicked(bool)", lambda checked: self._runPanel.attempt(self.resume))
        self.ui.deleteDreamButton.connect("clicked(bool)", self.onDelete)
        self.show()

    def cleanup(self) -> None:
        self._runPanel.stop()
        super().cleanup()

    def onChanged(self, what: str) -> None:
        if what in ("parameters", "neuron", "dream"):
            self.show()

    def apply(self) -> None:
        for box in (self.ui.stepSpinBox, self.ui.minimumGainSpinBox):
            box.interpretText()  # where pressing a button does not take the focus from what is being typed
        self._follow(lambda: self.logic.apply(self.context.parameterNode, self.onRunChanged))

    def resume(self) -> None:
        self._follow(lambda: self.logic.resume(self.context.dream, self.onRunChanged))

    def onPause(self) -> None:
        self.logic.run.pause()

    def onDelete(self) -> None:
        """Take the shown dream out of the scene."""
        dream = self.context.dream
        if self.context.confirm(_("Delete the dream '{name}' from the scene?").format(name=dream.name)):
            removeFolder(dream)
            dream.remove()

    def onRunChanged(self, run: DreamRun) -> None:
        parameterNode = self.context.parameterNode
        if run.ending is not None and parameterNode is not None:
            with self.context.attempt():
                self.logic.livers.follow(parameterNode)  # one may have been segmented on the way
        self.show()
        if run.ending is not None or run.isCancelling:
            self.context.tell("run")

    def show(self) -> None:
        """Show what is chosen, how the dream goes, and which buttons make sense."""
        parameterNode, ui, run = self.context.parameterNode, self.ui, self.context.run
        if parameterNode is not None:
            for name, box in self._boxes.items():
                box.setCurrent(getattr(parameterNode, name))
            ui.stepLabel.text = _("Factor:") if parameterNode.gradient == "raw" else _("Step:")
        self._runPanel.show()
        isRunning = self.context.running
        dream = self.context.dream
        ui.pauseButton.enabled = isRunning and not run.isCancelling
        ui.resumeButton.enabled = not isRunning and isResumable(dream)
        ui.deleteDreamButton.enabled = dream is not None and not (isRunning and run.dream is dream)
        ui.rateLabel.text = rateText(run) if isRunning else ""

    def _comboBox(self, name: str, entries: dict[str, str]) -> KeyComboBox:
        box = KeyComboBox(
            getattr(self.ui, f"{name}ComboBox"), lambda key: setattr(self.context.parameterNode, name, key)
        )
        box.setEntries(entries)
        return box

    def _follow(self, start: Callable[[], None]) -> None:
        """Call `start()`, and show the dream that it began or went on with."""
        before = self.logic.run
        start()
        run = self.logic.run
        if run is not before:
            if run.dream is not None:
                self.context.show(run.dream)
            self.context.setRun(run)
        self.show()


def rateText(run: DreamRun) -> str:
    """Which iteration a run has come to, and how fast it goes."""
    if run.iteration is None:
        return ""
    text = _("Iteration {number}").format(number=run.iteration)
    return text if run.rate is None else _("{text}, {rate:.1f} per second").format(text=text, rate=run.rate)
