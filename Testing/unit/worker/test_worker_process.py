"""The worker as a real process: warm, cancelled, killed, fed garbage, left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from liverpair.core.errors import Cancelled, InputError, OutOfMemoryError, WorkerError
from liverpair.worker.client import WorkerClient
from liverpair.worker.process import SubprocessTransport, run_job, worker_command, worker_environment
from liverpair.worker.protocol import (
    CancelledEvent,
    ErrorEvent,
    ProgressEvent,
    ReadyEvent,
    ResultEvent,
    SampleEvent,
    encode_event,
)

ENDINGS = (ResultEvent, ErrorEvent, CancelledEvent)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "factories")}
COMMAND = worker_command(jobs="jobs_for_tests")
PATIENCE_S = 60.0


class Desk:
    """A client over a real worker, with the events it has seen."""

    def __init__(self):
        self.transport = SubprocessTransport(COMMAND, ENVIRONMENT)
        self.events = []
        self.looked_at = 0
        self.client = WorkerClient(self.transport, self.events.append)

    def forget(self):
        self.events.clear()
        self.looked_at = 0

    def wait(self, *kinds):
        """Turn the client until one of `kinds` comes after the event that was waited for last; return it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            while self.looked_at < len(self.events):
                self.looked_at += 1
                if isinstance(self.events[self.looked_at - 1], kinds):
                    return self.events[self.looked_at - 1]
            self.transport.deliver(self.client, 0.05)
            self.client.tick()
        raise AssertionError(f"none of {kinds} among {self.events}\n{self.client.log_tail}")

    def run(self, job, **request):
        self.client.run(job, request)
        return self.wait(*ENDINGS)

    def logged(self, *words):
        """Whether all words come into the end of the worker's log: it has a pipe of its own, so they may come later
        than the event of the same moment.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not (found := all(word in self.client.log_tail for word in words)) and time.monotonic() < deadline:
            self.transport.deliver(self.client, 0.05)
        return found

    def begin(self, job, **request):
        """Start a job and wait until it is under way; return what it says first."""
        self.client.run(job, request)
        while (message := self.wait(ProgressEvent).message) == "Starting":
            pass
        return message


@pytest.fixture(scope="module")
def shared():
    """One worker for the tests that leave it unharmed."""
    desk = Desk()
    with desk.transport:
        yield desk


@pytest.fixture
def desk():
    desk = Desk()
    with desk.transport:
        yield desk


def gone(pid, patience_s=PATIENCE_S):
    """Whether the process ends within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_ready_progress_result(desk):
    result = desk.run("echo", path="/daten/Läsion 肝.nii.gz")
    ready, starting, halfway, _ = desk.events
    assert isinstance(ready, ReadyEvent) and "echo" in ready.jobs and ready.pid == desk.transport.pid
    assert (starting.fraction, halfway) == (0.0, ProgressEvent(1, 0.5, "Halfway"))
    assert result.result == {"request": {"path": "/daten/Läsion 肝.nii.gz"}, "pid": ready.pid}


def test_two_jobs_share_a_process_and_what_it_keeps(desk):
    first, second = desk.run("count_runs").result, desk.run("count_runs").result
    assert first["pid"] == second["pid"]
    assert (first["runs"], second["runs"]) == (1, 2)


def test_samples_arrive_before_the_result(shared):
    shared.forget()
    result = shared.run("samples")
    assert [e.sample for e in shared.events if isinstance(e, SampleEvent)] == [{"step": 0}, {"step": 1}, {"step": 2}]
    assert shared.events[-1] == result


def test_large_events_pass(shared):
    assert shared.run("large").result == {"curve": list(range(400_000))}


def test_progress_is_thinned_to_what_one_can_see(shared):
    shared.forget()
    shared.run("chatty")
    assert 2 <= sum(isinstance(e, ProgressEvent) for e in shared.events) < 2000


def test_what_a_job_prints_goes_to_the_log_and_it_cannot_read_the_commands(desk):
    assert desk.run("noisy").result == {"input": "", "child_input": ""}
    words = "forged", "written to descriptor 1", "printed by a child", "Läsion 肝"
    assert desk.logged(*words), desk.client.log_tail
    assert desk.run("echo").result["request"] == {}


