"""The studies of a batch: folders, exports of any depth, all examinations in one folder, and zip files."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_stack

from liverpair.core.errors import InputError
from liverpair.io.study_list import ListedStudy, list_studies, listed_studies, unpacked

HEIGHTS = tuple(9.0 * n for n in range(10))


def examination(folder, patient, date, prefix="a"):
    """A T1 and a T2 series of one patient and date, each in a folder of its own."""
    for number, name in enumerate(("AX T1 in phase", "AX T2 SPIR"), start=1):
        uid = f"1.2.{abs(hash((patient, date))) % 10**6}.{number}"
        own = {"SeriesInstanceUID": uid, "SeriesNumber": number, "SeriesDescription": name}
        write_stack(folder / f"s{number}", HEIGHTS, prefix=prefix, PatientID=patient, StudyDate=date, **own)
    return folder


def nifti(folder):
    folder.mkdir(parents=True)
    for side in ("t1", "t2"):
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 3, 3), np.uint8)), str(folder / f"{side}.nii.gz"))
    return folder


def sources(study: ListedStudy) -> dict[str, str]:
    with study.sources() as found:
        return found


def names(found):
    return [study.name for study in found]


def test_trees_of_patients_studies_and_series_are_divided_by_examination(tmp_path):
    root = tmp_path / "archive"
    first = examination(root / "ann" / "2024-01", "A", "20240101")
    examination(root / "ann" / "2024-06", "A", "20240601")
    examination(root / "bob", "B", "20240101")
    nifti(root / "site" / "cy")
    nifti(root / "dan")
    found = list_studies(root)
    assert names(found) == ["ann_2024-01", "ann_2024-06", "bob", "dan", "site_cy"]
    assert sources(found[0]) == {"t1": f"{first}:1", "t2": f"{first}:2"}


def test_a_study_of_which_each_series_is_a_folder_is_not_divided(tmp_path):
    examination(tmp_path / "all" / "one", "A", "20240101")
    assert names(list_studies(tmp_path / "all")) == ["one"]


def test_examinations_in_one_folder_are_told_apart_by_their_headers(tmp_path):
    cd = tmp_path / "cd"
    for patient, date in (("A", "20240101"), ("B/1", "20240202")):
        examination(tmp_path / patient[0], patient, date, prefix=patient[0])
        for series in ("s1", "s2"):
            shutil.copytree(tmp_path / patient[0] / series, cd / "IMAGES" / series, dirs_exist_ok=True)
    (cd / "DICOMDIR").write_bytes(b"")
    for studies in (cd, cd / "DICOMDIR"):
        found = list_studies(studies)
        assert names(found) == ["cd_A_20240101", "cd_B-1_20240202"]
        assert sources(found[0]).keys() == {"t1", "t2"} and sources(found[0]) != sources(found[1])


def test_an_examination_of_which_the_pair_is_not_clear_fails_alone(tmp_path):
    cd = tmp_path / "cd"
    for patient in "AB":
        examination(cd / patient, patient, "20240101")
    more = {"SeriesInstanceUID": "1.2.9", "SeriesNumber": 9, "SeriesDescription": "AX T2 again"}
    write_stack(cd / "B" / "s9", HEIGHTS, PatientID="B", StudyDate="20240101", **more)
    (cd / "DICOMDIR").write_bytes(b"")
    first, second = list_studies(cd)
    assert sources(first).keys() == {"t1", "t2"}
    with pytest.raises(InputError, match="not clear which series is the T2"):
        sources(second)


def test_zip_files_are_studies_or_hold_them(tmp_path):
    nifti(tmp_path / "in" / "anna")
    examination(tmp_path / "in" / "bert", "B", "20240101")
    for name in ("anna", "bert"):
        shutil.make_archive(str(tmp_path / "zips" / name), "zip", tmp_path / "in" / name)
    found = list_studies(tmp_path / "zips")
    assert names(found) == ["anna", "bert"]
    for study in found:
        with study.sources() as parts:
            folder = parts["t1"].rpartition("/")[0]
            assert parts.keys() == {"t1", "t2"} and folder
    shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "in")
    with listed_studies(tmp_path / "all.zip", tmp_path / "out") as found:
        assert names(found) == ["anna", "bert"] and sources(found[0]).keys() == {"t1", "t2"}
    assert not (tmp_path / "out").exists()
    with listed_studies(tmp_path / "zips" / "anna.zip", tmp_path / "out") as found:
        assert names(found) == ["anna"]


def test_a_zip_file_that_cannot_be_unpacked_is_said(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="a.zip' cannot be unpacked"), unpacked(tmp_path / "a.zip"):
        pass


def test_names_that_are_alike_are_told_apart(tmp_path):
    nifti(tmp_path / "a" / "b")
    nifti(tmp_path / "a_b")
    assert names(list_studies(tmp_path)) == ["a_b", "a_b-2"]
