"""Volume nodes and images: nothing moves on the way, and what cannot be used is refused in words."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from mrml_factory import DIRECTIONS, empty_scene, noise_image, shift_transform

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid
from liverpair.mrml import frames, provenance, volumes
from liverpair.mrml.volumes import (
    check_node,
    describe,
    grid_of,
    guess_pair,
    image_from_node,
    node_from_image,
    world_grid,
    world_image,
)

SHAPE_SMALL = (4, 5, 6)


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


def assert_same_image(found: sitk.Image, wanted: sitk.Image) -> None:
    assert found.GetSize() == wanted.GetSize()
    assert found.GetSpacing() == pytest.approx(wanted.GetSpacing(), abs=1e-6)
    assert found.GetOrigin() == pytest.approx(wanted.GetOrigin(), abs=1e-5)
    assert found.GetDirection() == pytest.approx(wanted.GetDirection(), abs=1e-6)
    assert np.array_equal(sitk.GetArrayViewFromImage(found), sitk.GetArrayViewFromImage(wanted))


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
@pytest.mark.parametrize("pixel_type", [np.uint8, np.int16, np.float32])
def test_an_image_comes_back_from_mrml_as_it_went_in(direction, pixel_type):
    image = noise_image(direction, pixel_type)
    found = image_from_node(node_from_image(image, "T1"))
    assert_same_image(found, image)
    assert found.GetPixelID() == image.GetPixelID()


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_a_voxel_lies_at_the_same_place_in_ras_as_in_lps(direction):
    image = noise_image(direction)
    node = node_from_image(image, "T1")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    left, posterior, superior = image.TransformIndexToPhysicalPoint((5, 7, 3))
    assert matrix.MultiplyPoint((5, 7, 3, 1))[:3] == pytest.approx((-left, -posterior, superior))


def test_the_image_does_not_share_memory_with_the_node():
    node = node_from_image(noise_image(), "T1")
    image = image_from_node(node)
    before = image[2, 3, 4]
    slicer.util.arrayFromVolume(node)[:] = -1
    assert image[2, 3, 4] == before


def test_the_node_does_not_share_memory_with_the_image():
    image = noise_image()
    node = node_from_image(image, "T1")
    before = slicer.util.arrayFromVolume(node)[4, 3, 2]
    image[2, 3, 4] = -1
    assert slicer.util.arrayFromVolume(node)[4, 3, 2] == before


def test_64_bit_integers_become_voxels_that_mrml_can_show():
    node = node_from_image(noise_image(pixel_type=np.int64), "T1")
    assert node.GetImageData().GetScalarType() == vtk.VTK_DOUBLE
    assert np.array_equal(slicer.util.arrayFromVolume(node), sitk.GetArrayFromImage(noise_image()))


def test_a_color_image_does_not_become_a_scalar_volume(scene):
    color = sitk.Compose([noise_image()] * 3)
    with pytest.raises(InputError, match="T1 is not a scalar 3-D volume"):
        node_from_image(color, "T1")
    assert scene.GetFirstNodeByName("T1") is None


def test_a_written_volume_is_read_by_slicer_in_the_same_place(tmp_path):
    image = noise_image()
    path = tmp_path / "t1.nrrd"
    sitk.WriteImage(image_from_node(node_from_image(image, "T1")), str(path))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "read")
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    assert_same_image(image_from_node(node), image)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_parent_transforms_move_the_grid_in_the_world_alone(direction):
    image = noise_image(direction)
    node = node_from_image(image, "T1")
    node.SetAndObserveTransformNodeID(shift_transform(30, -20, 10).GetID())
    assert grid_of(node).same_as(Grid.of(image))
    assert_same_image(image_from_node(node), image)
    for index in ((0, 0, 0), (23, 7, 3)):
        moved = frames.flip(frames.to_world(node, frames.flip(image.TransformIndexToPhysicalPoint(index))))
        assert world_grid(node).point(index) == pytest.approx(moved, abs=1e-4)
        assert world_image(node).TransformIndexToPhysicalPoint(index) == pytest.approx(moved, abs=1e-4)


def test_a_volume_is_checked_and_its_grid_known_without_a_copy_of_its_voxels(monkeypatch):
    node = node_from_image(noise_image(), "T1")
    monkeypatch.setattr(volumes, "on_grid", lambda *_arguments: pytest.fail("the voxels are copied"))
    check_node(node, "T1")
    assert grid_of(node) == world_grid(node)


def test_a_good_volume_passes():
    check_node(node_from_image(noise_image(), "Abdomen"), "T1")


def refused(node, name: str = "T2") -> str:
    with pytest.raises(InputError) as caught:
        check_node(node, name)
    return str(caught.value)


def test_no_volume():
    assert refused(None) == "T2 is not selected. Choose a volume."


def test_no_image_data(scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    assert refused(node).startswith("T2 holds no image.")


def test_color(scene):
    array = np.zeros((*SHAPE_SMALL, 3), np.uint8)
    node = slicer.util.addVolumeFromArray(array, name="Color", nodeClassName="vtkMRMLVectorVolumeNode")
    assert refused(node) == "T2 has 3 components; LiverPair needs a scalar volume."


def test_label_map():
    node = slicer.util.addVolumeFromArray(np.ones(SHAPE_SMALL, np.uint8), nodeClassName="vtkMRMLLabelMapVolumeNode")
    assert refused(node, "T1") == "T1 is a label map; LiverPair needs the MR image itself."


def test_single_slice():
    node = slicer.util.addVolumeFromArray(np.random.default_rng(0).random((1, 8, 8)))
    assert "T2 is a single slice" in refused(node)


def test_zero_spacing():
    node = node_from_image(noise_image(), "Flat")
    node.SetSpacing(1.0, 0.0, 1.0)
    assert "T2 has voxel spacing (1.0, 0.0, 1.0); every spacing must be above zero." in refused(node)


def test_spacing_that_is_not_a_number():
    node = node_from_image(noise_image(), "Broken")
    node.SetSpacing(1.0, math.nan, 1.0)
    assert "every spacing must be above zero" in refused(node)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_voxels_that_are_not_finite(value):
    node = node_from_image(noise_image(), "Broken")
    slicer.util.arrayFromVolume(node)[3, 4, 5] = value
    assert "T2 has voxels that are not a number (NaN) or infinite." in refused(node)


def test_sheared_axes():
    node = node_from_image(noise_image(), "Gantry tilt")
    sheared = np.diag([1.0, 1.0, 3.0, 1.0])
    sheared[1, 2] = 0.9
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(sheared))
    assert "T2 has axes that are not at right angles." in refused(node)


def test_axes_in_one_plane():
    node = node_from_image(noise_image(), "Damaged")
    flat = np.eye(4)
    flat[:3, 2] = (1, 0, 0)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(flat))
    assert "T2 has axes that do not span a volume." in refused(node)


def test_constant_volume():
    node = slicer.util.addVolumeFromArray(np.full(SHAPE_SMALL, 7, np.int16))
    assert "T2 has the same value in every voxel" in refused(node)


def test_description_from_node_attributes():
    node = node_from_image(noise_image(), "5: abdomen")
    node.SetAttribute("DICOM.SeriesDescription", "T2 SPIR")
    node.SetAttribute("DICOM.EchoTime", "70")
    assert describe(node) == {"name": "5: abdomen", "tags": {"SeriesDescription": "T2 SPIR", "EchoTime": "70"}}


class DatabaseOfOneInstance:
    """Stands in for Slicer's DICOM database, which answers an unknown tag with an empty text."""

    def instanceValue(self, uid: str, tag: str) -> str:
        assert uid == "1.2.3"
        return {"0008,103e": "T1 VIBE", "0018,0081": "2.4"}.get(tag, "")


