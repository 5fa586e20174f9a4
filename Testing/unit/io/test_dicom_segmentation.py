"""Masks as DICOM: every voxel where it was, whatever the order of axes, and nothing that a validator objects to."""

import itertools
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_factory import write_enhanced, write_stack

from liverpair.core.errors import InputError
from liverpair.io.dicom_segmentation import Structure, liver_structure, write_dicom_segmentation
from liverpair.io.dicom_series import list_series, read_series

hd = pytest.importorskip("highdicom", reason="highdicom is not installed")

MODEL = "liver-t1t2", "1.0.0"
HEIGHTS = (0.0, 3.0, 6.0, 9.0, 12.0)
HALF = 0.5**0.5
OBLIQUE = [HALF, HALF, 0.0, -HALF, HALF, 0.0]
"""Rows and columns turned by 45 degrees in the axial plane."""


@pytest.fixture
def series_of(tmp_path):
    """Function that writes a series and gives its files and its volume."""

    def written(**tags):
        write_stack(tmp_path / "series", HEIGHTS, FrameOfReferenceUID="1.2.3.9", **tags)
        (series,) = list_series(tmp_path / "series")
        return series.files, read_series(series)

    return written


def some_mask(volume: sitk.Image) -> sitk.Image:
    """Random voxels, the outermost slices free of them."""
    array = np.random.default_rng(3).random(volume.GetSize()[::-1]) > 0.6
    array[[0, -1]] = False
    mask = sitk.GetImageFromArray(array.astype(np.uint8))
    mask.CopyInformation(volume)
    return mask


def places(array: np.ndarray, to_lps) -> set[tuple[float, ...]]:
    """Where the voxels that are not 0 lie, to a hundredth of a mm."""
    return {tuple(np.round(to_lps(index), 2) + 0.0) for index in np.argwhere(array).tolist()}


def places_in_file(path) -> set[tuple[float, ...]]:
    volume = hd.seg.segread(path).get_volume(combine_segments=True)
    return places(volume.array, lambda index: volume.affine[:3, :3] @ index + volume.affine[:3, 3])


def places_in_mask(mask: sitk.Image) -> set[tuple[float, ...]]:
    return places(
        sitk.GetArrayViewFromImage(mask), lambda index: np.array(mask.TransformIndexToPhysicalPoint(index[::-1]))
    )


def test_every_order_of_axes_gives_the_same_voxels(series_of, tmp_path):
    files, volume = series_of()
    mask = some_mask(volume)
    expected = places_in_mask(mask)
    orders = list(itertools.product(itertools.permutations(range(3)), itertools.product((False, True), repeat=3)))
    assert len(orders) == 48
    for order, flips in orders:
        turned = sitk.Flip(sitk.PermuteAxes(mask, order), flips)
        path = write_dicom_segmentation(tmp_path / "seg.dcm", [liver_structure(turned)], files, "T1", MODEL)
        assert places_in_file(path) == expected, (order, flips)


def test_oblique_slices_keep_their_place(series_of, tmp_path):
    files, volume = series_of(ImageOrientationPatient=OBLIQUE)
    mask = some_mask(volume)
    path = write_dicom_segmentation(tmp_path / "seg.dcm", [liver_structure(mask)], files, "T1", MODEL)
    assert places_in_file(path) == places_in_mask(mask)


def test_an_enhanced_file_is_a_source_like_any_other(tmp_path):
    file = write_enhanced(tmp_path / "enhanced.dcm", echoes=(4.6,), heights=HEIGHTS)
    enhanced = pydicom.dcmread(file)
    enhanced.FrameOfReferenceUID = "1.2.3.9"
    enhanced.save_as(file)
    (series,) = list_series(tmp_path)
    mask = some_mask(read_series(series))
    path = write_dicom_segmentation(tmp_path / "out" / "seg.dcm", [liver_structure(mask)], [file], "T2", MODEL)
    assert places_in_file(path) == places_in_mask(mask)


def test_it_belongs_to_the_study_and_refers_to_each_slice(series_of, tmp_path):
    files, volume = series_of(PatientID="7", StudyDate="20240501")
    mask = some_mask(volume)
    lesion = Structure(
        mask > 0, "Lesion 3", ("49755003", "Morphologically abnormal structure"), ("52988006", "Lesion"),
        ("10200004", "Liver"), (0, 0, 255), ("2.25.77", "Lesion 3"),
    )  # fmt: skip
    empty = liver_structure(mask * 0)
    path = write_dicom_segmentation(tmp_path / "seg.dcm", [liver_structure(mask), lesion, empty], files, "T1", MODEL)
    seg = hd.seg.segread(path)
    assert (seg.PatientID, seg.StudyInstanceUID, seg.StudyDate) == ("7", "1.2.3", "20240501")
    assert seg.SeriesInstanceUID != "1.2.3.4" and seg.SeriesDescription == "LiverPair masks in T1"
    assert [segment.SegmentLabel for segment in seg.SegmentSequence] == ["Liver", "Lesion 3"]
    assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert seg.SegmentSequence[1].TrackingUID == "2.25.77"
    frame = seg.PerFrameFunctionalGroupsSequence[0]
    referred = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in seg.PerFrameFunctionalGroupsSequence
    }
    assert len(referred) == len(HEIGHTS) - 2
    assert frame.DerivationImageSequence[0].SourceImageSequence[0].PurposeOfReferenceCodeSequence


def test_a_validator_finds_no_error(series_of, tmp_path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools).")
    files, volume = series_of(PatientID="7", ContentDate="20240501")
    path = write_dicom_segmentation(tmp_path / "seg.dcm", [liver_structure(some_mask(volume))], files, "T1", MODEL)
    said = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True)
    assert [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda mask: mask * 0, "There is no mask to write for T1: all are empty."),
        (lambda mask: moved(mask, 500.0), "The mask 'Liver' does not lie in the DICOM series of T1."),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_left(series_of, tmp_path, change, sentence):
    files, volume = series_of()
    with pytest.raises(InputError, match=sentence):
        write_dicom_segmentation(tmp_path / "seg.dcm", [liver_structure(change(some_mask(volume)))], files, "T1", MODEL)
    assert not (tmp_path / "seg.dcm").exists()


def test_a_series_without_frame_of_reference_is_refused(tmp_path):
    write_stack(tmp_path / "series", HEIGHTS)
    (series,) = list_series(tmp_path / "series")
    with pytest.raises(InputError, match="T1's DICOM files name no frame of reference"):
        mask = some_mask(read_series(series))
        write_dicom_segmentation(tmp_path / "seg.dcm", [liver_structure(mask)], series.files, "T1", MODEL)


def moved(mask: sitk.Image, by_mm: float) -> sitk.Image:
    mask.SetOrigin([value + by_mm for value in mask.GetOrigin()])
    return mask
