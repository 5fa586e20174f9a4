"""The part "Run": dreams begin, pause, go on and end."""

from collections.abc import Callable

from slicer.i18n import tr as _

from DeepDreamInspectorLib.choices import statusChoices
from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.dreamrun import DreamRun, isResumable
from LiverPairLib import runsection
from LiverPairLib.modellogic import ModelLogic


class RunSection(runsection.RunSection):
    """Turns clicks into dreams of the logic."""

    applyTip = _("Dream from the chosen neurons")
    cancelTip = _("End the dream after this iteration; what was dreamt is kept")

    def __init__(self, context: DreamContext, logic: ModelLogic) -> None:
        super().__init__(context, logic)
        self.ui.cancelButton.text = _("Stop")
        self.ui.pauseButton.visible = self.ui.resumeButton.visible = True
        self.ui.pauseButton.connect("clicked(bool)", self.onPause)
        self.ui.resumeButton.connect("clicked(bool)", lambda checked: self.attempt(self.resume))

    def onChanged(self, what: str) -> None:
        if what in ("parameters", "neuron", "dream"):
            self.show()

    def choices(self) -> tuple[list | None, list | None]:
        return statusChoices(self.context.parameterNode)

    def apply(self, accepted: list[str]) -> None:
        self._follow(lambda: self.logic.apply(self.context.parameterNode, self.onRunChanged, accepted))

    def resume(self) -> None:
        self._follow(lambda: self.logic.resume(self.context.dream, self.onRunChanged))

    def onPause(self) -> None:
        self.logic.run.pause()

    def onRunChanged(self, run: DreamRun) -> None:
        parameterNode = self.context.parameterNode
        self.show()
        if run.ending is not None and parameterNode is not None:
            with self.context.attempt():
                self.logic.livers.follow(parameterNode)  # one may have been segmented on the way
            self.show()
        if run.ending is not None or run.isCancelling:
            self.context.tell("run")

    def progressText(self, run: DreamRun) -> str:
        return " · ".join(filter(None, (run.message, rateText(run))))

    def show(self) -> None:
        super().show()
        run, isRunning = self.context.run, self.context.running
        self.ui.pauseButton.enabled = isRunning and not run.isCancelling
        self.ui.resumeButton.enabled = not isRunning and isResumable(self.context.dream)

    def _follow(self, start: Callable[[], None]) -> None:
        """Call `start()`, and show the dream that it began or went on with."""
        before = self.logic.run
        start()
        run = self.logic.run
        if run is not before:
            if run.dream is not None:
                self.context.show(run.dream)
            self.context.setRun(run)
            self.context.foldInputs()
        self.show()


def rateText(run: DreamRun) -> str:
    """Which iteration a run has come to, and how fast it goes."""
    if run.iteration is None:
        return ""
    text = _("Iteration {number}").format(number=run.iteration)
    return text if run.rate is None else _("{text}, {rate:.1f} per second").format(text=text, rate=run.rate)
