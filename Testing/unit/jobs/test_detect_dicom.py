"""A detection as DICOM: livers and lesions as segmentations, reports that refer to them, one UID for one lesion."""

import shutil
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle
from dicom_factory import write_volume
from peak_detector import write_peak_bundle
from peak_study import write_volumes

from liverpair.core.errors import no_progress
from liverpair.core.geometry import Box, Grid
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.detection.inference import DetectionResult
from liverpair.io.dicom_segmentation import box_mask
from liverpair.io.structured_report_identity import tracking_uid
from liverpair.io.study import read_image
from liverpair.jobs.detect_job import detect
from liverpair.jobs.detect_results import is_complete, read_detection
from liverpair.jobs.dicom_results import write_detection

hd = pytest.importorskip("highdicom", reason="highdicom is not installed")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """T1 and T2 as DICOM series of one study, their masks, a detector, and what it found."""
    folder = tmp_path_factory.mktemp("place")
    write_peak_bundle(folder / "b")
    parts = write_volumes(folder / "nifti")
    for number, side in enumerate(Side, start=1):
        tags = {"SeriesInstanceUID": f"1.2.3.{number}", "SeriesDescription": f"AX {side.title}", "PatientID": "7"}
        more = {"FrameOfReferenceUID": "1.2.3.9", "StudyDate": "20240501", "ContentDate": "20240501"}
        write_volume(folder / side, read_image(parts[side]), SeriesNumber=number, **tags, **more)
    request = {**parts, "model": str(folder / "b"), "device": "cpu", "correspondence": False, "dicom": True}
    request |= {side: str(folder / side) for side in Side} | {"output": str(folder / "out")}
    return folder, request, detect(request, no_progress)


def test_a_lesion_has_one_uid_in_both_segmentations_and_reports(place):
    folder, _, result = place
    lesions = read_lesions(folder / "out" / "lesions.json")
    uids = {str(tracking_uid(lesion.uid)) for lesion in lesions}
    assert len(uids) == 2
    for side in Side:
        seg = hd.seg.segread(result["segmentations"][side])
        assert {segment.TrackingUID for segment in seg.SegmentSequence} == uids  # the livers were given
        assert (seg.PatientID, seg.StudyInstanceUID) == ("7", "1.2.3")
        report = hd.sr.srread(result["reports"][side])
        assert report.StudyInstanceUID == "1.2.3"
        found = report.content.get_volumetric_roi_measurement_groups()
        assert {group.tracking_uid for group in found} == uids
        for group in found:
            segment = group.referenced_segment
            assert segment.referenced_sop_instance_uid == seg.SOPInstanceUID
            (number,) = seg.get_segment_numbers(tracking_uid=group.tracking_uid)
            assert segment.referenced_segment_numbers == number or segment.referenced_segment_numbers == [number]


def test_the_segment_of_a_lesion_is_what_the_model_drew(place, tmp_path):
    folder, _, _ = place
    image = read_image(folder / "nifti" / "t1.nii.gz")
    lesions = read_lesions(folder / "out" / "lesions.json")
    drawn = sitk.Image(image.GetSize(), sitk.sitkUInt16)
    drawn.CopyInformation(image)
    drawn[30, 31, 12] = lesions[0].number
    found = DetectionResult(lesions, (drawn, drawn), {"bundle": "m", "version": "1"}, [], masks=(drawn, drawn))
    files = tuple(sorted((folder / "t1").iterdir()))
    write_detection(tmp_path, {Side.T1: files}, {Side.T1: image}, found, {})
    seg = hd.seg.segread(tmp_path / "t1_masks.dcm")
    assert [one.SegmentLabel for one in seg.SegmentSequence] == ["Lesion 1", "Lesion 2 (box)"]
    volume = seg.get_volume(segment_numbers=[1])
    (index,) = np.argwhere(volume.array[..., 0])
    place_mm = volume.affine[:3, :3] @ index + volume.affine[:3, 3]
    assert np.allclose(place_mm, image.TransformIndexToPhysicalPoint((30, 31, 12)), atol=1e-3)
    assert {path.name for path in tmp_path.iterdir()} == {"t1_masks.dcm", "lesions-t1-sr.dcm"}
    report = hd.sr.srread(tmp_path / "lesions-t1-sr.dcm")
    of_mask, of_box = report.content.get_volumetric_roi_measurement_groups()
    voxel = np.prod(image.GetSpacing()) / 1000
    values = {one.name.meaning: (one.value, one.method) for one in of_mask.get_measurements()}
    assert values["Volume"] == (pytest.approx(voxel), None)
    assert values["Long axis"] == (pytest.approx(max(image.GetSpacing()[:2])), None) and "Short axis" in values
    assert {one.method.value for one in of_box.get_measurements() if one.name.meaning == "Volume"} == {"box"}


