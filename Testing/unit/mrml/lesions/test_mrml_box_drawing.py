"""Rectangles in slice views as boxes, and lesions between the world and the scanner, on real MRML."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
from lesion_factory import drawn, lesion_of, marked, without
from mrml_factory import DIRECTIONS, empty_scene, noise_image, shift_transform

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml import dicom_files, scanner_space, volumes
from liverpair.mrml.lesions import box_drawing

SIZE = 200
MILLIMETERS = 100.0


def slice_node(orientation: str = "Axial", center=(0.0, 0.0, 0.0)):
    """A square slice view of half a millimeter per pixel, around a RAS point."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
    node.SetLayoutName(orientation)
    node.SetOrientation(orientation)
    node.SetDimensions(SIZE, SIZE, 1)
    node.SetFieldOfView(MILLIMETERS, MILLIMETERS, 1)
    node.JumpSliceByCentering(*center)
    node.UpdateMatrices()
    return node


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@pytest.mark.parametrize(("orientation", "size"), [
    ("Axial", (40, 20, 30)), ("Coronal", (40, 30, 20)), ("Sagittal", (30, 40, 20)),
])  # fmt: skip
def test_a_rectangle_is_as_wide_high_and_on_the_average_deep_as_drawn(orientation, size):
    volume = volumes.node_from_image(noise_image(DIRECTIONS["as in the scanner"]), "T1")
    view = slice_node(orientation, (7, -8, 9))
    middle = (SIZE - 1) / 2
    first, second = (middle - 40, middle + 20), (middle + 40, middle - 20)
    box = box_drawing.box_from_rectangle(view, volume, first, second)
    assert box.size_mm == pytest.approx(size, abs=0.01)
    assert box.center_mm == pytest.approx((-7, 8, 9), abs=0.5)
    deeper = box_drawing.box_from_rectangle(view, volume, second, first, depth_mm=5)
    assert sorted(deeper.size_mm) == pytest.approx([5, 20, 40], abs=0.01)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_box_lies_along_the_axes_of_its_image(direction):
    image = noise_image(direction)
    volume = volumes.node_from_image(image, "T1")
    box = box_drawing.box_from_rectangle(slice_node(), volume, (60, 60), (120, 100))
    assert box.direction == pytest.approx(image.GetDirection(), abs=1e-6)
    assert 0.5 < np.prod(box.size_mm) / (30 * 20 * 25) < 2


def test_no_side_is_thinner_than_a_voxel():
    volume = volumes.node_from_image(noise_image(DIRECTIONS["as in the scanner"]), "T1")
    box = box_drawing.box_from_rectangle(slice_node(), volume, (60, 60), (61, 61))
    assert box.size_mm == pytest.approx(volume.GetSpacing())


def test_the_grid_in_the_world_follows_the_transform():
    image = noise_image()
    volume = volumes.node_from_image(image, "T1")
    assert box_drawing.world_grid(volume).same_as(Grid.of(image))
    volume.SetAndObserveTransformNodeID(shift_transform(10, 20, 30).GetID())
    grid = box_drawing.world_grid(volume)
    assert grid.same_as(Grid.of(volumes.world_image(volume)))
    assert not grid.same_as(Grid.of(image))


def test_views_of_a_volume_are_found_by_what_they_show():
    volume = volumes.node_from_image(noise_image(), "T1")
    for name, node in (("Red", volume), ("Green", None)):
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetLayoutName(name)
        slicer.mrmlScene.AddNode(composite).SetBackgroundVolumeID(node.GetID() if node else None)
    assert box_drawing.slice_views_of(volume) == ["Red"]


def pairs() -> list[Lesion]:
    box = Box((10.0, -20.0, 30.0), (8.0, 9.0, 10.0))
    both = lesion_of(1, drawn(box), drawn(box.moved((3, 4, 5))), displacement_mm=(3.0, 4.0, 5.0), uid="a")
    return [
        both,
        without(both, Side.T2, number=2, displacement_mm=(1.0, 2.0, 3.0), uid="b"),
        without(both, Side.T1, number=3, uid="c"),
    ]


def test_without_transforms_files_and_scene_agree():
    t1, t2 = (volumes.node_from_image(noise_image(), name) for name in ("T1", "T2"))
    assert scanner_space.to_scanner(pairs(), t1, t2) == pairs()
    assert scanner_space.to_scanner(pairs(), None, None) == pairs()


@pytest.mark.parametrize("sides", [Side.T1, Side.T2, "t1 t2"])
def test_boxes_are_carried_under_the_transform_and_back(sides):
    nodes = {name: volumes.node_from_image(noise_image(), name) for name in Side}
    for number, side in enumerate(sides.split()):
        nodes[side].SetAndObserveTransformNodeID(shift_transform(10, 20 + number, 30).GetID())
    in_scanner = scanner_space.to_scanner(pairs(), nodes[Side.T1], nodes[Side.T2])
    for before, after in zip(pairs(), in_scanner):
        for side in Side:
            if side in before.boxes:
                old, new = before.box(side), after.box(side)
                assert (not np.allclose(old.center_mm, new.center_mm, atol=1)) == (side in sides)
                assert new.size_mm == pytest.approx(old.size_mm)
    whole = in_scanner[0]
    assert whole.measured_mm == pytest.approx(whole.displacement_mm, abs=1e-6)
    back = scanner_space.to_world(in_scanner, nodes[Side.T1], nodes[Side.T2])
    assert scanner_space.same_lesions(back, pairs())
    for before, after in zip(pairs(), back):
        assert after.displacement_mm == pytest.approx(before.displacement_mm, abs=1e-6)


def test_a_warping_transform_is_refused_in_words():
    volume = volumes.node_from_image(noise_image(), "T1")
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Warp")
    volume.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(InputError, match="'Warp'"):
        scanner_space.to_scanner(pairs(), volume, None)


@pytest.mark.parametrize("change", [
    lambda p: replace(p, state="accepted"), lambda p: replace(p, note="x"), lambda p: replace(p, uid="d"),
    lambda p: marked(p, Side.T1, box=p.box(Side.T1).moved((0.1, 0, 0))), lambda p: without(p, Side.T2),
])  # fmt: skip
def test_lesions_are_the_same_in_any_order_and_not_when_one_differs(change):
    assert scanner_space.same_lesions(pairs(), pairs()[::-1])
    assert not scanner_space.same_lesions(pairs(), [change(pairs()[0]), *pairs()[1:]])
    assert not scanner_space.same_lesions(pairs(), pairs()[1:])


def test_files_of_a_volume_come_from_the_dicom_database(monkeypatch):
    import types

    volume = volumes.node_from_image(noise_image(), "T1")
    known = {"1.2": "/files/one", "1.3": "/files/two"}
    database = types.SimpleNamespace(fileForInstance=lambda uid: known.get(uid, ""))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    assert dicom_files.files_of(volume) == []
    volume.SetAttribute("DICOM.instanceUIDs", "1.2 1.3")
    assert [path.name for path in dicom_files.files_of(volume)] == ["one", "two"]
    volume.SetAttribute("DICOM.instanceUIDs", "1.2 1.4")
    assert dicom_files.files_of(volume) == []
    monkeypatch.delattr(slicer, "dicomDatabase")
    assert dicom_files.files_of(volume) == []
