"""The lesions of a study: reading, writing, linking, with real ROI nodes below."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
from lesion_factory import detected, drawn, lesion_of, origins, scores, without
from mrml_factory import noise_image, shift_transform
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
from liverpair.mrml.lesions import lesion_boxes, lesion_table
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.volumes import node_from_image


def test_what_was_added_is_read(study):
    assert_same(study.pairs(), three_lesions())
    assert len(study) == 3
    assert "b" in study and "x" not in study


def test_a_box_is_a_roi_node_with_attributes_and_references(study):
    t1, t2 = study.node("a", Side.T1), study.node("a", Side.T2)
    wanted = {
        "UID": "a",
        "Sequence": "T1",
        "State": "accepted",
        "Origin": "detected",
        "Score": "0.93",
        "Number": "1",
        "Note": "dome",
        "Displacement": "-4.5 7.0 -25.0",
    }
    assert {name: t1.GetAttribute(f"LesionPair.{name}") for name in wanted} == wanted
    assert t2.GetAttribute("LesionPair.Sequence") == "T2"
    assert t1.GetNodeReference("lesionPairPartner") is t2
    assert t2.GetNodeReference("lesionPairPartner") is t1
    assert t1.GetNodeReference("lesionPairVolume") is study.volume(Side.T1)
    assert t2.GetNodeReference("lesionPairVolume") is study.volume(Side.T2)
    assert t1.GetNthControlPointDescription(0) == "a"
    assert study.node("b", Side.T2) is None
    assert study.node("b", Side.T1).GetNodeReference("lesionPairPartner") is None


@pytest.mark.parametrize("side", list(Side))
def test_a_box_is_oriented_like_its_image(study, side):
    node, volume = study.node("a", side), study.volume(side)
    axes, wanted = slicer.util.arrayFromVTKMatrix(node.GetObjectToNodeMatrix())[:3, :3], np.zeros((3, 3))
    volume.GetIJKToRASDirections(wanted)
    assert axes == pytest.approx(wanted, abs=1e-9)


def test_a_node_is_known_by_its_study_only(study):
    other = new_study()
    (uid,) = other.add([lesion_of(1, drawn(t1_box()))])
    node = study.node("c", Side.T2)
    assert (study.uid_of(node), study.side_of(node)) == ("c", Side.T2)
    assert (other.uid_of(node), other.side_of(node)) == (None, None)
    assert other.uid_of(other.node(uid, Side.T1)) == uid


def test_the_same_volumes_are_the_same_study(study):
    again = LesionStudy(study.volume(Side.T1), study.volume(Side.T2))
    assert again.folder is study.folder
    assert_same(again.pairs(), three_lesions())
    again.set_state("b", "accepted")
    assert study.undo() == "Accept"
    assert again.pair("b").state == "proposed"
    again.release()
    study.set_note("b", "still observed")
    study.node("b", Side.T1).SetSize(5, 5, 5)
    assert study.undo_name == "Resize box"


def test_other_volumes_are_another_study(study):
    other = LesionStudy(study.volume(Side.T1), node_from_image(noise_image(), "T2 late"))
    assert other.pairs() == []
    assert other.folder is not study.folder
    assert [found.folder for found in LesionStudy.all_in_scene()] == [study.folder, other.folder]


def test_a_study_begun_with_t1_goes_on_when_t2_is_chosen(scene):
    t1, t2 = (node_from_image(noise_image(), name) for name in ("T1", "T2"))
    begun = LesionStudy(t1, None)
    begun.add([lesion_of(1, drawn(t1_box()), uid="a")])
    both = LesionStudy(t1, t2)
    assert both.folder is begun.folder
    assert (both.volume(Side.T1), both.volume(Side.T2), begun.volume(Side.T2)) == (t1, t2, None)
    alone = LesionStudy(t1, None)
    assert [pair.uid for pair in alone.pairs()] == ["a"]
    assert alone.volume(Side.T2) is None


def test_the_folder_holds_the_boxes_and_lies_beside_the_volume(scene):
    hierarchy = scene.GetSubjectHierarchyNode()
    t1 = node_from_image(noise_image(), "T1")
    visit = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Visit")
    hierarchy.CreateItem(visit, t1)
    opened = LesionStudy(t1, None, "Findings")
    opened.add([lesion_of(1, drawn(t1_box()), uid="a")])
    folder = hierarchy.GetItemByDataNode(opened.folder)
    assert (hierarchy.GetItemParent(folder), hierarchy.GetItemName(folder)) == (visit, "Findings")
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(opened.node("a", Side.T1))) == folder


def test_an_unknown_lesion_is_named(study):
    for call in (
        lambda: study.pair("x"),
        lambda: study.set_state("x", "accepted"),
        lambda: study.set_note("x", ""),
        lambda: study.set_box("x", Side.T1, t1_box()),
        lambda: study.remove("x"),
        lambda: study.remove_side("x", Side.T1),
        lambda: study.split("x"),
        lambda: study.link("a", "x"),
        lambda: study.swap_partner("x", "a"),
    ):
        with pytest.raises(InputError, match="There is no lesion with the uid 'x'"):
            call()
    assert study.undo_name == "Add lesions"


def test_the_same_lesion_is_not_added_twice(study):
    assert study.add(three_lesions()) == ["a", "b", "c"]
    assert (len(study), len(roi_nodes()), study.undo_name) == (3, 5, "Add lesions")


def test_another_lesion_with_a_known_uid_gets_its_own(study):
    other = lesion_of(1, drawn(t1_box(7.0)), uid="a")
    (uid,) = study.add([other])
    assert uid not in ("a", "b", "c")
    assert_same([study.pair("a")], three_lesions()[:1])
    assert_same([study.pair(uid)], [replace(other, uid=uid, number=4)])


def test_another_lesion_with_a_known_uid_takes_its_place_when_asked(study):
    other = lesion_of(1, drawn(t1_box(7.0)), uid="a")
    assert study.add([other], replace=True) == ["a"]
    assert_same([study.pair("a")], [other])
    assert study.node("a", Side.T2) is None
    assert len(roi_nodes()) == 4


def test_a_uid_of_another_study_is_not_given_twice(study):
    other = new_study()
    (uid,) = other.add(three_lesions()[:1])
    assert uid != "a"


def test_a_taken_number_becomes_the_next_free_one(study):
    uids = study.add([lesion_of(n, drawn(t1_box(100.0 + n))) for n in (2, 9, 9)])
    assert [study.pair(uid).number for uid in uids] == [4, 9, 10]


def test_replacing_all_keeps_the_uids_of_the_new_ones(study):
    kept = replace(three_lesions()[0], number=5, note="again")
    assert study.replace_all([kept, lesion_of(1, t2=drawn(t2_box()), uid="z")]) == ["a", "z"]
    assert [(pair.uid, pair.number) for pair in study.pairs()] == [("z", 1), ("a", 5)]
    assert study.undo() == "Replace all lesions"
    assert_same(study.pairs(), three_lesions())


def test_put_inserts_and_changes(study):
    new = lesion_of(8, t2=drawn(t2_box(3.0)), uid="new")
    study.put(new)
    changed = without(three_lesions()[0], Side.T2, note="T1 only now")
    study.put(changed)
    assert_same([study.pair("a"), study.pair("new")], [changed, new])


def test_state_and_note_are_of_both_boxes(study):
    study.set_state("c", "rejected")
    study.set_note("c", "vessel;\ttwo lines\nand “quotes”")
    for side in Side:
        assert study.node("c", side).GetAttribute("LesionPair.State") == "rejected"
    study.remove_side("c", Side.T1)
    assert (study.pair("c").state, study.pair("c").note) == ("rejected", "vessel;\ttwo lines\nand “quotes”")


def test_an_unknown_state_is_refused(study):
    with pytest.raises(InputError, match="Unknown state 'perhaps'. It is one of proposed, accepted, rejected."):
        study.set_state("a", "perhaps")


def test_a_box_is_set_and_the_way_measured(study):
    study.set_box("b", Side.T2, t2_box(50.0), origin="predicted", score=0.4)
    pair = study.pair("b")
    assert (pair.boxes[Side.T2].origin, pair.boxes[Side.T2].score) == ("predicted", 0.4)
    assert pair.displacement_mm == pytest.approx(np.subtract(t2_box(50.0).center_mm, t1_box(40.0).center_mm), abs=1e-4)
    study.set_box("b", Side.T1, t1_box(41.0))
    assert study.pair("b").boxes[Side.T1].origin == "drawn"
    assert study.pair("b").displacement_mm == pytest.approx(
        np.subtract(t2_box(50.0).center_mm, t1_box(41.0).center_mm), abs=1e-4
    )


def test_deleting_one_side_leaves_the_other_unpaired(study):
    study.remove_side("a", Side.T2)
    pair = study.pair("a")
    assert (pair.box(Side.T2), pair.displacement_mm, pair.number, pair.note) == (None, None, 1, "dome")
    assert study.node("a", Side.T1).GetNodeReference("lesionPairPartner") is None
    study.remove_side("a", Side.T1)
    assert "a" not in study


def test_removing_a_lesion_leaves_no_node(study):
    study.remove("a")
    assert [pair.uid for pair in study.pairs()] == ["b", "c"]
    assert len(roi_nodes()) == 3


def test_numbers_stay_when_others_go(study):
    study.remove("a")
    (uid,) = study.add([lesion_of(2, drawn(t1_box()))])
    assert [(pair.uid, pair.number) for pair in study.pairs()] == [("b", 2), ("c", 3), (uid, 4)]


def test_splitting_a_pair(study):
    first, second = study.split("a")
    t1, t2 = study.pair(first), study.pair(second)
    assert (first, t1.number, t2.number) == ("a", 1, 4)
    assert (t1.box(Side.T2), t2.box(Side.T1), t1.displacement_mm, t2.displacement_mm) == (None, None, None, None)
    assert (scores(t2), origins(t2), t2.state, t2.note) == ([0.81], ["detected"], "accepted", "dome")
    assert_same([replace(t2, uid="a", number=1)], [without(three_lesions()[0], Side.T1, displacement_mm=None)])


def test_what_is_no_pair_cannot_be_split(study):
    with pytest.raises(InputError, match="Lesion 2 has one box only"):
        study.split("b")


def test_linking_leaves_what_remains_unpaired(study):
    assert study.link("a", "c") == "a"
    by_number = {pair.number: pair for pair in study.pairs()}
    assert sorted(by_number) == [1, 2, 3, 4]
    linked, left_t1, left_t2 = by_number[1], by_number[3], by_number[4]
    assert (linked.box(Side.T1), linked.box(Side.T2)) == (study.pair("a").box(Side.T1), study.pair("a").box(Side.T2))
    assert linked.box(Side.T2).center_mm == pytest.approx(t2_box(80.0).center_mm, abs=1e-4)
    assert (linked.boxes[Side.T2].origin, linked.note) == ("predicted", "dome")
    assert linked.displacement_mm == pytest.approx((84.0, -7.5, -25.25), abs=1e-4)
    assert (left_t1.uid, left_t1.box(Side.T2)) == ("c", None)
    assert (left_t2.box(Side.T1), left_t2.boxes[Side.T2].score) == (None, 0.81)
    assert study.node("a", Side.T1).GetNodeReference("lesionPairPartner") is study.node("a", Side.T2)
    assert study.undo() == "Link boxes"
    assert_same(study.pairs(), three_lesions())


def test_linking_two_lone_boxes_makes_one_lesion(study):
    (uid,) = study.add([lesion_of(9, t2=detected(t2_box(40.0), 0.6))])
    assert study.link("b", uid) == "b"
    assert uid not in study
    assert study.pair("b").boxes[Side.T2].score == 0.6
    assert study.link("b", "b") == "b"


def test_a_missing_box_cannot_be_linked_or_swapped(study):
    for call in (lambda: study.link("a", "b"), lambda: study.swap_partner("a", "b")):
        with pytest.raises(InputError, match="Lesion 2 has no box in T2"):
            call()
    assert_same(study.pairs(), three_lesions())


def test_swapping_partners(study):
    study.swap_partner("a", "c")
    a, c = study.pair("a"), study.pair("c")
    assert a.box(Side.T2).center_mm == pytest.approx(t2_box(80.0).center_mm, abs=1e-4)
    assert c.box(Side.T2).center_mm == pytest.approx(t2_box().center_mm, abs=1e-4)
    assert (scores(a), scores(c)) == ([0.93, None], [0.2, 0.81])
    assert (a.number, c.number, a.note, c.note) == (1, 3, "dome", "")
    study.swap_partner("a", "c")
    assert_same([replace(study.pair("a"), displacement_mm=(4.5, -7.0, -25.0))], three_lesions()[:1])


def test_under_a_transform_boxes_are_read_and_written_in_the_world(scene):
    t1, t2 = (node_from_image(noise_image(), name) for name in ("T1", "T2"))
    moved = shift_transform(30, -20, 10)
    t1.SetAndObserveTransformNodeID(moved.GetID())
    opened = LesionStudy(t1, t2)
    opened.add(three_lesions())
    assert opened.node("a", Side.T1).GetParentTransformNode() is moved
    assert opened.node("a", Side.T2).GetParentTransformNode() is None
    found = opened.pair("a")
    assert found.box(Side.T1).center_mm == pytest.approx(t1_box().center_mm, abs=1e-4)
    assert found.displacement_mm == pytest.approx(np.subtract(t2_box().center_mm, t1_box().center_mm), abs=1e-4)
    told = []
    opened.observe(told.append)
    matrix = slicer.util.arrayFromTransformMatrix(moved)
    matrix[2, 3] += 5.0
    moved.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    assert set(told) == {"boxes"}
    assert opened.pair("a").box(Side.T1).center_mm == pytest.approx(np.add(t1_box().center_mm, (0, 0, 5)), abs=1e-4)
    assert opened.pair("a").displacement_mm[2] == pytest.approx(found.displacement_mm[2] - 5)
    assert opened.undo_name == "Add lesions"


def test_a_hardened_transform_moves_no_box_and_draws_none(study):
    moved = shift_transform(3, 2, 1)
    for uid, side in (("a", Side.T1), ("a", Side.T2), ("b", Side.T1)):
        study.node(uid, side).SetAndObserveTransformNodeID(moved.GetID())
    before = study.pairs()
    for uid, side in (("a", Side.T1), ("a", Side.T2), ("b", Side.T1)):
        study.node(uid, side).HardenTransform()
    assert study.node("a", Side.T1).GetParentTransformNode() is None
    for found, wanted in zip(study.pairs(), before):
        assert (origins(found), scores(found)) == (origins(wanted), scores(wanted))
        for side in Side:
            assert lesion_boxes.same_place(found.box(side), wanted.box(side))
    assert study.undo_name is None


def test_a_state_under_a_transform_moves_no_box(study):
    study.node("a", Side.T1).SetAndObserveTransformNodeID(shift_transform(3, 2, 1).GetID())
    before = tuple(study.node("a", Side.T1).GetCenterWorld())
    study.set_state("a", "rejected")
    assert tuple(study.node("a", Side.T1).GetCenterWorld()) == before
    study.undo()
    assert tuple(study.node("a", Side.T1).GetCenterWorld()) == before


def test_a_box_under_a_warp_is_refused_in_one_sentence_and_nothing_is_lost(study):
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Breathing")
    study.volume(Side.T2).SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(InputError, match="The box in T2 lies under the warping transform 'Breathing'"):
        study.add([lesion_of(7, drawn(t1_box(5.0)), drawn(t2_box(5.0)))])
    assert_same(study.pairs(), three_lesions())
    study.node("a", Side.T1).SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(InputError, match="Box 1 in T1 lies under the warping transform 'Breathing'"):
        study.pairs()
    assert_same([study.pair("b")], three_lesions()[1:2])
    study.node("a", Side.T1).SetAndObserveTransformNodeID(None)
    assert_same(study.pairs(), three_lesions())


def test_a_volume_that_was_deleted_leaves_the_boxes(study):
    slicer.mrmlScene.RemoveNode(study.volume(Side.T2))
    assert study.volume(Side.T2) is None
    assert_same(study.pairs(), three_lesions())
    study.set_note("a", "T2 is gone")
    assert study.node("a", Side.T2).GetNodeReferenceID("lesionPairVolume") is None


def test_the_table_is_derived(scene, study):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "Lesions")
    lesion_table.show(table, study)
    titles = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    rows = [
        dict(zip(titles, (table.GetCellText(row, column) for column in range(len(titles)))))
        for row in range(table.GetNumberOfRows())
    ]
    assert [(row["Number"], row["State"], row["Seen in"]) for row in rows] == [
        ("1", "accepted", "both"),
        ("2", "proposed", "T1 only"),
        ("3", "proposed", "T1 only"),
    ]
    assert (rows[0]["T1 score"], rows[1]["T1 score"], rows[0]["Note"]) == ("0.93", "", "dome")
    table.GetTable().GetColumnByName("Note").SetValue(0, "changed in the table")
    assert study.pair("a").note == "dome"
    study.remove("a")
    lesion_table.show(table, study)
    assert (table.GetNumberOfRows(), table.GetCellText(0, 0)) == (2, "2")
