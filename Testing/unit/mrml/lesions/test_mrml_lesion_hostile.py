"""Linked boxes and what nobody meant to happen to them: senseless attributes, flat transforms, deleted volumes."""

import numpy as np
import pytest
import slicer
from lesion_factory import drawn, lesion_of
from mrml_factory import noise_image, shift_transform
from mrml_lesion_factory import assert_same, scene, study, t1_box, three_lesions  # noqa: F401

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.mrml import scanner_space
from liverpair.mrml.lesions.lesion_study import LesionStudy, adopt_scene
from liverpair.mrml.volumes import node_from_image


@pytest.mark.parametrize("number", ["1e999", "nan", "-3", "", "10000000"])
def test_a_senseless_number_changes_no_lesion(study, number):
    study.node("a", Side.T1).SetAttribute("LesionPair.Number", number)
    assert_same(study.pairs(), three_lesions())
    assert adopt_scene() == [] and study.undo_name == "Add lesions"
    assert study.node("a", Side.T1).GetAttribute("LesionPair.Number") == "1"


def test_a_senseless_number_in_a_scene_is_given_anew(study):
    study.release()
    for side in Side:
        study.node("a", side).SetAttribute("LesionPair.Number", "1e999")
    (opened,) = LesionStudy.all_in_scene()
    assert [(pair.number, pair.uid) for pair in opened.pairs()] == [(2, "b"), (3, "c"), (4, "a")]


def test_a_note_in_no_encoding_of_ours_is_read_as_far_as_it_goes(study):
    study.node("a", Side.T1).SetAttribute("LesionPair.Note", "dome %ff")
    assert study.pair("a").note == "dome \ufffd"
    assert Side.T2 in study.pair("a").boxes and len(study.pairs()) == 3


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_a_side_that_no_file_keeps_is_taken_back(study, size):
    study.node("a", Side.T1).SetSize(size, 5.0, 5.0)
    assert_same(study.pairs(), three_lesions())


def test_under_a_transform_that_flattens_boxes_are_refused_in_words(study):
    flat = shift_transform(0.0, 0.0, 0.0)
    flat.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1.0, 0.0, 1.0])))
    study.volume(Side.T1).SetAndObserveTransformNodeID(flat.GetID())
    with pytest.raises(InputError, match="The box in T1 lies under a transform that flattens it"):
        study.add([lesion_of(9, drawn(t1_box()))])
    with pytest.raises(InputError, match="T1 lies under a transform that flattens it"):
        scanner_space.to_scanner(three_lesions(), study.volume(Side.T1), study.volume(Side.T2))
    assert_same(study.pairs(), three_lesions())


def test_the_next_patient_does_not_inherit_the_lesions_of_one_whose_volumes_were_deleted(scene, study):
    for side in Side:
        scene.RemoveNode(study.volume(side))
    following = LesionStudy(node_from_image(noise_image(), "T1"), node_from_image(noise_image(), "T2"))
    assert following.pairs() == [] and following.folder is not study.folder
    assert_same(study.pairs(), three_lesions())


def test_a_deleted_folder_that_comes_back_after_its_volumes_went_is_nobody_else_s(scene, study):
    for node in (study.volume(Side.T1), study.volume(Side.T2), study.folder):
        scene.RemoveNode(node)
    assert len(study.pairs()) == 3 and scene.IsNodePresent(study.folder)
    assert LesionStudy(node_from_image(noise_image(), "T1"), None).pairs() == []


def test_a_volume_that_was_deleted_can_be_chosen_again_beside_the_other(scene, study):
    scene.RemoveNode(study.volume(Side.T2))
    again = node_from_image(noise_image(), "T2")
    assert LesionStudy(study.volume(Side.T1), again).folder is study.folder
    assert study.volume(Side.T2) is again
