"""Box to ROI node and back, under any orientation and any transform that leaves a box a box."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st
from lesion_factory import drawn, lesion_of
from mrml_factory import DIRECTIONS, OBLIQUE, empty_scene, shift_transform
from mrml_lesion_factory import t1_box

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import lesions_from_json, lesions_to_json
from liverpair.core.sides import Side
from liverpair.measures.boxes import iou_mm
from liverpair.mrml import frames
from liverpair.mrml.lesions import lesion_boxes
from liverpair.mrml.lesions.lesion_boxes import ROI_CLASS, BoxRecord, from_world, to_world

angles, lengths, places = st.floats(-3.2, 3.2), st.floats(0.5, 400.0), st.floats(-1000.0, 1000.0)


@st.composite
def directions(draw) -> tuple[float, ...]:
    """Any rotation, its axes in any order, any of them flipped."""
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(draw(angles), draw(angles), draw(angles))
    axes = np.reshape(rotation.GetMatrix(), (3, 3))[:, draw(st.permutations(range(3)))]
    return tuple((axes * draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))).ravel().tolist())


boxes = st.builds(Box, st.tuples(places, places, places), st.tuples(lengths, lengths, lengths), directions())


def record_of(box: Box, matrix=np.eye(4), **values) -> BoxRecord:
    center, size, axes = from_world(box, matrix)
    plain = {"origin": "drawn", "score": None, "number": 1, "state": "proposed", "note": "", "displacement": None}
    return BoxRecord(center, size, axes, **(plain | values))


def node_of(box: Box, **values):
    node = slicer.mrmlScene.AddNewNodeByClass(ROI_CLASS)
    lesion_boxes.write(node, ("uid", Side.T1), record_of(box, **values))
    return node


def numbers(box: Box) -> list[float]:
    return [*box.center_mm, *box.size_mm, *box.direction]


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@settings(max_examples=40)
@given(boxes, st.text(max_size=30), st.none() | st.floats(0, 1), st.integers(1, 999_999))
def test_a_node_says_what_was_written_into_it(box, note, score, number):
    record = record_of(
        box,
        note=note,
        score=score,
        number=number,
        displacement=(1 / 3, -2.5, 1e-9),
        state="rejected",
        earlier=note.strip() or None,
    )
    node = slicer.vtkMRMLMarkupsROINode()
    lesion_boxes.write(node, ("uid", Side.T2), record)
    found = lesion_boxes.read(node)
    assert found.same_box(record)
    assert replace(found, center=record.center, size=record.size, axes=record.axes) == record
    assert (lesion_boxes.uid_of(node), lesion_boxes.side_of(node)) == ("uid", Side.T2)
    assert numbers(lesion_boxes.box_of(node)) == pytest.approx(numbers(box), abs=1e-4)


@settings(max_examples=25)
@given(boxes)
def test_box_to_roi_to_json_and_back(box):
    node = slicer.vtkMRMLMarkupsROINode()
    lesion_boxes.write(node, ("uid", Side.T1), record_of(box))
    pair = lesion_of(1, drawn(lesion_boxes.box_of(node)))
    (loaded,) = lesions_from_json(lesions_to_json([pair]))
    assert loaded == pair
    assert numbers(loaded.box(Side.T1)) == pytest.approx(numbers(box), abs=1e-4)


@settings(max_examples=25)
@given(boxes)
def test_the_node_encloses_the_corners_of_the_box(box):
    node = slicer.vtkMRMLMarkupsROINode()
    lesion_boxes.write(node, ("uid", Side.T1), record_of(box))
    to_object = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetObjectToWorldMatrix()))
    corners = np.array([to_object @ [*frames.flip(corner), 1] for corner in box.corners_mm])[:, :3]
    wanted = np.tile(np.asarray(node.GetSize()) / 2, (8, 1))
    assert np.abs(corners) == pytest.approx(wanted, abs=1e-4)


@settings(max_examples=40)
@given(boxes, directions(), st.tuples(places, places, places), st.floats(0.2, 5.0))
def test_there_and_back_under_rotation_shift_and_zoom(box, turn, shift, zoom):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = zoom * np.reshape(turn, (3, 3)), shift
    inside = record_of(box, matrix)
    assert np.prod(inside.size) == pytest.approx(np.prod(box.size_mm) / zoom**3)
    assert numbers(to_world(inside, matrix)) == pytest.approx(numbers(box), rel=1e-9, abs=1e-6)


def test_stretching_along_an_axis_of_the_box_leaves_it_a_box():
    box = Box((1, 2, 3), (10, 20, 30))
    inside = record_of(box, np.diag([2.0, 1.0, 0.5, 1.0]))
    assert inside.size == pytest.approx((5, 20, 60))


def test_a_skewed_box_is_refused():
    box = Box((1, 2, 3), (10, 20, 30), OBLIQUE)
    with pytest.raises(InputError, match="The box lies under a transform that skews it, so it is no longer a box."):
        record_of(box, np.diag([2.0, 1.0, 0.5, 1.0]))


def test_a_flattened_box_is_refused():
    record = record_of(Box((1, 2, 3), (10, 20, 30)))
    with pytest.raises(InputError, match="flattens it"):
        to_world(record, np.diag([1.0, 1.0, 0.0, 1.0]))


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_the_world_box_of_a_moved_node_is_where_slicer_shows_it(direction):
    node = node_of(Box((5.0, 6.0, 7.0), (8.0, 9.0, 10.0), tuple(float(v) for v in direction)))
    node.SetAndObserveTransformNodeID(shift_transform(30, -20, 10).GetID())
    box = lesion_boxes.box_of(node)
    assert frames.flip(box.center_mm) == pytest.approx(node.GetCenterWorld(), abs=1e-5)
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    corners = np.array([frames.flip(corner) for corner in box.corners_mm])
    assert bounds == pytest.approx(np.stack([corners.min(0), corners.max(0)], 1).ravel(), abs=1e-3)


def test_a_box_under_a_warp_is_refused(scene):
    node = node_of(t1_box())
    node.SetName("Lesion 1 T1")
    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Breathing")
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    spline.SetSourceLandmarks(points([(0, 0, 0), (50, 0, 0), (0, 50, 0), (0, 0, 50)]))
    spline.SetTargetLandmarks(points([(0, 0, 0), (70, 0, 0), (0, 50, 9), (0, 5, 50)]))
    warp.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(InputError, match="ROI 'Lesion 1 T1' lies under the warping transform 'Breathing'"):
        lesion_boxes.box_of(node)


def points(coordinates) -> vtk.vtkPoints:
    collected = vtk.vtkPoints()
    for point in coordinates:
        collected.InsertNextPoint(point)
    return collected


@pytest.mark.parametrize("spoil", ["no point", "no length", "not a number"])
def test_a_roi_that_is_no_box_is_refused(spoil):
    node = node_of(t1_box())
    if spoil == "no point":
        node.RemoveAllControlPoints()
    else:
        node.SetSize(0.0 if spoil == "no length" else np.nan, 1.0, 1.0)
    assert not lesion_boxes.is_box(node)
    with pytest.raises(InputError, match="is not a box of three lengths above zero"):
        lesion_boxes.box_of(node)


def test_damaged_attributes_get_plain_values():
    node = node_of(t1_box(), score=0.5, number=7, state="accepted", displacement=(1.0, 2.0, 3.0))
    damaged = {"State": "perhaps", "Origin": "heaven", "Score": "high", "Number": "x", "Displacement": "1 2"}
    for name, value in damaged.items():
        node.SetAttribute(f"LesionPair.{name}", value)
    record = lesion_boxes.read(node)
    assert (record.state, record.origin, record.score, record.number, record.displacement) == (
        "proposed",
        "drawn",
        None,
        0,
        None,
    )


@given(st.text())
def test_any_text_survives_as_printable_ascii(text):
    encoded = lesion_boxes.encode(text)
    assert encoded.isascii()
    assert all(character.isprintable() for character in encoded)
    assert lesion_boxes.decode(encoded) == text


@settings(max_examples=30)
@given(boxes, st.tuples(*[st.floats(-0.7, 0.7)] * 3))
def test_a_box_holds_the_points_inside_it_and_no_others(box, inside):
    axes = np.reshape(box.direction, (3, 3))
    point = np.asarray(box.center_mm) + axes @ (np.asarray(inside) * box.size_mm)
    if abs(np.abs(inside).max() - 0.5) > 1e-6:
        assert lesion_boxes.holds(box, point) == (np.abs(inside).max() < 0.5)


def test_disowning_leaves_an_ordinary_roi():
    node = node_of(t1_box())
    lesion_boxes.disown(node)
    assert lesion_boxes.uid_of(node) is None
    assert iou_mm([lesion_boxes.box_of(node)], [t1_box()])[0, 0] == pytest.approx(1.0)


def test_mirrored_axes_are_the_same_box_turned_ones_are_not():
    box, axes = t1_box(), np.reshape(OBLIQUE, (3, 3))
    mirrored = Box(box.center_mm, box.size_mm, tuple((axes * [1, -1, 1]).ravel()))
    turned = Box(box.center_mm, box.size_mm, tuple((axes @ np.reshape(small_rotation(), (3, 3))).ravel()))
    assert lesion_boxes.same_place(box, mirrored)
    assert not lesion_boxes.same_place(box, turned)
    assert not lesion_boxes.same_place(box, box.moved((0.01, 0, 0)))
    assert not lesion_boxes.same_place(box, None)
    assert lesion_boxes.same_place(None, None)


def small_rotation() -> tuple[float, ...]:
    rotation = sitk.Euler3DTransform()
    rotation.SetRotation(0.0, 0.001, 0.0)
    return rotation.GetMatrix()
