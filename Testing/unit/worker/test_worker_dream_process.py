"""The job "dream" in a real worker: streamed, cancelled between two iterations, gone on with, and its report."""

import time
from pathlib import Path

import pytest
from dream_job_factory import POINT, write_dream_bundle, write_patient

from liverpair.jobs.dream_results import read_dream
from liverpair.worker.client import WorkerClient
from liverpair.worker.process import SubprocessTransport
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, ResultEvent, SampleEvent

ENDINGS = (ResultEvent, ErrorEvent, CancelledEvent)
PATIENCE_S = 600.0


class Desk:
    """A client over a worker; on request it cancels at a sample."""

    def __init__(self, transport):
        self.events = []
        self.cancel_at = None
        self.client = WorkerClient(transport, self._see, clock=lambda: 0.0)  # a busy machine may take its time
        self.transport = transport

    def _see(self, event):
        self.events.append(event)
        if isinstance(event, SampleEvent) and event.sample["iteration"] == self.cancel_at:
            self.client.cancel()

    def run(self, job, request, cancel_at=None):
        """The ending of a job and the samples before it."""
        self.events.clear()
        self.cancel_at = cancel_at
        self.client.run(job, request)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.transport.deliver(self.client, 0.05)
            self.client.tick()
            if self.events and isinstance(self.events[-1], ENDINGS):
                return self.events[-1], [e.sample for e in self.events if isinstance(e, SampleEvent)]
        raise AssertionError(self.client.log_tail)


@pytest.fixture
def desk():
    with SubprocessTransport() as transport:
        yield Desk(transport)


def test_a_dream_is_paused_and_gone_on_with(desk, tmp_path):
    write_dream_bundle(tmp_path / "b")
    request = {
        "t1": write_patient(tmp_path)["t1"],
        "bundle": str(tmp_path / "b"),
        "starts": [{"point_mm": POINT}],
        "step": 0.001,
        "iterations": 200,
        "minimum_gain": 0,
        "features": ["firstorder_Mean"],
        "device": "cpu",
        "output": str(tmp_path / "out"),
    }
    ended, first = desk.run("dream", request, cancel_at=5)
    assert isinstance(ended, CancelledEvent) and desk.transport.running
    dream = read_dream(tmp_path / "out")
    assert not dream["complete"] and dream["runs"][0]["iterations"] == len(first) - 1 < 200
    ended, rest = desk.run("dream", {**request, "resume": True})
    assert isinstance(ended, ResultEvent), ended
    assert [s["iteration"] for s in first + rest] == list(range(201))
    ended, _ = desk.run("dream_report", {"folder": str(tmp_path / "out"), "output": str(tmp_path / "report")})
    assert all(Path(path).stat().st_size > 0 for path in ended.result.values())
    ended, _ = desk.run("dream_report", {"folder": str(tmp_path), "output": str(tmp_path / "report")})
    assert isinstance(ended, ErrorEvent) and "holds no dream. Choose the folder" in f"{ended.message} {ended.hint}"
