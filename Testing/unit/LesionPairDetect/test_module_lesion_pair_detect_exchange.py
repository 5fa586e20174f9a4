"""The section Files: the automatic copy, files in and out, and files that are refused."""

import csv
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import slicer
from dicom_scene_factory import add_dicom_volumes
from lesion_sections_factory import (  # noqa: F401
    clean_cache,
    close_sections,
    lesion,
    lesions,
    open_sections,
    sections,
)
from liver_multimodal_factory import BRIGHT, liver_image
from mrml_factory import shift_transform

from liverpair.core.errors import InputError
from liverpair.core.labels import LIVER
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.io.structured_report import tracking_uid
from liverpair.mrml import segmentations
from liverpair.mrml.scanner_space import same_lesions


def wait_for_copy(sections):
    """Let the automatic copy be written; its path."""
    path = sections.exchange.autosave.path
    sections.harness.wait(until=lambda: path.is_file() and same_lesions(read_lesions(path), sections.study.pairs()))
    return path


def crash(sections) -> None:
    """What a crash leaves: the file of the copy, and no farewell."""
    path = wait_for_copy(sections)
    shutil.copy(path, path.with_name("kept"))
    close_sections(sections)
    path.with_name("kept").rename(path)


def test_exported_lesions_come_back_as_they_were(sections, tmp_path):
    sections.add_lesions([*lesions(), lesion(5, (50, 0, 70), note="wedge, é", state="rejected")])
    before = sections.study.pairs()
    sections.harness.answer(str(tmp_path / "out.json"))
    sections.click("exportLesionsButton")
    assert sections.said[-1] == f"Lesions written to '{tmp_path / 'out.json'}': 5."
    assert same_lesions(read_lesions(tmp_path / "out.json"), before)
    sections.study.replace_all([])
    sections.harness.answer(str(tmp_path / "out.json"))
    sections.click("importLesionsButton")
    assert same_lesions(sections.study.pairs(), before)
    assert [pair.number for pair in sections.study.pairs()] == [1, 2, 3, 4, 5]
    assert sections.said[-1] == "Lesions imported: 5."
    assert sections["undoButton"].toolTip == "<p>Take back: Import. You are asked first: its lesions go</p>"
    sections.harness.answer("Cancel", "OK")
    sections.press("Z")
    assert len(sections.study) == 5
    sections.press("Z")
    assert len(sections.study) == 0


def theirs(number, *arguments, **changes):
    """A lesion of somebody else's file."""
    return replace(lesion(number, *arguments, **changes), uid=f"theirs-{number}")


@pytest.mark.parametrize("way", ["Merge", "Replace", "Add"])
def test_an_import_asks_what_becomes_of_the_lesions_that_are_there(sections, tmp_path, way):
    sections.add_lesions()
    sections.study.set_state("lesion-2", "rejected")
    in_file = [
        theirs(1, (-41, -30, 60), state="accepted"),  # overlaps lesion 1, which nobody has judged
        theirs(2, (11, 10, 75), state="accepted"),  # overlaps lesion 2, which was rejected
        theirs(3, (-20, 30, 91), (Side.T1,)),  # overlaps lesion 3; neither was judged
        theirs(9, (0, 60, 60)),
    ]
    write_lesions(tmp_path / "in.json", in_file)
    before = sections.study.pairs()
    sections.harness.answer(str(tmp_path / "in.json"), way)
    sections.click("importLesionsButton")
    expected = {
        "Merge": ["theirs-1", "lesion-2", "lesion-3", "lesion-4", "theirs-9"],
        "Replace": ["theirs-1", "theirs-2", "theirs-3", "theirs-9"],
        "Add": [f"lesion-{n}" for n in (1, 2, 3, 4)] + [f"theirs-{n}" for n in (1, 2, 3, 9)],
    }[way]
    assert sorted(pair.uid for pair in sections.study.pairs()) == sorted(expected)
    assert "Lesions in the file: 4. Lesions here already: 4." in sections.harness.dialogs()[-1].text
    assert (
        sections.said[-1]
        == {
            "Merge": "Lesions imported: 2. Already there, and left as they were: 2. "
            "Not yet reviewed, and replaced by them: 1.",
            "Replace": "Lesions imported: 4.",
            "Add": "Lesions imported: 4. Overlapping with lesions that were there: 3.",
        }[way]
    )
    sections.study.undo()
    assert sections.study.pairs() == before


