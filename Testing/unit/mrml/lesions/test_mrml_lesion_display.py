"""How boxes look: in which views, in which color, with handles or not, filtered or not; and the marker of a place."""

import itertools

import numpy as np
import pytest
import slicer
from hypothesis import given
from hypothesis import strategies as st
from lesion_factory import detected, lesion_of
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

from liverpair.core.geometry import Box
from liverpair.core.lesions import LesionBox
from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.lesions.lesion_display import COLORS, LesionFilter, color_of
from liverpair.mrml.lesions.lesion_marker import PlaceMarker
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.pictures import SliceView

BOTH = list(itertools.product("abc", Side))


def display_of(study, uid: str, side: str):
    node = study.node(uid, side)
    return node.GetDisplayNode() if node is not None else None


def shown(study) -> set[str]:
    """The lesions of which every box is shown; asserts that none is shown by half."""
    found = set()
    for pair in study.pairs():
        visible = {bool(display_of(study, pair.uid, side).GetVisibility()) for side in (Side.T1, Side.T2)
                   if study.node(pair.uid, side) is not None}  # fmt: skip
        assert len(visible) == 1
        assert visible == {study.is_shown(pair)}
        found |= {pair.uid} if visible == {True} else set()
    return found


def with_handles(study) -> set[tuple[str, str]]:
    """The boxes with handles; asserts that those without are locked, and have their number."""
    found = set()
    for uid, side in BOTH:
        node = study.node(uid, side)
        if node is not None:
            assert bool(node.GetLocked()) != bool(node.GetDisplayNode().GetHandlesInteractive())
            assert bool(node.GetLocked()) == bool(node.GetDisplayNode().GetPointLabelsVisibility())
            found |= {(uid, side)} if node.GetDisplayNode().GetHandlesInteractive() else set()
    return found


def test_boxes_are_shown_in_the_views_of_their_own_row_only(study):
    for uid, side in BOTH:
        display = display_of(study, uid, side)
        if display is None:
            continue
        for group, row in enumerate(layouts.ROWS):
            for view in row:
                node = slicer.mrmlScene.GetSingletonNode(view.name, "vtkMRMLSliceNode")
                assert display.IsDisplayableInView(node.GetID()) == (group == (Side.T1, Side.T2).index(side))
        view_3d = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLViewNode")
        assert not display.IsDisplayableInView(view_3d.GetID())


def test_a_pair_shares_number_and_color(study):
    for uid, number in (("a", 1), ("c", 3)):
        for side in Side:
            display = display_of(study, uid, side)
            assert display.GetColor() == display.GetSelectedColor() == color_of(number)
            assert study.node(uid, side).GetNthControlPointLabel(0) == str(number)
            assert study.node(uid, side).GetName() == f"Lesion {number} {side.title}"
            assert display.GetPointLabelsVisibility()


def test_a_new_partner_takes_the_color_of_its_lesion(study):
    study.swap_partner("a", "c")
    assert display_of(study, "a", Side.T2).GetColor() == color_of(1)
    study.set_box("b", Side.T2, t2_box(40.0))
    assert display_of(study, "b", Side.T2).GetColor() == color_of(2)


def test_neighbors_in_the_cycle_of_colors_differ_also_for_the_color_blind():
    assert color_of(1) == color_of(1 + len(COLORS)) == COLORS[0]
    luminance = np.array(COLORS) @ (0.2126, 0.7152, 0.0722)
    for first, second in itertools.combinations(range(len(COLORS)), 2):
        blue = abs(COLORS[first][2] - COLORS[second][2])
        assert max(blue, abs(luminance[first] - luminance[second])) > 0.08, (first, second)


def test_handles_are_on_the_selected_lesion_only_and_only_when_shown(study):
    told = []
    study.observe(told.append)
    study.show_handles()
    assert (study.selected, with_handles(study)) == (None, set())
    study.select("a")
    assert (study.selected, with_handles(study)) == ("a", set())
    study.show_handles()
    assert with_handles(study) == {("a", Side.T1), ("a", Side.T2)}
    study.select("b")
    assert (study.selected, with_handles(study)) == ("b", set())
    study.show_handles()
    study.select("b")
    assert with_handles(study) == {("b", Side.T1)}
    study.show_handles(False)
    assert with_handles(study) == set()
    study.show_handles()
    study.select("unknown")
    assert (study.selected, with_handles(study)) == (None, set())
    assert told == ["selection"] * 3
    assert study.undo_name == "Add lesions"


