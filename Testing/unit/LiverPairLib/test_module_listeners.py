"""A part of a panel that fails says so and keeps no other part from hearing what happened."""

import pytest
from deep_dream_inspector_factory import panel, window  # noqa: F401

SENTENCE = "Something went wrong inside LiverPair (ValueError: not today)."


def fail(*_arguments):
    raise ValueError("not today")


@pytest.fixture
def with_a_bad_listener(panel):  # noqa: F811
    """The panel, where the first to be told of every change raises an exception."""
    panel.context._listeners.insert(0, fail)
    yield panel
    panel.context.removeListener(fail)


def test_a_listener_that_fails_does_not_silence_the_sections(with_a_bad_listener):
    panel = with_a_bad_listener  # noqa: F811
    with panel.harness.expecting("not today"):
        panel.ready()
    assert panel["applyButton"].enabled and len(panel.points()) == 1
    assert panel.text("statusLabel").startswith(SENTENCE)


def test_a_section_that_fails_does_not_keep_the_others_from_waking(panel, monkeypatch):  # noqa: F811
    first, *_others, last = panel.widget.sections
    heard = []
    for what in ("exit", "enter"):
        monkeypatch.setattr(first, what, fail)
        monkeypatch.setattr(last, what, lambda what=what: heard.append(what))
    with panel.harness.expecting("not today"):
        panel.enter()
    assert heard == ["exit", "enter"]


def test_the_worker_goes_on_when_a_listener_fails(panel):  # noqa: F811
    panel.ready().apply()
    first = panel.logic.run
    heard = []
    first.takeSample = fail
    with panel.harness.expecting("not today"):
        panel.worker.sample(0)
    panel.worker.cancelled()
    assert first.ending == "cancelled"
    panel.logic.worker.run("dream", {}, heard.append)
    assert panel.logic.worker.busy


def test_a_run_ends_for_the_user_when_its_tidying_fails(panel):  # noqa: F811
    panel.ready().apply()
    run = panel.logic.run
    run.settle = fail
    with panel.harness.expecting("not today"):
        panel.worker.cancelled()
    assert run.ending == "failed" and panel.logic.status.startswith(SENTENCE)
    assert panel["applyButton"].enabled


def test_a_run_ends_for_the_user_when_its_livers_cannot_be_chosen(panel, monkeypatch):  # noqa: F811
    panel.ready().apply()
    heard = []
    panel.context.addListener(heard.append)
    monkeypatch.setattr(panel.logic.livers, "follow", fail)
    with panel.harness.expecting("not today"):
        panel.worker.cancelled()
    monkeypatch.undo()
    panel.context.removeListener(heard.append)
    assert "run" in heard and panel["applyButton"].enabled
    assert panel.text("statusLabel").startswith(SENTENCE)
