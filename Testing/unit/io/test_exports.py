"""An export as archives give it: its series told apart, the pair picked where that is clear, and named by number."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import CORONAL, write_slice, write_stack

from liverpair import cli
from liverpair.core.atomic import part_of_address
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.io.exports import list_export, pair_of
from liverpair.io.image_notes import notes_on
from liverpair.io.study import read_image, sources_of
from liverpair.jobs.result_folder import content_sha256

HEIGHTS = tuple(9.0 * n for n in range(10))


def series(folder, number, description, heights=HEIGHTS, **tags):
    """A series of ten slices, 90 mm high, in a folder of its own."""
    own = {"SeriesInstanceUID": f"1.2.3.{number}", "SeriesNumber": number, "SeriesDescription": description}
    write_stack(folder / f"s{number}", heights, first_value=100 * number, **own, **tags)


@pytest.fixture
def export(tmp_path):
    """What a liver examination looks like: dual echo, phases, diffusion, planes."""
    folder = tmp_path / "export"
    for n, y in enumerate(HEIGHTS):
        place = {"ImagePositionPatient": [-10.0, y, 20.0], "ImageOrientationPatient": CORONAL, "InstanceNumber": n + 1}
        own = {"SeriesInstanceUID": "1.2.3.1", "SeriesNumber": 1, "SeriesDescription": "T2 HASTE cor"}
        write_slice(folder / "s1" / f"{n}.dcm", 0.0, 100 + n, **own, **place)
    series(folder, 2, "AX T2 SPIR")
    series(folder, 3, "AX T1 dual", ImageType=["ORIGINAL", "PRIMARY", "M", "OUT_PHASE"], EchoTime=2.3)
    series(folder, 4, "AX T1 dual", ImageType=["ORIGINAL", "PRIMARY", "M", "IN_PHASE"], EchoTime=4.6)
    series(folder, 5, "T1 VIBE arterial")
    series(folder, 6, "T1 VIBE portal venous")
    series(folder, 7, "ep2d DWI b50 400 800", EchoTime=70.0)
    series(folder, 8, "AX T1 water", heights=HEIGHTS[:5])
    return folder


def test_every_series_is_told_apart_and_the_pair_marked(export):
    assert [(listed.weighting, listed.kind, listed.used_as) for listed in list_export(export)] == [
        (Side.T2, "", None),
        (Side.T2, "", Side.T2),
        (Side.T1, "out of phase", None),
        (Side.T1, "in phase", Side.T1),
        (Side.T1, "arterial", None),
        (Side.T1, "portal venous", None),
        (None, "diffusion", None),
        (Side.T1, "water", None),
    ]
    t1, t2 = pair_of(list_export(export), export)
    assert (t1.number, t2.number) == (4, 2)


def test_two_series_alike_are_asked_about(export):
    series(export, 9, "AX T2 SPIR repeated")
    with pytest.raises(InputError, match=r"not clear which series is the T2: 2 AX T2 SPIR, .*; 9 AX T2 SPIR repeated"):
        pair_of(list_export(export), export)


def test_two_examinations_are_asked_about(tmp_path):
    for date in ("20240101", "20240601"):
        series(tmp_path / date, 1, "AX T1 in phase", PatientID="7", StudyDate=date)
    with pytest.raises(InputError, match="holds 2 examinations: patient 7 on 20240101; patient 7 on 20240601"):
        pair_of(list_export(tmp_path), tmp_path)


def test_a_weighting_that_is_not_there_is_left_out_and_none_at_all_is_said(tmp_path):
    series(tmp_path / "one", 1, "AX T1 in phase")
    t1, t2 = pair_of(list_export(tmp_path / "one"), tmp_path / "one")
    assert (t1.number, t2) == (1, None)
    series(tmp_path / "none", 1, "something", EchoTime=None, RepetitionTime=None)
    with pytest.raises(InputError, match="No series in .* looks T1- or T2-weighted: 1 something"):
        pair_of(list_export(tmp_path / "none"), tmp_path / "none")


def test_a_series_is_read_by_its_number(export):
    image = read_image(f"{export}:4")
    assert sitk.GetArrayFromImage(image)[:, 0, 0].tolist() == list(range(400, 410))
    assert content_sha256(f"{export}:4") != content_sha256(f"{export}:3")
    with pytest.raises(InputError, match="has no series 12; it holds 8"):
        read_image(f"{export}:12")


def test_several_series_are_refused_with_the_way_out(export):
    with pytest.raises(InputError, match="holds 8 DICOM series.*Name one by its number, as in 'FOLDER:2'"):
        read_image(export)


def test_a_phase_of_a_4d_file_is_read_by_its_number(tmp_path):
    path = tmp_path / "dynamic.nii.gz"
    phases = [sitk.GetImageFromArray(np.full((2, 3, 4), value, np.int16)) for value in (5, 6, 7)]
    sitk.WriteImage(sitk.JoinSeries(phases), str(path))
    image = read_image(f"{path}:2")
    assert image.GetSize() == (4, 3, 2) and np.unique(sitk.GetArrayViewFromImage(image)).tolist() == [6]
    for number in (0, 4):
        with pytest.raises(InputError, match=f"has no volume {number}; it holds 3"):
            read_image(f"{path}:{number}")


def test_a_name_with_a_colon_of_its_own_is_no_address(tmp_path):
    own = tmp_path / "scan:2"
    own.mkdir()
    assert part_of_address(own) == (own, None)
    assert part_of_address(tmp_path / "absent:2") == (tmp_path / "absent:2", None)


def test_the_command_lists_what_is_there(export, capsys):
    assert cli.main(["series", str(export)]) == 0
    table = capsys.readouterr().out
    assert "AX T2 SPIR" in table and "portal venous" in table
    assert cli.main(["series", str(export), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["used_as"] for row in rows].index("T1") == 3


def test_the_parts_of_a_study_are_its_files_or_else_its_series(export, tmp_path):
    assert sources_of(export) == {"t1": Path(f"{export}:4"), "t2": Path(f"{export}:2")}
    study = tmp_path / "study"
    study.mkdir()
    (study / "notes.txt").write_text("nothing else")
    with pytest.raises(InputError, match=r"holds neither t1.nii.gz nor t2.nii.gz nor DICOM series"):
        sources_of(study)
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkInt16), str(study / "t2.nii.gz"))
    assert sources_of(study) == {"t2": study / "t2.nii.gz"}


def test_which_series_is_read_is_told(export):
    assert notes_on(read_image(f"{export}:2")) == ["Series 2 of 'export' is read: AX T2 SPIR, TE 4.6 ms, M, 6×4×10."]