def test_the_selected_boxes_are_drawn_thicker_in_3d_and_the_others_step_back_in_slices(study):
    def outlines() -> dict[str, float]:
        return {uid: display_of(study, uid, Side.T1).GetOutlineOpacity() for uid in "abc"}

    assert set(outlines().values()) == {1.0}
    study.select("a")
    thickness = {uid: display_of(study, uid, Side.T1).GetLineThickness() for uid in "abc"}
    assert thickness["a"] > thickness["b"] == thickness["c"]
    assert outlines() == {"a": 1.0, "b": 0.45, "c": 0.45}
    study.select("b")
    assert outlines() == {"a": 0.45, "b": 1.0, "c": 0.45}
    study.set_state("c", "rejected")
    assert outlines() == {"a": 0.45, "b": 1.0, "c": 0.45}
    study.select(None)
    assert set(outlines().values()) == {1.0}


def test_handles_turn_no_box_out_of_its_image(study):
    study.select("a")
    study.show_handles()
    display = display_of(study, "a", Side.T1)
    assert display.GetTranslationHandleVisibility() and display.GetScaleHandleVisibility()
    assert not display.GetRotationHandleVisibility()


def test_a_box_that_joins_the_selected_lesion_has_handles(study):
    study.select("b")
    study.show_handles()
    study.set_box("b", Side.T2, t2_box(40.0))
    assert with_handles(study) == {("b", Side.T1), ("b", Side.T2)}
    study.undo()
    assert with_handles(study) == {("b", Side.T1)}
    study.remove("b")
    assert study.selected is None


def test_taking_hold_of_a_box_selects_its_lesion(study):
    study.node("c", Side.T2).InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    assert with_handles(study) == {("c", Side.T1), ("c", Side.T2)}
    study.node("c", Side.T2).InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    assert (study.selected, study.undo_name) == ("c", "Add lesions")


def test_the_filter_hides_low_scores_but_nothing_drawn_or_accepted(study):
    assert shown(study) == {"a", "b", "c"}
    study.filter(display_threshold=0.5)
    assert shown(study) == {"a", "b"}
    study.filter(display_threshold=0.95)
    assert shown(study) == {"a", "b"}
    study.set_state("a", "proposed")
    assert shown(study) == {"b"}
    study.filter()
    assert shown(study) == {"a", "b", "c"}


def test_the_better_of_two_scores_counts(study):
    study.add([lesion_of(4, detected(t1_box(), 0.3), detected(t2_box(9.0), 0.7), uid="d")])
    study.filter(display_threshold=0.6)
    assert "d" in shown(study)
    study.filter(display_threshold=0.71)
    assert "d" not in shown(study)


def test_rejected_lesions_are_faint_and_hidden_on_request(study):
    study.set_state("b", "rejected")
    assert shown(study) == {"a", "b", "c"}
    assert display_of(study, "b", Side.T1).GetOpacity() < 0.5 < display_of(study, "a", Side.T1).GetOpacity()
    study.filter(hide_rejected=True)
    assert shown(study) == {"a", "c"}
    study.undo()
    assert shown(study) == {"a", "b", "c"}


def test_filtering_and_selecting_are_no_steps_and_change_no_lesion(study):
    study.filter(0.5, hide_rejected=True)
    study.select("a")
    assert_same(study.pairs(), three_lesions())
    assert study.undo_name == "Add lesions"


@given(
    st.sampled_from(["proposed", "accepted", "rejected"]),
    st.none() | st.floats(0, 1),
    st.sampled_from(["detected", "predicted", "drawn"]),
    st.floats(0, 1),
    st.booleans(),
)
def test_the_rule_of_the_filter(state, score, origin, minimum, hide_rejected):
    pair = lesion_of(1, LesionBox(t1_box(), origin, score), state=state)
    passes = pair.is_shown(minimum, hide_rejected)
    assert LesionFilter(minimum, hide_rejected).passes(pair.uid, state, pair.boxes.values()) == passes
    if state == "rejected" and hide_rejected:
        assert not passes
    else:
        assert passes == (state == "accepted" or score is None or score >= minimum)


