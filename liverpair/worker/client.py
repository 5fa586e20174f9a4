"""The client's side of the worker: bytes in, events out, and what to do when the worker is silent or dead.

It knows no transport. A `QProcess`, an asyncio subprocess or `SubprocessTransport` carries the bytes, and a timer calls
`tick`. Everything is called from one thread. Nothing here needs more than the standard library.
"""

import itertools
import logging
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from liverpair.core.errors import WorkerError
from liverpair.worker.protocol import (
    CancelCommand,
    CancelledEvent,
    ErrorEvent,
    Event,
    MessageReader,
    Problem,
    ProgressEvent,
    QuitCommand,
    ReadyEvent,
    ResultEvent,
    RunCommand,
    SampleEvent,
    decode_event,
    encode_command,
)

CANCEL_TIMEOUT_S = 2.0
LOG_TAIL_LINES = 8
LOG_LINE_BYTES = 300

log = logging.getLogger("liverpair.worker")


class Transport(Protocol):
    """A worker process that can be started again after it ended.

    Its owner hands the process's output to `WorkerClient.feed`, its standard error to `WorkerClient.feed_log`, and its
    end, after the last of its output, to `WorkerClient.exited`. After `kill` returns, nothing more of the killed
    process is handed over.
    """

    @property
    def running(self) -> bool:
        """Whether there is a live process."""

    def start(self) -> None:
        """Start the process. Raises OSError or WorkerError when that fails."""

    def write(self, data: bytes) -> None:
        """Send to its standard input. Raises OSError when it no longer listens."""

    def kill(self) -> None:
        """End the process, and all that it started, at once."""


