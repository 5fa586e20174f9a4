"""The part "Run" of a panel: the buttons that start and stop a run, and how far it is."""

from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from LiverPairLib.controls import clockText
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.section import RUN, Section
from LiverPairLib.workerrun import WorkerRun

ELAPSED_MS = 500


class RunSection(Section):
    """Starts and stops the runs of a `ModelLogic`, and shows them. A subclass in a module's Lib folder says what its
    buttons do (`applyTip`, `cancelTip`), and overrides `apply` and `choices`.
    """

    name = "Run"
    part = RUN
    applyTip = ""
    cancelTip = ""

    def __init__(self, context: PanelContext, logic: ModelLogic) -> None:
        super().__init__(context)
        self.logic = logic
        self._shown, self._shownChoices = "", None
        self._timer = qt.QTimer()
        self._timer.setInterval(ELAPSED_MS)
        self._timer.connect("timeout()", self.show)
        self.ui.cancelButton.toolTip = self.cancelTip
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.cancelButton.connect("clicked(bool)", lambda checked: logic.run.cancel())
        self.show()

    def apply(self, accepted: list[str]) -> None:
        """Start a run with what is chosen, in spite of doubts about the volumes that the user has accepted."""
        raise NotImplementedError

    def choices(self) -> tuple[list | None, list | None]:
        """What a result speaks of, and what a failure does: where one of them has changed, the sentence about it goes.
        Neither is to be forgotten where they are None.
        """
        raise NotImplementedError

    def progressText(self, run: WorkerRun) -> str:
        """What is said beside the bar while a run goes on."""
        return run.message

    def cleanup(self) -> None:
        """What runs goes with the panel."""
        self.logic.abandon()
        self._timer.stop()
        super().cleanup()

    def onChanged(self, what: str) -> None:
        if what == "parameters":
            self.show()

    def onApply(self, checked: bool = False) -> None:
        """Start a run, after a question where something speaks against the volumes."""
        accepted = self.context.accepted(self.logic.doubts(self.context.parameterNode))
        if accepted is not None:
            self.attempt(lambda: self.apply(accepted))

    def attempt(self, start: Callable[[], None]) -> None:
        """Call `start()`, which starts a run, as far as the logic can; and show what came of it."""
        typedIn = qt.QApplication.focusWidget()
        if typedIn is not None:
            typedIn.clearFocus()  # where pressing a button does not take the focus from what is being typed
        with slicer.util.tryWithErrorDisplay(
            _("The {what} could not be started.").format(what=self.logic.title), waitCursor=True
        ):
            start()
        self.show()

    def show(self) -> None:
        """Show how far the run is, or how it ended, and which buttons make sense."""
        current, ui = self.logic.run, self.ui
        isRunning = current is not None and current.ending is None
        self._forgetStale()
        ui.progressFrame.visible = isRunning
        ui.cancelButton.enabled = isRunning and not current.isCancelling
        if isRunning:
            self._timer.start()
            ui.progressBar.value = round(100 * current.fraction)
            ui.progressLabel.text = self.progressText(current)
            ui.elapsedLabel.text = clockText(current.seconds)
            reason = _("A {what} is running.").format(what=current.title)
        else:
            self._timer.stop()
            reason = self.logic.reasonNotToRun(self.context.parameterNode)
        ui.applyButton.enabled = reason is None
        ui.applyButton.toolTip = reason or self.applyTip
        ui.reasonLabel.text = reason or ""
        ui.reasonLabel.visible = bool(reason) and not isRunning
        self.context.tellOfRun(self.logic.status, self.logic.isStatusProblem)

    def _forgetStale(self) -> None:
        logic = self.logic
        choices = self.choices()[logic.isStatusProblem]
        if choices is None:
            return
        if logic.status != self._shown:
            self._shown, self._shownChoices = logic.status, choices
        elif logic.status and choices != self._shownChoices:
            logic.clearStatus()
            self._shown = ""
