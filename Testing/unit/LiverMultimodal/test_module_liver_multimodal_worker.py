"""The true worker process behind Qt: its transport, the session's worker, and one segmentation from end to end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from liver_multimodal_factory import MODULE, liver_image, nodes_of, panel  # noqa: F401

from liverpair.core.errors import WorkerError
from liverpair.mrml import provenance
from liverpair.worker.process import worker_command
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, ProgressEvent, ResultEvent
from Testing.harness import start

LONG_S = 300


@pytest.fixture
def harness(monkeypatch):
    """A clean harness that finds the module's Python package, and forgets it afterwards."""
    running = start()
    running.reset()
    monkeypatch.syspath_prepend(str(MODULE.parent))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "factories"), prepend=os.pathsep)
    yield running
    running.check()
    running.reset()
    for name in [name for name in sys.modules if name.startswith("LiverPairLib")]:
        del sys.modules[name]


class Listener:
    """Keeps the events of one job, and knows when it is over."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    @property
    def ended(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], ResultEvent | ErrorEvent | CancelledEvent)

    def heard(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)


@pytest.fixture
def worker(harness):
    """A session's worker with jobs made for tests; its process ends with the test."""
    from LiverPairLib.processtransport import QProcessTransport, pythonOfSlicer
    from LiverPairLib.workersession import SessionWorker

    made = SessionWorker(QProcessTransport(worker_command(pythonOfSlicer(), jobs="jobs_for_tests")))
    yield made
    made.stop()


def finish(harness, worker, job, request=None) -> Listener:
    listener = Listener()
    worker.run(job, request or {}, listener)
    harness.wait(until=lambda: listener.ended, seconds=LONG_S)
    return listener


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_job_is_done_and_the_next_finds_the_worker_warm(harness, worker):
    first = finish(harness, worker, "echo", {"a": "肝"})
    assert first.heard(ProgressEvent)
    assert first.events[-1].result["request"] == {"a": "肝"}
    assert not worker.busy
    second = finish(harness, worker, "echo")
    assert second.events[-1].result["pid"] == first.events[-1].result["pid"]


def test_an_error_is_an_event(harness, worker):
    event = finish(harness, worker, "fail", {"kind": "input"}).events[-1]
    assert (event.kind, event.message) == ("input", "T2 has 3 components.")


def test_one_job_at_a_time(harness, worker):
    listener = Listener()
    worker.run("slow", {}, listener)
    with pytest.raises(WorkerError, match="busy"):
        worker.run("echo", {}, Listener())
    worker.cancel(Listener())
    harness.wait(until=lambda: listener.heard(ProgressEvent), seconds=LONG_S)
    worker.cancel(listener)
    harness.wait(until=lambda: listener.ended, seconds=LONG_S)
    assert isinstance(listener.events[-1], CancelledEvent)


def test_a_deaf_job_is_killed_with_its_children(harness, worker):
    listener = Listener()
    worker.run("with_child", {}, listener)
    harness.wait(until=lambda: len(listener.events) > 1, seconds=LONG_S)
    child = int(listener.events[-1].message)
    worker.cancel(listener)
    harness.wait(until=lambda: listener.ended, seconds=LONG_S)
    assert isinstance(listener.events[-1], CancelledEvent)
    harness.wait(until=lambda: not is_alive(child), seconds=LONG_S)
    assert finish(harness, worker, "echo").heard(ResultEvent)


def test_an_abandoned_job_is_cancelled_and_heard_no_more(harness, worker):
    listener = Listener()
    worker.run("slow", {}, listener)
    harness.wait(until=lambda: listener.heard(ProgressEvent), seconds=LONG_S)
    worker.abandon(listener)
    heard = len(listener.events)
    harness.wait(until=lambda: not worker.busy, seconds=LONG_S)
    assert len(listener.events) == heard


def test_a_worker_that_is_killed_is_noticed_and_replaced(harness, worker):
    pid = finish(harness, worker, "echo").events[-1].result["pid"]
    listener = Listener()
    worker.run("slow", {}, listener)
    harness.wait(until=lambda: listener.heard(ProgressEvent), seconds=LONG_S)
    os.kill(pid, signal.SIGKILL)
    harness.wait(until=lambda: listener.ended, seconds=LONG_S)
    assert "SIGKILL" in listener.events[-1].message
    assert finish(harness, worker, "echo").events[-1].result["pid"] != pid


