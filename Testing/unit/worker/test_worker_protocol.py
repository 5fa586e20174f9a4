"""The worker's protocol: every message survives the wire, and nothing on the wire can hurt the reader."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverpair.worker import protocol
from liverpair.worker.protocol import (
    CancelCommand,
    CancelledEvent,
    ErrorEvent,
    MessageReader,
    Problem,
    ProgressEvent,
    QuitCommand,
    ReadyEvent,
    ResultEvent,
    RunCommand,
    SampleEvent,
    decode_command,
    decode_event,
    encode_command,
    encode_event,
)

COMMANDS = [
    RunCommand(3, "segment", {"t1": "/daten/Läsion 肝.nii.gz", "bundle": ["a"]}),
    CancelCommand(3),
    QuitCommand(),
]
EVENTS = [
    ReadyEvent(17, ["segment"], "1.2.3"),
    ProgressEvent(1, 0.25, "T1: window 1 of 4"),
    SampleEvent(1, {"step": 4, "picture": "a.png"}),
    ResultEvent(1, {"t1": None, "volume_ml": 1489.5}),
    ErrorEvent(1, "input", "T2 has 3 components.", "Choose one."),
    ErrorEvent(None, "worker", "Not a command."),
    CancelledEvent(1),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_survive_the_wire(command):
    assert MessageReader(decode_command).feed(encode_command(command)) == [command]


@pytest.mark.parametrize("event", EVENTS)
def test_events_survive_the_wire(event):
    assert MessageReader(decode_event).feed(encode_event(event)) == [event]


def test_a_message_is_one_line_of_ascii():
    line = encode_event(ResultEvent(1, {"text": "Leber\n肝\u2028", "broken name": "a\udcff"}))
    assert line.isascii() and line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode_event(line.decode()).result["broken name"] == "a\udcff"


def test_paths_and_numpy_scalars_are_sent_as_plain_values():
    line = encode_event(ResultEvent(1, {"path": Path("a.nrrd"), "dice": np.float32(0.5), "voxels": np.int64(7)}))
    assert decode_event(line.decode()).result == {"path": "a.nrrd", "dice": 0.5, "voxels": 7}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_json_cannot_hold_is_refused_when_sent(value):
    with pytest.raises((TypeError, ValueError)):
        encode_event(ResultEvent(1, {"value": value}))


def test_messages_are_the_same_however_the_bytes_are_cut():
    stream = b"".join(encode_event(event) for event in EVENTS)
    stream += (
        json.dumps({"event": "progress", "id": 1, "fraction": 1, "message": "Läsion 肝"}, ensure_ascii=False).encode()
        + b"\n"
    )
    whole = MessageReader(decode_event).feed(stream)
    reader = MessageReader(decode_event)
    assert [message for byte in stream for message in reader.feed(bytes([byte]))] == whole
    assert whole == [*EVENTS, ProgressEvent(1, 1, "Läsion 肝")]


def test_carriage_returns_and_empty_lines_are_no_trouble():
    assert MessageReader(decode_command).feed(b'\r\n\n{"command": "cancel", "id": 5}\r\n  \n') == [CancelCommand(5)]


@pytest.mark.parametrize(
    ("line", "reason", "job_id"),
    [
        (b"hello", "not JSON", None),
        (b"[1, 2]", "not a JSON object", None),
        (b"\xff\xfe", "not UTF-8", None),
        (b"[" * 100_000, "not JSON", None),
        (b'{"event": "party", "id": 4}', "event is 'party', expected one of", 4),
        (b'{"event": ["ready"]}', "expected one of", None),
        (
            b'{"event": "progress", "id": 4, "fraction": 1.5, "message": "x"}',
            "'fraction' must be a number",
            4,
        ),
        (
            b'{"event": "progress", "id": 4, "fraction": NaN, "message": "x"}',
            "'fraction' must be a number",
            4,
        ),
        (
            b'{"event": "progress", "id": 4, "fraction": true, "message": "x"}',
            "'fraction' must be a number",
            4,
        ),
        (b'{"event": "progress", "id": 4}', "progress: 'fraction' is missing", 4),
        (b'{"event": "result", "id": "4", "result": {}}', "result: 'id' must be a whole number, not '4'", None),
        (b'{"event": "result", "id": 4, "result": []}', "result: 'result' must be an object, not []", 4),
    ],
)
def test_a_line_that_is_no_event_is_reported_and_the_next_is_read(line, reason, job_id):
    problem, event = MessageReader(decode_event).feed(line + b"\n" + encode_event(CancelledEvent(9)))
    assert reason in problem.reason and problem.id == job_id and len(problem.excerpt) <= 800
    assert event == CancelledEvent(9)


def test_fields_of_a_newer_version_are_ignored():
    assert decode_event('{"event": "cancelled", "id": 2, "mood": "good"}') == CancelledEvent(2)


def test_an_endless_line_is_dropped_as_it_arrives():
    reader = MessageReader(decode_event, max_line_bytes=1000)
    assert all(reader.feed(b"x" * 300) == [] for _ in range(1000))
    assert reader._pending == []
    problem, event = reader.feed(b"\n" + encode_event(CancelledEvent(1)))
    assert problem == Problem("a line of 300000 bytes is too long", "x" * 200)
    assert event == CancelledEvent(1)


def test_a_large_event_passes():
    event = ResultEvent(1, {"curve": list(range(500_000))})
    line = encode_event(event)
    assert 3_000_000 < len(line) < protocol.MAX_LINE_BYTES
    assert MessageReader(decode_event).feed(line) == [event]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([encode_event(event) for event in EVENTS]), max_size=12))
def test_no_bytes_raise(chunks):
    reader = MessageReader(decode_event, max_line_bytes=500)
    for chunk in chunks:
        for message in reader.feed(chunk):
            assert isinstance(message, Problem | protocol.Event)
    assert reader.feed(b"\n" + encode_event(CancelledEvent(1)))[-1] == CancelledEvent(1)
