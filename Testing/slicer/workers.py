"""Who computes in a workflow: the true worker where PyTorch and a model are, else a stand-in that takes its time."""

import os

import qt

from liverpair.core.errors import WorkerError
from liverpair.worker.protocol import CancelledEvent, ProgressEvent
from LiverPairLib.standins import NoInstaller, StandInCatalogue, StandInWorker
from LiverPairLib.workersession import sessionWorker

STEP_MS, STEPS = 100, 20


class SlowWorker:
    """In place of `SessionWorker`: says what a stand-in says at once, little by little, and can be interrupted."""

    def __init__(self, answering):
        self._answering = answering
        self._listener, self._events = None, []
        self._timer = qt.QTimer()
        self._timer.setInterval(STEP_MS)
        self._timer.connect("timeout()", self._say)

    @property
    def busy(self):
        return self._listener is not None

    @property
    def idle(self):
        return self._listener is None

    def run(self, job, request, listener, inBackground=False):
        if self.busy:
            raise WorkerError("LiverPair is busy with another task.", "Wait for it, or cancel it.")
        answer = []
        self._answering.run(job, request, answer.append)
        self._events = [ProgressEvent(1, step / STEPS, "Computing") for step in range(STEPS)] + answer
        self._listener = listener
        self._timer.start()

    def cancel(self, listener):
        if self._stop(listener):
            listener(CancelledEvent(1))

    def abandon(self, listener):
        self._stop(listener)

    def stop(self):
        self._stop(self._listener)

    def _stop(self, listener):
        isMine = listener is not None and self._listener == listener
        if isMine:
            self._timer.stop()
            self._listener, self._events = None, []
        return isMine

    def _say(self):
        event, listener = self._events.pop(0), self._listener
        if not self._events:
            self._stop(listener)
        listener(event)


def engage(hands, module):
    """Open a module with a worker that can do its job; whether it is the true one."""
    hands.open(module)
    widget = hands.pythonWidget()
    logic = widget.logic
    isTrue = bool(logic.bundles) and logic.installer.isComplete() and os.environ.get("LIVERPAIR_WORKER") != "stand-in"
    if isTrue:
        worker = sessionWorker()
    else:
        worker = SlowWorker(StandInWorker())
        logic.catalogue, logic.installer = StandInCatalogue(), NoInstaller()
        logic.getParameterNode().model = ""
        hands.leaveOut("there is no PyTorch, or no model: a stand-in computes.")
    logic.worker = worker
    widget.context.worker = worker
    widget.exit()
    widget.enter()
    hands.settle()
    return isTrue
