"""The jobs "detect" and "register" with masks and folders that cannot be what somebody means."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from detect_job_factory import paths, place, request_for  # noqa: F401
from peak_study import T1_GRID, T2_GRID, write_study

from liverpair import cli
from liverpair.core.errors import InputError, no_progress
from liverpair.core.geometry import on_grid
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.io.study import write_image
from liverpair.jobs.jobs import JOBS


@pytest.fixture
def specks(tmp_path):
    """Masks of a few voxels in two corners of the volumes."""
    paths = {}
    for side, grid, corner in (("t1", T1_GRID, slice(4, 8)), ("t2", T2_GRID, slice(-8, -4))):
        array = np.zeros(grid.shape, np.uint8)
        array[corner, corner, 4 if side == "t1" else -4] = 1
        paths[f"{side}_liver"] = str(tmp_path / f"{side}_speck.nii.gz")
        write_image(on_grid(array, grid), paths[f"{side}_liver"])
    return paths


def refused(request, job="detect") -> str:
    with pytest.raises(InputError) as error:
        JOBS[job](request, no_progress)
    assert not Path(request["output"]).joinpath("detection.json").is_file()
    return str(error.value)


def test_swapped_masks_are_told_by_their_voxels(request_for):
    request = request_for()
    swapped = request_for(t1_liver=request["t2_liver"], t2_liver=request["t1_liver"])
    assert "The liver mask of T1 was made for the other volume" in refused(swapped)
    twice = request_for(t2_liver=request["t1_liver"])
    assert "The liver mask of T2 was made for the other volume" in refused(twice)


def test_livers_that_nobody_can_have_are_refused_before_memory_runs_out(request_for, tmp_path):
    mask = sitk.ReadImage(request_for()["t1_liver"])
    mask.SetSpacing((100.0, 100.0, 100.0))
    mask.SetOrigin([-50.0 * n for n in mask.GetSize()])
    write_image(mask, tmp_path / "wide.nii.gz")
    said = refused(request_for(t1_liver=str(tmp_path / "wide.nii.gz")))
    assert "The liver mask of T1 does not lie in T1: 100% of it is outside" in said


def test_volumes_that_lie_far_apart_are_brought_together_or_refused(request_for, tmp_path):
    changes = {}
    for part in ("t2", "t2_liver"):
        image = sitk.ReadImage(request_for()[part])
        image.SetOrigin([value + 20_000.0 for value in image.GetOrigin()])
        changes[part] = str(tmp_path / f"{part}.nii.gz")
        write_image(image, changes[part])
    assert "choose the alignment 'aligned'" in refused(request_for(alignment="published", **changes))
    assert JOBS["detect"](request_for(alignment="aligned", **changes), no_progress)["pairs"] == 2


def test_masks_that_do_not_fit_on_each_other_make_no_registration(request_for, specks, tmp_path):
    request = {"t1_liver": specks["t1_liver"], "t2_liver": request_for()["t2_liver"], "output": str(tmp_path / "r")}
    assert "too little in common" in refused(request, "register")
    result = JOBS["detect"](request_for(t1_liver=specks["t1_liver"], correspondence=True), no_progress)
    assert result["correspondence"] is None and any("too little in common" in note for note in result["notes"])


def test_a_registration_names_the_mask_that_is_none(request_for, tmp_path):
    masks = {side: request_for()[f"{side}_liver"] for side in ("t1", "t2")}
    sitk.WriteImage(sitk.Compose([sitk.ReadImage(masks["t2"])] * 3), str(tmp_path / "colors.nrrd"))
    request = {"t1_liver": masks["t1"], "t2_liver": str(tmp_path / "colors.nrrd"), "output": str(tmp_path / "r")}
    assert "The liver mask of T2 is not a 3-D label map." in refused(request, "register")


@pytest.mark.parametrize("name", ["lesions.json", "detection.json", "t1_to_t2.tfm", "t2_boxes.mrk.json"])
def test_a_folder_in_the_place_of_a_result_is_no_reason_to_lose_the_others(request_for, tmp_path, name):
    out = tmp_path / "out"
    (out / name).mkdir(parents=True)
    (out / "lesions.csv").write_text("mine")
    assert f"{name}' is a folder; a file of that name is to be written." in refused(request_for())
    assert (out / "lesions.csv").read_text() == "mine" and len(list(out.iterdir())) == 2


@pytest.mark.parametrize("part", ["t1_liver", "t2_liver"])
def test_a_name_without_letters_is_not_the_working_folder(request_for, part):
    assert "The name of an image file is empty." in refused(request_for(**{part: ""}))


def test_a_damaged_truth_is_said_before_anything_is_detected(place, tmp_path, capsys, monkeypatch):
    for name in ("anna", "bert"):
        write_study(tmp_path / "studies" / name)
    (tmp_path / "studies" / "bert" / "lesions.json").write_text("{")
    monkeypatch.setattr("liverpair.detection.inference.detect", lambda *_: pytest.fail("It detected first."))
    assert cli.main(["evaluate", str(place / "b"), str(tmp_path / "studies"), "--device", "cpu"]) == 2
    assert "bert/lesions.json': It is not valid JSON" in capsys.readouterr().err


def test_results_of_others_are_scored_with_sound_masks_only(tmp_path, capsys):
    study = tmp_path / "studies" / "anna"
    paths = write_study(study)
    write_lesions(tmp_path / "found" / "anna" / "lesions.json", read_lesions(study / "lesions.json"))
    sitk.WriteImage(sitk.Compose([sitk.ReadImage(paths["t1_liver"])] * 3), str(study / "t1_liver.nrrd"))
    (study / "t1_liver.nii.gz").unlink()
    assert cli.main(["evaluate", str(study.parent), "--predictions", str(tmp_path / "found")]) == 2
    assert "The liver mask of T1 is not a 3-D label map" in capsys.readouterr().err
