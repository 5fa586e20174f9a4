"""A scene closed, or another image chosen, in the middle of masks, phases, a second visit and the report."""

import pytest
import slicer
from lesion_pair_detect_factory import panel  # noqa: F401
from test_module_lesion_pair_detect_visits import finish as finish_followup
from test_module_lesion_pair_detect_visits import idle, reading, visits  # noqa: F401

from liverpair.core.sides import Side
from liverpair.mrml import layouts, volumes


@pytest.fixture
def working(reading):  # noqa: F811
    """The panel with an earlier visit that was compared, a further series, and both sections open."""
    panel = reading
    volumes.node_from_image(panel.context.image(Side.T1), "AX VIBE arterial")
    panel["phasesSectionButton"].collapsed = False
    panel.context.select("lesion-1")
    visits(panel).open(str(panel.folder))
    idle(panel)
    visits(panel).compare()
    finish_followup(panel)
    return panel


def close(panel) -> None:
    """Close the scene, as in the menu, and let everything settle."""
    slicer.mrmlScene.Clear(0)
    panel.harness.wait(seconds=0.5)


def start(panel, what: str) -> None:
    """Begin a job of one of the newer sections."""
    idle(panel)
    if what == "masks":
        panel.click("maskButton")
    elif what == "phases":
        panel.click("measurePhasesButton")
    elif what == "followup":
        visits(panel).compare()
    else:
        panel.harness.answer(str(panel.folder.parent / "report"))
        (panel.folder.parent / "report").mkdir(exist_ok=True)
        visits(panel).report()
    assert panel.worker.job["job"] == what, panel.status


@pytest.mark.parametrize("what", ["masks", "phases", "followup", "report"])
def test_a_scene_that_is_closed_takes_the_job_with_it(working, what):
    panel = working
    start(panel, what)
    close(panel)
    assert panel["applyButton"].isVisible() and not panel["cancelButton"].enabled
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    panel.add_pair()
    panel.harness.wait(seconds=0.3)
    assert len(panel.study) == 0


def test_after_a_closed_scene_nothing_of_it_is_left_in_the_sections(working):
    panel = working
    panel["sideBySideButton"].click()
    assert layouts.is_visits_layout()
    visits(panel).reported = True
    close(panel)  # before the views have settled
    panel.harness.wait(seconds=2.0)
    assert not visits(panel).cursor.isStarted
    assert panel["responseLabel"].text == "" and panel["visitsTable"].rowCount == 0
    assert panel["phasesTable"].rowCount == 0
    panel.add_pair()
    panel.harness.wait(seconds=0.5)
    assert visits(panel).isOpen("report"), "the report on another visit is still to be written"
    assert panel["sideBySideButton"].checked
    panel.click("sideBySideButton")
    panel.harness.wait(seconds=0.5)
    assert layouts.is_pair_layout() and not panel["sideBySideButton"].checked


def test_another_t2_is_chosen_and_the_first_one_again(working):
    panel = working
    first = panel.parameters.t2Volume
    other = volumes.node_from_image(panel.context.image(Side.T2), "another T2")
    other.CreateDefaultDisplayNodes()
    panel.parameters.t2Volume = other
    panel.harness.wait(seconds=0.5)
    assert panel["responseLabel"].text and panel["visitsTable"].rowCount == 0
    panel.parameters.t2Volume = first
    panel.harness.wait(seconds=0.5)
    assert len(panel.study) == 2


def test_one_volume_chosen_for_t1_and_t2_is_told_and_breaks_nothing(working):
    panel = working
    panel["sideBySideButton"].click()
    panel.harness.wait(seconds=1.0)
    first, t2 = panel.parameters.t1Volume, panel.parameters.t2Volume
    panel.parameters.t1Volume = t2
    panel.harness.wait(seconds=0.5)
    assert not panel["applyButton"].enabled
    panel.parameters.t1Volume = first
    panel.harness.wait(seconds=0.5)
    assert len(panel.study) == 2 and panel["applyButton"].enabled
