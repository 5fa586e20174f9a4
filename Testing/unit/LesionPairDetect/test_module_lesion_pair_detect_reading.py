"""T1 above T2: one row of views follows the other to the corresponding place, with its uncertainty in words."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from lesion_pair_detect_factory import panel  # noqa: F401
from lesion_sections_factory import SHIFT, lesion

from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts

START = np.array([-20.0, -10.0, 70.0])
"""Where both rows are at first, LPS mm."""


@pytest.fixture
def reading(panel):
    """The panel with an accepted lesion far from `START`, in the two rows of views."""
    t1, t2 = panel.add_pair()
    panel.click("showPairButton")
    panel.settle()
    panel.add_lesions([lesion(1, (-40, -30, 60), state="accepted")])
    put(panel, START, START)
    return panel


def put(panel, t1, t2) -> None:
    """Bring the rows to places (LPS mm), as a program does."""
    panel.context.jump(Side.T1, t1)
    panel.context.jump(Side.T2, t2)
    panel.harness.wait(seconds=0.1)


def place(panel, side: str) -> np.ndarray:
    """Where the planes of a row meet, LPS mm."""
    from LesionPairDetectLib.linkedcursor import placeOfRow

    return np.array(frames.flip(placeOfRow(list(Side).index(side))))


def marker(side: str):
    """The marker in a row when it is shown, or None."""
    node = slicer.mrmlScene.GetFirstNodeByName(f"Corresponding place in {side.title}")
    return node if node is not None and node.GetDisplayNode().GetVisibility() else None


def marked(side: str) -> np.ndarray:
    """The place that is marked in a row, LPS mm."""
    world = [0.0, 0.0, 0.0]
    marker(side).GetNthControlPointPositionWorld(0, world)
    return np.array(frames.flip(world))


def near(point):
    return pytest.approx(np.asarray(point), abs=0.05)


def test_the_layout_is_t1_over_t2(reading):
    assert reading.harness.app.layoutManager().layout == layouts.PAIR_LAYOUT_ID
    manager = reading.harness.app.layoutManager()
    shown = {name for name in manager.sliceViewNames() if manager.sliceWidget(name).visible}
    assert shown == {"T1Axial", "T1Coronal", "T1Sagittal", "T2Axial", "T2Coronal", "T2Sagittal"}


@pytest.mark.parametrize("shown", list(Side))
def test_a_row_that_shows_another_volume_neither_leads_nor_follows(reading, shown):
    foreign = reading.add_volume("CT of the abdomen").GetID()
    other, row = (Side.T2, 1) if shown == Side.T1 else (Side.T1, 0)
    for view in layouts.ROWS[row]:
        layouts.composite_node_of(slicer.mrmlScene, view).SetBackgroundVolumeID(foreign)
    reading.harness.wait(seconds=0.1)
    for moved, still in ((shown, other), (other, shown)):
        before = place(reading, still)
        reading.harness.scroll(reading.harness.slice_view(layouts.ROWS[list(Side).index(moved)][0].name), 2)
        reading.harness.wait(seconds=0.1)
        assert place(reading, still) == near(before)
        assert marker(Side.T1) is None and marker(Side.T2) is None


@pytest.mark.parametrize(("view", "side", "other"), [("T1Axial", Side.T1, Side.T2), ("T2Coronal", Side.T2, Side.T1)])
def test_scrolling_in_one_row_moves_the_other_to_the_corresponding_place(reading, view, side, other):
    before = place(reading, side)
    reading.harness.scroll(reading.harness.slice_view(view), 2)
    reading.harness.wait(seconds=0.1)
    after = place(reading, side)
    assert np.linalg.norm(after - before) > 5
    sign = 1 if side == Side.T1 else -1
    expected = after + sign * np.array(SHIFT)
    assert place(reading, other) == near(expected)
    assert marked(other) == near(expected) and marker(side) is None
    assert reading["correspondenceLabel"].text.startswith(f"Place in {other.title}: From a linked lesion nearby: about")
    label = marker(other).GetNthControlPointLabel(0)
    assert label.startswith("±") and label.endswith("mm")
    reading.harness.wait(seconds=0.2)
    assert place(reading, side) == near(after)


def test_the_slider_above_a_view_does_the_same(reading):
    controller = slicer.app.layoutManager().sliceWidget("T1Sagittal").sliceController()
    controller.setSliceOffsetValue(controller.sliceOffsetSlider().value + 6.0)
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T2) == near(place(reading, Side.T1) + SHIFT)


def test_a_click_beside_boxes_brings_both_rows_there(reading):
    clicked = START + (15, -12, 0)
    reading.harness.click_slice("T1Axial", frames.flip(clicked))
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T1) == pytest.approx(clicked, abs=2)
    assert place(reading, Side.T2) == near(place(reading, Side.T1) + SHIFT)
    assert reading.context.selectedUid is None


def handles(panel) -> set[str]:
    """The sides on which lesion 1 has handles."""
    nodes = {side: panel.study.node("lesion-1", side) for side in Side}
    return {side for side, node in nodes.items() if node.GetDisplayNode().GetHandlesInteractive()}


def test_handles_are_there_while_the_pointer_is_near_the_chosen_box(reading):
    box = reading.study.pair("lesion-1").box(Side.T1)
    reading.harness.move_in_slice("T1Axial", frames.flip(box.center_mm))
    assert handles(reading) == set()
    reading.context.select("lesion-1")
    reading.harness.move_in_slice("T1Axial", frames.flip(np.add(box.center_mm, (60, 0, 0))))
    assert handles(reading) == set()
    reading.harness.move_in_slice("T1Axial", frames.flip(np.add(box.center_mm, (box.size_mm[0] / 2 + 3, 0, 0))))
    assert handles(reading) == {Side.T1, Side.T2}
    reading.harness.move_in_slice("T2Axial", frames.flip(np.add(box.center_mm, (-70, 0, 0))))
    assert handles(reading) == set()
    reading.harness.move_in_slice("T1Axial", frames.flip(box.center_mm))
    display = reading.study.node("lesion-1", Side.T1).GetDisplayNode()
    assert display.GetHandlesInteractive()
    reading.harness.select("LiverMultimodal")
    assert not display.GetHandlesInteractive()


@pytest.mark.parametrize(("from_middle", "grown", "moved"), [((12, 0, 0), 9, 4.5), ((0, 0, 0), 0, 9)])
def test_a_box_is_resized_by_its_faces_and_moved_by_its_middle(reading, from_middle, grown, moved):
    reading.context.select("lesion-1")
    before = reading.study.pair("lesion-1").box(Side.T1)
    reading.harness.wait(seconds=0.1)
    start = np.add(before.center_mm, from_middle)
    reading.harness.move_in_slice("T1Axial", frames.flip(start))
    reading.harness.wait(seconds=0.3)
    ends = [reading.harness.slice_position("T1Axial", frames.flip(point)) for point in (start, start + (9, 0, 0))]
    reading.harness.drag(reading.harness.slice_view("T1Axial"), *ends)
    after = reading.study.pair("lesion-1").box(Side.T1)
    assert np.subtract(after.size_mm, before.size_mm) == pytest.approx((grown, 0, 0), abs=2)
    assert np.subtract(after.center_mm, before.center_mm) == pytest.approx((moved, 0, 0), abs=2)
    assert handles(reading) == {Side.T1, Side.T2}
    reading.study.undo()
    assert reading.study.pair("lesion-1").box(Side.T1) == before


def test_a_drag_is_no_click(reading):
    view = reading.harness.slice_view("T1Axial")
    x, y = reading.harness.slice_position("T1Axial", frames.flip(START))
    reading.harness.drag(view, (x, y), (x + 30, y + 20))
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T1) == near(START) and place(reading, Side.T2) == near(START)


def test_the_crosshair_moved_with_shift_is_followed(reading):
    target = START + (5, 8, 0)
    reading.harness.move_in_slice("T1Axial", frames.flip(START), "shift")
    reading.harness.move_in_slice("T1Axial", frames.flip(target), "shift")
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T1) == pytest.approx(target, abs=2)
    assert place(reading, Side.T2) == near(place(reading, Side.T1) + SHIFT)


def test_both_rows_moved_at_once_are_left_alone(reading):
    put(reading, START + 5, START - 5)
    assert place(reading, Side.T1) == near(START + 5) and place(reading, Side.T2) == near(START - 5)
    layouts.fit_pair(*(reading.context.volume(side) for side in Side))
    before = place(reading, Side.T1), place(reading, Side.T2)
    reading.harness.wait(seconds=0.2)
    assert (place(reading, Side.T1), place(reading, Side.T2)) == (near(before[0]), near(before[1]))
    assert marker(Side.T1) is None and marker(Side.T2) is None


def test_one_key_turns_it_off_and_on(reading):
    reading.harness.press("F")
    assert not reading["linkedCursorCheckBox"].checked and not reading.parameters.linkedCursor
    assert reading["statusLabel"].text == "T1 and T2 no longer follow each other."
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T2) == near(START) and marker(Side.T2) is None
    reading.harness.press("F")
    assert reading["linkedCursorCheckBox"].checked
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T2) == near(place(reading, Side.T1) + SHIFT)


def test_zooming_moves_nothing(reading):
    node = reading.harness.slice_view("T1Axial").mrmlSliceNode()
    node.SetFieldOfView(*(value / 2 for value in node.GetFieldOfView()[:2]), node.GetFieldOfView()[2])
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T2) == near(START) and marker(Side.T2) is None


def test_where_nothing_is_known_it_is_said_and_nothing_moves(reading):
    reading.study.remove("lesion-1")
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    reading.harness.wait(seconds=0.1)
    assert reading["correspondenceLabel"].text == (
        "Where this is in T2 is not known yet: detect or draw lesions, or segment both livers."
    )
    assert place(reading, Side.T2) == near(START) and marker(Side.T2) is None


def test_livers_are_registered_in_the_background_and_give_way(reading):
    reading.study.remove("lesion-1")
    reading.add_livers()
    reading.enter()
    commands = reading.worker.transport.commands
    reading.harness.wait(until=lambda: commands and commands[-1]["command"] == "run", seconds=8)
    assert reading.worker.job["job"] == "register"
    assert reading["applyButton"].enabled
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    reading.harness.wait(seconds=0.1)
    assert "From the offset of the livers: about" in reading["correspondenceLabel"].text
    reading.worker.finish_registration(sitk.TranslationTransform(3, (5.0, 6.0, -7.0)))
    reading.harness.wait()
    assert "registered" in reading["correspondenceLabel"].text
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    label, words = reading["correspondenceLabel"], "From the registration of the livers: about"
    reading.harness.wait(until=lambda: words in label.text, seconds=8)
    assert words in label.text
    assert place(reading, Side.T2) == near(place(reading, Side.T1) + (5, 6, -7))


def test_a_detection_takes_the_worker_from_the_registration(reading):
    reading.add_livers()
    reading.enter()
    commands = reading.worker.transport.commands
    reading.harness.wait(until=lambda: commands and commands[-1]["command"] == "run", seconds=8)
    register = reading.worker.job
    reading.click("applyButton")
    assert commands[-1] == {"command": "cancel", "id": register["id"]}
    reading.worker.cancelled()
    reading.harness.wait()
    assert reading.worker.job["job"] == "detect"
    reading.worker.finish()
    reading.harness.wait(seconds=0.4)
    assert reading.status.startswith("Lesions found")


def test_a_detection_does_not_wait_for_the_registration_which_follows(reading):
    reading.worker.pairs = []
    reading.study.remove("lesion-1")
    reading.apply()
    assert reading.worker.request["correspondence"] is False
    reading.worker.finish()
    reading.harness.wait(until=lambda: reading.worker.job["job"] == "register", seconds=8)
    assert reading.status == "No lesion was found."
    reading.worker.finish_registration(sitk.TranslationTransform(3, (1.0, 2.0, 3.0)))
    reading.harness.wait()
    assert reading.context.placeMap().to_other((0, 0, 60), Side.T1).point_mm == near((1, 2, 63))
    segmentation = reading.parameters.t1Liver
    segmentation.GetSegmentation().RemoveSegment(segmentation.GetSegmentation().GetNthSegmentID(0))
    assert reading.context.correspondence is None


def test_nothing_follows_and_no_key_is_left_when_the_module_is_left(reading):
    reading.widget.exit()
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    reading.harness.wait(seconds=0.1)
    assert place(reading, Side.T2) == near(START)
    assert slicer.mrmlScene.GetFirstNodeByName("Corresponding place in T2") is None
    reading.harness.press("F")
    assert reading.parameters.linkedCursor
    reading.widget.enter()


def test_the_marker_is_not_saved(reading, tmp_path):
    reading.harness.scroll(reading.harness.slice_view("T1Axial"), 1)
    reading.harness.wait(seconds=0.1)
    assert marker(Side.T2) is not None
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(path)
    reading.harness.wait(seconds=0.2)
    assert marker(Side.T2) is None
    assert len(reading.study) == 1
