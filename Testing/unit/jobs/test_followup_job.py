"""Two visits followed from study folders to the files of a follow-up."""

import csv
import json
import shutil

import pytest
import visits_factory
from dicom_factory import write_volume

from liverpair import cli
from liverpair.core.errors import InputError, no_progress
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.io.study import read_image
from liverpair.jobs.followup_job import followup


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    first = visits_factory.write_visit(folder / "march", visits_factory.BASELINE)
    second = visits_factory.write_visit(folder / "september", visits_factory.FOLLOWUP, visits_factory.MOVED)
    return first, second


@pytest.fixture(scope="module")
def result(visits, tmp_path_factory):
    output = tmp_path_factory.mktemp("out")
    steps = []
    request = {"baseline": str(visits[0]), "visits": [str(visits[1])], "output": str(output)}
    return followup(request, lambda fraction, said: steps.append(fraction)), output, steps


def test_every_lesion_is_linked_and_told_apart(result):
    found, _, steps = result
    numbers = {tuple(lesion["numbers"]): lesion for lesion in found["lesions"]}
    assert set(numbers) == {(1, 2), (2, None), (3, 1), (None, 4)}
    changes = {key: lesion["t1"]["change"] for key, lesion in numbers.items()}
    assert changes == {(1, 2): "grown", (2, None): "gone", (3, 1): "stable", (None, 4): "new"}
    assert numbers[(1, 2)]["t1"]["diameters_mm"] == pytest.approx([30.0, 40.0], abs=2.5)
    assert numbers[(2, None)]["t2"]["diameters_mm"] == pytest.approx([24.0, 0.0], abs=2.5)
    assert numbers[(1, 2)]["t1"]["measured_from"] == ["mask", "mask"]
    link = numbers[(1, 2)]["links"][0]
    assert link["distance_mm"] < link["expected_mm"] and not link["by_reader"]
    assert all(dice > 0.9 for dice in found["registrations"][0].values())
    assert steps == sorted(steps) and steps[-1] == 1.0


def test_the_response_is_reckoned_in_both_images(result):
    found, _, _ = result
    for side in Side:
        told = found["response"][side]
        assert (told["category"], told["new_names"], told["target_names"]) == ("PD", ["4 of visit 2"], ["1", "2"])
        assert told["sums_mm"] == pytest.approx([54.0, 40.0], abs=4.0)
        assert told["arithmetic"][-1].endswith("PD (progressive disease).")
    assert found["doubts"] == []


def test_the_links_are_in_lesions_json_and_a_later_run_keeps_them(result, visits, tmp_path):
    found, output, _ = result
    lesions = {lesion.number: lesion.earlier for lesion in read_lesions(output / "lesions.json")}
    assert lesions == {1: "march-3", 2: "march-1", 4: None}
    assert json.loads((output / "followup.json").read_text())["visits"] == ["march", "september"]
    rows = list(csv.DictReader((output / "followup.csv").open(encoding="utf-8")))
    assert [row["Lesion"] for row in rows] == ["1", "2", "3", "4 of visit 2"]
    assert (rows[1]["T1 at september (mm)"], rows[1]["T1 change"]) == ("0.0", "gone")
    again = tmp_path / "again"
    shutil.copytree(visits[1], again)
    shutil.copy(output / "lesions.json", again / "lesions.json")
    kept = followup({"baseline": str(visits[0]), "visits": [str(again)], "output": str(tmp_path / "o")}, no_progress)
    assert [lesion["links"][0]["by_reader"] for lesion in kept["lesions"] if lesion["links"][0]] == [True, True]


def test_three_visits_have_a_nadir(visits, tmp_path, capsys):
    third = visits_factory.write_visit(tmp_path / "december", {1: ((-40.0, 0.0, 0.0), 10.0)}, visits_factory.MOVED)
    words = ["followup", str(visits[0]), str(third), str(visits[1]), "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "T1: PD" in said and "Visit 3:" in said and "From the nadir" in said
    content = json.loads((tmp_path / "out" / "followup.json").read_text())
    assert {len(lesion["numbers"]) for lesion in content["lesions"]} == {3}
    assert content["response"]["t1"]["nadir_mm"] == pytest.approx(20.0, abs=2.5)
    assert cli.main(words) == 2
    assert "already holds followup.json" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite"]) == 0


def test_proposals_make_no_sure_progression(visits, tmp_path):
    unsure = visits_factory.write_visit(tmp_path / "v", visits_factory.FOLLOWUP, visits_factory.MOVED, state="proposed")
    request = {"baseline": str(visits[0]), "visits": [str(unsure)], "output": str(tmp_path / "out")}
    found = followup(request, no_progress)
    assert any("No reader has confirmed lesion 4 of visit 2" in doubt for doubt in found["doubts"])


def test_without_masks_the_boxes_are_measured_and_without_livers_nothing_is_linked(visits, tmp_path):
    boxes = visits_factory.write_visit(tmp_path / "b", visits_factory.FOLLOWUP, visits_factory.MOVED, masks=False)
    request = {"baseline": str(visits[0]), "visits": [str(boxes)], "output": str(tmp_path / "out")}
    assert followup(request, no_progress)["lesions"][0]["t1"]["measured_from"] == ["mask", "box"]
    for side in Side:
        (boxes / f"{side}_liver.nii.gz").unlink()
    with pytest.raises(InputError, match="no image with a liver mask at both"):
        followup(request, no_progress)
    (boxes / "lesions.json").unlink()
    with pytest.raises(InputError, match="has no lesions.json"):
        followup(request, no_progress)


def test_two_patients_are_asked_about(visits, tmp_path):
    folders = []
    for number, (name, date) in enumerate((("Doe^Jane", "20260301"), ("Roe^Ann", "20260901"))):
        folder = tmp_path / f"v{number}"
        folder.mkdir()
        for side in Side:
            tags = {"PatientID": str(number), "PatientName": name, "StudyDate": date, "PatientSex": "F"}
            volume = read_image(visits[number] / f"{side}.nii.gz")
            write_volume(folder / side, volume, SeriesInstanceUID=f"1.2.{number}.{list(Side).index(side) + 1}", **tags)
            shutil.copy(visits[number] / f"{side}_liver.nii.gz", folder)
        write_lesions(folder / "lesions.json", read_lesions(visits[number] / "lesions.json"))
        folders.append(str(folder))
    request = {"baseline": folders[0], "visits": folders[1:], "output": str(tmp_path / "out")}
    with pytest.raises(InputError, match=r"different patients: patient ID \('0' and '1'\); name \('Doe\^Jane'"):
        followup(request, no_progress)
    assert not (tmp_path / "out").exists()
    found = followup({**request, "same_patient": True}, no_progress)
    assert "The visits name different patients" in found["notes"][0]
    assert found["visits"] == ["v0 (2026-03-01)", "v1 (2026-09-01)"]
    with pytest.raises(InputError, match="not in their order"):
        followup({**request, "baseline": folders[1], "visits": folders[:1], "same_patient": True}, no_progress)
