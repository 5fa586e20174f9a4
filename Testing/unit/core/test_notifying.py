"""Those who listen are called each by itself: what one of them raises is told, and silences nobody."""

import logging

import pytest

from liverpair.core.notifying import notify


def fail(*_arguments):
    raise ValueError("not today")


def test_one_that_fails_does_not_silence_the_others(caplog):
    heard, reported = [], []
    notify([heard.append, fail, heard.append], "news", report=reported.append)
    assert heard == ["news", "news"]
    assert [str(error) for error in reported] == ["not today"]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.ERROR, "fail failed")]
    assert caplog.records[0].exc_info[0] is ValueError


def test_one_may_stop_listening_while_it_is_called():
    listeners = []

    def leave():
        listeners.remove(leave)

    heard = []
    listeners += [leave, lambda: heard.append(1)]
    notify(listeners)
    assert heard == [1] and len(listeners) == 1


def test_an_interrupt_is_not_swallowed():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        notify([interrupt])


def test_a_study_tells_everybody_of_its_boxes():
    from liverpair.mrml.lesions.lesion_notices import Notices

    notices, heard = Notices(), []
    notices.observe(fail)
    notices.observe(heard.append)
    notices.tell("boxes", "history")
    assert heard == ["boxes", "history"]
