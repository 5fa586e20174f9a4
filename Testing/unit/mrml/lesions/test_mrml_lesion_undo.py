"""Undo and redo, one step for one action of the user, wherever in Slicer it was done."""

import numpy as np
import pytest
import slicer
import vtk
from lesion_factory import drawn, lesion_of, origins, scores
from mrml_factory import shift_transform
from mrml_lesion_factory import (  # noqa: F401
    assert_same,
    new_study,
    roi_nodes,
    scene,
    study,
    t1_box,
    t2_box,
    three_lesions,
)

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.mrml import layouts
from liverpair.mrml.lesions.lesion_notices import Notices
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.pictures import SliceView

ACTIONS = {
    "add": lambda study: study.add([lesion_of(4, t2=drawn(t2_box(9.0)))]),
    "replace all": lambda study: study.replace_all(three_lesions()[:1]),
    "put": lambda study: study.put(lesion_of(4, drawn(t1_box(9.0)))),
    "state": lambda study: study.set_state("c", "rejected"),
    "note": lambda study: study.set_note("a", "a vessel"),
    "box": lambda study: study.set_box("b", Side.T2, t2_box(40.0)),
    "remove": lambda study: study.remove("a"),
    "remove side": lambda study: study.remove_side("a", Side.T1),
    "split": lambda study: study.split("a"),
    "link": lambda study: study.link("b", "a"),
    "swap": lambda study: study.swap_partner("a", "c"),
    "deleted elsewhere": lambda study: slicer.mrmlScene.RemoveNode(study.node("a", Side.T1)),
    "resized elsewhere": lambda study: study.node("a", Side.T1).SetSize(5, 6, 7),
    "moved elsewhere": lambda study: study.node("c", Side.T2).SetCenter(5, 6, 7),
    "attribute elsewhere": lambda study: study.node("c", Side.T2).SetAttribute("LesionPair.State", "rejected"),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_every_action_is_one_step_there_and_back(study, action):
    action(study)
    after, name = study.pairs(), study.undo_name
    assert study.undo() == name
    assert_same(study.pairs(), three_lesions())
    assert (study.undo_name, study.redo_name) == ("Add lesions", name)
    assert study.redo() == name
    assert_same(study.pairs(), after)
    for pair in after:
        nodes = {side: study.node(pair.uid, side) for side in Side}
        for side, node in nodes.items():
            assert (node is None) == (side not in pair.boxes)
            if node is not None:
                assert node.GetNodeReference("lesionPairPartner") is nodes[side.other]


def test_back_to_the_beginning_and_forth_to_the_end(study):
    for action in ACTIONS.values():
        if (
            "a" in study
            and "c" in study
            and study.node("a", Side.T1) is not None
            and study.node("a", Side.T2) is not None
        ):
            action(study)
    after = study.pairs()
    while study.undo():
        pass
    assert (study.pairs(), roi_nodes()) == ([], [])
    while study.redo():
        pass
    assert_same(study.pairs(), after)


def test_without_steps_nothing_happens(scene):
    empty = new_study()
    assert (empty.undo(), empty.redo(), empty.undo_name, empty.redo_name) == (None, None, None, None)


def test_actions_inside_an_action_are_one_step(study):
    told = []
    study.observe(told.append)
    with study.action("Accept all"):
        for uid in ("a", "b", "c"):
            study.set_state(uid, "accepted")
        with study.action("Tidy up"):
            study.remove_side("c", Side.T2)
            slicer.mrmlScene.RemoveNode(study.node("a", Side.T2))
        study.select("b")
        study.select("c")
        assert told == []
    assert told == ["selection", "boxes", "history"]
    assert study.undo() == "Accept all"
    assert_same(study.pairs(), three_lesions())
    assert study.undo_name == "Add lesions"


def test_an_action_that_changes_nothing_is_no_step(study):
    with study.action("Think"):
        pass
    study.set_state("a", "accepted")
    assert study.undo_name == "Add lesions"


def test_an_action_that_fails_leaves_nothing_behind(study):
    with pytest.raises(InputError), study.action("Relink"):
        study.remove("c")
        study.set_note("a", "half done")
        study.link("a", "gone")
    assert_same(study.pairs(), three_lesions())
    assert study.undo_name == "Add lesions"


def test_an_inner_action_that_fails_leaves_the_outer_one(study):
    with study.action("Review"):
        study.set_note("a", "kept")
        with pytest.raises(InputError), study.action("Relink"):
            study.set_note("b", "lost")
            study.split("b")
    assert (study.pair("a").note, study.pair("b").note) == ("kept", "")
    assert study.undo() == "Review"


def test_undo_inside_an_action_is_refused(study):
    with pytest.raises(RuntimeError, match="inside an action"), study.action("Confused"):
        study.undo()
    assert_same(study.pairs(), three_lesions())


def test_a_deleted_box_comes_back_under_its_transform(study):
    moved = shift_transform(3, 2, 1)
    study.node("a", Side.T1).SetAndObserveTransformNodeID(moved.GetID())
    before = study.pair("a")
    slicer.mrmlScene.RemoveNode(study.node("a", Side.T1))
    assert (study.pair("a").box(Side.T1), study.pair("a").displacement_mm) == (None, None)
    assert study.undo() == "Delete box"
    assert study.node("a", Side.T1).GetParentTransformNode() is moved
    assert_same([study.pair("a")], [before])


def test_boxes_deleted_together_are_one_step(study):
    for node in roi_nodes():
        slicer.mrmlScene.RemoveNode(node)
    assert (study.pairs(), study.undo_name) == ([], "Delete box")
    study.undo()
    assert_same(study.pairs(), three_lesions())


def test_a_branch_deleted_with_its_folder_comes_back_in_a_folder(scene, study):
    hierarchy = scene.GetSubjectHierarchyNode()
    hierarchy.RemoveItem(hierarchy.GetItemByDataNode(study.folder))
    assert (study.pairs(), roi_nodes()) == ([], [])
    study.undo()
    assert_same(study.pairs(), three_lesions())
    assert study.volume(Side.T1).GetName() == "T1"
    assert_in_folder(study)


def test_a_folder_deleted_alone_is_made_again_around_the_boxes(scene, study):
    scene.RemoveNode(study.folder)
    again = LesionStudy(study.volume(Side.T1), study.volume(Side.T2))
    assert again.folder is study.folder
    assert_same(again.pairs(), three_lesions())
    assert_in_folder(again)


def assert_in_folder(study):
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    folder = hierarchy.GetItemByDataNode(study.folder)
    assert hierarchy.GetItemName(folder) == "Lesions of T1 and T2"
    for node in roi_nodes():
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == folder
        assert node.GetNodeReference("lesionPairStudy") is study.folder


def test_a_slider_drawn_in_another_module_is_one_step(study):
    for length in range(5, 25):
        study.node("a", Side.T1).SetSize(length, 10, 10)
    assert study.undo() == "Resize box"
    assert_same(study.pairs(), three_lesions())


def test_what_a_person_has_moved_is_drawn_and_has_no_score(study):
    study.node("a", Side.T2).SetCenter(1, 2, 3)
    pair = study.pair("a")
    assert (origins(pair), scores(pair)) == (["detected", "drawn"], [0.93, None])
    assert pair.displacement_mm == pytest.approx(pair.measured_mm, abs=1e-4)
    node = study.node("a", Side.T2)
    assert (node.GetAttribute("LesionPair.Origin"), node.GetAttribute("LesionPair.Score")) == ("drawn", None)


def test_a_drag_that_nobody_has_ended_is_a_step_of_its_own(study):
    node = study.node("a", Side.T1)
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    node.SetCenter(1, 2, 3)
    assert study.undo_name == "Add lesions"
    study.set_note("b", "next")
    assert (study.undo(), study.undo(), study.undo_name) == ("Write note", "Move box", "Add lesions")
    assert_same(study.pairs(), three_lesions())


def test_a_box_removed_while_it_is_dragged_is_no_trouble(scene, study):
    node = study.node("a", Side.T1)
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    scene.RemoveNode(node)
    study.node("b", Side.T1).InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    study.remove("b")
    study.set_note("a", "next")
    assert [study.undo() for _step in range(3)] == ["Write note", "Delete lesion", "Delete box"]
    assert_same(study.pairs(), three_lesions())


def test_a_name_given_by_the_user_stays(study):
    study.node("a", Side.T1).SetName("the large one")
    study.set_state("a", "rejected")
    study.undo()
    assert study.node("a", Side.T1).GetName() == "the large one"


def test_a_collapsed_box_gets_its_lengths_back(study):
    study.node("a", Side.T1).SetSize(0, 10, 10)
    assert study.node("a", Side.T1).GetSize() == pytest.approx(t1_box().size_mm)
    study.node("a", Side.T1).SetSize(np.nan, 10, 10)
    assert study.node("a", Side.T1).GetSize() == pytest.approx(t1_box().size_mm)
    assert study.undo_name == "Add lesions"


def test_a_box_without_its_point_is_deleted(study):
    node = study.node("a", Side.T1)
    node.RemoveAllControlPoints()
    assert (study.pair("a").box(Side.T1), study.uid_of(node), study.undo_name) == (None, None, "Delete box")
    study.undo()
    assert_same(study.pairs(), three_lesions())


def test_a_copy_of_a_box_is_another_lesion(scene, study):
    copy = slicer.vtkMRMLMarkupsROINode()
    copy.Copy(study.node("a", Side.T1))
    scene.AddNode(copy)
    uid = study.uid_of(copy)
    assert uid not in (None, "a", "b", "c")
    assert (study.pair(uid).number, study.pair(uid).box(Side.T1)) == (4, study.pair("a").box(Side.T1))
    assert Side.T2 not in study.pair(uid).boxes
    assert study.node("a", Side.T2).GetNodeReference("lesionPairPartner") is study.node("a", Side.T1)
    assert study.undo() == "Copy box"
    assert_same(study.pairs(), three_lesions())


def test_an_ordinary_roi_is_nobody_s_business(scene, study):
    told = []
    study.observe(told.append)
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Crop")
    node.SetSize(1, 2, 3)
    scene.RemoveNode(node)
    assert (told, study.undo_name) == ([], "Add lesions")


def test_listeners_hear_of_what_others_do_until_they_stop(scene, study):
    told = []
    token = study.observe(told.append)
    study.node("a", Side.T1).SetSize(5, 6, 7)
    assert told == ["boxes", "history"]
    study.select("a")
    assert told[2:] == ["selection"]
    study.remove("a")
    assert told[3:] == ["selection", "boxes", "history"]
    study.stop_observing(token)
    study.undo()
    assert len(told) == 6


def test_released_studies_hear_nothing(scene, study):
    told = []
    study.observe(told.append)
    node = study.node("a", Side.T1)
    study.release()
    node.SetSize(5, 6, 7)
    scene.RemoveNode(node)
    assert told == []


def test_what_others_do_can_be_put_off(study, monkeypatch):
    waiting, told = [], []
    monkeypatch.setattr(Notices, "defer", waiting.append)
    study.observe(told.append)
    for length in (5, 6, 7):
        study.node("a", Side.T1).SetSize(length, 6, 7)
    study.node("b", Side.T1).SetSize(5, 6, 7)
    assert (len(waiting), told) == (1, [])
    waiting.pop()()
    assert told == ["boxes", "history"]
    study.set_note("a", "at once")
    assert told == ["boxes", "history"] * 2


def test_what_was_put_off_is_not_told_inside_an_action_nor_twice(study, monkeypatch):
    waiting, told = [], []
    monkeypatch.setattr(Notices, "defer", waiting.append)
    study.observe(told.append)
    study.node("a", Side.T1).SetSize(5, 6, 7)
    with study.action("Change all"):
        waiting.pop()()
        assert told == []
    assert told == ["boxes", "history"]
    study.node("a", Side.T1).SetSize(6, 6, 7)
    study.set_note("a", "at once")
    assert told == ["boxes", "history"] * 2
    waiting.pop()()
    assert told == ["boxes", "history"] * 2


@pytest.fixture
def view(study):
    opened = SliceView(layouts.ROWS[0][0].name, "Axial", (300, 240))
    layouts.show_pair(study.volume(Side.T1), study.volume(Side.T2))
    study.set_box("a", Side.T1, t1_box())
    study.select("a")
    study.show_handles()
    opened.look_at(study.node("a", Side.T1).GetCenterWorld(), 120.0)
    yield opened
    opened.close()


def pixel_of(view, ras) -> tuple[int, int]:
    to_xy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(view.node.GetXYToRAS(), to_xy)
    return tuple(round(value) for value in to_xy.MultiplyPoint((*ras, 1))[:2])


def drag(view, start, by) -> None:
    """Drag with the left mouse button, in several moves as a hand does."""
    view.grab()
    view.interactor.SetEventInformation(*start, 0, 0)
    view.interactor.MouseMoveEvent()
    view.interactor.LeftButtonPressEvent()
    for part in (0.25, 0.5, 0.75, 1.0):
        here = [round(place + part * way) for place, way in zip(start, by)]
        view.interactor.SetEventInformation(*here, 0, 0)
        view.interactor.MouseMoveEvent()
    view.interactor.LeftButtonReleaseEvent()


def test_a_drag_of_the_mouse_is_one_step_and_the_box_is_drawn(view, study):
    told = []
    study.observe(told.append)
    before = study.pair("a")
    start = pixel_of(view, study.node("a", Side.T1).GetCenterWorld())
    drag(view, start, (40, 20))
    pair = study.pair("a")
    millimeters = 120.0 / 300
    assert np.subtract(pair.box(Side.T1).center_mm, before.box(Side.T1).center_mm) == pytest.approx(
        (40 * millimeters, -20 * millimeters, 0), abs=1.0
    )
    assert (origins(pair), scores(pair)[0]) == (["drawn", "detected"], None)
    assert told == ["boxes", "history"]
    assert study.undo() == "Move box"
    assert_same([study.pair("a")], [before])


def test_a_box_that_is_not_selected_cannot_be_dragged(view, study):
    start = pixel_of(view, study.node("a", Side.T1).GetCenterWorld())
    study.select("c")
    study.show_handles()
    before = study.pairs()
    drag(view, start, (40, 20))
    assert study.pairs() == before
