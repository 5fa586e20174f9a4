"""Segments: exact in space, coded, replaced alone, read back from any grid, and kept by a saved scene."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from mrml_factory import (
    DIRECTIONS,
    block_mask,
    empty_scene,
    new_segmentation,
    noise_image,
    shift_transform,
)

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, centroid_mm, like, resample, volume_ml
from liverpair.core.labels import LIVER
from liverpair.mrml import frames, provenance
from liverpair.mrml.headless import load_scene_mrb, module_logic, save_scene_mrb
from liverpair.mrml.segmentations import liver_mask, put_segment, terminology_entry
from liverpair.mrml.volumes import node_from_image

MADE_BY = {"bundle": "liver-t1t2", "version": "1.0", "sha256": "ab12", "seconds": 3.5, "device": None}


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@pytest.fixture
def image():
    return noise_image()


@pytest.fixture
def volume(image):
    return node_from_image(image, "T1")


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def segmentation_with_three(image: sitk.Image):
    """Three segments that share one labelmap, as after an import; the second is Liver. Returns the node and the
    masks.
    """
    masks = [
        block_mask(image, start, stop)
        for start, stop in (((0, 0, 0), (4, 6, 6)), ((6, 5, 5), (10, 15, 15)), ((5, 16, 18), (9, 20, 24)))
    ]
    labels = sum(array(mask) * value for value, mask in enumerate(masks, start=1)).astype(np.uint8)
    label_node = slicer.util.addVolumeFromArray(
        labels, frames.ijk_to_ras(Grid.of(image)), "labels", "vtkMRMLLabelMapVolumeNode"
    )
    node = new_segmentation()
    slicer.vtkSlicerSegmentationsModuleLogic.ImportLabelmapToSegmentationNode(label_node, node)
    slicer.mrmlScene.RemoveNode(label_node)
    segmentation = node.GetSegmentation()
    for number, name in enumerate(("Spleen", "Liver", "Kidney")):
        segmentation.GetNthSegment(number).SetName(name)
    return node, dict(zip(("Spleen", "Liver", "Kidney"), masks))


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_a_mask_comes_back_exactly(direction):
    image = noise_image(direction)
    mask = block_mask(image)
    volume, node = node_from_image(image, "T1"), new_segmentation()
    put_segment(node, mask, volume, LIVER, MADE_BY)
    found = liver_mask(node, volume)
    assert Grid.of(found).same_as(Grid.of(image), tolerance_mm=1e-5)
    assert np.array_equal(array(found), array(mask))


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_the_segment_lies_where_the_mask_lies(direction):
    image = noise_image(direction)
    mask = block_mask(image)
    volume, node = node_from_image(image, "T1"), new_segmentation()
    segment_id = put_segment(node, mask, volume, LIVER, MADE_BY)
    labelmap = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    to_world = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(to_world)
    left, posterior, superior = image.TransformIndexToPhysicalPoint((5, 7, 3))
    assert to_world.MultiplyPoint((5, 7, 3, 1))[:3] == pytest.approx((-left, -posterior, superior), abs=1e-5)


def test_a_mask_is_read_from_its_file(tmp_path, image, volume):
    mask = block_mask(image)
    path = tmp_path / "t1_liver.nii.gz"
    sitk.WriteImage(mask, str(path))
    node = new_segmentation()
    put_segment(node, path, volume, LIVER, MADE_BY)
    assert np.array_equal(array(liver_mask(node, volume)), array(mask))


def test_the_segment_is_called_colored_and_coded_as_the_label_says(image, volume):
    node = new_segmentation()
    segment = node.GetSegmentation().GetSegment(put_segment(node, block_mask(image), volume, LIVER, MADE_BY))
    assert segment.GetName() == "Liver"
    assert segment.GetColor() == pytest.approx((221 / 255, 130 / 255, 101 / 255))
    entry = slicer.vtkSlicerTerminologyEntry()
    terminologies = module_logic("Terminologies")
    assert terminologies.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
    category, kind = entry.GetCategoryObject(), entry.GetTypeObject()
    assert (category.GetCodingSchemeDesignator(), category.GetCodeValue()) == ("SCT", "123037004")
    assert (kind.GetCodingSchemeDesignator(), kind.GetCodeValue()) == ("SCT", "10200004")
    assert kind.GetCodeMeaning() == "Liver"


def test_slicer_knows_the_code_from_its_own_terminology():
    terminologies = module_logic("Terminologies")
    written, known = slicer.vtkSlicerTerminologyEntry(), slicer.vtkSlicerTerminologyEntry()
    assert terminologies.DeserializeTerminologyEntry(terminology_entry(LIVER), written)
    assert terminologies.FindTypeInTerminologyBy3dSlicerLabel(written.GetTerminologyContextName(), "liver", known)
    for part in ("GetCategoryObject", "GetTypeObject"):
        ours, theirs = getattr(written, part)(), getattr(known, part)()
        assert ours.GetCodeValue() == theirs.GetCodeValue()
        assert ours.GetCodeMeaning() == theirs.GetCodeMeaning()
    assert list(known.GetTypeObject().GetRecommendedDisplayRGBValue()) == LIVER["color"]


def test_another_category_is_coded_as_given():
    label = LIVER | {
        "snomed": {"code": "52988006", "scheme": "SCT", "meaning": "Lesion"},
        "category": {"code": "49755003", "scheme": "SCT", "meaning": "Morphologically Altered Structure"},
    }
    assert "~SCT^49755003^Morphologically Altered Structure~SCT^52988006^Lesion~" in terminology_entry(label)


def test_the_volume_is_the_reference_and_the_source(image, volume):
    node = new_segmentation()
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    converter = slicer.vtkSegmentationConverter
    text = node.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    geometry = slicer.vtkOrientedImageData()
    assert converter.DeserializeImageGeometry(text, geometry, False)
    matrix = vtk.vtkMatrix4x4()
    geometry.GetImageToWorldMatrix(matrix)
    found, wanted = (
        slicer.util.arrayFromVTKMatrix(matrix),
        slicer.util.arrayFromVTKMatrix(frames.ijk_to_ras(Grid.of(image))),
    )
    assert found == pytest.approx(wanted, abs=1e-4)
    assert geometry.GetExtent() == (0, 23, 0, 19, 0, 11)


def test_provenance_replaces_that_of_the_run_before(image, volume):
    node = new_segmentation()
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY | {"precision": "bf16"})
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert node.GetAttribute("LiverPair.Bundle") == "liver-t1t2"
    assert provenance.read(node) == {key: str(value) for key, value in MADE_BY.items() if value is not None}


def test_replacing_the_liver_keeps_every_other_segment(image, volume):
    node, masks = segmentation_with_three(image)
    segmentation = node.GetSegmentation()
    ids = list(segmentation.GetSegmentIDs())
    colors = [segmentation.GetSegment(segment_id).GetColor() for segment_id in ids]
    overlapping = block_mask(image, (1, 2, 2), (12, 19, 23))
    segment_id = put_segment(node, overlapping, volume, LIVER, MADE_BY)
    assert list(segmentation.GetSegmentIDs()) == ids
    assert segment_id == ids[1]
    assert [segmentation.GetSegment(i).GetColor() for i in (ids[0], ids[2])] == [colors[0], colors[2]]
    assert np.array_equal(array(liver_mask(node, volume, "Liver")), array(overlapping))
    for name in ("Spleen", "Kidney"):
        assert np.array_equal(array(liver_mask(node, volume, name)), array(masks[name]))


def test_a_second_run_with_a_smaller_or_empty_mask_leaves_nothing_of_the_first(image, volume):
    node = new_segmentation()
    put_segment(node, block_mask(image, (0, 0, 0), (12, 20, 24)), volume, LIVER, MADE_BY)
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert np.array_equal(array(liver_mask(node, volume)), array(block_mask(image)))
    put_segment(node, like(np.zeros(image.GetSize()[::-1], np.uint8), image), volume, LIVER, MADE_BY)
    assert array(liver_mask(node, volume)).sum() == 0
    assert node.GetSegmentation().GetNumberOfSegments() == 1


def test_a_surface_shown_in_3d_follows_the_new_mask(image, volume):
    node = new_segmentation()
    put_segment(node, block_mask(image, (0, 0, 0), (12, 20, 24)), volume, LIVER, MADE_BY)
    node.CreateClosedSurfaceRepresentation()
    segment_id = put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    surface = vtk.vtkPolyData()
    assert node.GetClosedSurfaceRepresentation(segment_id, surface)
    enclosed = vtk.vtkMassProperties()
    enclosed.SetInputData(surface)
    assert enclosed.GetVolume() / 1000 == pytest.approx(volume_ml(block_mask(image)), rel=0.25)


def test_a_segment_called_liver_in_lower_case_is_another_one(image, volume):
    node, masks = segmentation_with_three(image)
    node.GetSegmentation().GetNthSegment(0).SetName("liver")
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert np.array_equal(array(liver_mask(node, volume, "liver")), array(masks["Spleen"]))
    assert np.array_equal(array(liver_mask(node, volume, "Liver")), array(block_mask(image)))


def test_the_liver_of_another_grid_is_replaced_whole(image, volume):
    coarse = noise_image(DIRECTIONS["flipped"])
    node = new_segmentation()
    put_segment(node, block_mask(coarse, (0, 0, 0), (12, 20, 24)), node_from_image(coarse, "T2"), LIVER, MADE_BY)
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert np.array_equal(array(liver_mask(node, volume)), array(block_mask(image)))


def test_other_segments_keep_their_own_grid(image, volume):
    node, masks = segmentation_with_three(image)
    other = noise_image(DIRECTIONS["flipped"])
    t2 = node_from_image(other, "T2")
    put_segment(node, block_mask(other), t2, LIVER, MADE_BY)
    assert np.array_equal(array(liver_mask(node, t2)), array(block_mask(other)))
    for name in ("Spleen", "Kidney"):
        assert np.array_equal(array(liver_mask(node, volume, name)), array(masks[name]))


def test_a_segment_is_read_on_the_grid_of_another_volume(image, volume):
    node = new_segmentation()
    mask = block_mask(image)
    put_segment(node, mask, volume, LIVER, MADE_BY)
    other = noise_image(DIRECTIONS["sagittal slices"])
    middle = other.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in other.GetSize()])
    other.SetOrigin(np.add(other.GetOrigin(), np.subtract(centroid_mm(mask), middle)).tolist())
    found = liver_mask(node, node_from_image(other, "T2"))
    wanted = resample(mask, Grid.of(other), "nearest")
    assert array(wanted).sum() > 100
    assert (array(found) != array(wanted)).mean() < 0.01


def test_the_segmentation_follows_the_parent_transform_of_its_volume(image, volume):
    moved = shift_transform(25, -15, 40)
    volume.SetAndObserveTransformNodeID(moved.GetID())
    node = new_segmentation()
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert node.GetParentTransformNode() is moved
    assert np.array_equal(array(liver_mask(node, volume)), array(block_mask(image)))
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    world = frames.to_world(volume, frames.flip(centroid_mm(block_mask(image))))
    assert all(bounds[2 * axis] < world[axis] < bounds[2 * axis + 1] for axis in range(3))


def test_other_segments_stay_in_place_when_only_the_volume_is_moved(image, volume):
    node, masks = segmentation_with_three(image)
    still = node_from_image(image, "not moved")
    volume.SetAndObserveTransformNodeID(shift_transform(6, -4, 8).GetID())
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert node.GetParentTransformNode() is None
    assert np.array_equal(array(liver_mask(node, still, "Spleen")), array(masks["Spleen"]))
    assert np.array_equal(array(liver_mask(node, volume)), array(block_mask(image)))


def test_a_mask_on_another_grid_is_refused_and_nothing_changes(image, volume):
    node, masks = segmentation_with_three(image)
    shifted = block_mask(image)
    shifted.SetOrigin((0, 0, 0))
    with pytest.raises(InputError, match="does not lie on the grid that volume 'T1' has now"):
        put_segment(node, shifted, volume, LIVER, MADE_BY)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is None
    assert provenance.read(node) == {}
    assert np.array_equal(array(liver_mask(node, volume)), array(masks["Liver"]))


def test_a_missing_mask_file_is_refused_and_nothing_changes(tmp_path, volume):
    node = new_segmentation()
    with pytest.raises(InputError, match="mask of 'Liver' could not be read"):
        put_segment(node, tmp_path / "gone.nii.gz", volume, LIVER, MADE_BY)
    assert node.GetSegmentation().GetNumberOfSegments() == 0
    assert node.GetDisplayNode() is None


def test_surfaces_are_not_turned_into_voxels_unasked(image, volume):
    node = new_segmentation("Drawn")
    node.SetSourceRepresentationToClosedSurface()
    sphere = vtk.vtkSphereSource()
    sphere.Update()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "Sphere", [1, 0, 0])
    with pytest.raises(InputError, match="Segmentation 'Drawn' is made of surfaces, not voxels"):
        put_segment(node, block_mask(image), volume, LIVER, MADE_BY)


def test_a_liver_drawn_as_a_surface_is_read_as_voxels():
    image = noise_image(DIRECTIONS["as in the scanner"])
    volume, node = node_from_image(image, "T1"), new_segmentation()
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(*frames.flip(middle))
    sphere.SetRadius(10)
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "Liver", [1, 0, 0])
    found = liver_mask(node, volume)
    assert volume_ml(found) == pytest.approx(4 / 3 * np.pi, rel=0.08)
    assert centroid_mm(found) == pytest.approx(middle, abs=0.6)


def test_a_missing_segment_is_named(volume):
    with pytest.raises(InputError, match="Segmentation 'Empty' has no segment 'Liver'"):
        liver_mask(new_segmentation("Empty"), volume)


def test_the_display_of_a_user_is_kept(image, volume):
    node = new_segmentation()
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSliceIntersectionThickness(5)
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    assert node.GetDisplayNode().GetSliceIntersectionThickness() == 5


def test_a_saved_scene_keeps_everything(tmp_path, scene, image, volume):
    node, masks = segmentation_with_three(image)
    transform = shift_transform(6, -4, 8)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    node.SetAndObserveTransformNodeID(transform.GetID())
    put_segment(node, block_mask(image), volume, LIVER, MADE_BY)
    path = save_scene_mrb(tmp_path / "deep" / "pair.mrb")
    assert [p.name for p in path.parent.iterdir()] == ["pair.mrb"]
    scene.Clear(False)
    load_scene_mrb(path)
    volume, node = scene.GetFirstNodeByName("T1"), scene.GetFirstNodeByName("Segmentation")
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    assert node.GetParentTransformNode().GetName() == "Moved"
    assert provenance.read(node)["sha256"] == "ab12"
    segment = node.GetSegmentation().GetSegment(node.GetSegmentation().GetSegmentIdBySegmentName("Liver"))
    assert segment.GetTerminology() == terminology_entry(LIVER)
    assert segment.GetColor() == pytest.approx((221 / 255, 130 / 255, 101 / 255), abs=1e-3)
    assert np.array_equal(array(liver_mask(node, volume)), array(block_mask(image)))
    assert np.array_equal(array(liver_mask(node, volume, "Kidney")), array(masks["Kidney"]))
