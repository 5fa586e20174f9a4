"""Against a real archive: ask, fetch, store, and what happens when it refuses, dies or changes meanwhile."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_factory import write_stack
from orthanc import orthanc  # noqa: F401

from liverpair import cli
from liverpair.core.errors import InputError
from liverpair.io.dicom_segmentation import liver_structure, write_dicom_segmentation
from liverpair.io.exports import list_export, pair_of
from liverpair.io.pacs import Archive
from liverpair.io.study import read_image

pytest.importorskip("dicomweb_client", reason="dicomweb-client is not installed")

STUDY = "1.2.826.77.1"
HEIGHTS = tuple(9.0 * n for n in range(10))


@pytest.fixture
def files(tmp_path):
    """A study of one patient: T1, T2, ten slices each."""
    shared = {
        "PatientID": "7", "PatientName": "Doe^Jane", "StudyInstanceUID": STUDY, "StudyDate": "20240501",
        "FrameOfReferenceUID": "1.2.826.77.9", "StudyDescription": "Liver MR", "PatientSex": "F",
    }  # fmt: skip
    found = []
    for number, description in ((1, "AX T1 in phase"), (2, "AX T2 SPIR")):
        own = {"SeriesInstanceUID": f"{STUDY}.{number}", "SeriesNumber": number, "SeriesDescription": description}
        found += write_stack(tmp_path / "study" / str(number), HEIGHTS, first_value=100 * number, **own, **shared)
    return found


def test_a_study_is_found_fetched_read_and_its_result_found_again(orthanc, files, tmp_path):
    archive = Archive(orthanc.url)
    assert archive.find() == []
    assert archive.send(files) == 20
    (row,) = archive.find(name="Doe*", date="20240101-20241231")
    assert (row["study"], row["patient"], row["name"], row["images"]) == (STUDY, "7", "Doe^Jane", "20")
    assert archive.find(patient="8") == []
    folder = archive.get(STUDY, tmp_path / "fetched")
    t1, t2 = pair_of(list_export(folder), folder)
    assert (t1.series.description, t2.series.description) == ("AX T1 in phase", "AX T2 SPIR")
    volume = read_image(f"{folder}:{t1.number}")
    assert sitk.GetArrayViewFromImage(volume)[:, 0, 0].tolist() == list(range(100, 110))
    mask = sitk.GetImageFromArray(np.ones(volume.GetSize()[::-1], np.uint8))
    mask.CopyInformation(volume)
    path = tmp_path / "t1-seg.dcm"
    write_dicom_segmentation(path, [liver_structure(mask)], t1.series.files, "T1", ("small", "1.0"))
    assert archive.send([path]) == 1
    kinds = {series["description"]: series["modality"] for series in archive.series(STUDY)}
    assert kinds == {"AX T1 in phase": "MR", "AX T2 SPIR": "MR", "LiverPair masks in T1": "SEG"}
    assert archive.send([path]) == 1
    assert len(archive.series(STUDY)) == 3


def test_a_wrong_password_is_said_and_never_shown(orthanc, monkeypatch, capsys):
    monkeypatch.setenv("LIVERPAIR_PACS_PASSWORD", "a wrong one")
    assert cli.main(["pacs", "--url", orthanc.url, "find"]) == 2
    said = capsys.readouterr().err
    assert "does not let this user in. Set LIVERPAIR_PACS_USER and LIVERPAIR_PACS_PASSWORD." in said
    assert "a wrong one" not in said


def test_a_server_that_dies_in_mid_transfer_leaves_nothing_and_a_second_run_completes(orthanc, files, tmp_path):
    archive = Archive(orthanc.url)
    archive.send(files)

    def dies_after_the_first_series(fraction, message):
        if fraction == 0.5:
            orthanc.stop()

    with pytest.raises(InputError, match="does not answer or broke off"):
        archive.get(STUDY, tmp_path / "fetched", progress=dies_after_the_first_series)
    assert list((tmp_path / "fetched").iterdir()) == []
    orthanc.start()
    folder = archive.get(STUDY, tmp_path / "fetched")
    assert len(list(folder.rglob("*.dcm"))) == 20


def test_a_study_deleted_meanwhile_is_said_and_leaves_nothing(orthanc, files, tmp_path):
    archive = Archive(orthanc.url)
    archive.send(files)

    def deleted_after_the_first_series(fraction, message):
        if fraction == 0.5:
            orthanc.delete_everything()

    with pytest.raises(InputError, match=f"has no study {STUDY}|0 of 10 images arrived"):
        archive.get(STUDY, tmp_path / "fetched", progress=deleted_after_the_first_series)
    assert list((tmp_path / "fetched").iterdir()) == []
    with pytest.raises(InputError, match=f"The archive has no study {STUDY}. Ask it again"):
        archive.get(STUDY, tmp_path / "fetched")


def test_the_commands_speak_to_it(orthanc, files, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LIVERPAIR_PACS_URL", orthanc.url)
    assert cli.main(["pacs", "send", *map(str, files)]) == 0
    assert cli.main(["pacs", "find", "--json"]) == 0
    stored, found = capsys.readouterr().out.split("\n", 1)
    assert stored == "20 files stored." and json.loads(found)[0]["study"] == STUDY
    assert cli.main(["pacs", "get", STUDY, "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / STUDY / f"{STUDY}.1").is_dir()
    assert cli.main(["pacs", "find", "--patient", "nobody"]) == 0
    assert capsys.readouterr().out.endswith("No study was found.\n")


def test_nobody_there_and_no_address_are_said(capsys, monkeypatch):
    monkeypatch.delenv("LIVERPAIR_PACS_URL", raising=False)
    assert cli.main(["pacs", "find"]) == 2
    assert "No archive is named. Use --url, or set LIVERPAIR_PACS_URL." in capsys.readouterr().err
    assert cli.main(["pacs", "--url", "http://127.0.0.1:9/dicom-web", "find"]) == 2
    assert "does not answer or broke off. Check the address, and try again." in capsys.readouterr().err
    assert cli.main(["pacs", "--url", "nonsense", "find"]) == 2
    assert "'nonsense' is not the address of an archive." in capsys.readouterr().err


def test_what_is_no_dicom_file_is_not_sent(tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    with pytest.raises(InputError, match="no DICOM file or not there"):
        Archive("http://127.0.0.1:9/dicom-web").send([tmp_path / "a.txt"])
