"""The worker's client as a state machine, over a transport and a clock that the test holds in its hands."""

import logging

import pytest

from liverpair.core.errors import WorkerError
from liverpair.worker.client import WorkerClient
from liverpair.worker.protocol import (
    CancelCommand,
    CancelledEvent,
    ErrorEvent,
    MessageReader,
    ProgressEvent,
    QuitCommand,
    ReadyEvent,
    ResultEvent,
    RunCommand,
    SampleEvent,
    decode_command,
    encode_event,
)


class FakeTransport:
    def __init__(self):
        self.running = False
        self.starts = self.kills = 0
        self.refuse_start = False
        self.refuse_writes = 0
        self.written = []
        self._reader = MessageReader(decode_command)

    def start(self):
        if self.refuse_start:
            raise FileNotFoundError("no python here")
        self.running = True
        self.starts += 1

    def write(self, data):
        if self.refuse_writes or not self.running:
            self.refuse_writes -= 1
            raise BrokenPipeError
        self.written += self._reader.feed(data)

    def kill(self):
        self.running = False
        self.kills += 1


class Bench:
    def __init__(self):
        self.transport = FakeTransport()
        self.events = []
        self.now = 100.0
        self.client = WorkerClient(self.transport, self.events.append, clock=lambda: self.now)

    def send(self, *events):
        self.client.feed(b"".join(map(encode_event, events)))

    def die(self, code):
        self.transport.running = False
        self.client.exited(code)


@pytest.fixture
def bench():
    return Bench()