@pytest.mark.parametrize(
    ("kind", "expected", "sentence"),
    [
        ("input", "input", "T2 has 3 components."),
        ("memory", "memory", "There is not enough memory for this."),
        ("torch memory", "memory", "There is not enough memory for this."),
        ("defect", "internal", "Something went wrong inside LiverPair (ZeroDivisionError: division by zero)."),
        ("package", "package", "The Python package 'radiomics' is not installed."),
        ("file", "input", "'/gone/t1.nii.gz' does not exist."),
    ],
)
def test_a_failing_job_is_an_error_event_and_the_worker_lives_on(shared, kind, expected, sentence):
    error = shared.run("fail", kind=kind)
    assert isinstance(error, ErrorEvent)
    assert (error.kind, error.message) == (expected, sentence)
    assert "Traceback" not in error.message + error.hint
    assert shared.run("echo").result["pid"] == shared.transport.pid


def test_the_traceback_of_a_defect_is_in_the_log(desk):
    desk.run("fail", kind="defect")
    assert desk.logged("ZeroDivisionError", "jobs_for_tests.py"), desk.client.log_tail


def test_a_result_that_json_cannot_hold_is_an_error_of_the_job(shared):
    assert shared.run("not_json").kind == "internal"


def test_an_unknown_job_is_named(shared):
    assert shared.run("levitate").message.startswith("The worker has no job 'levitate', only chatty, ")


def test_garbage_on_the_command_pipe_is_survived(shared):
    shared.client.start()
    for line in (
        b"\xff\x00 not a command\n",
        b'{"command": "run", "job": "echo"}\n',
        b'{"command": "dance"}\n',
        b"[" * 50_000 + b"\n",
    ):
        shared.transport.write(line)
    assert isinstance(shared.run("echo"), ResultEvent)


def test_a_damaged_command_with_an_id_is_answered_under_that_id(shared):
    job_id = shared.client.run("slow", {})
    shared.transport.write(b'{"command": "run", "id": %d, "job": 7}\n' % job_id)
    error = shared.wait(*ENDINGS)
    assert (error.id, error.kind) == (job_id, "worker")
    assert error.message == "The worker was sent something that is not a command: run: 'job' must be a text, not 7."
    shared.transport.kill()


def test_a_cancel_is_answered_between_steps_and_the_worker_stays_warm(desk):
    desk.begin("slow")
    pid = desk.transport.pid
    desk.client.cancel()
    assert desk.wait(*ENDINGS) == CancelledEvent(1)
    assert desk.run("echo").result["pid"] == pid


def test_a_cancel_that_a_deaf_job_leaves_unanswered_restarts_the_worker(desk):
    desk.begin("deaf")
    pid = desk.transport.pid
    desk.client.cancel()
    assert desk.wait(*ENDINGS) == CancelledEvent(1)
    assert gone(pid)
    assert desk.transport.running and desk.transport.pid != pid
    assert desk.run("echo").result["pid"] == desk.transport.pid


def test_the_kill_takes_the_processes_that_the_job_started(desk):
    child = int(desk.begin("with_child"))
    desk.transport.kill()
    assert gone(child)


def test_a_worker_killed_in_the_middle_of_a_job_is_one_error_and_comes_back(desk):
    desk.begin("slow")
    os.kill(desk.transport.pid, signal.SIGKILL)
    error = desk.wait(*ENDINGS)
    assert (error.id, error.kind) == (1, "worker")
    assert "SIGKILL" in error.message
    assert isinstance(desk.run("echo"), ResultEvent)


def test_the_last_words_of_a_dying_worker_are_in_the_error(desk):
    error = desk.run("die")
    assert error.kind == "worker" and "The last words" in error.hint
    assert "(exit code 7)" in desk.run("leave").message


