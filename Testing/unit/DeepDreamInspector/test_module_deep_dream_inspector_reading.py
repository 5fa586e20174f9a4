"""The section Reading: what the trajectories say, the strongest first."""

import pytest
from dream_viewing_factory import FEATURES, samples, viewing_of  # noqa: F401

SPHERICITY, PERIMETER, ENTROPY, CONTRAST = FEATURES


@pytest.fixture
def viewing(viewing_of):
    return viewing_of("readingtext")


def test_before_a_dream_there_is_nothing_to_read(viewing):
    assert viewing.text("readingLabel") == "There is nothing to read yet."
    assert not viewing["readingTable"].isVisible()


def test_readings_stand_in_the_order_of_their_strength(viewing):
    dream = viewing.dream()
    rows = viewing.rows("readingTable")
    assert [row[:2] for row in rows] == [
        ["Entropy", "leaves"],
        ["Sphericity", "toward"],
        ["Perimeter", "flat inside"],
        ["Contrast (GLCM)", "no range"],
    ]
    assert "rises into the normal range by iteration" in rows[1][2] and rows[1][2].endswith("looks for it.")
    assert [row[2] for row in rows] == [reading["sentence"] for reading in dream.readings]
    assert viewing.text("readingLabel") == ""


def test_a_dream_that_was_paused_is_read_as_far_as_it_came(viewing):
    viewing.dream(finished=False, iterations=range(20))
    assert viewing.text("readingLabel") == "The dream was stopped: this is the reading so far."
    assert len(viewing.rows("readingTable")) == len(FEATURES)


def test_a_dream_is_not_read_while_it_runs(viewing):
    class Running:
        ending = None

    dream = viewing.dream(finished=False, iterations=range(20))
    viewing.context.setRun(Running())
    assert not viewing["readingTable"].isVisible()
    assert viewing.text("readingLabel") == "The dream is read when it has come to its end."
    viewing.context.addSamples(dream, samples(range(20, 41)))
    Running.ending = "done"
    viewing.context.tell("run")
    assert viewing.rows("readingTable")[1][1] == "toward"


def test_without_normal_ranges_only_rises_and_falls_are_told(viewing):
    viewing.dream(ranges=None)
    assert viewing.text("readingLabel").startswith("There are no normal ranges to compare with")
    assert {row[1] for row in viewing.rows("readingTable")} == {"no range"}


def test_a_dream_in_which_no_object_appeared(viewing):
    viewing.dream(iterations=range(3))
    assert {row[1] for row in viewing.rows("readingTable")} == {"undefined"}


def test_another_dream_is_read_instead_and_none_when_it_is_deleted(viewing):
    dream = viewing.dream()
    viewing.dream(name="Second", ranges=None)
    assert {row[1] for row in viewing.rows("readingTable")} == {"no range"}
    viewing.context.show(dream)
    assert viewing.rows("readingTable")[0][1] == "leaves"
    dream.remove()
    viewing.harness.wait()
    assert viewing.text("readingLabel") == "There is nothing to read yet."
