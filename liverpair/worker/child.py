"""The worker process: takes commands from its standard input, runs one job at a time, reports on its standard output.

The main thread runs the jobs; a second thread listens, so that a cancel reaches a running job and so that the process
leaves as soon as its parent is gone. Libraries that print or read know nothing of the protocol: they get standard error
and an empty input instead.
"""

import contextlib
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import liverpair
from liverpair.core.errors import Cancelled, Progress, WorkerError
from liverpair.core.failures import failure_of
from liverpair.worker.protocol import (
    CancelCommand,
    CancelledEvent,
    Command,
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
    decode_command,
    encode_event,
)

Job = Callable[[dict[str, Any], Progress], dict[str, Any]]

LEAVING_GRACE_S = 1.0
PROGRESS_INTERVAL_S = 0.05

log = logging.getLogger("liverpair.worker")


class EventSender:
    """Writes events whole, from any thread. A reader that is gone means that the parent is: the process leaves."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Raises TypeError or ValueError for an event that JSON cannot hold; nothing is sent then."""
        line = encode_event(event)
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        except OSError:
            leave_at_once()


class JobProgress:
    """The `Progress` of one job: raises `Cancelled` once the job is cancelled, sends no more than a reader can use."""

    def __init__(self, job_id: int, send: Callable[[Event], None], is_cancelled: Callable[[], bool]):
        self._job_id = job_id
        self._send = send
        self._is_cancelled = is_cancelled
        self._last_message: str | None = None
        self._last_sent = 0.0

    def __call__(self, fraction: float, message: str) -> None:
        self._check()
        now = time.monotonic()
        if message == self._last_message and now - self._last_sent < PROGRESS_INTERVAL_S and fraction < 1:
            return
        self._last_message, self._last_sent = message, now
        self._send(ProgressEvent(self._job_id, min(max(float(fraction), 0.0), 1.0), message))

    def sample(self, sample: dict[str, Any]) -> None:
        """Send something to show before the job ends; jobs that can run without a worker look for this method first."""
        self._check()
        self._send(SampleEvent(self._job_id, sample))

    def _check(self) -> None:
        if self._is_cancelled():
            raise Cancelled


class Worker:
    """Runs the jobs that `listen` hears of, one after another, until it hears that it should leave."""

    def __init__(self, jobs: Mapping[str, Job], sender: EventSender):
        self._jobs = jobs
        self._sender = sender
        self._runs: queue.SimpleQueue[RunCommand | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._leaving = threading.Event()

    def work(self) -> None:
        """Run jobs in this thread until told to leave."""
        self._sender.send(ReadyEvent(os.getpid(), sorted(self._jobs), liverpair.__version__))
        while (run := self._runs.get()) is not None:
            self._run(run)

    def listen(self, commands: int) -> None:
        """Read commands from a file descriptor until it closes; then see to it that the process ends, mid-job or not.

        A job gets a short grace to notice by its progress and to clean up.
        """
        reader = MessageReader(decode_command)
        try:
            while not self._leaving.is_set() and (data := os.read(commands, 65536)):
                for command in reader.feed(data):
                    self._obey(command)
        finally:
            self._leaving.set()
            self._runs.put(None)
            time.sleep(LEAVING_GRACE_S)
            leave_at_once()

    def _obey(self, command: Command | Problem) -> None:
        match command:
            case RunCommand():
                self._runs.put(command)
            case CancelCommand(id=job_id):
                self._cancelled.add(job_id)
            case QuitCommand():
                self._leaving.set()
            case Problem(reason=reason, excerpt=excerpt, id=job_id):
                message = f"The worker was sent something that is not a command: {reason}."
                log.error("%s %s", message, excerpt)
                self._sender.send(ErrorEvent(job_id, WorkerError.kind, message))

    def _run(self, run: RunCommand) -> None:
        def is_cancelled() -> bool:
            return run.id in self._cancelled or self._leaving.is_set()

        progress = JobProgress(run.id, self._sender.send, is_cancelled)
        try:
            progress(0.0, "Starting")
            if run.job not in self._jobs:
                raise WorkerError(f"The worker has no job '{run.job}', only {', '.join(sorted(self._jobs))}.")
            self._sender.send(ResultEvent(run.id, self._jobs[run.job](run.request, progress)))
        except Cancelled:
            self._sender.send(CancelledEvent(run.id))
        except Exception as error:
            log.exception("Job '%s' failed", run.job)
            failure = failure_of(error)
            self._sender.send(ErrorEvent(run.id, failure.kind, failure.message, failure.hint))
        finally:
            self._cancelled.discard(run.id)


def serve(jobs: Mapping[str, Job]) -> None:
    """Be the worker process: returns when the parent says quit or closes standard input."""
    with contextlib.suppress(AttributeError, OSError):  # a leader of its own: the terminal's Ctrl-C is for the parent
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    commands, events = take_standard_streams()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    worker = Worker(jobs, EventSender(events))
    threading.Thread(target=worker.listen, args=(commands,), name="commands", daemon=True).start()
    worker.work()


def take_standard_streams() -> tuple[int, BinaryIO]:
    """Keep standard input and output for the protocol alone, C libraries included; return (input, output).

    From here on `print` and everything written to descriptor 1 goes to standard error, and reading standard input finds
    its end.
    """
    sys.stdout.flush()
    commands, events = os.dup(0), os.dup(1)  # not inherited: no child of ours keeps the parent's pipes open
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    return commands, os.fdopen(events, "wb")


def leave_at_once() -> None:
    """End this process, and every process a job started, without waiting for anything."""
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
