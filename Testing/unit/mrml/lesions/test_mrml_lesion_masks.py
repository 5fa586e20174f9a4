"""Masks that boxes have named: drawn, edited, deleted and taken back, and the box that follows."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from lesion_factory import detected, lesion_of
from mrml_lesion_factory import scene  # noqa: F401

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.segmentations import oriented_labelmap
from liverpair.mrml.volumes import grid_of, node_from_image

GRID = Grid((40, 32, 20), (2.0, 2.0, 4.0), (-30.0, -25.0, 10.0), (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
FIRST = {"a": (4, 4, 3), "b": (20, 8, 8)}
"""First voxel (x, y, z) of two lesions."""


def block(first, size=(6, 5, 3)) -> np.ndarray:
    voxels = np.zeros(GRID.shape, np.uint8)
    x, y, z = first
    voxels[z : z + size[2], y : y + size[1], x : x + size[0]] = 1
    return voxels


def box(first, size=(6, 5, 3)) -> Box:
    center = GRID.point(np.add(first, np.divide(size, 2)) - 0.5)
    return Box(tuple(map(float, center)), tuple(map(float, np.multiply(size, GRID.spacing))), GRID.direction)


@pytest.fixture
def study(scene):  # noqa: F811
    opened = LesionStudy(*(node_from_image(GRID.image(5.0), side) for side in ("T1", "T2")))
    opened.add([lesion_of(n, detected(box(FIRST[u])), detected(box(FIRST[u])), uid=u) for n, u in ((1, "a"), (2, "b"))])
    yield opened
    opened.release()


def put(study, uid, voxels, side=Side.T1) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{side} lesions")
    lesion_segments.put(study, uid, side, on_grid(voxels, grid_of(study.volume(side))), node)
    if node.GetSegmentation().GetNumberOfSegments() == 0:
        slicer.mrmlScene.RemoveNode(node)
    lesion_segments.show(study)


def edit(study, uid, voxels, side=Side.T1) -> None:
    """As the Segment Editor does."""
    node, volume = lesion_segments.of_study(study, side), study.volume(side)
    labelmap = oriented_labelmap(on_grid(voxels, grid_of(volume)), volume, "edited")
    segment = lesion_segments.segment_of(study, uid, side)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(labelmap, node, segment)
    lesion_segments.show(study)


def voxels(study, number, side=Side.T1) -> np.ndarray:
    return sitk.GetArrayFromImage(lesion_segments.label_map(study, side)) == number


def test_a_mask_is_one_step_and_keeps_the_box(study):
    inner = block((5, 5, 3), (3, 3, 2))
    put(study, "a", inner)
    assert np.array_equal(voxels(study, 1), inner == 1)
    assert study.pair("a").box(Side.T1) == box(FIRST["a"]) and study.pair("a").boxes[Side.T1].origin == "detected"
    assert study.undo_name == "Draw mask"
    study.undo()
    lesion_segments.show(study)
    assert not voxels(study, 1).any() and len(study) == 2
    study.redo()
    lesion_segments.show(study)
    assert np.array_equal(voxels(study, 1), inner == 1)


def test_what_is_edited_moves_the_box_as_one_step_that_brings_the_voxels_back(study):
    put(study, "a", block(FIRST["a"]))
    larger = block((3, 4, 2), (9, 6, 4))
    edit(study, "a", larger)
    found = study.pair("a").boxes[Side.T1]
    assert np.allclose(found.box.center_mm, box((3, 4, 2), (9, 6, 4)).center_mm)
    assert np.allclose(found.box.size_mm, (18.0, 12.0, 16.0)) and (found.origin, found.score) == ("drawn", None)
    assert study.undo_name == "Edit mask"
    study.undo()
    lesion_segments.show(study)
    assert np.array_equal(voxels(study, 1), block(FIRST["a"]) == 1)
    assert np.allclose(study.pair("a").box(Side.T1).center_mm, box(FIRST["a"]).center_mm)
    study.redo()
    lesion_segments.show(study)
    assert np.array_equal(voxels(study, 1), larger == 1)


def test_drawing_again_takes_the_place_of_the_mask(study):
    put(study, "a", block(FIRST["a"]))
    put(study, "a", block((5, 5, 4), (2, 2, 1)))
    node = lesion_segments.of_study(study, Side.T1)
    assert node.GetSegmentation().GetNumberOfSegments() == 1 and voxels(study, 1).sum() == 4
    study.undo()
    lesion_segments.show(study)
    assert voxels(study, 1).sum() == 90


def test_a_deleted_segment_leaves_the_box_and_a_deleted_box_the_segment(study):
    put(study, "a", block(FIRST["a"]))
    put(study, "b", block(FIRST["b"]))
    node = lesion_segments.of_study(study, Side.T1)
    node.GetSegmentation().RemoveSegment(lesion_segments.segment_of(study, "a", Side.T1))
    lesion_segments.show(study)
    assert study.pair("a").boxes[Side.T1].mask is None and len(study) == 2
    assert study.undo_name == "Delete mask"
    study.undo()
    lesion_segments.show(study)
    assert np.array_equal(voxels(study, 1), block(FIRST["a"]) == 1)
    study.remove_side("b", Side.T1)
    lesion_segments.show(study)
    assert node.GetSegmentation().GetNumberOfSegments() == 2 and not voxels(study, 2).any()
    study.undo()
    lesion_segments.show(study)
    assert np.array_equal(voxels(study, 2), block(FIRST["b"]) == 1)


def test_the_whole_segmentation_deleted_leaves_the_boxes(study):
    put(study, "a", block(FIRST["a"]))
    slicer.mrmlScene.RemoveNode(lesion_segments.of_study(study, Side.T1))
    lesion_segments.show(study)
    assert lesion_segments.label_map(study, Side.T1) is None and len(study) == 2
    assert study.pair("a").boxes[Side.T1].mask is None


def test_an_erased_mask_stays_the_lesions_and_can_be_drawn_again(study):
    put(study, "a", block(FIRST["a"]))
    edit(study, "a", np.zeros(GRID.shape, np.uint8))
    assert np.allclose(study.pair("a").box(Side.T1).center_mm, box(FIRST["a"]).center_mm)
    segment = study.pair("a").boxes[Side.T1].mask.rpartition(" ")[0]
    node, volume = lesion_segments.of_study(study, Side.T1), study.volume(Side.T1)
    again = oriented_labelmap(on_grid(block((4, 4, 3), (4, 4, 2)), grid_of(volume)), volume, "again")
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(again, node, segment)
    lesion_segments.show(study)
    assert voxels(study, 1).sum() == 32 and np.allclose(study.pair("a").box(Side.T1).size_mm, (8.0, 8.0, 8.0))


def test_masks_follow_boxes_that_are_linked_and_swapped(study):
    put(study, "a", block(FIRST["a"]), Side.T2)
    put(study, "b", block(FIRST["b"]), Side.T2)
    study.swap_partner("a", "b")
    lesion_segments.show(study)
    assert np.array_equal(voxels(study, 2, Side.T2), block(FIRST["a"]) == 1)
    first, second = study.split("a")
    lesion_segments.show(study)
    number = study.pair(second).number
    assert np.array_equal(voxels(study, number, Side.T2), block(FIRST["b"]) == 1)


def test_a_segment_that_a_person_adds_becomes_that_of_the_lesion_that_lies_there(study):
    put(study, "b", block(FIRST["b"]))
    node, volume = lesion_segments.of_study(study, Side.T1), study.volume(Side.T1)
    labelmap = oriented_labelmap(on_grid(block(FIRST["a"], (5, 5, 3)), grid_of(volume)), volume, "added")
    node.AddSegmentFromBinaryLabelmapRepresentation(labelmap, "By hand")
    lesion_segments.show(study)
    assert voxels(study, 1).sum() == 75 and np.allclose(study.pair("a").box(Side.T1).size_mm, (10.0, 10.0, 12.0))


def test_masks_come_back_with_their_scene_and_can_be_edited_there(study, tmp_path):
    put(study, "a", block(FIRST["a"]))
    path = save_scene_mrb(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    load_scene_mrb(path)
    (loaded,) = LesionStudy.all_in_scene()
    lesion_segments.show(loaded)
    assert np.array_equal(voxels(loaded, 1), block(FIRST["a"]) == 1) and loaded.undo_name is None
    edit(loaded, "a", block(FIRST["a"], (7, 5, 3)))
    assert np.allclose(loaded.pair("a").box(Side.T1).size_mm, (14.0, 10.0, 12.0))
    loaded.undo()
    lesion_segments.show(loaded)
    assert voxels(loaded, 1).sum() == 90


def test_a_mask_that_is_empty_or_on_another_grid_is_refused(study):
    for mask in (np.zeros(GRID.shape, np.uint8), None):
        with pytest.raises(InputError, match="is empty|does not fit"):
            image = sitk.Image([4, 4, 4], sitk.sitkUInt8) if mask is None else on_grid(mask, GRID)
            lesion_segments.put(study, "a", Side.T1, image, None)
    assert study.undo_name == "Add lesions"


def test_a_detection_names_its_masks_and_keeps_those_of_lesions_that_stay(study):
    put(study, "a", block(FIRST["a"], (5, 5, 3)))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "detected")
    labels = on_grid((block(FIRST["b"]) * 1).astype(np.uint16), grid_of(study.volume(Side.T1)))
    lesion_segments.fill(node, labels, study.volume(Side.T1), {"bundle": "drawer"})
    with study.action("Detect"):
        lesion_segments.keep(study, {Side.T1: node})
    lesion_segments.show(study)
    assert voxels(study, 1).sum() == 75 and voxels(study, 2).sum() == 90
    edit(study, "b", block(FIRST["b"], (6, 6, 3)))
    assert voxels(study, 2).sum() == 108 and study.undo_name == "Edit mask"
