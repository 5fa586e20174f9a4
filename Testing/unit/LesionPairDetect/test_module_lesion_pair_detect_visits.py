"""A second visit in the panel: opened from a folder, compared in the worker, shown beside this one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from lesion_pair_detect_factory import panel  # noqa: F401
from lesion_sections_factory import lesion

from liverpair.core.geometry import Grid
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.mrml.lesions import lesion_segments
from liverpair.worker.protocol import ResultEvent

MOVED = (5.0, -4.0, 6.0)
"""From the earlier visit to this one."""


@pytest.fixture
def reading(panel, tmp_path):
    """The panel with two lesions and livers, and the folder of an earlier visit of the same images."""
    panel.add_pair()
    for side, node in panel.add_livers().items():
        setattr(panel.parameters, f"{side}Liver", node)
    now = [lesion(1, (-20, -10, 60), state="accepted"), lesion(2, (10, 5, 70), state="accepted")]
    panel.add_lesions(now)
    folder = tmp_path / "march"
    folder.mkdir()
    for side in Side:
        image = panel.context.image(side)
        image = sitk.Image(image)
        image.SetOrigin(np.subtract(image.GetOrigin(), MOVED).tolist())
        sitk.WriteImage(image, str(folder / f"{side}.nii.gz"))
        sitk.WriteImage(sitk.Cast(image > 50, sitk.sitkUInt8), str(folder / f"{side}_liver.nii.gz"))
    before = [replace(one, uid=f"before-{one.number}", boxes=moved_back(one)) for one in now[:1]]
    write_lesions(folder / "lesions.json", before)
    labels = Grid.of(image).image(0, sitk.sitkUInt16)
    place = labels.TransformPhysicalPointToIndex(before[0].box(Side.T2).center_mm)
    labels[place] = 1
    sitk.WriteImage(labels, str(folder / "t2_lesions.nii.gz"))
    panel["visitsSectionButton"].collapsed = False
    panel.folder = folder
    return panel


def moved_back(one):
    back = np.negative(MOVED)
    return {side: replace(found, box=found.box.moved(back)) for side, found in one.boxes.items()}


def visits(panel):
    return panel.section("Visits")


def finish(panel) -> None:
    """Answer the job "followup" as if both visits had been compared."""
    request = panel.worker.request
    output = Path(request["output"])
    output.mkdir()
    (folder,) = request["visits"]
    linked = [replace(one, earlier=f"before-{one.number}" if one.number == 1 else None)
              for one in read_lesions(Path(folder) / "lesions.json")]  # fmt: skip
    write_lesions(output / "lesions.json", linked)
    files = {"lesions.json": str(output / "lesions.json")}
    for side in Side:
        files[f"{side}_visits.tfm"] = str(output / f"{side}_visits.tfm")
        sitk.WriteTransform(sitk.TranslationTransform(3, MOVED), files[f"{side}_visits.tfm"])
    told = {"diameters_mm": [20.0, 24.0], "change": "stable"}
    new = {"diameters_mm": [0.0, 24.0], "change": "new"}
    lesions = [{"name": "1", "uids": ["before-1", "lesion-1"], "t1": told, "t2": told},
               {"name": "2 of visit 2", "uids": [None, "lesion-2"], "t1": new, "t2": new}]  # fmt: skip
    response = {side: {"category": "PD", "arithmetic": ["A new lesion."]} for side in Side}
    transforms = {side: f"{side}_visits.tfm" for side in Side}
    result = {"files": files, "lesions": lesions, "response": response, "notes": []}
    result |= {"registrations": [{"t1": 0.9, "t2": 0.9}], "transforms": transforms}
    panel.worker.transport.say(ResultEvent(panel.worker.job["id"], json.loads(json.dumps(result))))
    panel.harness.wait(seconds=0.3)


def idle(panel) -> None:
    """A job in the background makes room."""
    if not panel.context.worker.idle and panel.worker.job["job"] == "register":
        panel.worker.cancelled()


def test_an_earlier_study_is_opened_with_its_livers_lesions_and_masks(reading):
    panel = reading
    assert not panel["compareVisitsButton"].enabled
    panel.harness.answer(str(panel.folder))
    panel.click("openEarlierButton")
    panel.harness.wait(seconds=0.3)
    earlier = visits(panel).earlier
    assert [earlier.volume(side).GetName() for side in Side] == ["march T1", "march T2"]
    assert all(earlier.liverMask(side) is not None for side in Side)
    study = earlier.study()
    assert [pair.uid for pair in study.pairs()] == ["before-1"]
    assert lesion_segments.label_map(study, Side.T2) is not None
    study.release()
    assert panel.study.pairs()[0].uid == "lesion-1" and panel["compareVisitsButton"].enabled
    assert "Opened the earlier visit 'march'. Lesions in it: 1." in panel["statusLabel"].text


def test_visits_are_compared_and_their_links_are_one_step(reading):
    panel = reading
    visits(panel).open(str(panel.folder))
    panel.click("compareVisitsButton")
    idle(panel)
    assert panel.worker.job["job"] == "followup", panel.status
    finish(panel)
    assert [pair.earlier for pair in panel.study.pairs()] == ["before-1", None]
    assert panel.study.undo_name == "Link with the earlier visit"
    assert "T1: PD" in panel["responseLabel"].text and "A new lesion." in panel["responseLabel"].text
    table = panel["visitsTable"]
    cells = [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]
    assert cells == [["1", "20 → 24", "20 → 24", "stable"], ["2 of visit 2", "0 → 24", "0 → 24", "new"]]
    assert panel["nextLabel"].text.startswith("All read") and "Response: T1: PD" in panel.status
    visits(panel).onRow(1)
    assert panel.context.selectedUid == "lesion-2"


def test_side_by_side_all_four_views_follow_each_other(reading):
    panel = reading
    visits(panel).open(str(panel.folder))
    panel.click("sideBySideButton")
    panel.harness.wait(seconds=1.5)
    assert layouts.is_visits_layout()
    for side in Side:
        for liver, rows in ((visits(panel).earlier.liver(side), layouts.EARLIER_ROWS),
                            (panel.context.liverSegmentation(side), layouts.ROWS)):  # fmt: skip
            views = set(liver.GetDisplayNode().GetViewNodeIDs())
            own, others = [], []
            for other in Side:
                for each in (layouts.EARLIER_ROWS, layouts.ROWS):
                    node = layouts.row_views(list(Side).index(other), each)[0]
                    (own if (other, each) == (side, rows) else others).append(node.GetID())
            assert set(own) <= views and not views & set(others)
    panel.context.select("lesion-1")
    panel.harness.wait(seconds=0.5)

    def place(side, rows):
        from LesionPairDetectLib.visitcursor import _placeOf

        return np.array(frames.flip(_placeOf(side, rows)))

    centers = {side: np.array(panel.study.pair("lesion-1").box(side).center_mm) for side in Side}
    for side in Side:
        assert np.allclose(place(side, layouts.ROWS), centers[side], atol=0.1)
        assert np.allclose(place(side, layouts.EARLIER_ROWS), centers[side] - MOVED, atol=3.0)
    goal = np.array([0.0, 0.0, 55.0])
    layouts.jump_row(0, frames.flip(goal), layouts.EARLIER_ROWS)
    panel.harness.wait(seconds=0.5)
    assert np.allclose(place(Side.T1, layouts.EARLIER_ROWS), goal, atol=0.1)
    assert np.allclose(place(Side.T1, layouts.ROWS), goal + MOVED, atol=3.0)
    shift = place(Side.T2, layouts.ROWS) - place(Side.T1, layouts.ROWS)
    assert np.allclose(place(Side.T2, layouts.EARLIER_ROWS) - goal, shift, atol=5.0)
    panel.click("sideBySideButton")
    panel.harness.wait(seconds=0.5)
    assert not layouts.is_visits_layout()


def test_a_folder_without_a_study_is_refused_in_a_sentence(reading, tmp_path):
    panel = reading
    visits(panel).open(str(tmp_path))
    assert "holds neither t1 nor t2. Choose the folder of a study." in panel["statusLabel"].text
    assert not visits(panel).earlier.isChosen


def test_visits_of_different_patients_or_in_the_wrong_order_are_doubted(reading):
    panel = reading
    visits(panel).open(str(panel.folder))
    earlier = visits(panel).earlier
    assert earlier.doubts() == []
    told = {earlier.volume(Side.T1): ("7", "20240901"), panel.context.volume(Side.T1): ("8", "20240301")}
    for node, (patient, date) in told.items():
        node.SetAttribute("DICOM.PatientID", patient)
        node.SetAttribute("DICOM.StudyDate", date)
    assert earlier.doubts() == [
        "The visits seem to be of different patients: patient ID 7 and 8.",
        "The earlier visit is of 20240901, after this one.",
    ]
