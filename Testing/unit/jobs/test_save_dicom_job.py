"""What somebody saves as DICOM after looking at it: who drew what, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_volume
from peak_study import LESION_MM, PEAKS, T1_GRID, write_volumes

from liverpair.core.errors import InputError, no_progress
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, LesionBox, write_lesions
from liverpair.core.sides import Side
from liverpair.io.structured_report_identity import tracking_uid
from liverpair.io.study import read_image
from liverpair.jobs.save_dicom_job import save_dicom

hd = pytest.importorskip("highdicom", reason="highdicom is not installed")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with T1 and T2 as DICOM and the masks of their livers."""
    folder = tmp_path_factory.mktemp("place")
    parts = write_volumes(folder / "nifti")
    for side in Side:
        tags = {"SeriesInstanceUID": f"1.2.3.{side[1]}", "PatientID": "7", "FrameOfReferenceUID": "1.2.3.9"}
        write_volume(folder / side, read_image(parts[side]), ContentDate="20240501", **tags)
    return folder


def files(place, side):
    return sorted(map(str, (place / side).iterdir()))


def kinds(path):
    return {one.SegmentLabel: one.SegmentAlgorithmType for one in hd.seg.segread(path).SegmentSequence}


def voxels(segmentation, number):
    volume = segmentation.get_volume(segment_numbers=[number])
    inside = np.argwhere(volume.array[..., 0])
    return {tuple(point) for point in np.round(inside @ volume.affine[:3, :3].T + volume.affine[:3, 3], 2).tolist()}


def test_livers_say_who_drew_them_and_keep_their_voxels(place, tmp_path):
    request = {f"{side}_files": files(place, side) for side in Side} | {"output": str(tmp_path)}
    request |= {f"{side}_liver": str(place / "nifti" / f"{side}_liver.nii.gz") for side in Side}
    by = {"name": "livers", "version": "2.1"}
    result = save_dicom({**request, "t1_liver_by": by}, no_progress)
    assert result == {"files": [str(tmp_path / f"{side}_liver.dcm") for side in Side], "notes": []}
    assert [kinds(path) for path in result["files"]] == [{"Liver": "AUTOMATIC"}, {"Liver": "MANUAL"}]
    t1, t2 = map(hd.seg.segread, result["files"])
    algorithm = t1.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("livers", "2.1")
    assert "SegmentAlgorithmName" not in t2.SegmentSequence[0] and t2.PatientID == "7"
    mask = read_image(place / "nifti" / "t1_liver.nii.gz")
    inside = np.argwhere(sitk.GetArrayViewFromImage(mask))[:, ::-1].tolist()
    points = [mask.TransformIndexToPhysicalPoint(index) for index in inside]
    assert voxels(t1, 1) == {tuple(np.round(point, 2).tolist()) for point in points}
    save_dicom({**request, "t1_liver_by": {**by, "edited": True}}, no_progress)
    assert kinds(tmp_path / "t1_liver.dcm") == {"Liver": "SEMIAUTOMATIC"}


def test_lesions_are_those_that_were_not_rejected_and_refer_to_their_segments(place, tmp_path):
    boxes = [Box(center, LESION_MM, T1_GRID.direction) for center in PEAKS[:2]]
    found = [
        Lesion(1, {Side.T1: LesionBox(boxes[0], "drawn")}, uid="one", state="accepted"),
        Lesion(2, {Side.T1: LesionBox(boxes[1], "detected", 0.9)}, uid="two"),
    ]
    rejected = replace(found[1], number=3, uid="three", state="rejected")
    write_lesions(tmp_path / "lesions.json", [*found, rejected])
    request = {"t1_files": files(place, "t1"), "lesions": str(tmp_path / "lesions.json"), "output": str(tmp_path / "o")}
    result = save_dicom({**request, "lesions_by": {"name": "peaks", "version": "1"}}, no_progress)
    assert result["files"] == [str(tmp_path / "o" / name) for name in ("lesions-t1-sr.dcm", "t1_masks.dcm")]
    assert "1 lesion was left out because rejected." in result["notes"]
    assert kinds(tmp_path / "o" / "t1_masks.dcm") == {"Lesion 1 (box)": "MANUAL", "Lesion 2 (box)": "AUTOMATIC"}
    groups = hd.sr.srread(result["files"][0]).content.get_volumetric_roi_measurement_groups()
    assert {group.tracking_uid for group in groups} == {str(tracking_uid(uid)) for uid in ("one", "two")}
    uid = hd.seg.segread(result["files"][1]).SOPInstanceUID
    assert {group.referenced_segment.referenced_sop_instance_uid for group in groups} == {uid}


def test_a_lesion_that_a_model_drew_is_saved_as_it_was_drawn(place, tmp_path):
    boxes = [Box(center, LESION_MM, T1_GRID.direction) for center in PEAKS[:2]]
    found = [Lesion(n, {Side.T1: LesionBox(box, "detected", 0.9)}, uid=f"{n}") for n, box in enumerate(boxes, start=1)]
    write_lesions(tmp_path / "lesions.json", found)
    drawn = read_image(place / "nifti" / "t1_liver.nii.gz") * 0
    index = drawn.TransformPhysicalPointToIndex(PEAKS[1])
    drawn[index] = 2
    sitk.WriteImage(drawn, str(tmp_path / "drawn.nrrd"))
    request = {"t1_files": files(place, "t1"), "lesions": str(tmp_path / "lesions.json"), "output": str(tmp_path / "o")}
    save_dicom({**request, "t1_lesions": str(tmp_path / "drawn.nrrd")}, no_progress)
    written = hd.seg.segread(tmp_path / "o" / "t1_masks.dcm")
    assert [one.SegmentLabel for one in written.SegmentSequence] == ["Lesion 1 (box)", "Lesion 2"]
    assert voxels(written, 2) == {tuple(np.round(drawn.TransformIndexToPhysicalPoint(index), 2).tolist())}


def test_what_cannot_be_saved_is_said_and_leaves_nothing(place, tmp_path):
    liver = str(place / "nifti" / "t1_liver.nii.gz")
    request = {"t1_files": files(place, "t1"), "t1_liver": liver, "output": str(tmp_path / "o")}
    away = read_image(liver)
    sitk.WriteImage(away * 0, str(tmp_path / "empty.nrrd"))
    away.SetOrigin((500.0, 0.0, 0.0))
    sitk.WriteImage(away, str(tmp_path / "away.nrrd"))
    for changes, sentence in [
        ({"t1_files": []}, "No volume was loaded from DICOM, and DICOM results have to refer to one."),
        ({"t1_liver": None}, "There is no liver and no lesion to save."),
        ({"t1_liver": str(tmp_path / "empty.nrrd")}, "nothing to save as DICOM. There is no DICOM segmentation of T1"),
        ({"t1_files": [*files(place, "t1"), "/gone.dcm"]}, "T1's DICOM file '/gone.dcm' is no longer there."),
        ({"t1_liver": str(tmp_path / "away.nrrd")}, "The mask 'Liver' does not lie in the DICOM series of T1."),
    ]:
        with pytest.raises(InputError) as refused:
            save_dicom({**request, **changes}, no_progress)
        assert sentence in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "o").exists()
