"""The jobs "detect", "register" and "propose" from files to files, with a detector whose answer is known."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle
from bundle_factory import write_bundle
from detect_job_factory import paths, place, request_for  # noqa: F401
from peak_study import LESION_MM, PEAKS, SHIFT, T1_GRID, T2_GRID

from liverpair.core.errors import BundleError, InputError, no_progress
from liverpair.core.geometry import on_grid
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.io.study import write_image
from liverpair.jobs import propose_job
from liverpair.jobs.detect_results import existing_results, is_complete, read_detection
from liverpair.jobs.jobs import JOBS

RESULT_FILES = ["detection.json", "lesions.csv", "lesions.json", "t1_boxes.mrk.json", "t2_boxes.mrk.json"]
DRAWN = {"center_mm": list(PEAKS[0]), "size_mm": list(LESION_MM), "direction": list(T1_GRID.direction)}


@pytest.fixture
def proposal_for(place, paths):
    def make(**changes):
        return {**paths, "model": str(place / "b"), "device": "cpu", "side": "t1", "box": DRAWN, **changes}

    return make


def test_lesions_are_written_as_boxes_table_and_pairs(request_for, paths, tmp_path):
    result = JOBS["detect"](request_for(), no_progress)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == RESULT_FILES
    pairs = read_lesions(result["lesions"])
    assert result["pairs"] == len(pairs) == 2
    for pair in pairs:
        nearest = PEAKS[np.linalg.norm(PEAKS - pair.box(Side.T1).center_mm, axis=1).argmin()]
        assert pair.box(Side.T1).center_mm == pytest.approx(nearest, abs=2.5)
        assert pair.box(Side.T2).center_mm == pytest.approx(nearest + SHIFT, abs=3.5)
    assert result["livers"] == {"t1": paths["t1_liver"], "t2": paths["t2_liver"]}
    assert result["offset_t1_to_t2_mm"] == pytest.approx(SHIFT, abs=0.5) and result["correspondence"] is None
    for side in ("t1", "t2"):
        markups = json.loads(Path(result["boxes"][side]).read_text(encoding="utf-8"))["markups"]
        assert [m["controlPoints"][0]["description"] for m in markups] == [pair.uid for pair in pairs]
    lines = Path(result["table"]).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and lines[0].startswith("Number,") and pairs[0].uid in lines[1]


def test_the_livers_are_registered(request_for, monkeypatch, tmp_path):
    result = JOBS["detect"](request_for(correspondence=True), no_progress)
    transform = sitk.ReadTransform(result["correspondence"])
    assert transform.TransformPoint(PEAKS[0]) == pytest.approx(PEAKS[0] + SHIFT, abs=5)
    again = JOBS["register"](
        {"t1_liver": result["livers"]["t1"], "t2_liver": result["livers"]["t2"], "output": str(tmp_path / "reg")},
        no_progress,
    )
    assert again["dice"] > 0.9 and again["offset_t1_to_t2_mm"] == pytest.approx(result["offset_t1_to_t2_mm"])
    own = sitk.ReadTransform(again["transform"])
    assert own.TransformPoint(PEAKS[1]) == pytest.approx(transform.TransformPoint(PEAKS[1]))


def test_livers_that_cannot_be_registered_cost_no_lesion(request_for, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("ITK ERROR: all samples map outside")

    monkeypatch.setattr("liverpair.registration.livers.cached_registration", refuse)
    result = JOBS["detect"](request_for(correspondence=True), no_progress)
    assert result["pairs"] == 2 and result["correspondence"] is None
    assert any("cannot be registered" in note for note in result["notes"])


def test_a_missing_liver_is_segmented_and_kept(request_for, place, tmp_path):
    liver = sitk.ReadImage(str(place / "study" / "t2_liver.nii.gz"))
    write_image(sitk.Cast(liver, sitk.sitkFloat32) * 50, tmp_path / "plain.nii.gz")
    write_brightness_bundle(tmp_path / "liver")
    request = request_for(t2=str(tmp_path / "plain.nii.gz"), t2_liver=None, liver_model=[str(tmp_path / "liver")])
    result = JOBS["detect"](request, no_progress)
    made = sitk.GetArrayFromImage(sitk.ReadImage(result["livers"]["t2"]))
    assert Path(result["livers"]["t2"]) == tmp_path / "out" / "t2_liver.nii.gz"
    assert made.sum() == pytest.approx(sitk.GetArrayFromImage(liver).sum(), rel=0.05)
    assert not (tmp_path / "out" / "t1_liver.nii.gz").exists()
    detection = read_detection(tmp_path / "out")
    assert detection["livers"] == {"t1": None, "t2": "t2_liver.nii.gz"}
    assert is_complete(tmp_path / "out", detection)
    (tmp_path / "out" / "t2_liver.nii.gz").unlink()
    assert not is_complete(tmp_path / "out", detection)


def test_nothing_found_is_said(request_for):
    result = JOBS["detect"](request_for(score_floor=1), no_progress)
    assert result["pairs"] == 0 and read_lesions(result["lesions"]) == []
    assert "No lesion has a score of 1 or more." in result["notes"]


def test_what_lies_in_the_folder_stays_until_the_new_set_is_whole(request_for, tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("lesions.json", "mine.txt", "t1_liver.nii.gz"):
        (tmp_path / "out" / name).write_text("mine")
    assert existing_results(tmp_path / "out", []) == ["lesions.json"]
    assert existing_results(tmp_path / "out", ["t1"]) == ["lesions.json", "t1_liver.nii.gz"]
    with pytest.raises(InputError, match="engine 'steam' is unknown"):
        JOBS["detect"](request_for(engine="steam"), no_progress)
    assert (tmp_path / "out" / "lesions.json").read_text() == "mine"
    JOBS["detect"](request_for(), no_progress)
    assert len(read_lesions(tmp_path / "out" / "lesions.json")) == 2
    assert (tmp_path / "out" / "t1_liver.nii.gz").read_text() == (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"t1": None}, "T1 is not given. Lesions are looked for in T1 and T2 together."),
        ({"t2": ""}, "T2 is not given."),
        ({"model": ["b"]}, "Option 'model' of a detection must be a text, not ['b']."),
        ({"liver_model": "b"}, "Option 'liver_model' of a detection must be a list of texts, not 'b'."),
        ({"liver_model": [1]}, "Option 'liver_model' of a detection must be a list of texts, not [1]."),
        ({"score_floor": 1.5}, "Option 'score_floor' of a detection must be a number from 0 to 1, not 1.5."),
        (
            {"score_floor": float("nan")},
            "Option 'score_floor' of a detection must be a number from 0 to 1, not nan.",
        ),
        ({"score_floor": True}, "Option 'score_floor' of a detection must be a number from 0 to 1, not True."),
        (
            {"score_floor": "0.5"},
            "Option 'score_floor' of a detection must be a number from 0 to 1, not '0.5'.",
        ),
        ({"alignment": "sideways"}, "must be 'aligned' or 'published', not 'sideways'."),
    ],
)
def test_requests_that_cannot_be_met_are_refused_in_words(request_for, tmp_path, change, sentence):
    with pytest.raises(InputError) as refused:
        JOBS["detect"](request_for(**change), no_progress)
    assert sentence in str(refused.value) and not (tmp_path / "out").exists()


def test_organs_and_probabilities_are_not_taken_for_livers(request_for, paths, tmp_path):
    organs = sitk.ReadImage(paths["t1_liver"]) * 6
    organs[0:2, 0:2, 0:2] = 2
    sitk.WriteImage(organs, str(tmp_path / "organs.mha"))
    wanted = request_for(t1_liver=str(tmp_path / "organs.mha"))
    with pytest.raises(InputError, match="liver mask of T1 holds several labels: 2, 6. Name one with --liver-label"):
        JOBS["detect"](wanted, no_progress)
    for part in ("t1", "t2"):
        sure = sitk.Cast(sitk.ReadImage(paths[f"{part}_liver"]), sitk.sitkFloat32) * 0.9 + 0.01
        sitk.WriteImage(sure, str(tmp_path / f"{part}.mha"))
    expected = JOBS["detect"](request_for(), no_progress)
    found = JOBS["detect"](request_for(t2_liver=str(tmp_path / "t2.mha")), no_progress)
    assert any(note.startswith("The liver mask of T2 is a probability map") for note in found["notes"])
    assert found["offset_t1_to_t2_mm"] == expected["offset_t1_to_t2_mm"]


def test_a_mask_with_the_voxels_of_its_volume_in_another_place_is_refused(request_for, paths, tmp_path):
    mask = sitk.ReadImage(paths["t1_liver"])
    mask.SetOrigin([o + d for o, d in zip(mask.GetOrigin(), (0.0, 0.0, 60.0))])
    sitk.WriteImage(mask, str(tmp_path / "mask.mha"))
    with pytest.raises(InputError, match="T1 (has the voxels of T1 but lies 60 mm from|does not lie in T1)"):
        JOBS["detect"](request_for(t1_liver=str(tmp_path / "mask.mha")), no_progress)


@pytest.mark.parametrize(
    ("array", "origin", "sentence"),
    [
        (np.zeros((6, 8, 8), np.uint8), (0, 0, 0), "The liver mask of T2 is empty."),
        (np.ones((6, 8, 8), np.uint8), (900, 0, 0), "The liver mask of T2 does not lie in T2."),
        (np.full((6, 8, 8), np.nan, np.float32), (0, 0, 0), "The liver mask of T2 is not a 3-D label map"),
    ],
)
def test_masks_that_are_none_are_refused(request_for, tmp_path, array, origin, sentence):
    mask = sitk.GetImageFromArray(array)
    mask.SetOrigin(origin)
    sitk.WriteImage(mask, str(tmp_path / "mask.mha"))
    with pytest.raises(InputError, match=sentence):
        JOBS["detect"](request_for(t2_liver=str(tmp_path / "mask.mha")), no_progress)
    assert not (tmp_path / "out").exists()


def test_a_model_for_something_else_is_refused(request_for, tmp_path):
    write_bundle(tmp_path / "segmenter")
    with pytest.raises(BundleError, match="for segmentation, not for detection"):
        JOBS["detect"](request_for(model=str(tmp_path / "segmenter")), no_progress)


@pytest.mark.parametrize(
    "damage",
    ["[]", "{", '{"schema_version": 1}', {"boxes": {}}, {"livers": None}, {"pairs": "2"}, {"offset_t1_to_t2_mm": [1]},
     {"provenance": {}}, {"correspondence": 3}, {"lesions": None}, {"schema_version": 2}],
)  # fmt: skip
def test_damaged_results_are_none(request_for, tmp_path, damage):
    sound = {
        "schema_version": 1,
        "lesions": "lesions.json",
        "boxes": {"t1": "a", "t2": "b"},
        "livers": {"t1": None, "t2": None},
        "table": "t",
        "correspondence": None,
        "offset_t1_to_t2_mm": [0, 0, 1.5],
        "provenance": {"seconds": 1},
        "pairs": 2,
    }
    file = tmp_path / "detection.json"
    assert read_detection(tmp_path) is None
    file.write_text(json.dumps(sound))
    assert read_detection(tmp_path) == sound
    file.write_text(damage if isinstance(damage, str) else json.dumps({**sound, **damage}))
    assert read_detection(tmp_path) is None


def test_masks_that_cannot_be_registered_are_refused(paths, tmp_path):
    empty = tmp_path / "empty.nii.gz"
    write_image(on_grid(np.zeros(T1_GRID.shape, np.uint8), T1_GRID), empty)
    request = {"t1_liver": str(empty), "t2_liver": paths["t2_liver"], "output": str(tmp_path / "out")}
    with pytest.raises(InputError, match="liver mask of T1 is empty"):
        JOBS["register"](request, no_progress)
    assert not (tmp_path / "out").exists()


def test_a_drawn_box_gets_its_partner_and_a_second_one_needs_no_network(proposal_for, monkeypatch):
    proposed = JOBS["propose"](proposal_for(), no_progress)
    assert proposed["box"]["center_mm"] == pytest.approx(PEAKS[0] + SHIFT, abs=2)
    assert proposed["box"]["direction"] == pytest.approx(T2_GRID.direction)
    assert proposed["displacement_mm"] == pytest.approx(SHIFT, abs=2) and proposed["score"] > 0.9
    json.dumps(proposed, allow_nan=False)

    monkeypatch.setattr(propose_job, "_answer", lambda *_: pytest.fail("It asked the network again."))
    back = {"center_mm": list(PEAKS[1] + SHIFT), "size_mm": [9.0, 9.0, 8.0], "direction": list(T2_GRID.direction)}
    second = JOBS["propose"](proposal_for(side="t2", box=back), no_progress)
    assert second["box"]["center_mm"] == pytest.approx(PEAKS[1], abs=2)
    assert second["displacement_mm"] == pytest.approx(SHIFT, abs=2)


def test_where_nothing_is_found_the_partner_has_no_score(proposal_for):
    box = {**DRAWN, "center_mm": [0.0, 0.0, 30.0], "size_mm": [12.0, 12.0, 12.0]}
    proposed = JOBS["propose"](proposal_for(box=box), no_progress)
    assert proposed["score"] is None and proposed["displacement_mm"] == pytest.approx(SHIFT, abs=2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"side": "t3"}, "Option 'side' of a proposal must be 't1' or 't2', not 't3'."),
        ({"box": [1, 2]}, "Option 'box' of a proposal must be an object, not [1, 2]."),
        ({"box": {}}, "this one has nothing."),
        ({"box": {**DRAWN, "size_mm": [1.0, -1.0, 1.0]}}, "size_mm must be above zero"),
        ({"box": {**DRAWN, "center_mm": [1.0, float("nan"), 1.0]}}, "center_mm must be a finite number"),
        ({"box": {**DRAWN, "center_mm": 5}}, "center_mm must be 3 numbers"),
        ({"box": {**DRAWN, "direction": [1.0] * 9}}, "direction is not three unit vectors"),
        ({"box": {**DRAWN, "center_mm": [500.0, 0.0, 0.0]}}, "proposes no partner for this T1 box."),
        ({"t2": None}, "T2 is not given."),
    ],
)
def test_boxes_without_a_partner_are_refused_in_words(proposal_for, change, sentence):
    with pytest.raises(InputError) as refused:
        JOBS["propose"](proposal_for(**change), no_progress)
    assert sentence in str(refused.value)