def test_importing_the_client_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, liverpair.worker.process; sys.exit('torch' in sys.modules or 'SimpleITK' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_job_from_run_to_result(bench):
    job = bench.client.run("segment", {"t1": "a"})
    assert bench.transport.written == [RunCommand(job, "segment", {"t1": "a"})]
    assert bench.client.busy
    expected = [
        ReadyEvent(1, ["segment"], "0"),
        ProgressEvent(job, 0.5, "half"),
        SampleEvent(job, {"step": 1}),
        ResultEvent(job, {"x": 1}),
    ]
    bench.send(*expected)
    assert bench.events == expected
    assert not bench.client.busy


def test_the_worker_is_started_once_for_two_jobs(bench):
    first = bench.client.run("a", {})
    bench.send(ResultEvent(first, {}))
    assert bench.client.run("b", {}) > first
    assert bench.transport.starts == 1


def test_a_second_job_is_refused_while_one_runs(bench):
    bench.client.run("a", {})
    with pytest.raises(WorkerError, match="already running"):
        bench.client.run("b", {})
    assert len(bench.transport.written) == 1


def test_late_events_of_an_older_job_are_dropped(bench):
    old = bench.client.run("a", {})
    bench.send(ResultEvent(old, {}))
    new = bench.client.run("a", {})
    bench.events.clear()
    bench.send(
        ProgressEvent(old, 0.5, "late"),
        ResultEvent(old, {"late": 1}),
        ErrorEvent(old, "input", "late"),
        CancelledEvent(old),
    )
    assert bench.events == [] and bench.client.busy
    bench.send(ResultEvent(new, {}))
    assert bench.events == [ResultEvent(new, {})]


def test_garbage_from_the_worker_is_logged_and_the_job_goes_on(bench, caplog):
    job = bench.client.run("a", {})
    with caplog.at_level(logging.WARNING):
        bench.client.feed(
            b"Downloading...\r\x00\xff\n"
            + encode_event(ErrorEvent(None, "worker", "what?"))
            + encode_event(ResultEvent(job, {}))
        )
    assert bench.events == [ResultEvent(job, {})]
    assert "Downloading" in caplog.text and "what?" in caplog.text


def test_a_job_can_be_started_from_the_event_of_the_last(bench):
    ran = []
    bench.client._on_event = lambda event: ran.append(bench.client.run("next", {})) if len(ran) < 2 else None
    bench.send(ResultEvent(bench.client.run("a", {}), {}))
    assert len(ran) == 1 and bench.client.busy


def test_cancel_is_asked_once_and_answered(bench):
    job = bench.client.run("a", {})
    bench.client.cancel()
    bench.client.cancel()
    assert bench.transport.written[1:] == [CancelCommand(job)]
    bench.send(ProgressEvent(job, 0.9, "still at it"))
    assert bench.events == [], "no progress is shown after a cancel"
    bench.send(CancelledEvent(job))
    assert bench.events == [CancelledEvent(job)] and not bench.client.busy
    bench.now += 10
    bench.client.tick()
    assert bench.transport.kills == 0


def test_what_the_worker_sent_before_it_heard_of_a_cancel_is_not_lost(bench):
    job = bench.client.run("a", {})
    bench.client.cancel()
    bench.send(SampleEvent(job, {"step": 6}), ProgressEvent(job, 0.9, "on"), CancelledEvent(job))
    bench.send(SampleEvent(job, {"step": 7}))
    assert bench.events == [SampleEvent(job, {"step": 6}), CancelledEvent(job)]


@pytest.mark.parametrize("late_end", [lambda job: ResultEvent(job, {}), lambda job: ErrorEvent(job, "memory", "x")])
def test_a_cancelled_job_ends_as_cancelled_even_when_the_worker_was_faster(bench, late_end):
    job = bench.client.run("a", {})
    bench.client.cancel()
    bench.send(late_end(job), CancelledEvent(job))
    assert bench.events == [CancelledEvent(job)]


def test_an_unanswered_cancel_kills_and_restarts_after_two_seconds(bench):
    job = bench.client.run("a", {})
    bench.client.cancel()
    bench.now += 1.9
    bench.client.tick()
    assert bench.transport.kills == 0 and bench.client.busy
    bench.now += 0.2
    bench.client.tick()
    bench.client.tick()
    assert (bench.transport.kills, bench.transport.starts) == (1, 2)
    assert bench.events == [CancelledEvent(job)] and not bench.client.busy
    again = bench.client.run("a", {})
    bench.send(ResultEvent(job, {}), ResultEvent(again, {}))
    assert bench.events[1:] == [ResultEvent(again, {})]


def test_half_a_line_of_the_killed_worker_does_not_spoil_the_first_of_the_next(bench):
    bench.client.run("a", {})
    bench.client.feed(b'{"event": "resu')
    bench.client.cancel()
    bench.now += 3
    bench.client.tick()
    job = bench.client.run("a", {})
    bench.send(ResultEvent(job, {}))
    assert bench.events[-1] == ResultEvent(job, {})


def test_cancel_without_a_job_does_nothing(bench):
    bench.client.cancel()
    bench.client.tick()
    assert bench.transport.written == [] and bench.events == []


def test_death_in_the_middle_of_a_job_is_one_error_with_the_last_words(bench):
    job = bench.client.run("a", {})
    bench.client.feed_log("first\nTerrible thing: Lä".encode()[:-1])
    bench.client.feed_log("ä".encode()[1:] + b"\nhalf a line")
    bench.die(-9)
    bench.die(-9)
    (event,) = bench.events
    assert event.id == job and event.kind == "worker"
    assert event.message == "The worker process ended in the middle of the job (SIGKILL, often for lack of memory)."
    assert "Terrible thing: Lä" in event.hint and "half a line" in event.hint
    assert not bench.client.busy


def test_death_with_an_exit_code_names_it(bench):
    bench.client.run("a", {})
    bench.die(3)
    assert "(exit code 3)" in bench.events[0].message


def test_after_a_death_the_next_run_starts_a_new_worker_and_forgets_the_old_log(bench):
    bench.client.run("a", {})
    bench.client.feed_log(b"old trouble\n")
    bench.die(1)
    job = bench.client.run("a", {})
    assert bench.transport.starts == 2 and bench.client.log_tail == ""
    bench.send(ResultEvent(job, {}))
    assert bench.events[-1] == ResultEvent(job, {})


def test_death_after_a_cancel_is_a_cancel(bench):
    job = bench.client.run("a", {})
    bench.client.cancel()
    bench.die(-9)
    assert bench.events == [CancelledEvent(job)]


def test_a_worker_that_died_unnoticed_is_replaced_by_run(bench):
    bench.client.start()
    bench.transport.refuse_writes = 1
    job = bench.client.run("a", {})
    assert bench.transport.starts == 2
    assert bench.transport.written == [RunCommand(job, "a", {})]


def test_a_worker_that_was_already_dying_when_the_job_was_sent_is_replaced(bench):
    bench.client.start()
    bench.send(ReadyEvent(1, [], "0"))
    job = bench.client.run("a", {})
    bench.die(-9)
    assert bench.transport.written == [RunCommand(job, "a", {})] * 2
    bench.die(-9)
    assert [type(event) for event in bench.events] == [ReadyEvent, ErrorEvent]


def test_a_job_that_had_begun_is_never_begun_again(bench):
    bench.client.start()
    bench.send(ReadyEvent(1, [], "0"))
    job = bench.client.run("a", {})
    bench.send(ProgressEvent(job, 0.0, "Starting"))
    bench.die(-9)
    assert isinstance(bench.events[-1], ErrorEvent) and bench.transport.starts == 1


def test_a_worker_that_cannot_start_is_an_error_of_run(bench):
    bench.transport.refuse_start = True
    with pytest.raises(WorkerError, match="could not be started .*no python here"):
        bench.client.run("a", {})
    assert not bench.client.busy
    bench.transport.refuse_start = False
    bench.client.run("a", {})
    assert bench.client.busy


def test_a_restart_that_fails_still_ends_the_job_as_cancelled(bench):
    job = bench.client.run("a", {})
    bench.client.cancel()
    bench.transport.refuse_start = True
    bench.now += 3
    bench.client.tick()
    assert bench.events == [CancelledEvent(job)]


def test_a_request_that_json_cannot_hold_is_refused_before_anything_starts(bench):
    with pytest.raises(TypeError):
        bench.client.run("a", {"image": object()})
    assert not bench.client.busy and bench.transport.starts == 0


def test_quit_abandons_the_job_silently_and_run_starts_anew(bench):
    job = bench.client.run("a", {})
    bench.client.quit()
    bench.send(ResultEvent(job, {}))
    assert bench.transport.written[-1] == QuitCommand()
    assert bench.events == [] and not bench.client.busy
    bench.client.run("a", {})
    assert (bench.transport.kills, bench.transport.starts) == (1, 2)