def test_lesions_of_one_uid_are_the_same_lesion_in_an_import(sections, tmp_path):
    sections.add_lesions()
    write_lesions(tmp_path / "in.json", [lesion(1, (60, 50, 90), state="accepted"), lesion(9, (0, 60, 60))])
    for how in ("merge", "add"):
        sections.exchange.exchange.importLesions(tmp_path / "in.json", how)
        assert [pair.uid for pair in sections.study.pairs()] == [f"lesion-{n}" for n in (1, 2, 3, 4, 9)]
        assert sections.study.pair("lesion-1").state == "accepted"
        sections.study.undo()
    with pytest.raises(InputError, match="cannot be imported by 'mix'"):
        sections.exchange.exchange.importLesions(tmp_path / "in.json", "mix")


def test_an_import_that_the_user_thinks_better_of_changes_nothing(sections, tmp_path):
    sections.add_lesions()
    before = sections.study.pairs()
    write_lesions(tmp_path / "in.json", [lesion(9, (0, 60, 60))])
    sections.harness.answer(str(tmp_path / "in.json"), "Cancel")
    sections.click("importLesionsButton")
    assert sections.study.pairs() == before and not sections.problems


def test_lesions_of_another_patient_are_noticed(sections, tmp_path):
    write_lesions(tmp_path / "in.json", [lesion(1, (900, 0, 0))])
    sections.harness.answer(str(tmp_path / "in.json"))
    sections.click("importLesionsButton")
    assert "Boxes that lie outside T1: 1. Is this the file of this patient?" in sections.said[-1]


def test_dialogs_that_are_dismissed_do_nothing(sections):
    sections.add_lesions()
    for name in ("importLesionsButton", "exportLesionsButton", "exportTableButton", "autosaveFolderButton"):
        sections.harness.answer(None)
        sections.click(name)
    assert not sections.problems and not sections.said


def test_a_place_that_cannot_be_written_to_is_said(sections, tmp_path):
    sections.add_lesions()
    (tmp_path / "file").write_text("")
    sections.harness.answer(str(tmp_path / "file" / "lesions.json"))
    sections.click("exportLesionsButton")
    assert "cannot be written" in sections.problems[-1]


