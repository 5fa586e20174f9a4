"""A visit on one page: what stands on it, that it is one page, and the DICOM beside it."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
import SimpleITK as sitk
import visits_factory
from dicom_factory import write_volume

from liverpair import cli
from liverpair.core.errors import InputError, no_progress
from liverpair.core.lesion_findings import PhaseSignal
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.io.structured_report_identity import tracking_uid
from liverpair.io.study import read_image, write_image
from liverpair.jobs.report_job import report
from liverpair.jobs.visit_inputs import read_visit
from liverpair.reports.visit_content import burden_sentences
from liverpair.reports.visit_page import WIDTH, column_widths


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    first = visits_factory.write_visit(folder / "march", visits_factory.BASELINE)
    second = visits_factory.write_visit(folder / "september", visits_factory.FOLLOWUP, visits_factory.MOVED)
    return first, second


def pages_of(pdf) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf.read_bytes()))


def test_a_visit_is_one_page_with_pictures_table_burden_and_versions(visits, tmp_path, capsys):
    assert cli.main(["report", str(visits[0]), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    assert told["files"] == ["lesions.csv", "report.html", "report.pdf", "report.png"] and told["response"] is None
    found = told["summary"]
    assert found["t1_burden_percent"] == pytest.approx(100 * found["t1_tumor_ml"] / found["t1_liver_ml"])
    assert found["t1_tumor_ml"] == pytest.approx(14.1 + 7.2 + 2.1, rel=0.05)  # balls of 15, 12 and 8 mm
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for line in burden_sentences(found):
        assert line in page and line in said
    assert page.count("data:image/png;base64,") == 2  # the two targets, T1 and T2 in one strip each
    assert "http" not in page and "SimpleITK: " in page
    assert pages_of(tmp_path / "out" / "report.pdf") == 1
    assert cli.main(["report", str(visits[0]), "-o", str(tmp_path / "out")]) == 2
    assert "already holds report.json" in capsys.readouterr().err


def test_with_an_earlier_visit_the_response_stands_on_the_page(visits, tmp_path):
    request = {"study": str(visits[1]), "earlier": [str(visits[0])], "output": str(tmp_path / "out")}
    told = report(request, no_progress)
    assert told["response"]["t1"]["category"] == "PD"
    assert {"followup.json", "followup.csv", "lesions.json"} <= set(told["files"])
    assert {lesion.earlier for lesion in read_lesions(tmp_path / "out" / "lesions.json")} == {
        "march-1",
        "march-3",
        None,
    }
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "T1: PD, progressive disease" in page and "(grown)" in page and "Lesion 4 of visit 2" in page
    assert pages_of(tmp_path / "out" / "report.pdf") == 1


def test_phases_and_decisions_stand_on_the_page_and_no_category_is_concluded(visits, tmp_path):
    folder = shutil.copytree(visits[0], tmp_path / "visit")
    signals = {"arterial": PhaseSignal(180.0, 9.0, 120.0), "portal": PhaseSignal(120.0, 6.0, 160.0)}
    first, *others = read_lesions(folder / "lesions.json")
    told = replace(first, phases=signals, reading={"washout": "present"})
    write_lesions(folder / "lesions.json", [told, *others])
    report({"study": str(folder), "output": str(tmp_path / "out")}, no_progress)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Lesion 1: Arterial phase: 50 % brighter than the liver. Portal venous phase: 25 % darker" in page
    assert "T2: 100 % brighter than the liver. Nonperipheral washout: present." in page
    assert page.count("data:image/png;base64,") == 3 and "Category" not in page
    assert pages_of(tmp_path / "out" / "report.pdf") == 1
    table = (tmp_path / "out" / "lesions.csv").read_text(encoding="utf-8")
    assert "Contrast arterial (%)" in table and ",50.0," in table


def test_columns_are_as_wide_as_their_texts_ask():
    widths = column_widths([["No.", "T1 contrast, %"], ["1", "-40"]])
    assert sum(widths) == pytest.approx(WIDTH)
    assert widths[1] / widths[0] == pytest.approx((11 + 2) / (3 + 2))  # the unit stands in a line of its own


def test_measures_from_boxes_have_a_star_and_what_was_not_read_is_said(visits, tmp_path):
    boxes = visits_factory.write_visit(tmp_path / "v", visits_factory.BASELINE, masks=False, state="proposed")
    (boxes / "t2_liver.nii.gz").unlink()
    told = report({"study": str(boxes), "output": str(tmp_path / "out")}, no_progress)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"<td>\d+\.\d\*</td>", page)
    assert "3 of 3 lesions were proposed by a model and not yet read by anybody." in told["notes"]
    assert any(note.startswith("There is no liver mask of T2") for note in told["notes"])
    assert told["summary"]["t1_from_boxes"] == 3


def test_dicom_segments_and_measurements_of_one_lesion_refer_to_each_other(visits, tmp_path):
    hd = pytest.importorskip("highdicom", reason="highdicom is not installed")
    study = tmp_path / "study"
    study.mkdir()
    for number, side in enumerate(Side, start=1):
        tags = {"FrameOfReferenceUID": "1.2.3.9", "PatientID": "7", "StudyDate": "20260301", "ContentDate": "20260301"}
        volume = read_image(visits[0] / f"{side}.nii.gz")
        write_volume(study / side, volume, SeriesInstanceUID=f"1.2.3.{number}", SeriesNumber=number, **tags)
        for part in (f"{side}_liver.nii.gz", f"{side}_lesions.nii.gz"):
            shutil.copy(visits[0] / part, study)
    shutil.copy(visits[0] / "lesions.json", study)
    out = tmp_path / "out"
    told = report({"study": str(study), "output": str(out), "dicom": True}, no_progress)
    assert {"t1_masks.dcm", "t2_masks.dcm", "lesions-t1-sr.dcm", "lesions-t2-sr.dcm"} <= set(told["files"])
    uids = {str(tracking_uid(lesion.uid)) for lesion in read_lesions(study / "lesions.json")}
    for side in Side:
        seg, document = hd.seg.segread(out / f"{side}_masks.dcm"), hd.sr.srread(out / f"lesions-{side}-sr.dcm")
        assert [one.SegmentLabel for one in seg.SegmentSequence] == ["Liver", "Lesion 1", "Lesion 2", "Lesion 3"]
        groups = document.content.get_volumetric_roi_measurement_groups()
        assert {group.tracking_uid for group in groups} == uids
        for group in groups:
            assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
            assert {"Long axis", "Short axis", "Volume"} <= {one.name.meaning for one in group.get_measurements()}
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed")
    for path in out.glob("*.dcm"):
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]
        assert errors == [], path.name


def test_dicom_results_take_dicom(visits, tmp_path):
    with pytest.raises(InputError, match="was read from DICOM"):
        report({"study": str(visits[0]), "output": str(tmp_path / "out"), "dicom": True}, no_progress)
    assert not (tmp_path / "out").exists()


def test_the_folder_of_a_detection_is_a_visit_with_what_the_detection_was_made_of(visits, tmp_path):
    organs = tmp_path / "organs.nii.gz"
    liver = read_image(visits[0] / "t1_liver.nii.gz")
    several = 5 * sitk.GetArrayFromImage(liver)
    several[0, 0, 0] = 2
    labeled = sitk.GetImageFromArray(several)
    labeled.CopyInformation(liver)
    write_image(labeled, organs)
    found = tmp_path / "found"
    found.mkdir()
    for name in ("lesions.json", "t1_lesions.nii.gz", "t2_lesions.nii.gz"):
        shutil.copy(visits[0] / name, found)
    inputs = {side.key: str(visits[0] / f"{side}.nii.gz") for side in Side}
    inputs |= {"t1_liver": str(organs), "t2_liver": str(visits[0] / "t2_liver.nii.gz"), "t1_lesions": "/no/other/map"}
    content = {
        "schema_version": 1,
        "lesions": "lesions.json",
        "table": "lesions.csv",
        "correspondence": None,
        "pairs": 3,
        "boxes": {"t1": "a", "t2": "b"},
        "livers": {"t1": None, "t2": None},
        "offset_t1_to_t2_mm": [0, 0, 0],
        "provenance": {"seconds": 1.0, "bundle": "peaks", "version": "1", "display_threshold": 0.95},
        "inputs": inputs,
        "asked": {"options": {"liver_label": 5}},
    }
    (found / "detection.json").write_text(json.dumps(content))
    visit = read_visit(found)
    assert sitk.GetArrayFromImage(visit.livers[Side.T1]).sum() == sitk.GetArrayFromImage(liver).sum()
    assert [lesion.number for lesion in visit.counted] == [1, 2, 3]  # accepted, whatever their score of 0.9
    assert visit.rows[0].sides[Side.T1].measured_from == "mask"
    unread = [replace(lesion, state="proposed") for lesion in visit.lesions]
    assert replace(visit, lesions=unread).counted == []