def test_many_boxes_are_filtered_and_undone_like_few(scene):
    many = new_study()
    lesions = [lesion_of(n, detected(t1_box(3.0 * n), n / 60), detected(t2_box(3.0 * n), n / 60)) for n in range(1, 55)]
    told = []
    many.observe(told.append)
    uids = many.add(lesions)
    assert told == ["boxes", "history"]
    many.filter(display_threshold=0.5)
    assert len(shown(many)) == 25
    many.filter(display_threshold=0.0)
    assert len(shown(many)) == 54
    many.select(uids[-1])
    many.undo()
    assert (many.pairs(), many.selected, roi_nodes()) == ([], None, [])
    many.redo()
    assert [pair.number for pair in many.pairs()] == list(range(1, 55))


def test_the_smallest_shown_box_around_a_point_is_found(study):
    inner = lesion_of(4, detected(Box(t1_box().center_mm, (4, 4, 4), t1_box().direction), 0.1), uid="inner")
    study.add([inner])
    center = t1_box().center_mm
    corner = tuple(t1_box().corners_mm[0] * 0.99 + np.array(center) * 0.01)
    assert study.at(center, Side.T1) == "inner"
    assert study.at(corner, Side.T1) == "a"
    assert study.at(center, Side.T2) is None
    assert study.at((500, 0, 0), Side.T1) is None
    study.filter(display_threshold=0.5)
    assert study.at(center, Side.T1) == "a"


