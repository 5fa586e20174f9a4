"""The rows of a panel that show how far a run is and how it ended, and its two buttons."""

import qt

from LiverPairLib.controls import clockText

ELAPSED_MS = 500
PROBLEM_STYLE = "color: #d9480f;"


class RunPanel:
    """Binds the widgets `applyButton`, `cancelButton`, `reasonLabel`, `progressFrame`, `progressBar`, `progressLabel`,
    `elapsedLabel` and `statusLabel` of a panel to the run of a `ModelLogic`.
    """

    def __init__(self, ui, logic, reasonNotToRun, running, toolTip, choices):
        """`reasonNotToRun()` is a sentence or None; `running` what to say while a run is under way, `toolTip` of the
        button that starts it. `choices()` is what a result speaks of, and what a failure does: where one of them has
        changed, the sentence about it goes. Neither is to be forgotten where they are None.
        """
        self._ui, self._logic, self._reasonNotToRun = ui, logic, reasonNotToRun
        self._running, self._toolTip = running, toolTip
        self._choices, self._shown, self._shownChoices = choices, "", None
        self._timer = qt.QTimer()
        self._timer.setInterval(ELAPSED_MS)
        self._timer.connect("timeout()", self.show)
        ui.cancelButton.connect("clicked(bool)", self._onCancel)

    def show(self):
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
            reason = self._running
        else:
            self._timer.stop()
            reason = self._reasonNotToRun()
        ui.applyButton.enabled = reason is None
        ui.applyButton.toolTip = reason or self._toolTip
        ui.reasonLabel.text = reason or ""
        ui.reasonLabel.visible = bool(reason) and not isRunning
        ui.statusLabel.text = self._logic.status
        ui.statusLabel.styleSheet = PROBLEM_STYLE if self._logic.isStatusProblem else ""
        ui.statusLabel.visible = bool(self._logic.status)

    def stop(self):
        """The panel is going away."""
        self._timer.stop()

    def _forgetStale(self):
        logic = self._logic
        choices = self._choices()[logic.isStatusProblem]
        if choices is None:
            return
        if logic.status != self._shown:
            self._shown, self._shownChoices = logic.status, choices
        elif logic.status and choices != self._shownChoices:
            logic.clearStatus()
            self._shown = ""

    def _onCancel(self):
        self._logic.run.cancel()
