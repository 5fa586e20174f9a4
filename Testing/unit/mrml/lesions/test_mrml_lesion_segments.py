"""Lesions that a network has drawn: segments that follow the lesions whose boxes they fill; their boxes step back."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from lesion_factory import detected, lesion_of
from mrml_lesion_factory import display_of, rows, scene  # noqa: F401

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side
from liverpair.mrml import frames, provenance
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_display import color_of
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.segmentations import liver_mask, source_of
from liverpair.mrml.volumes import grid_of, node_from_image

GRID = Grid((40, 32, 20), (2.0, 2.0, 4.0), (-30.0, -25.0, 10.0), (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
"""Its axes are not those of the world."""
PLACES = {1: (4, 4, 3), 2: (20, 8, 8), 3: (30, 20, 12)}
"""First voxels (x, y, z) of three lesions."""
SIZE = (6, 5, 3)


def labels() -> sitk.Image:
    voxels = np.zeros(GRID.shape, np.uint16)
    for number, (x, y, z) in PLACES.items():
        voxels[z : z + SIZE[2], y : y + SIZE[1], x : x + SIZE[0]] = number
        voxels[z, y, x] = 0
    return on_grid(voxels, GRID)


def box(number: int) -> Box:
    """The box of a lesion (LPS, mm), along the axes of the volume."""
    center = GRID.point(np.add(PLACES[number], np.divide(SIZE, 2)) - 0.5)
    return Box(tuple(map(float, center)), tuple(np.multiply(SIZE, GRID.spacing)), GRID.direction)


@pytest.fixture
def study(scene):  # noqa: F811
    volumes = [node_from_image(GRID.image(5.0), side) for side in ("T1", "T2")]
    opened = LesionStudy(*volumes)
    opened.add([lesion_of(n, detected(box(n), 0.9 - n / 10), detected(box(n), 0.5), uid=f"lesion-{n}") for n in PLACES])
    yield opened
    opened.release()


@pytest.fixture
def drawn(study):
    """The study with what was drawn in both images."""
    nodes = {}
    for side in Side:
        nodes[side] = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{side} lesions")
        lesion_segments.fill(nodes[side], labels(), study.volume(side), {"bundle": "drawer"})
    lesion_segments.keep(study, nodes)
    lesion_segments.show(study)
    return study


def forget(study) -> None:
    """Take from all lesions what was drawn of them."""
    for pair in study.pairs():
        for side in pair.boxes:
            study.set_mask(pair.uid, side, None)
    lesion_segments.keep(study, {})
    lesion_segments.show(study)


def shown(study, side: Side = Side.T1) -> dict[str, tuple]:
    """Names and colors of the segments that are shown."""
    node = lesion_segments.of_study(study, side)
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(number) for number in range(segmentation.GetNumberOfSegments())]
    visible = [segmentation.GetSegment(each) for each in ids if node.GetDisplayNode().GetSegmentVisibility(each)]
    return {segment.GetName(): segment.GetColor() for segment in visible}


def test_every_lesion_has_a_segment_with_its_number_color_voxels_and_code(drawn):
    assert shown(drawn) == {f"Lesion {number}": color_of(number) for number in PLACES}
    node = lesion_segments.of_study(drawn, Side.T1)
    assert source_of(node) is drawn.volume(Side.T1) and provenance.read(node) == {"bundle": "drawer"}
    assert "52988006" in node.GetSegmentation().GetNthSegment(0).GetTerminology()
    for number in PLACES:
        mask = liver_mask(node, drawn.volume(Side.T1), f"Lesion {number}")
        assert Grid.of(mask).same_as(grid_of(drawn.volume(Side.T1)))
        assert np.array_equal(sitk.GetArrayFromImage(mask), sitk.GetArrayFromImage(labels()) == number)


def test_what_was_drawn_is_a_label_map_with_the_numbers_that_the_lesions_have_now(drawn):
    drawn.swap_partner("lesion-1", "lesion-3")
    found = lesion_segments.label_map(drawn, Side.T2)
    assert Grid.of(found).same_as(GRID)
    swapped = np.array([0, 3, 2, 1])[sitk.GetArrayFromImage(labels())]
    assert np.array_equal(sitk.GetArrayFromImage(found), swapped)
    drawn.remove("lesion-2")
    assert 2 not in sitk.GetArrayFromImage(lesion_segments.label_map(drawn, Side.T1))
    forget(drawn)
    assert lesion_segments.label_map(drawn, Side.T1) is None


def test_segments_follow_the_lesions_their_boxes_belong_to(drawn):
    drawn.swap_partner("lesion-1", "lesion-3")
    lesion_segments.show(drawn)
    node = lesion_segments.of_study(drawn, Side.T2)
    mask = liver_mask(node, drawn.volume(Side.T2), "Lesion 1")
    assert np.array_equal(sitk.GetArrayFromImage(mask), sitk.GetArrayFromImage(labels()) == 3)
    drawn.undo()
    drawn.remove_side("lesion-2", Side.T1)
    lesion_segments.show(drawn)
    assert list(shown(drawn)) == ["Lesion 1", "Lesion 3"]
    assert list(shown(drawn, Side.T2)) == ["Lesion 1", "Lesion 2", "Lesion 3"]
    drawn.undo()
    drawn.set_box("lesion-1", Side.T1, box(1).moved((40.0, 0.0, 0.0)))
    lesion_segments.show(drawn)
    assert list(shown(drawn)) == ["Lesion 2", "Lesion 3"], "the box is no longer where the lesion was drawn"


def test_segments_are_filtered_and_dimmed_as_their_boxes_are(drawn):
    drawn.filter(0.65)
    lesion_segments.show(drawn)
    assert list(shown(drawn)) == ["Lesion 1", "Lesion 2"]
    drawn.select("lesion-2")
    lesion_segments.show(drawn)
    display = lesion_segments.of_study(drawn, Side.T1).GetDisplayNode()
    ids = [lesion_segments.of_study(drawn, Side.T1).GetSegmentation().GetNthSegmentID(row) for row in (0, 1)]
    assert [display.GetSegmentOpacity2DOutline(each) for each in ids] == [0.45, 1.0]
    assert not display.GetVisibility2DFill()


def test_the_box_steps_back_where_the_lesion_is_drawn(drawn):
    assert display_of(drawn, "lesion-1", Side.T1).GetOutlineOpacity() == pytest.approx(0.4)
    drawn.select("lesion-2")
    assert display_of(drawn, "lesion-2", Side.T1).GetOutlineOpacity() == pytest.approx(0.4)
    assert display_of(drawn, "lesion-1", Side.T1).GetOutlineOpacity() == pytest.approx(0.18)
    forget(drawn)
    assert display_of(drawn, "lesion-2", Side.T1).GetOutlineOpacity() == 1.0
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def test_a_slice_through_the_lesion_shows_its_section_and_one_beside_it_the_box_alone(drawn, rows):  # noqa: F811
    def bright() -> int:
        """Pixels in the full color of lesion 1, without those of its number."""
        return int((np.abs(rows[0].grab().astype(float) - np.array(color_of(1)) * 255).max(axis=-1) < 25).sum())

    display_of(drawn, "lesion-1", Side.T1).SetPointLabelsVisibility(False)
    center = np.array(box(1).center_mm)
    rows[0].look_at(frames.flip(center), 60.0)
    assert bright() > 40
    drawn.set_box("lesion-1", Side.T1, Box(tuple(center), (12.0, 10.0, 40.0), GRID.direction))
    lesion_segments.show(drawn)
    display_of(drawn, "lesion-1", Side.T1).SetPointLabelsVisibility(False)
    rows[0].look_at(frames.flip(center + (0, 0, 12.0)), 60.0)
    assert bright() == 0, "only the box reaches here, and is faint"


def test_a_transform_of_the_volume_moves_what_was_drawn(drawn):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "moved")
    matrix = np.eye(4)
    matrix[:3, 3] = 15.0, -8.0, 4.0
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    for node in (drawn.volume(Side.T1), lesion_segments.of_study(drawn, Side.T1),
                 *(drawn.node(f"lesion-{n}", Side.T1) for n in PLACES)):  # fmt: skip
        node.SetAndObserveTransformNodeID(transform.GetID())
    lesion_segments.show(drawn)
    assert len(shown(drawn)) == 3


def test_what_was_drawn_is_saved_with_the_scene(drawn, tmp_path):
    path = save_scene_mrb(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    load_scene_mrb(path)
    (loaded,) = LesionStudy.all_in_scene()
    loaded.filter(0.75)
    lesion_segments.show(loaded)
    assert shown(loaded) == {"Lesion 1": color_of(1)}
    assert display_of(loaded, "lesion-1", Side.T1).GetOutlineOpacity() == pytest.approx(0.4)


def test_a_label_map_on_another_grid_is_refused(study):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    with pytest.raises(InputError, match="do not lie on the grid of volume 'T1'"):
        lesion_segments.fill(node, sitk.Image([4, 4, 4], sitk.sitkUInt16), study.volume(Side.T1), {})