def test_the_segment_of_a_lesion_is_its_box(place):
    folder, _, result = place
    for side in Side:
        seg = hd.seg.segread(result["segmentations"][side])
        for lesion in read_lesions(folder / "out" / "lesions.json"):
            (number,) = seg.get_segment_numbers(tracking_uid=str(tracking_uid(lesion.uid)))
            volume = seg.get_volume(segment_numbers=[number])
            inside = np.argwhere(volume.array[..., 0])
            points = inside @ volume.affine[:3, :3].T + volume.affine[:3, 3]
            box = lesion.box(side)
            assert np.abs(points.mean(axis=0) - box.center_mm).max() < max(volume.spacing)
            expected = np.prod(box.size_mm) / np.prod(volume.spacing)
            assert 0.5 * expected < len(inside) < 2 * expected


def test_a_volume_that_is_no_dicom_gets_none_and_files_of_before_go(place, tmp_path):
    folder, request, _ = place
    again = {**request, "output": str(tmp_path / "out"), "t1": str(folder / "nifti" / "t1.nii.gz")}
    told = detect(again, no_progress)
    assert told["segmentations"]["t1"] is None and told["reports"]["t1"] is None and told["reports"]["t2"]
    assert "T1 was not read from DICOM, so there is no DICOM segmentation of it." in told["notes"]
    written = read_detection(tmp_path / "out")
    assert written["segmentations"] == {"t1": None, "t2": "t2_masks.dcm"} and is_complete(tmp_path / "out", written)
    detect({**again, "dicom": False}, no_progress)
    assert not list((tmp_path / "out").glob("*.dcm"))


def test_a_liver_that_was_made_is_a_segment_with_the_name_of_its_model(place, tmp_path):
    folder, request, _ = place
    write_brightness_bundle(folder / "livers")
    made = {**request, "t2_liver": None, "liver_model": [str(folder / "livers")], "output": str(tmp_path / "out")}
    seg = hd.seg.segread(detect(made, no_progress)["segmentations"]["t2"])
    first = seg.SegmentSequence[0]
    assert first.SegmentLabel == "Liver" and "TrackingUID" not in first
    models = [one.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName for one in seg.SegmentSequence]
    assert models == ["brightness", *["peaks"] * (len(models) - 1)]


def test_a_validator_finds_no_error(place):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools).")
    _, _, result = place
    for kind in ("segmentations", "reports"):
        for path in result[kind].values():
            said = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True).stderr
            assert "Error" not in said, said


def test_a_box_thinner_than_a_voxel_is_one_voxel_and_one_outside_is_none():
    grid = Grid.of(sitk.Image(10, 10, 10, sitk.sitkUInt8))
    thin = box_mask(Box((4.0, 5.0, 6.4), (3.0, 3.0, 0.2)), grid)
    assert sorted(map(tuple, np.argwhere(sitk.GetArrayFromImage(thin))))[0] == (6, 4, 3)
    assert sitk.GetArrayFromImage(thin).sum() == 9
    outside = box_mask(Box((-40.0, 5.0, 5.0), (3.0, 3.0, 3.0)), grid)
    assert sitk.GetArrayFromImage(outside).sum() == 0
