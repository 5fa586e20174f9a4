"""How boxes look: in which views, in which color, with handles or not, filtered or not."""

import itertools

import numpy as np
import slicer
from hypothesis import given
from hypothesis import strategies as st
from lesion_factory import detected, lesion_of
from mrml_lesion_factory import (  # noqa: F401
    assert_same,
    display_of,
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
from liverpair.mrml import layouts
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.lesions.lesion_display import COLORS, LesionFilter, color_of
from liverpair.mrml.lesions.lesion_study import LesionStudy

BOTH = list(itertools.product("abc", Side))


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