def test_the_table_is_exported(sections, tmp_path):
    sections.add_lesions()
    sections.harness.answer(str(tmp_path / "table.csv"))
    sections.click("exportTableButton")
    with open(tmp_path / "table.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["Seen in"] for row in rows] == ["both", "both", "T1 only", "T2 only"]
    assert float(rows[0]["T1 volume (ml)"]) == pytest.approx(13.44 * math.pi / 6, abs=1e-3)


def test_files_are_in_the_coordinates_of_the_image_without_its_transform(sections, tmp_path):
    pairs = lesions()
    sections.add_lesions(pairs)
    transform = shift_transform(10, 20, 30)
    sections.context.volume(Side.T2).SetAndObserveTransformNodeID(transform.GetID())
    for uid in ("lesion-1", "lesion-2", "lesion-4"):
        sections.study.node(uid, Side.T2).SetAndObserveTransformNodeID(transform.GetID())
    sections.harness.wait()
    in_world = sections.study.pairs()
    assert not np.allclose(in_world[0].box(Side.T2).center_mm, pairs[0].box(Side.T2).center_mm, atol=1)
    sections.harness.answer(str(tmp_path / "out.json"))
    sections.click("exportLesionsButton")
    written = read_lesions(tmp_path / "out.json")
    for before, after in zip(pairs, written):
        for side in Side:
            if side in before.boxes:
                assert np.allclose(before.box(side).center_mm, after.box(side).center_mm, atol=1e-3)
                assert np.allclose(before.box(side).direction, after.box(side).direction, atol=1e-5)
    sections.study.replace_all([])
    sections.harness.answer(str(tmp_path / "out.json"))
    sections.click("importLesionsButton")
    for before, after in zip(in_world, sections.study.pairs()):
        assert Side.T2 not in before.boxes or np.allclose(
            before.box(Side.T2).center_mm, after.box(Side.T2).center_mm, atol=1e-3
        )


def test_what_is_not_from_dicom_cannot_be_saved_as_dicom_and_why_is_said(sections):
    assert not sections["saveDicomButton"].isEnabled()
    assert "There is no liver and no lesion to save." in sections["saveDicomButton"].toolTip
    sections.add_lesions()
    assert not sections["saveDicomButton"].isEnabled()
    assert "T1 was not loaded from DICOM" in sections["saveDicomButton"].toolTip
    sections.study.replace_all([replace(one, state="rejected") for one in lesions()])
    sections.harness.wait()
    assert "There is no liver and no lesion to save." in sections["saveDicomButton"].toolTip


@pytest.fixture
def from_dicom(sections, tmp_path, monkeypatch):
    """The sections over two volumes from DICOM, a liver in T1 that somebody drew, and three lesions."""
    images = {Side.T1: liver_image(), Side.T2: liver_image(6, oblique=True)}
    nodes = add_dicom_volumes(monkeypatch, tmp_path / "dicom", images)
    liver = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentations.put_segment(liver, images[Side.T1] > BRIGHT, nodes[Side.T1], LIVER, {})
    parameters = sections.context.parameterNode
    parameters.t1Volume, parameters.t2Volume, parameters.t1Liver = nodes[Side.T1], nodes[Side.T2], liver
    sections.harness.wait()
    sections.add_lesions([*lesions()[:2], lesion(5, (50, 0, 70), state="rejected")])
    return sections


def test_livers_and_lesions_are_saved_as_dicom_by_the_worker(from_dicom, tmp_path):
    hd = pytest.importorskip("highdicom", reason="highdicom is not installed")
    sections, folder = from_dicom, tmp_path / "out"
    folder.mkdir()
    assert sections["saveDicomButton"].isEnabled()
    assert "structured report" in sections["saveDicomButton"].toolTip
    sections.harness.answer(str(folder))
    sections.click("saveDicomButton")
    assert [request.requirements for request in sections.harness.packaging.requests] == [("highdicom>=0.24",)]
    assert sections["saveDicomButton"].text == "Stop saving" and not list(folder.iterdir())
    sections.worker.work()
    assert "Saving as DICOM, 53 %: Writing the DICOM segmentation of T2." in sections.said
    names = ["lesions-t1-sr.dcm", "lesions-t2-sr.dcm", "t1_masks.dcm", "t2_masks.dcm"]
    assert sections.said[-1].startswith(f"Saved as DICOM in '{folder}': {', '.join(names)}. 1 lesion was left out")
    assert sorted(path.name for path in folder.iterdir()) == names and not sections.problems
    assert sections["saveDicomButton"].text == "DICOM…" and sections["saveDicomButton"].isEnabled()
    t1, t2 = (hd.seg.segread(folder / f"{side}_masks.dcm") for side in Side)
    assert [one.SegmentLabel for one in t1.SegmentSequence] == ["Liver", "Lesion 1 (box)", "Lesion 2 (box)"]
    assert [one.SegmentAlgorithmType for one in t1.SegmentSequence] == ["MANUAL", "AUTOMATIC", "AUTOMATIC"]
    assert t1.get_volume(segment_numbers=[1]).array.sum() == 6 * 16 * 16
    for report in map(pydicom.dcmread, sorted(folder.glob("*sr.dcm"))):
        uids = {element.value for element in report.iterall() if element.keyword == "UID"}
        assert {tracking_uid("lesion-1"), tracking_uid("lesion-2")} <= uids and report.PatientID == "P1"
    assert t2.PatientID == "P1"


def test_files_of_before_are_replaced_only_when_the_user_agrees(from_dicom, tmp_path):
    sections = from_dicom
    (tmp_path / "t2_masks.dcm").write_text("of before")
    sections.harness.answer(str(tmp_path), "Cancel")
    sections.click("saveDicomButton")
    assert f"These files are replaced:\n{tmp_path / 't2_masks.dcm'}" in sections.harness.dialogs()[-1].text
    assert not sections.worker.transport.commands
    sections.harness.answer(None)
    sections.click("saveDicomButton")
    assert not sections.worker.transport.commands and not sections.problems


def test_saving_that_fails_or_is_stopped_says_one_sentence(from_dicom, tmp_path):
    sections = from_dicom
    (tmp_path / "dicom" / "t2" / "003.dcm").unlink()
    for stopped in (False, True):
        sections.harness.answer(str(tmp_path / "out"))
        sections.click("saveDicomButton")
        if stopped:
            sections.click("saveDicomButton")
            assert sections.worker.was_cancelled and not sections["saveDicomButton"].isEnabled()
            sections.worker.cancelled()
            assert sections.said[-1] == "Cancelled; nothing was saved."
        else:
            sections.worker.work()
            (problem,) = sections.problems
            gone = tmp_path / "dicom" / "t2" / "003.dcm"
            assert problem == f"T2's DICOM file '{gone}' is no longer there. Load the DICOM series again."
        assert sections["saveDicomButton"].text == "DICOM…" and not (tmp_path / "out").exists()


def test_boxes_are_copied_automatically_while_somebody_works(sections):
    assert "once" not in sections.text("autosaveLabel") and "nothing yet" in sections.text("autosaveLabel")
    sections.add_lesions()
    path = wait_for_copy(sections)
    assert "in case Slicer crashes" in sections.text("autosaveLabel")
    sections.press("X")
    sections.exit()
    assert len(read_lesions(path)) == 3
    sections.study.remove("lesion-2")  # from another module
    sections.harness.wait(until=lambda: len(read_lesions(path)) == 2)
    sections.enter()


def test_a_session_that_ends_well_leaves_no_copy(sections, clean_cache):
    sections.add_lesions()
    path = wait_for_copy(sections)
    slicer.mrmlScene.Clear(0)
    sections.harness.wait()
    assert not path.exists() and not list(clean_cache.rglob("*.json"))


def test_what_a_crash_left_is_offered_and_restored(sections, clean_cache):
    sections.add_lesions()
    parameters = sections.context.parameterNode
    crash(sections)
    again = open_sections(sections.harness, parameters)
    again.study.replace_all([])
    again.harness.wait()
    assert "Lesions in it: 4." in again.text("recoveredLabel")
    again.study.add([lesion(9, (0, 60, 60))])  # work goes on before the offer is answered: both are kept
    wait_for_copy(again)
    again.harness.answer("Merge")
    again.click("restoreButton")
    assert [pair.number for pair in again.study.pairs()] == [1, 2, 3, 4, 9]
    assert not again.text("recoveredLabel")
    assert not list(clean_cache.rglob("left-behind*"))
    close_sections(again)


def test_what_a_crash_left_is_not_offered_when_the_scene_has_it_and_can_be_discarded(sections, clean_cache):
    sections.add_lesions()
    parameters = sections.context.parameterNode
    crash(sections)
    again = open_sections(sections.harness, parameters)
    assert not again.text("recoveredLabel")
    again.study.remove("lesion-1")
    again.harness.wait()
    assert again.text("recoveredLabel")
    again.harness.answer("Cancel")
    again.click("discardButton")
    assert again.text("recoveredLabel")
    again.harness.answer("OK")
    again.click("discardButton")
    assert not again.text("recoveredLabel")
    assert not list(clean_cache.rglob("left-behind*"))
    close_sections(again)


def test_copies_of_other_volumes_are_not_offered(sections):
    sections.add_lesions()
    parameters = sections.context.parameterNode
    crash(sections)
    parameters.t1Volume.SetName("AX T1 of another patient")
    again = open_sections(sections.harness, parameters)
    again.study.replace_all([])
    again.harness.wait()
    assert not again.text("recoveredLabel")
    close_sections(again)


def test_a_damaged_copy_is_no_obstacle(sections):
    sections.add_lesions()
    parameters = sections.context.parameterNode
    path = wait_for_copy(sections)
    crash(sections)
    path.write_text("{ half a fi")
    again = open_sections(sections.harness, parameters)
    again.study.replace_all([])
    again.harness.wait()
    assert not again.text("recoveredLabel") and not again.problems
    close_sections(again)


def test_a_folder_of_the_user_keeps_lesions_json_for_good(sections, tmp_path):
    sections.add_lesions()
    sections.harness.answer(str(tmp_path / "case"))
    (tmp_path / "case").mkdir()
    sections.click("autosaveFolderButton")
    assert "in 'case'" in sections.text("autosaveLabel")
    path = wait_for_copy(sections)
    assert path == tmp_path / "case" / "lesions.json"
    sections.press("X")
    wait_for_copy(sections)
    close_sections(sections)
    assert len(read_lesions(path)) == 3


def test_a_file_in_the_folder_is_not_overwritten_unasked(sections, tmp_path):
    write_lesions(tmp_path / "lesions.json", [lesion(7)])
    sections.add_lesions()
    sections.harness.answer(str(tmp_path), "Cancel")
    sections.click("autosaveFolderButton")
    assert len(read_lesions(tmp_path / "lesions.json")) == 1
    assert "in case Slicer crashes" in sections.text("autosaveLabel")
    sections.harness.answer(str(tmp_path), "OK")
    sections.click("autosaveFolderButton")
    assert len(read_lesions(wait_for_copy(sections))) == 4


@pytest.mark.skipif(os.name == "nt", reason="files are removed while open")
def test_a_copy_that_cannot_be_written_is_said_and_tried_again(sections, tmp_path):
    sections.add_lesions()
    folder = tmp_path / "gone"
    folder.mkdir()
    sections.harness.answer(str(folder))
    sections.click("autosaveFolderButton")
    shutil.rmtree(folder)
    folder.write_text("in the way")
    sections.press("X")
    sections.harness.wait(until=lambda: "Not saved automatically" in sections.text("autosaveLabel"))
    folder.unlink()
    sections.press("X")
    assert len(read_lesions(wait_for_copy(sections))) == 2
    assert "in 'gone'" in sections.text("autosaveLabel")