def test_a_worker_that_dies_idle_is_replaced_without_a_word(desk):
    desk.run("echo")
    os.kill(desk.transport.pid, signal.SIGKILL)
    assert gone(desk.transport.pid)
    assert isinstance(desk.run("echo"), ResultEvent)
    assert not [e for e in desk.events if isinstance(e, ErrorEvent)]


def test_garbage_from_a_worker_that_is_none_is_survived(tmp_path):
    impostor = tmp_path / "impostor.py"
    ready, result = encode_event(ReadyEvent(1, [], "0")), encode_event(ResultEvent(1, {"ok": True}))
    impostor.write_text(
        f"import os, time\nos.write(1, b'\\xff\\x00 warming up\\r\\n' + {ready!r} + b'half ')\ntime.sleep(.1)\n"
        f"os.write(1, b'a line\\n' + {result!r})\ntime.sleep(60)"
    )
    desk = Desk()
    desk.transport = SubprocessTransport([sys.executable, str(impostor)])
    desk.client = WorkerClient(desk.transport, desk.events.append)
    with desk.transport:
        assert desk.run("anything").result == {"ok": True}


def test_a_worker_that_cannot_be_started_is_named():
    client = WorkerClient(SubprocessTransport(["/no/such/python"]), [].append)
    with pytest.raises(WorkerError, match="could not be started"):
        client.run("echo", {})


def test_a_worker_whose_library_is_broken_ends_in_an_error_that_shows_why(desk):
    desk.transport._command = worker_command(jobs="no_such_module")
    error = desk.run("echo")
    assert error.kind == "worker" and "no_such_module" in error.hint


@pytest.mark.parametrize("job", ["slow", "deaf", "with_child"])
def test_the_worker_leaves_when_its_input_closes_in_mid_job(desk, job, tmp_path):
    ended = tmp_path / "ended"
    message = desk.begin(job, ended=str(ended))
    desk.transport._process.stdin.close()
    assert gone(desk.transport.pid)
    if job == "slow":
        assert ended.exists(), "a job that hears of it may clean up first"
    if job == "with_child":
        assert gone(int(message))


def test_the_worker_leaves_when_its_input_closes_and_it_is_idle():
    process = subprocess.Popen(
        COMMAND, env=worker_environment(ENVIRONMENT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert b'"ready"' in process.stdout.readline()
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0
    process.stdout.close()


def test_the_worker_leaves_when_told_to(desk):
    desk.run("echo")
    desk.client.quit()
    assert desk.transport._process.wait(PATIENCE_S) == 0


PARENT = """
import sys
from liverpair.worker.client import WorkerClient
from liverpair.worker.process import SubprocessTransport, worker_command
from liverpair.worker.protocol import ProgressEvent
transport = SubprocessTransport(worker_command(jobs="jobs_for_tests"))
client = WorkerClient(transport, lambda e: isinstance(e, ProgressEvent) and print(transport.pid, flush=True))
client.run("deaf", {})
while True:
    transport.deliver(client, 0.1)
"""


def test_no_worker_outlives_its_parent():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], env=worker_environment(ENVIRONMENT), stdout=subprocess.PIPE
    )
    worker = int(parent.stdout.readline())
    assert psutil.pid_exists(worker)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(worker)


@pytest.fixture
def test_jobs_on_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])


def test_run_job_returns_the_result(test_jobs_on_path):
    seen = []
    result = run_job("echo", {"a": 1}, lambda fraction, message: seen.append((fraction, message)), COMMAND)
    assert result["request"] == {"a": 1} and (0.5, "Halfway") in seen
    assert gone(result["pid"])


@pytest.mark.parametrize(("kind", "error"), [("input", InputError), ("memory", OutOfMemoryError)])
def test_run_job_raises_what_the_job_raised(test_jobs_on_path, kind, error):
    with pytest.raises(error) as caught:
        run_job("fail", {"kind": kind}, command=COMMAND)
    assert caught.value.kind == kind and caught.value.hint


def test_run_job_is_cancelled_by_its_progress(test_jobs_on_path):
    def stop(fraction, message):
        raise Cancelled

    with pytest.raises(Cancelled):
        run_job("slow", {}, stop, COMMAND)