class WorkerClient:
    """Runs one job at a time in the worker and reports it to `on_event`.

    A job that `run` accepted ends with exactly one `ResultEvent`, `ErrorEvent` or `CancelledEvent` that carries its id;
    before that come its `ProgressEvent` and `SampleEvent`. After `cancel` the end is always `CancelledEvent`, whatever
    the worker still said; samples come until then, since the worker has kept what it sent. `on_event` also sees the
    worker's `ReadyEvent`; it may call the client.
    """

    def __init__(
        self, transport: Transport, on_event: Callable[[Event], None], clock: Callable[[], float] = time.monotonic
    ):
        self._transport = transport
        self._on_event = on_event
        self._clock = clock
        self._ids = itertools.count(1)
        self._job: int | None = None
        self._cancel_deadline: float | None = None
        self._quitting = False
        self._unheard: bytes | None = None  # the job that a warm worker was sent and has not answered yet
        self._forget_worker()

    @property
    def busy(self) -> bool:
        """Whether a job was accepted and has not ended."""
        return self._job is not None

    @property
    def log_tail(self) -> str:
        """The last lines that the worker wrote to its standard error."""
        return "\n".join([*self._log_lines, _readable(self._log_rest)]).strip()

    def start(self) -> None:
        """Start the worker ahead of its first job. Raises WorkerError when that fails."""
        if self._quitting:
            self._transport.kill()
        elif self._transport.running:
            return
        self._quitting = False
        self._forget_worker()
        try:
            self._transport.start()
        except OSError as error:
            raise WorkerError(f"The worker process could not be started ({error}).") from error

    def run(self, job: str, request: dict[str, Any]) -> int:
        """Start a job, and the worker if need be; return the id that its events carry.

        Raises WorkerError when a job is running or the worker cannot be started, ValueError or TypeError for a request
        JSON cannot hold.
        """
        if self.busy:
            raise WorkerError("A job is already running.", "Wait for it or cancel it.")
        job_id = next(self._ids)
        line = encode_command(RunCommand(job_id, job, request))
        self.start()
        self._unheard = line if self._ready else None
        try:
            self._transport.write(line)
        except OSError:  # it died while idle and nobody has noticed
            self._write_to_a_new_worker(line)
        self._job = job_id
        return job_id

    def cancel(self) -> None:
        """Ask the running job to stop; `tick` sees to it when the worker does not answer."""
        if not self.busy or self._cancel_deadline is not None:
            return
        self._cancel_deadline = self._clock() + CANCEL_TIMEOUT_S
        try:
            self._transport.write(encode_command(CancelCommand(self._job)))
        except OSError:
            self._cancel_deadline = self._clock()

    def tick(self) -> None:
        """Call it a few times per second: a worker that leaves a cancel unanswered is killed and started afresh."""
        if self._cancel_deadline is None or self._clock() < self._cancel_deadline:
            return
        log.warning("The worker did not answer a cancel; it is restarted.")
        try:
            self._restart()
        except WorkerError as error:  # the next `run` tries again and says so
            log.error("%s", error)
        self._end(CancelledEvent(self._job))

    def quit(self) -> None:
        """Tell the worker to leave. A running job is abandoned without an event; `run` starts a new worker."""
        self._job = self._cancel_deadline = None
        self._quitting = True
        if self._transport.running:
            try:
                self._transport.write(encode_command(QuitCommand()))
            except OSError:
                self._transport.kill()

    def feed(self, data: bytes) -> None:
        """Take what the worker wrote to its standard output, in pieces of any size."""
        for message in self._reader.feed(data):
            if isinstance(message, Problem):
                log.warning("The worker wrote something that is not an event (%s): %s", message.reason, message.excerpt)
            else:
                self._take(message)

    def feed_log(self, data: bytes) -> None:
        """Take what the worker wrote to its standard error."""
        *lines, rest = (self._log_rest + data).split(b"\n")
        self._log_lines.extend(_readable(line) for line in lines if line.strip())
        self._log_rest = rest[:LOG_LINE_BYTES]

    def exited(self, code: int | None) -> None:
        """The worker ended with exit code `code`: negative for the signal that killed it, None if unknown."""
        if not self.busy:
            return
        if self._cancel_deadline is not None:
            self._end(CancelledEvent(self._job))
            return
        if self._unheard:  # it was already dying when the job was sent
            try:
                self._write_to_a_new_worker(self._unheard)
            except WorkerError as error:
                self._end(ErrorEvent(self._job, error.kind, error.message, error.hint))
            return
        message = f"The worker process ended in the middle of the job ({_how(code)})."
        self._end(ErrorEvent(self._job, WorkerError.kind, message, self._last_words()))

    def _take(self, event: Event) -> None:
        match event:
            case ReadyEvent():
                self._ready = True
                self._on_event(event)
            case ErrorEvent(id=None):
                log.error("%s %s", event.message, event.hint)
            case _ if self._job is None or event.id != self._job:
                log.info("A late event of job %s is ignored.", event.id)
            case ProgressEvent() | SampleEvent():
                self._unheard = None
                if self._cancel_deadline is None or isinstance(event, SampleEvent):
                    self._on_event(event)
            case ResultEvent() | ErrorEvent() | CancelledEvent():
                if isinstance(event, ErrorEvent) and self._cancel_deadline is not None:
                    log.warning("The cancelled job failed: %s %s", event.message, event.hint)
                self._end(event if self._cancel_deadline is None else CancelledEvent(event.id))

    def _end(self, event: Event) -> None:
        self._job = self._cancel_deadline = None
        self._on_event(event)

    def _write_to_a_new_worker(self, line: bytes) -> None:
        self._unheard = None
        self._restart()
        try:
            self._transport.write(line)
        except OSError as error:
            raise WorkerError("The worker process ends as soon as it is started.", self._last_words()) from error

    def _restart(self) -> None:
        self._transport.kill()
        self.start()

    def _forget_worker(self) -> None:
        self._ready = False
        self._reader = MessageReader(decode_event)
        self._log_lines: deque[str] = deque(maxlen=LOG_TAIL_LINES)
        self._log_rest = b""

    def _last_words(self) -> str:
        retry = "Try again: a new one starts by itself."
        return f"{retry} It last wrote: {self.log_tail}" if self.log_tail else retry


def _readable(line: bytes) -> str:
    return line[:LOG_LINE_BYTES].decode("utf-8", errors="replace").rstrip()


def _how(code: int | None) -> str:
    if code is None:
        return "for an unknown reason"
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}, often for lack of memory" if name == "SIGKILL" else name
