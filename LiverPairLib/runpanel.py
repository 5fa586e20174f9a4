"""The rows of a panel that show how far a run is and how it ended, and its two buttons."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from LiverPairLib.controls import clockText
from LiverPairLib.modellogic import ModelLogic
from LiverPairLib.section import Section

ELAPSED_MS = 500
PROBLEM_STYLE = "color: #d9480f;"

Choices = Callable[[Any], tuple[list | None, list | None]]


class RunPanel:
    """Binds the widgets `applyButton`, `cancelButton`, `reasonLabel`, `progressFrame`, `progressBar`, `progressLabel`,
    `elapsedLabel` and `statusLabel` of a section to the run of a `ModelLogic`.
    """

    def __init__(self, section: Section, logic: ModelLogic, choices: Choices, apply: Callable[[], None]) -> None:
        """`apply()` starts a run with what is chosen. `choices(parameterNode)` is what a result speaks of, and what a
        failure does: where one of them has changed, the sentence about it goes. Neither is to be forgotten where they
        are None.
        """
        self._ui, self._context, self._logic = section.ui, section.context, logic
        self._choices, self._toolTip = choices, self._ui.applyButton.toolTip
        self._shown, self._shownChoices = "", None
        self._timer = qt.QTimer()
        self._timer.setInterval(ELAPSED_MS)
        self._timer.connect("timeout()", self.show)
        self._ui.applyButton.connect("clicked(bool)", lambda checked: self.attempt(apply))
        self._ui.cancelButton.connect("clicked(bool)", lambda checked: logic.run.cancel())

    def attempt(self, start: Callable[[], None]) -> None:
        """Call `start()`, which starts a run, as far as the logic can; and show what came of it."""
        with slicer.util.tryWithErrorDisplay(
            _("The {what} could not be started.").format(what=self._logic.title), waitCursor=True
        ):
            start()
        self.show()

    def show(self) -> None:
        """Show how far the run is, or how it ended, and which buttons make sense."""
        current, ui = self._logic.run, self._ui
        isRunning = current is not None and current.ending is None
        self._forgetStale()
        ui.progressFrame.visible = isRunning
        ui.cancelButton.enabled = isRunning and not current.isCancelling
        if isRunning:
            self._timer.start()
            ui.progressBar.value = round(100 * current.fraction)
            ui.progressLabel.text = current.message
            ui.elapsedLabel.text = clockText(current.seconds)
            reason = _("A {what} is running.").format(what=self._logic.title)
        else:
            self._timer.stop()
            reason = self._logic.reasonNotToRun(self._context.parameterNode)
        ui.applyButton.enabled = reason is None
        ui.applyButton.toolTip = reason or self._toolTip
        ui.reasonLabel.text = reason or ""
        ui.reasonLabel.visible = bool(reason) and not isRunning
        ui.statusLabel.text = self._logic.status
        ui.statusLabel.styleSheet = PROBLEM_STYLE if self._logic.isStatusProblem else ""
        ui.statusLabel.visible = bool(self._logic.status)

    def stop(self) -> None:
        """The panel is going away, and what runs with it."""
        self._logic.abandon()
        self._timer.stop()

    def _forgetStale(self) -> None:
        logic = self._logic
        choices = self._choices(self._context.parameterNode)[logic.isStatusProblem]
        if choices is None:
            return
        if logic.status != self._shown:
            self._shown, self._shownChoices = logic.status, choices
        elif logic.status and choices != self._shownChoices:
            logic.clearStatus()
            self._shown = ""
