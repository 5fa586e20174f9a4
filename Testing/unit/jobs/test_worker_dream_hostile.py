"""The job "dream" with requests, images, folders and files that cannot be what somebody means."""

import json
import math
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from dream_job_factory import (
    FEATURES,
    POINT,
    Watcher,
    place,  # noqa: F401
    request_for,  # noqa: F401
    short_request,
    write_dream_bundle,
)

from liverpair.core.errors import Cancelled, InputError, MissingPackageError, no_progress
from liverpair.io.study import read_image, write_image
from liverpair.jobs.dream_results import read_dream
from liverpair.jobs.jobs import JOBS

FLAT_BOX = {"center_mm": POINT, "size_mm": [0, 1, 1], "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1]}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"step": 0.02}, "another step"),
        ({"iterations": 40, "seed": 3}, "another iterations and seed"),
        ({"starts": [{"point_mm": [0.0, 0.0, 0.0]}]}, "another starts"),
        ({"features": FEATURES[:1]}, "another features"),
    ],
)
def test_what_a_dream_was_begun_with_cannot_change(request_for, tmp_path, change, named):
    with pytest.raises(Cancelled):
        JOBS["dream"](request_for(), Watcher(5))
    before = (tmp_path / "out" / "dream.json").read_bytes()
    with pytest.raises(InputError, match=f"was started with {named}. Choose what it was started with"):
        JOBS["dream"](request_for(**change, resume=True), no_progress)
    assert (tmp_path / "out" / "dream.json").read_bytes() == before


def test_another_model_or_image_cannot_go_on(request_for, place, tmp_path):
    with pytest.raises(Cancelled):
        JOBS["dream"](request_for(), Watcher(5))
    image = read_image(place / "t1.nii.gz")
    write_image(image + 1, tmp_path / "other.nii.gz")
    write_dream_bundle(tmp_path / "other", gain=6.0)
    with pytest.raises(InputError, match="started with another t1"):
        JOBS["dream"](request_for(t1=str(tmp_path / "other.nii.gz"), resume=True), no_progress)
    with pytest.raises(InputError, match="started with another model"):
        JOBS["dream"](request_for(model=str(tmp_path / "other"), resume=True), no_progress)


def test_there_must_be_something_to_go_on_with(request_for, tmp_path):
    with pytest.raises(InputError, match="holds no dream that can be resumed. Start it anew."):
        JOBS["dream"](request_for(resume=True), no_progress)
    assert not (tmp_path / "out").exists()
    with pytest.raises(Cancelled):
        JOBS["dream"](request_for(), Watcher(5))
    (state,) = (tmp_path / "out" / "state").iterdir()
    state.write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(InputError, match="holds no dream that can be resumed"):
        JOBS["dream"](request_for(resume=True), no_progress)


@pytest.mark.parametrize("name", ["original.nii.gz", "frames/dream_00_00000_image.nii.gz"])
def test_no_dream_replaces_what_it_is_made_of(request_for, place, tmp_path, name):
    image = tmp_path / "out" / name
    image.parent.mkdir(parents=True)
    shutil.copy(place / "t1.nii.gz", image)
    with pytest.raises(InputError, match="would be replaced by the results. Choose another folder"):
        JOBS["dream"](request_for(t1=str(image)), no_progress)
    assert image.read_bytes() == (place / "t1.nii.gz").read_bytes()


@pytest.mark.parametrize("name", ["frames", "state"])
def test_a_file_in_the_place_of_a_folder_is_named(request_for, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name}' is a file; a folder of that name is to be made. Rename it."):
        JOBS["dream"](request_for(), no_progress)


