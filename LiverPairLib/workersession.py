"""The one worker of a Slicer session, which serves all modules of LiverPair, one job at a time."""

import atexit
from collections.abc import Callable
from typing import Any

import qt
import slicer

from liverpair.core.errors import LiverPairError, WorkerError
from liverpair.core.notifying import notify
from liverpair.worker.client import WorkerClient
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, Event, ReadyEvent, ResultEvent
from LiverPairLib.processtransport import QProcessTransport

Listener = Callable[[Event], None]
TICK_MS = 200

_session = None


def sessionWorker() -> "SessionWorker":
    """The worker of this Slicer session; its process starts with its first job and ends with the application."""
    global _session
    if _session is None:
        _session = SessionWorker(QProcessTransport())
        slicer.app.connect("aboutToQuit()", _session.stop)
        atexit.register(_session.stop)  # a script may end without a word from the application
    return _session


class SessionWorker:
    """Runs jobs in the worker for whoever asks first.

    `transport` is a `liverpair.worker.client.Transport` with `deliverTo(client)`, `close()` and an attribute
    `workerPid`.
    """

    def __init__(self, transport: QProcessTransport) -> None:
        self._transport = transport
        self._client = WorkerClient(transport, self._onEvent)
        transport.deliverTo(self._client)
        self._listener = None
        self._inBackground = False
        self._next = None
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)
        self._timer.connect("timeout()", self._client.tick)

    @property
    def busy(self) -> bool:
        """Whether a job runs, or is being cancelled, that does not make room for others."""
        running, coming = self._client.busy and not self._inBackground, self._next is not None and not self._next[-1]
        return running or coming

    @property
    def idle(self) -> bool:
        """Whether nothing runs, not even in the background."""
        return not self._client.busy and self._next is None

    def run(self, job: str, request: dict[str, Any], listener: Listener, inBackground: bool = False) -> None:
        """Start a job. `listener` is called with its events, the last of which is its result, error or cancellation.

        A job in the background makes room for whatever is started next: it is cancelled, and the other begins when it
        has ended.

        Raises WorkerError when another job is running or the worker cannot be started.
        """
        if self.busy:
            raise WorkerError("LiverPair is busy with another task.", "Wait for it, or cancel it.")
        if self._next is not None:
            self.cancel(self._next[2])
        if self._client.busy:
            self._next = job, request, listener, inBackground
            self._client.cancel()
        else:
            self._start(job, request, listener, inBackground)

    def cancel(self, listener: Listener) -> None:
        """Ask the job of this listener to stop; it hears a `CancelledEvent` within two seconds or so."""
        if self._isNext(listener):
            self._next = None
            listener(CancelledEvent(0))
        elif self._listener == listener:
            self._client.cancel()

    def abandon(self, listener: Listener) -> None:
        """Cancel the job of this listener, which hears nothing more."""
        if self._isNext(listener):
            self._next = None
        elif self._listener == listener:
            self._listener = None
            self._client.cancel()

    def stop(self) -> None:
        """End the worker process. A job that runs ends without an event; a later job starts a new process."""
        self._timer.stop()
        self._listener = self._next = None
        self._client.quit()
        self._transport.close()

    def _isNext(self, listener: Listener) -> bool:
        return self._next is not None and self._next[2] == listener

    def _start(self, job: str, request: dict[str, Any], listener: Listener, inBackground: bool) -> None:
        self._listener, self._inBackground = listener, inBackground
        try:
            self._client.run(job, request)
        except Exception:
            self._listener = None
            raise
        self._timer.start()

    def _startNext(self) -> None:
        job, request, listener, inBackground = self._next
        self._next = None
        try:
            self._start(job, request, listener, inBackground)
        except LiverPairError as error:
            listener(ErrorEvent(0, error.kind, error.message, error.hint))

    def _onEvent(self, event: Event) -> None:
        if isinstance(event, ReadyEvent):
            self._transport.workerPid = event.pid
            return
        listener = self._listener
        hasEnded = isinstance(event, (ResultEvent, ErrorEvent, CancelledEvent))
        if hasEnded:
            self._listener = None
            self._timer.stop()
        if listener is not None:
            notify([listener], event)  # whatever it does with it, the worker goes on
        if hasEnded and self._next is not None and not self._client.busy:
            self._startNext()
