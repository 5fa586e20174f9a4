"""The one worker of a Slicer session, which serves all modules of LiverPair, one job at a time."""

import qt
import slicer

from LiverMultimodalLib.transport import QProcessTransport
from liverpair.errors import WorkerError
from liverpair.worker.client import WorkerClient
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, ReadyEvent, ResultEvent

TICK_MS = 200

_session = None


def sessionWorker():
    """The worker of this Slicer session; its process starts with its first job and ends with the application."""
    global _session
    if _session is None:
        _session = SessionWorker(QProcessTransport())
        slicer.app.connect("aboutToQuit()", _session.stop)
    return _session


class SessionWorker:
    """Runs jobs in the worker for whoever asks first.

    `transport` is a `liverpair.worker.client.Transport` with `deliverTo(client)`, `close()` and an attribute
    `workerPid`.
    """

    def __init__(self, transport):
        self._transport = transport
        self._client = WorkerClient(transport, self._onEvent)
        transport.deliverTo(self._client)
        self._listener = None
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.connect("timeout()", self._client.tick)

    @property
    def busy(self):
        """Whether a job runs, or is being cancelled."""
        return self._client.busy

    def run(self, job, request, listener):
        """Start a job. `listener` is called with its events, the last of which is its result, error or cancellation.

        Raises WorkerError when another job is running or the worker cannot be started.
        """
        if self.busy:
            raise WorkerError("LiverPair is busy with another task.", "Wait for it, or cancel it.")
        self._listener = listener
        try:
            self._client.run(job, request)
        except Exception:
            self._listener = None
            raise
        self._timer.start()

    def cancel(self, listener):
        """Ask the job of this listener to stop; it hears a `CancelledEvent` within two seconds or so."""
        if self._listener == listener:
            self._client.cancel()

    def abandon(self, listener):
        """Cancel the job of this listener, which hears nothing more."""
        if self._listener == listener:
            self._listener = None
            self._client.cancel()

    def stop(self):
        """End the worker process. A job that runs ends without an event; a later job starts a new process."""
        self._timer.stop()
        self._listener = None
        self._client.quit()
        self._transport.close()

    def _onEvent(self, event):
        if isinstance(event, ReadyEvent):
            self._transport.workerPid = event.pid
            return
        listener = self._listener
        if isinstance(event, (ResultEvent, ErrorEvent, CancelledEvent)):
            self._listener = None
            self._timer.stop()
        if listener is not None:
            listener(event)