def test_frames_that_are_gone_are_not_promised(request_for, tmp_path):
    with pytest.raises(Cancelled):
        JOBS["dream"](request_for(), Watcher(13))
    shutil.rmtree(tmp_path / "out" / "frames")
    (run,) = JOBS["dream"](request_for(resume=True), no_progress)["runs"]
    assert [frame["iteration"] for frame in run["frames"]] == [15]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"t1": None}, "Neither T1 nor T2 is given."),
        ({"t1_liver": ""}, "The name of an image file is empty."),
        ({"t2_liver": "mask.nii.gz"}, "A liver mask of T2 is given, but not T2 itself."),
        ({"side": "t2"}, "T2 is to be dreamed on, and is not given."),
        ({"side": "left"}, "Option 'side' of a dream must be 't1' or 't2', not 'left'."),
        ({"starts": []}, "No neuron is chosen."),
        ({"starts": [{}]}, "A start is a point (point_mm) or a box; {} is neither."),
        ({"starts": [3]}, "Option 'starts' of a dream must be a list of objects, not [3]."),
        (
            {"starts": [{"point_mm": [1.0, 2.0]}]},
            "Option 'point_mm' of a dream must be a list of 3 numbers, not [1.0, 2.0].",
        ),
        ({"starts": [{"point_mm": [1.0, 2.0, math.nan]}]}, "Option 'point_mm' of a dream must be a list of 3 numbers"),
        ({"starts": [{"point_mm": [900.0, 0.0, 0.0]}]}, "lies outside of what the network sees of T1."),
        ({"starts": [{"point_mm": [10**400, 0, 0]}]}, "Option 'point_mm' of a dream must be a list of 3 numbers"),
        ({"starts": [{"box": {"center_mm": POINT}}]}, "A box needs center_mm, size_mm and direction"),
        (
            {"starts": [{"box": FLAT_BOX}]},
            "A box needs center_mm, size_mm and direction, and must lie within a patient",
        ),
        ({"random_starts": -1}, "Option 'random_starts' of a dream must be a whole number from 0 to 1000, not -1."),
        ({"baselines": ["chance"]}, "must be a list of 'random-weights' or 'random-direction', not ['chance']."),
        ({"features": ["firstorder_Beauty"]}, "There is no feature 'firstorder_Beauty'."),
        ({"features": ["shape_Sphericity"]}, "'shape_Sphericity' is for 3-D objects"),
        ({"step": 0}, "Option 'step' of a dream must be a number above 0, not 0."),
        ({"direction": "sideways"}, "Option 'direction' of a dream must be 'ascent' or 'descent', not 'sideways'."),
        ({"normal_ranges": "/no/such/file.json"}, "/no/such/file.json"),
        ({"device": "toaster"}, "The device 'toaster' is unknown."),
        ({"resume": 1}, "Option 'resume' of a dream must be true or false, not 1."),
    ],
)
def test_requests_that_cannot_be_met_are_refused_in_words(request_for, tmp_path, change, sentence):
    with pytest.raises(InputError) as refused:
        JOBS["dream"](request_for(**change), no_progress)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_models_and_images_must_fit(request_for, place, tmp_path):
    with pytest.raises(InputError, match="fits no input of model 'bright-around'"):
        JOBS["dream"](request_for(t1=None, t2=str(place / "t1.nii.gz")), no_progress)
    array = sitk.GetArrayFromImage(read_image(place / "t1.nii.gz"))
    array[3, 4, 5] = np.nan
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(read_image(place / "t1.nii.gz"))
    write_image(image, tmp_path / "nan.mha")
    with pytest.raises(InputError, match="T1 has voxels that are not a number"):
        JOBS["dream"](request_for(t1=str(tmp_path / "nan.mha")), no_progress)
    assert not (tmp_path / "out").exists()


def test_without_pyradiomics_it_says_so_before_anything_is_replaced(request_for, tmp_path, monkeypatch):
    JOBS["dream"](request_for(iterations=1), no_progress)
    before = (tmp_path / "out" / "dream.json").read_bytes()

    def absent():
        raise MissingPackageError("Radiomic features need the package 'pyradiomics'.")

    monkeypatch.setattr("liverpair.measures.radiomics._classes", absent)
    with pytest.raises(MissingPackageError):
        JOBS["dream"](request_for(), no_progress)
    assert (tmp_path / "out" / "dream.json").read_bytes() == before


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    """The result of a dream."""
    return JOBS["dream"]({**short_request(place, tmp_path_factory.mktemp("done")), "iterations": 1}, no_progress)


@pytest.mark.parametrize(
    "damage",
    ["[]", "{", {"runs": {}}, {"schema_version": 2}, {"complete": "yes"}, {"provenance": {}}, {"livers": {}},
     {"runs": [{"run": "dream", "start": 5}]}, {"starts": [1]}, {"asked": {"options": {}}}, {"original": None},
     {"feature_settings": {"spacing_mm": 4.0}}],
)  # fmt: skip
def test_damaged_results_are_none(finished, tmp_path, damage):
    file = tmp_path / "dream.json"
    shutil.copy(finished["summary"], file)
    sound = json.loads(file.read_text(encoding="utf-8"))
    assert read_dream(tmp_path) == sound
    file.write_text(damage if isinstance(damage, str) else json.dumps({**sound, **damage}))
    assert read_dream(tmp_path) is None