def test_a_worker_that_leaves_says_its_exit_code(harness, worker):
    assert "exit code 7" in finish(harness, worker, "leave").events[-1].message


def test_noise_on_standard_output_does_no_harm_and_its_log_is_kept(harness, worker):
    event = finish(harness, worker, "noisy").events[-1]
    assert event.result == {"input": "", "child_input": ""}


def test_a_program_that_does_not_exist_is_a_sentence(harness):
    from LiverPairLib.processtransport import QProcessTransport
    from LiverPairLib.workersession import SessionWorker

    with pytest.raises(WorkerError, match="could not be started"):
        SessionWorker(QProcessTransport(["/no/such/python"])).run("echo", {}, Listener())


def test_the_session_has_one_worker_that_ends_with_the_application(harness, monkeypatch):
    from LiverPairLib import workersession as session

    shared = session.sessionWorker()
    assert session.sessionWorker() is shared
    pid = finish(harness, shared, "segment").events and shared._transport.workerPid
    assert is_alive(pid)
    harness.app.aboutToQuit.emit()
    deadline = time.monotonic() + LONG_S
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_a_script_that_ends_without_quitting_the_application_ends_the_worker_without_noise():
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from Testing.harness import start
harness = start()
from LiverPairLib.workersession import sessionWorker
events = []
sessionWorker().run("segment", {}, events.append)
harness.wait(until=lambda: len(events) > 1, seconds=300)
print("still there:", sessionWorker()._transport.running)
"""
    root, command = MODULE.parents[1], [sys.executable, "-c", script, str(MODULE.parent)]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=LONG_S)
    assert ended.returncode == 0 and "still there: True" in ended.stdout, ended.stderr
    assert "deleted" not in ended.stderr and "Destroyed while" not in ended.stdout + ended.stderr


def test_a_pair_is_segmented_by_the_true_worker_with_a_small_model(panel):
    from LiverPairLib.workersession import sessionWorker

    panel.logic.worker = sessionWorker()
    t1 = panel.add_volume("T1", liver_image())
    panel.add_volume("T2", liver_image(4, oblique=True))
    panel.enter()
    panel.click("probabilityMapCheckBox")
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    panel.click("applyButton")
    assert panel["cancelButton"].enabled, panel.status
    panel.harness.wait(until=lambda: panel["applyButton"].enabled, seconds=LONG_S)
    assert panel.status.startswith("Liver volume: "), panel.status
    segmentation = panel.parameters.t1Segmentation
    assert provenance.read(segmentation)["bundle"] == "small"
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2 and len(nodes_of("vtkMRMLScalarVolumeNode")) == 4
    reference = segmentation.GetReferenceImageGeometryReferenceRole()
    assert segmentation.GetNodeReference(reference) is t1


def test_a_job_in_the_background_makes_room(harness, worker):
    waiting, replaced, wanted = Listener(), Listener(), Listener()
    worker.run("slow", {}, waiting, inBackground=True)
    assert not worker.busy and not worker.idle
    harness.wait(until=lambda: waiting.heard(ProgressEvent), seconds=LONG_S)
    worker.run("echo", {}, replaced, inBackground=True)
    worker.run("echo", {"a": 1}, wanted)
    assert worker.busy and isinstance(replaced.events[-1], CancelledEvent)
    harness.wait(until=lambda: wanted.ended, seconds=LONG_S)
    assert isinstance(waiting.events[-1], CancelledEvent)
    assert wanted.events[-1].result["request"] == {"a": 1}
    assert worker.idle


def test_a_job_that_waits_for_one_in_the_background_can_be_cancelled(harness, worker):
    background, wanted = Listener(), Listener()
    worker.run("slow", {}, background, inBackground=True)
    worker.run("echo", {}, wanted)
    worker.cancel(wanted)
    assert [type(event) for event in wanted.events] == [CancelledEvent]
    harness.wait(until=lambda: worker.idle, seconds=LONG_S)
    assert finish(harness, worker, "echo").heard(ResultEvent)
