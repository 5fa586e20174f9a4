"""Lesions drawn in the boxes of a study: by a network whose answer is known by hand, and by brightness alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from brightness_bundle import write_brightness_bundle
from peak_study import PEAKS, true_pairs, write_study

from liverpair.bundle import Catalogue
from liverpair.cli import main
from liverpair.core.errors import BundleError, InputError, no_progress
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.detection.box_masks import LOCAL
from liverpair.jobs import masks_request
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.masks_request import MasksRequest


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    """It draws what is brighter than a fifth of the way from the liver's median to its brightest voxel."""
    folder = tmp_path_factory.mktemp("bundles") / "drawing"
    section = {"from_masks": True, "normalize_over": "median", "smallest_mm": 2.0}
    grid = {"spacing_mm": [1.0, 1.0, 2.0], "multiple_of": [1, 1, 1], "crop": "liver"}
    made = write_brightness_bundle(folder, middle=0.6, name="drawing", task="detection", grid=grid, detection=section)
    return str(made.folder)


@pytest.fixture
def study(tmp_path):
    return {**write_study(tmp_path / "study"), "lesions": str(tmp_path / "study" / "lesions.json")}


def draw(study, tmp_path, **changes):
    return JOBS["masks"]({**study, "output": str(tmp_path / "out"), "device": "cpu", **changes}, no_progress)


def counts(path) -> dict[int, int]:
    numbers, voxels = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(path)), return_counts=True)
    return {int(n): int(v) for n, v in zip(numbers, voxels) if n}


@pytest.mark.parametrize("model", ["none", "drawing"])
def test_every_lesion_that_was_seen_is_drawn_in_its_box_and_who_drew_it_is_told(study, drawing, tmp_path, model):
    result = draw(study, tmp_path, model="none" if model == "none" else drawing)
    assert json.loads((tmp_path / "out" / "masks.json").read_text())["masks"]["t1"] == "t1_lesions.nii.gz"
    for side in Side:
        image = sitk.ReadImage(study[side])
        labels = sitk.ReadImage(result["masks"][side])
        assert labels.GetSize() == image.GetSize() and set(counts(result["masks"][side])) == {1, 2}
        for pair in true_pairs():
            assert labels[labels.TransformPhysicalPointToIndex(pair.box(side).center_mm)] == pair.number
        assert set(result["made_by"][side].values()) == {LOCAL if model == "none" else "drawing 1.0"}
    assert result["kept"] == {"t1": [], "t2": []}


def test_unless_a_model_is_named_the_one_that_learned_to_draw_in_boxes_draws(study, tmp_path):
    asked = MasksRequest.parse({**study, "output": str(tmp_path)}).bundle()
    assert asked.name == "lesion-in-box"
    assert draw(study, tmp_path)["model"] == f"{asked.name} {asked.version}"


def test_brightness_draws_where_that_model_is_not_installed(study, tmp_path, monkeypatch):
    monkeypatch.setattr(masks_request, "Catalogue", lambda: Catalogue([tmp_path / "none"]))
    result = draw(study, tmp_path)
    assert result["model"] is None and set(result["made_by"]["t1"].values()) == {LOCAL}


def test_what_the_network_does_not_find_is_drawn_by_brightness(study, drawing, tmp_path):
    pairs = read_lesions(study["lesions"])
    away = pairs[1].box(Side.T1).moved(PEAKS[0] - PEAKS[1] + (0.0, 22.0, 0.0))
    moved = replace(pairs[1], boxes={Side.T1: replace(pairs[1].boxes[Side.T1], box=away)})
    write_lesions(study["lesions"], [pairs[0], moved])
    made = draw(study, tmp_path, model=drawing)["made_by"]["t1"]
    assert made == {"1": "drawing 1.0", "2": LOCAL}


def test_without_a_liver_the_network_is_not_asked_and_that_is_said(study, drawing, tmp_path):
    without = {part: path for part, path in study.items() if part != "t1_liver"}
    result = draw(without, tmp_path, model=drawing)
    assert set(result["made_by"]["t1"].values()) == {LOCAL}
    assert set(result["made_by"]["t2"].values()) == {"drawing 1.0"}
    assert "There is no liver mask of T1, so the model was not asked there." in result["notes"]


def test_masks_that_are_there_stay_and_rejected_lesions_are_not_drawn(study, tmp_path):
    before = sitk.ReadImage(study["t1"]) * 0
    before = sitk.Cast(before, sitk.sitkUInt16)
    before[3, 3, 3] = 1
    sitk.WriteImage(before, str(tmp_path / "mine.nii.gz"))
    pairs = read_lesions(study["lesions"])
    write_lesions(study["lesions"], [pairs[0], replace(pairs[1], state="rejected")])
    result = draw(study, tmp_path, model="none", t1_lesions=str(tmp_path / "mine.nii.gz"))
    assert counts(result["masks"]["t1"]) == {1: 1} and set(counts(result["masks"]["t2"])) == {1}
    assert result["kept"] == {"t1": [1], "t2": []} and result["made_by"]["t1"] == {}


def test_a_model_that_draws_nothing_in_boxes_is_refused(study, tmp_path):
    with pytest.raises(BundleError, match="does not draw lesions in a box"):
        draw(study, tmp_path, model="lesion-pairs-t1t2")
    assert not (tmp_path / "out").exists()


def test_a_request_without_volumes_or_with_an_empty_model_is_refused(study, tmp_path):
    with pytest.raises(InputError, match="Neither T1 nor T2 is given"):
        MasksRequest(output="o", lesions="l").check()
    with pytest.raises(InputError, match="No model is chosen"):
        draw(study, tmp_path, model="")


def test_the_command_draws_beside_the_volumes_and_replaces_nothing_unasked(study, tmp_path, capsys):
    folder = str(tmp_path / "study")
    assert main(["masks", folder, "--model", "none"]) == 0
    said = capsys.readouterr().out
    assert f"T1: drawn 2 by {LOCAL}; there already: 0." in said
    assert set(counts(tmp_path / "study" / "t2_lesions.nii.gz")) == {1, 2}
    assert main(["masks", folder, "--model", "none"]) == 2
    assert "already holds t1_lesions.nii.gz" in capsys.readouterr().err
