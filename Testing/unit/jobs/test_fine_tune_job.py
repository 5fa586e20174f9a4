"""A model goes on learning from a user's own studies, is measured on others, and is then among the models."""

import shutil
from dataclasses import replace

import pytest
import torch
from bundle_factory import manifest, write_bundle
from lesion_factory import drawn, lesion_of
from paired_lesions_factory import T1_GRID, T2_GRID, image, livers
from peak_detector import write_peak_bundle

from liverpair.bundle import Bundle, Catalogue
from liverpair.cli import main
from liverpair.core.errors import Cancelled, InputError, no_progress
from liverpair.core.geometry import Box
from liverpair.core.lesions import write_lesions
from liverpair.io.study import write_image
from liverpair.jobs.fine_tune_job import fine_tune, parted, usable_studies, verdict
from liverpair.jobs.fine_tune_request import FineTuneRequest
from liverpair.networks import build
from liverpair.training.fine_tuning import CONFIG
from liverpair.training.tasks import ANNOTATED_LIVERS


def write_study(folder, seed=0, sides=("t1", "t2"), suffix="nii.gz"):
    folder.mkdir(parents=True)
    for side, liver in zip(("t1", "t2"), livers()):
        write_image(image(liver, seed), folder / f"{side}.{suffix}")
        if side in sides:
            write_image(liver, folder / f"{side}_liver.{suffix}")


@pytest.fixture
def request_(tmp_path):
    """Two studies, one of them in another format, and a small network."""
    write_study(tmp_path / "studies" / "a", 1)
    write_study(tmp_path / "studies" / "b", 2, suffix="nrrd")
    write_bundle(tmp_path / "small")
    return {"model": str(tmp_path / "small"), "studies": str(tmp_path / "studies"), "name": "mine", "steps": 3,
            "aside": ["b"]}  # fmt: skip


@pytest.mark.training
def test_the_new_model_has_learnt_and_is_found_by_name(request_, tmp_path):
    result = fine_tune(request_, no_progress)
    before, after = Bundle.load(tmp_path / "small"), Catalogue().find("mine")
    assert (result["trained_on"], result["aside"]) == (["a"], ["b"])
    assert result["model"] == after.name == "mine" and after.grid.spacing_mm == before.grid.spacing_mm
    changed = [not torch.equal(value, after.weights()[name]) for name, value in before.weights().items()]
    assert all(changed)
    assert set(result["before"]) == {"mean_dice_t1", "mean_dice_t2"} and None not in result["after"].values()
    assert result["before"] != result["after"]
    assert "Dice in T1" in result["notes"][0] and after.training["history"].startswith("The weights of 'small' 1.0,")
    with pytest.raises(InputError, match="There is already a model 'mine'"):
        fine_tune(request_, no_progress)


@pytest.mark.training
def test_what_was_cancelled_goes_on_where_it_was(request_, tmp_path, monkeypatch):
    config = tmp_path / "configs" / CONFIG
    config.parent.mkdir()
    text = (ANNOTATED_LIVERS.configs / CONFIG).read_text(encoding="utf-8")
    config.write_text(text.replace("patches_per_epoch: 25", "patches_per_epoch: 3"), encoding="utf-8")
    task = replace(ANNOTATED_LIVERS, configs=config.parent)
    monkeypatch.setattr("liverpair.training.fine_tuning.task_of", lambda bundle: task)
    steps = []

    def stop(fraction, message):
        if message.startswith("Training: step 4 "):
            raise Cancelled

    with pytest.raises(Cancelled):
        fine_tune({**request_, "steps": 5}, stop)
    fine_tune({**request_, "steps": 5}, lambda fraction, message: steps.append(message))
    first = next(message for message in steps if message.startswith("Training"))
    assert first.startswith("Training: step 3 of 5")


@pytest.mark.training
def test_a_detector_learns_from_boxes(tmp_path, capsys):
    boxes = [drawn(Box((-20.0, 5.0, 10.0), (20.0,) * 3, T1_GRID.direction))]
    boxes += [drawn(Box((-15.0, -4.0, 41.0), (20.0,) * 3, T2_GRID.direction))]
    for name in ("a", "b"):
        write_study(tmp_path / "studies" / name)
        write_lesions(tmp_path / "studies" / name / "lesions.json", [lesion_of(1, *boxes, state="accepted")])
    write_study(tmp_path / "studies" / "nobody")
    write_peak_bundle(tmp_path / "peaks")
    words = [str(tmp_path / "peaks"), str(tmp_path / "studies"), "--name", "sharper", "--steps", "2", "--aside", "a"]
    assert main(["fine-tune", *words]) == 0
    out = capsys.readouterr().out
    assert "'sharper' was trained on 1 studies, measured on a" in out and "1 of 3 folders have not both volumes" in out
    assert Catalogue().find("sharper").task == "detection"


def test_a_quarter_is_kept_aside_and_always_the_same(tmp_path):
    wanted = FineTuneRequest.parse({"model": "m", "studies": str(tmp_path), "name": "mine"})
    names = [f"s{number}" for number in range(8)]
    train, aside = parted(names, wanted)
    assert len(aside) == 2 and sorted([*train, *aside]) == names and parted(names, wanted) == (train, aside)
    assert parted(["x", "y"], wanted)[1] in (["x"], ["y"])
    with pytest.raises(InputError, match="holds 1 annotated study; two are needed"):
        parted(["x"], wanted)


def test_studies_without_a_mask_are_left_out_and_counted(request_, tmp_path):
    write_study(tmp_path / "studies" / "c", sides=())
    usable, notes = usable_studies(Bundle.load(tmp_path / "small"), tmp_path / "studies")
    assert usable == ["a", "b"] and notes == [
        "1 of 3 folders have not a liver mask beside a volume; they were left out."
    ]
    shutil.rmtree(tmp_path / "studies" / "a")
    shutil.rmtree(tmp_path / "studies" / "b")
    with pytest.raises(InputError, match="The study 'b' that is to be kept aside is not there"):
        fine_tune(request_, no_progress)


def test_a_model_that_got_worse_is_said_to_be(tmp_path):
    before, after = {"mean_dice_t1": 0.9, "mean_dice_t2": None}, {"mean_dice_t1": 0.8, "mean_dice_t2": None}
    assert verdict("segmentation", before, after) == [
        "On the studies kept aside: Dice in T1 0.900 before, 0.800 after.",
        "The new model is worse on them than the old one.",
    ]


def test_a_model_of_pairs_is_refused(tmp_path, request_):
    arguments = {"in_channels": 2, "out_channels": 1, "widths": [4, 8]}
    content = manifest(strategy="double-in", inputs=["T1", "T2"], network={"name": "unet", "arguments": arguments})
    Bundle.write(tmp_path / "double", content, build("unet", arguments).state_dict())
    with pytest.raises(InputError, match="cannot be trained further on studies"):
        fine_tune({**request_, "model": str(tmp_path / "double")}, no_progress)
