"""The worker as a subprocess of the command line, of scripts and of tests."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from liverpair.core.errors import Cancelled, Progress, no_progress
from liverpair.core.failures import Failure
from liverpair.worker.client import WorkerClient
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, Event, ProgressEvent, ResultEvent

KILL_TIMEOUT_S = 5.0
DELIVERED_AT_ONCE = 256


def worker_command(python: str | os.PathLike | None = None, jobs: str | None = None) -> list[str]:
    """The command line of the worker: the Python to run (default: this one), the module of the jobs (default: ours)."""
    command = [os.fspath(python or sys.executable), "-m", "liverpair.worker"]
    return [*command, "--jobs", jobs] if jobs else command


def worker_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """`environment` (default: this process's) with this very library on the worker's path, installed or not."""
    result = dict(os.environ if environment is None else environment)
    library = str(Path(__file__).resolve().parents[2])
    result["PYTHONPATH"] = os.pathsep.join(filter(None, [library, result.get("PYTHONPATH", "")]))
    return result


class SubprocessTransport:
    """A `Transport` over `subprocess`.

    Threads read the pipes; `deliver` hands what they read to the client in the caller's thread. The process leads a
    process group of its own and is killed with all of it. Use it in a `with` statement, or call `close`.
    """

    def __init__(self, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None):
        self._command = list(command or worker_command())
        self._environment = worker_environment(environment)
        self._process: subprocess.Popen | None = None
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def __enter__(self) -> "SubprocessTransport":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the worker that was started last."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        if os.name == "nt":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        else:
            own_group = {"start_new_session": True}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._environment, **own_group
        )
        self._inbox = queue.SimpleQueue()
        threading.Thread(target=_watch, args=(self._process, self._inbox), daemon=True).start()

    def write(self, data: bytes) -> None:
        if self._process is None:
            raise BrokenPipeError("the worker was never started")
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except ValueError as error:
            raise BrokenPipeError("the worker's input is closed") from error

    def kill(self) -> None:
        if self._process is None:
            return
        if os.name == "nt":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(self._process.pid)], capture_output=True, check=False)
        elif self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(KILL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        _close_quietly(self._process.stdin)
        self._inbox = queue.SimpleQueue()

    def close(self, timeout_s: float = 2.0) -> None:
        """End the worker: close its input, wait, kill."""
        if self._process is None:
            return
        _close_quietly(self._process.stdin)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self.kill()

    def deliver(self, client: WorkerClient, timeout_s: float = 0.0) -> None:
        """Hand over what has arrived, waiting up to `timeout_s` for the first of it."""
        wait = timeout_s
        for _ in range(DELIVERED_AT_ONCE):  # a flood must not keep the caller from ticking
            inbox = self._inbox  # the client may restart the process in the middle of this
            try:
                what, value = inbox.get(timeout=wait) if wait > 0 else inbox.get_nowait()
            except queue.Empty:
                return
            {"output": client.feed, "log": client.feed_log, "exit": client.exited}[what](value)
            wait = 0.0


def _watch(process: subprocess.Popen, inbox: queue.SimpleQueue) -> None:
    """Put all that a process writes into `inbox` and, after the last of it, its exit code."""
    readers = [
        threading.Thread(target=_pump, args=(stream, what, inbox), daemon=True)
        for stream, what in ((process.stdout, "output"), (process.stderr, "log"))
    ]
    for reader in readers:
        reader.start()
    code = process.wait()
    for reader in readers:
        reader.join(timeout=1.0)  # a grandchild may hold the pipe open
    inbox.put(("exit", code))


def _pump(stream: BinaryIO, what: str, inbox: queue.SimpleQueue) -> None:
    with stream:
        while data := stream.read1(65536):
            inbox.put((what, data))


def _close_quietly(stream: BinaryIO) -> None:
    with contextlib.suppress(OSError):  # what was still to be written has no reader any more
        stream.close()


def run_job(
    job: str, request: dict[str, Any], progress: Progress = no_progress, command: Sequence[str] | None = None
) -> dict[str, Any]:
    """Run one job in a worker of its own and wait for it.

    `progress` is called in this thread and may raise `Cancelled`. Returns the job's result.
    Raises the job's `LiverPairError`, `WorkerError` when the worker dies, `Cancelled`.
    """
    endings: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, ResultEvent | ErrorEvent | CancelledEvent):
            endings.append(event)
        elif isinstance(event, ProgressEvent):
            try:
                progress(event.fraction, event.message)
            except Cancelled:
                client.cancel()

    with SubprocessTransport(command) as transport:
        client = WorkerClient(transport, on_event)
        client.run(job, request)
        while not endings:
            transport.deliver(client, timeout_s=0.1)
            client.tick()
        client.quit()
    match endings[0]:
        case ResultEvent(result=result):
            return result
        case ErrorEvent(kind=kind, message=message, hint=hint):
            raise Failure(kind, message, hint).exception()
        case _:
            raise Cancelled