def test_after_loading_nothing_is_selected_and_all_is_shown_in_its_row(tmp_path, study):
    study.select("a")
    path = save_scene_mrb(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    load_scene_mrb(path)
    (loaded,) = LesionStudy.all_in_scene()
    assert with_handles(loaded) == set()
    test_boxes_are_shown_in_the_views_of_their_own_row_only(loaded)


@pytest.fixture
def rows(study):
    opened = [SliceView(row[0].name, "Axial", (160, 120)) for row in layouts.ROWS]
    layouts.show_pair(None, None)
    yield opened
    for view in opened:
        view.close()


def colored(view, number: int) -> int:
    """How many pixels have the color of a lesion."""
    wanted = np.array(color_of(number)) * 255
    return int((np.abs(view.grab().astype(float) - wanted).max(axis=-1) < 25).sum())


def test_boxes_are_drawn_in_their_row_and_vanish_with_the_filter(rows, study):
    for view, box in zip(rows, (t1_box(), t2_box())):
        view.look_at(frames.flip(box.center_mm), 150.0)
    assert all(colored(view, 1) > 20 for view in rows)
    study.set_state("a", "proposed")
    study.filter(display_threshold=1.0)
    assert all(colored(view, 1) == 0 for view in rows)
    study.filter()
    study.remove_side("a", Side.T2)
    assert [colored(view, 1) > 20 for view in rows] == [True, False]


def test_a_box_steps_back_while_another_lesion_is_selected(rows, study):
    for view, box in zip(rows, (t1_box(), t2_box())):
        view.look_at(frames.flip(box.center_mm), 150.0)
    study.select("a")
    bright = colored(rows[0], 1)
    study.select("b")
    assert colored(rows[0], 1) < bright / 2, "its number alone stays as bright"


USUAL_WIDTH_MM = 380.0
"""What a view of the whole belly shows from left to right."""
WIDTH = 480


@pytest.fixture(params=[16.0, 60.0])
def usual(study, request):
    """A view at the usual zoom, a box in its middle of lesion "d" along the view's axes, and the box's side (mm)."""
    view = SliceView("Usual", "Axial", (WIDTH, 360))
    layouts.show_pair(None, None)
    box = Box((0.0, 0.0, 200.0), (request.param,) * 3)
    study.add([lesion_of(4, detected(box, 0.5), uid="d")])
    display_of(study, "d", Side.T1).AddViewNodeID(view.node.GetID())
    view.look_at(frames.flip(box.center_mm), USUAL_WIDTH_MM)
    yield view, request.param
    view.close()


def changed(view, what) -> np.ndarray:
    """The pixels that differ after `what()`, as (right, up) from the middle of the view in mm."""
    before = view.grab().astype(int)
    what()
    rows, columns = np.nonzero((view.grab().astype(int) != before).any(axis=-1))
    return np.stack([columns - WIDTH / 2, 180 - rows], axis=-1) * USUAL_WIDTH_MM / WIDTH


def test_the_number_stands_beside_the_box_on_a_dark_ground(usual, study):
    view, side = usual
    number = changed(view, lambda: display_of(study, "d", Side.T1).SetPointLabelsVisibility(False))
    assert len(number) > 50
    assert (number.max(axis=-1) > side / 2).all()
    assert np.abs(number).max() < side / 2 + 25
    text = display_of(study, "d", Side.T1).GetTextProperty()
    assert text.GetBackgroundOpacity() > 0.7 and max(text.GetBackgroundColor()) == 0


def test_nothing_is_drawn_inside_a_box_that_nobody_points_at(usual, study):
    view, side = usual
    study.select("d")
    drawn = changed(view, lambda: display_of(study, "d", Side.T1).SetVisibility(False))
    assert len(drawn) > 50
    assert np.abs(drawn).max(axis=-1).min() > side / 2 - 4


def test_handles_are_small_beside_the_box_and_leave_its_lesion_free(usual, study):
    view, side = usual
    study.select("d")
    display_of(study, "d", Side.T1).SetPointLabelsVisibility(False)
    handles = changed(view, study.show_handles)
    pixel = USUAL_WIDTH_MM / WIDTH
    covered = (np.abs(handles).max(axis=-1) < side / 2 - 2).sum() * pixel**2
    assert 0 < covered < 0.15 * side**2
    faces = [(side / 2, 0), (-side / 2, 0), (0, side / 2), (0, -side / 2), (0, 0)]
    nearest = np.linalg.norm(handles[:, None] - faces, axis=-1)
    assert nearest.min(axis=-1).max() < 5
    assert set(nearest.argmin(axis=-1)) == set(range(5))


def test_the_number_follows_the_size_of_the_box(usual, study):
    view, side = usual
    study.node("d", Side.T1).SetSize(90, 90, 90)
    display_of(study, "d", Side.T1).AddViewNodeID(view.node.GetID())
    number = changed(view, lambda: display_of(study, "d", Side.T1).SetPointLabelsVisibility(False))
    assert len(number) > 50 and (number.max(axis=-1) > 45).all()


def white(view) -> int:
    return int((view.grab().min(axis=-1) > 200).sum())


def test_the_marker_is_drawn_in_its_own_row_only(rows):
    for view in rows:
        view.look_at((1.0, 2.0, 3.0), 100.0)
    before = [white(view) for view in rows]
    marker = PlaceMarker(1)
    marker.show((1.0, 2.0, 3.0), "about 6 mm")
    assert marker.visible
    first = [white(view) - count for view, count in zip(rows, before)]
    assert first[0] == 0 and first[1] > 20
    marker.hide()
    assert not marker.visible
    assert [white(view) for view in rows] == before


def test_the_marker_is_one_point_that_nobody_grabs_and_no_file_keeps(scene):
    marker = PlaceMarker(0)
    marker.hide()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    for place in ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)):
        marker.show(place, "here")
    (node,) = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    position = [0.0] * 3
    node.GetNthControlPointPositionWorld(0, position)
    assert (node.GetNumberOfControlPoints(), position, node.GetNthControlPointLabel(0)) == (1, [4.0, 5.0, 6.0], "here")
    assert node.GetLocked() and not node.GetSaveWithScene()
    marker.remove()
    marker.remove()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0


def test_the_marker_survives_a_closed_scene(scene):
    marker = PlaceMarker(0)
    marker.show((1.0, 2.0, 3.0))
    scene.Clear(False)
    assert not marker.visible
    marker.show((1.0, 2.0, 3.0))
    assert marker.visible
    marker.remove()
