"""The worker process, carried by Qt: its output arrives through Slicer's event loop, without threads."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence

import qt

from liverpair.core.errors import WorkerError
from liverpair.worker.client import WorkerClient
from liverpair.worker.process import worker_command, worker_environment

START_TIMEOUT_MS = 10_000
KILL_TIMEOUT_MS = 5_000
CLOSE_TIMEOUT_MS = 1_500


def pythonOfSlicer() -> str:
    """The Python that runs beside this Slicer and has its packages."""
    return shutil.which("PythonSlicer") or sys.executable


class QProcessTransport:
    """A `liverpair.worker.client.Transport` over `QProcess`.

    `PythonSlicer` is a launcher: the process that Qt started is not the one that works. `workerPid`, which the worker
    tells in its first event, lets `kill` reach the latter.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = list(command or worker_command(pythonOfSlicer()))
        self._client = None
        self._process = None
        self.workerPid = None

    def deliverTo(self, client: WorkerClient) -> None:
        """Hand everything that the worker writes, and its end, to a `WorkerClient`."""
        self._client = client

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.state() != qt.QProcess.NotRunning

    def start(self) -> None:
        """Start the process; raises WorkerError when that fails."""
        process = qt.QProcess()
        environment = qt.QProcessEnvironment()
        for name, value in worker_environment().items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.connect("readyReadStandardOutput()", lambda: self._readOutput(process))
        process.connect("readyReadStandardError()", lambda: self._readLog(process))
        process.connect(
            "finished(int,QProcess::ExitStatus)", lambda code, status: self._onFinished(process, code, status)
        )
        self._process, self.workerPid = process, None
        process.start(self._command[0], self._command[1:])
        if not process.waitForStarted(START_TIMEOUT_MS):
            self._process = None
            raise WorkerError(f"The worker process could not be started ({process.errorString()}).", "Restart Slicer.")

    def write(self, data: bytes) -> None:
        """Send to the worker's standard input; raises OSError when nobody listens."""
        if not self.running or self._process.write(data) != len(data):
            raise BrokenPipeError("the worker does not listen")

    def kill(self) -> None:
        """End the worker and all that it started; nothing of it is delivered after this."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.state() != qt.QProcess.NotRunning:
            for pid in filter(None, {process.processId(), self.workerPid}):
                killTree(pid)
            process.kill()
            process.waitForFinished(KILL_TIMEOUT_MS)
        self.workerPid = None

    def close(self) -> None:
        """Let the worker leave by itself, by closing its input; kill it when it does not."""
        if self.running:
            self._process.closeWriteChannel()
            self._process.waitForFinished(CLOSE_TIMEOUT_MS)
        self.kill()

    def _readOutput(self, process: "qt.QProcess") -> None:
        if process is self._process:
            self._client.feed(process.readAllStandardOutput().data())

    def _readLog(self, process: "qt.QProcess") -> None:
        if process is self._process:
            self._client.feed_log(process.readAllStandardError().data())

    def _onFinished(self, process: "qt.QProcess", code: int, status: int) -> None:
        self._readLog(process)
        self._readOutput(process)
        if process is self._process:
            self._process = self.workerPid = None
            self._client.exited(exitCode(code, status))


def exitCode(code: int, status: int) -> int | None:
    """A process's end as `WorkerClient.exited` takes it: exit code, minus the number of a signal, None if unknown."""
    if status == qt.QProcess.NormalExit:
        return code
    return -code if os.name != "nt" and code > 0 else None


def killTree(pid: int) -> None:
    """Kill a process and its children, at once. On POSIX those of its own process group, when it leads one."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True, check=False)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
