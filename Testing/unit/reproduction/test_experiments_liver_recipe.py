"""Cross-validation of the liver network's recipe, and with and without each of its changes: run to their ends in
seconds, on pairs with a bright box."""

import json
from pathlib import Path

import pytest
import SimpleITK as sitk
import yaml
from brightness_bundle import write_brightness_bundle
from paired_livers_factory import write_pairs

from liverpair.bundle import Bundle
from liverpair.evaluation.score_segmentation import spread
from liverpair.training.tasks import SEGMENTATION
from reproduction.__main__ import main
from reproduction.recipes import augmentation_gains as augmentation
from reproduction.recipes import cross_validation, dice_calibration
from reproduction.recipes.dice_calibration import Judged, calibrated

CASES = ("38", "10", "21")
WORDS = (
    '--data.images=[{"image":"t1.nii.gz","labels":"t1_organs.nii.gz","sequence":"T1"},'
    '{"image":"t2.nii.gz","labels":"t2_organs.nii.gz","sequence":"T2"}]',
    "--trainer.enable_progress_bar=false",
    "--trainer.check_val_every_n_epoch=1",
)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = write_pairs(tmp_path_factory.mktemp("pairs"), CASES)
    for path in root.glob("*/t?_liver.nii.gz"):
        sitk.WriteImage(sitk.ReadImage(str(path)), str(path.with_name(path.name.replace("liver", "organs"))))
    return [f"--data-root={root}", f"--runs={tmp_path_factory.mktemp('runs')}"]


def run(name: str, results: Path, *words: str) -> dict:
    assert main([name, "--smoke", *words, *WORDS, f"--results={results}"]) == 0
    return json.loads((results / f"{name}.json").read_text())


def test_every_image_is_measured_once_by_a_network_that_did_not_see_it(places, tmp_path):
    content = run("cross-validation", tmp_path, *places)
    assert sorted((row["case"], row["side"]) for row in content["table"]) == [
        (case, side) for case in sorted(CASES) for side in ("T1", "T2")
    ]
    assert {row["fold"] for row in content["table"]} == {1, 2, 3}
    for number, fold in enumerate(cross_validation.folds(("10", "21", "38"), 3, cross_validation.SPLIT_SEED)):
        assert set(fold.test).isdisjoint(fold.train + fold.validation), number
    assert 0 <= content["worst_dice_t1"] <= content["mean_dice_t1"] <= 1
    assert content["expected_dice"] is None  # two steps leave every mask empty


def test_the_calibration_is_the_line_through_masks_and_its_error_that_of_the_other_folds():
    on_a_line = [Judged(fold, soft, 2 * soft - 1) for fold, soft in ((0, 0.8), (0, 0.9), (1, 0.7), (1, 0.95))]
    line = calibrated(on_a_line, "made up")
    assert (line.slope, line.intercept, line.images) == (pytest.approx(2), pytest.approx(-1), 4)
    assert line.error == pytest.approx(0, abs=1e-12)
    assert line.dice(0.85) == pytest.approx(0.7) and line.dice(0.4) == 0
    off = [*on_a_line, Judged(2, 0.9, 0.3), Judged(2, 0.8, 0.1)]  # their own line is off by 0.5 where the others are
    assert calibrated(off, "made up").error > 0.25


def test_the_calibration_goes_into_the_model_only_when_asked(places, tmp_path, monkeypatch, capsys):
    model = write_brightness_bundle(tmp_path / "brightness")
    words = ["dice-calibration", f"--model={model.folder}", places[0], "--cases", *CASES, f"--results={tmp_path}"]
    words.append(f"--runs={tmp_path / 'runs'}")
    assert main([*words, "--write", str(model.folder)]) == 1  # it is surest of what the contrast makes wrong
    assert "do not rise with the Dice of its masks" in capsys.readouterr().err
    content = json.loads((tmp_path / "dice-calibration.json").read_text())
    assert {row["image"] for row in content["table"]} >= {"as scanned", "contrast"}
    assert content["images"] == sum(row["masks"] for row in content["table"]) > 0
    assert (tmp_path / "dice-calibration.png").stat().st_size > 1000
    on_a_line = [Judged(0, 0.8, 0.6), Judged(0, 0.9, 0.8)]
    monkeypatch.setattr(dice_calibration, "judged_masks", lambda *_: on_a_line)
    assert main(words) == 0
    assert Bundle.load(model.folder).expected_dice is None
    assert main([*words, "--write", str(model.folder)]) == 0
    assert Bundle.load(model.folder).expected_dice.slope == pytest.approx(2)


def test_every_change_has_a_training_without_it_and_a_column(places, tmp_path):
    content = run("augmentation", tmp_path, *places, "--without", "contrast")
    assert [row["training"] for row in content["table"]] == ["all", "none", "without contrast"]
    assert list(content["table"][0])[:3] == ["training", "as scanned", "contrast"]
    assert len(content["table"][0]) == 2 + len(augmentation.CHANGES)
    again = run("augmentation", tmp_path, *places, "--without", "contrast")
    assert again["table"] == content["table"]


def test_the_recipe_that_is_taken_apart_is_that_of_the_config():
    config = yaml.safe_load((SEGMENTATION.configs / f"{cross_validation.CONFIG}.yaml").read_text())
    recipe = augmentation.recipes()
    assert config["data"]["augmentation"] == {name: getattr(recipe["all"], name) for name in augmentation.CHANGES}
    assert set(recipe) == {"all", "none", *(f"without {name}".replace("_", " ") for name in augmentation.CHANGES)}
    assert recipe["without ghosting"].ghosting == 0 and recipe["without ghosting"].contrast > 0
    assert not any(getattr(recipe["none"], name) for name in augmentation.CHANGES)


def test_the_spread_tells_the_worst_case_and_absolute_errors_of_volume():
    rows = [
        {"side": "T1", "dice": 0.9, "hd95_mm": 6.0, "volume_error_percent": -4.0},
        {"side": "T1", "dice": 0.8, "hd95_mm": None, "volume_error_percent": 2.0},
        {"side": "–", "dice": "not run"},
    ]
    assert spread(rows) == pytest.approx(
        {
            "mean_dice_t1": 0.85,
            "sd_dice_t1": 0.1 / 2**0.5,
            "worst_dice_t1": 0.8,
            "mean_hd95_mm_t1": 6.0,
            "mean_absolute_volume_error_percent_t1": 3.0,
        }
    )