def test_description_from_the_dicom_database(monkeypatch):
    monkeypatch.setattr(slicer, "dicomDatabase", DatabaseOfOneInstance(), raising=False)
    node = node_from_image(noise_image(), "6: abdomen")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    node.SetAttribute("DICOM.Modality", "MR")
    assert describe(node)["tags"] == {"SeriesDescription": "T1 VIBE", "EchoTime": "2.4", "Modality": "MR"}


def test_the_pair_is_guessed_from_names_and_tags():
    node_from_image(noise_image(), "abdomen")
    t2 = node_from_image(noise_image(), "series 7")
    t2.SetAttribute("DICOM.SeriesDescription", "T2 SPIR")
    t1 = node_from_image(noise_image(), "patient T1 in phase")
    node_from_image(noise_image(), "T1 again")
    assert guess_pair() == (t1, t2)


def test_the_guess_passes_over_label_maps_hidden_volumes_and_own_results():
    slicer.util.addVolumeFromArray(np.ones(SHAPE_SMALL, np.uint8), name="T1", nodeClassName="vtkMRMLLabelMapVolumeNode")
    node_from_image(noise_image(), "T1 hidden").SetHideFromEditors(True)
    probability = node_from_image(noise_image(), "T2 liver probability", {"bundle": "liver-t1t2"})
    assert provenance.read(probability) == {"bundle": "liver-t1t2"}
    assert guess_pair() == (None, None)
