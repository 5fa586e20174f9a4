"""Steps that are taken back and taken again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverpair.mrml.lesions.lesion_history import MOST_STEPS, ONE_GESTURE_S, History, difference


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def history(clock):
    return History(clock)


def test_a_difference_names_what_was_made_changed_and_removed():
    changes = difference({"kept": 1, "changed": 1, "removed": 1}, {"kept": 1, "changed": 2, "made": 3})
    assert changes == {"changed": (1, 2), "removed": (1, None), "made": (None, 3)}


def test_a_new_history_has_no_steps(history):
    assert (history.undo(), history.redo(), history.undo_name, history.redo_name) == (None, None, None, None)


def test_a_new_step_ends_what_could_be_taken_again(history):
    history.push("Accept", {"a": (1, 2)})
    history.undo()
    assert history.redo_name == "Accept"
    history.push("Reject", {"a": (1, 3)})
    assert (history.undo_name, history.redo_name) == ("Reject", None)


def test_one_gesture_is_one_step(history, clock):
    for value in range(3):
        history.push("Move box", {"a": (value, value + 1)}, gesture="edit a")
        clock.now += ONE_GESTURE_S / 2
    step = history.undo()
    assert step.changes == {"a": (0, 3)}
    assert history.undo() is None


@pytest.mark.parametrize("pause, gesture", [(2 * ONE_GESTURE_S, "edit a"), (0.0, "edit b"), (0.0, "")])
def test_a_pause_or_another_box_is_another_step(history, clock, pause, gesture):
    history.push("Move box", {"a": (0, 1)}, gesture="edit a")
    clock.now += pause
    history.push("Move box", {"a": (1, 2)}, gesture=gesture)
    assert [history.undo().changes, history.undo().changes] == [{"a": (1, 2)}, {"a": (0, 1)}]


def test_a_gesture_does_not_reach_over_an_undo(history):
    history.push("Accept", {"b": (0, 1)})
    history.push("Move box", {"a": (0, 1)}, gesture="edit a")
    history.undo()
    history.push("Move box", {"a": (0, 2)}, gesture="edit a")
    assert (history.undo().changes, history.undo().name) == ({"a": (0, 2)}, "Accept")


def test_the_oldest_steps_are_forgotten(history):
    for number in range(MOST_STEPS + 5):
        history.push(str(number), {"a": (number, number + 1)})
    names = []
    while history.undo_name:
        names.append(history.undo().name)
    assert names == [str(number) for number in range(MOST_STEPS + 4, 4, -1)]


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 5)), min_size=1, max_size=6))
def test_any_number_of_steps_leads_back_and_forth(states):
    history, states = History(), [{}, *states]
    for before, after in zip(states, states[1:]):
        history.push("step", difference(before, after))
    for state in reversed(states[:-1]):
        step = history.undo()
        assert {key: state.get(key) for key in step.changes} == {key: old for key, (old, _new) in step.changes.items()}
    for state in states[1:]:
        step = history.redo()
        assert {key: state.get(key) for key in step.changes} == {key: new for key, (_old, new) in step.changes.items()}
