"""The experiments' commands, each run to its end at a budget of seconds."""

import json
import os
from pathlib import Path

import paired_lesions_factory as factory
import pytest

from liverpair.training import paired_lesions_cache
from reproduction import EXPERIMENTS
from reproduction.__main__ import main
from reproduction.chapter4.detection_2d import PUBLISHED

DATA = Path(os.environ.get("LIVERPAIR_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_real_mri = pytest.mark.skipif(not (DATA / "chaos_mr").is_dir(), reason=f"real MRI is not in {DATA}")


def read(folder: Path, name: str) -> dict:
    assert (folder / f"{name}.md").read_text().startswith("# ")
    return json.loads((folder / f"{name}.json").read_text())


def test_an_unknown_experiment_is_answered_with_the_list(capsys):
    assert main(["nothing"]) == 2
    said = capsys.readouterr().out
    assert all(name in said for name in EXPERIMENTS)
    assert main(["--help"]) == 0


def test_detection_2d_trains_measures_and_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results"
    words = ["detection-2d", "--smoke", "--results", str(folder), "--trainer.enable_progress_bar=false"]
    assert main(words) == 0
    content = read(folder, "detection-2d")
    assert [row["network"] for row in content["table"]][0].startswith("published")
    assert set(PUBLISHED) <= set(content)
    assert content["table"][1]["steps"] == content["table"][2]["steps"] == 2
    assert (folder / "detection-2d.png").stat().st_size > 1000
    again = main(words)
    assert again == 0


@pytest.fixture(scope="module")
def artificial_pairs(tmp_path_factory) -> Path:
    """The cases that the smoke runs of the dream experiments ask for."""
    root = tmp_path_factory.mktemp("pairs")
    factory.write_pairs(root, ("38", "10", "21"))
    for case in ("38",):
        (root / case / "t1_outphase.nii.gz").write_bytes((root / case / "t1.nii.gz").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired_lesions_cache, "cached_registration", lambda *livers: factory.correspondence())
        yield root


@pytest.fixture(scope="module")
def dream_words(artificial_pairs, tmp_path_factory) -> list[str]:
    """Options of a smoke run; its models are made once for all experiments."""
    place = tmp_path_factory.mktemp("dreams")
    words = ["--smoke", "--data-root", str(artificial_pairs), "--results", str(place / "results")]
    words += ["--bundles", str(place / "bundles"), "--runs", str(place / "runs"), f"--data.cache={place / 'cache'}"]
    return [*words, "--trainer.enable_progress_bar=false"]


@pytest.mark.parametrize(
    ("name", "keys", "rows"),
    [
        ("dream-fake", {"intensity_holds", "diameter_holds"}, 2),
        ("dream-elongated", {"elongation_holds"}, 3),
        ("dream-radiomics", set(), 8),
        ("dream-networks", set(), 9),
        ("dream-marking", {"spearman", "largest_climb_up_to_20_percent", "smallest_climb_from_90_percent"}, 7),
    ],
)
def test_dream_experiments_train_dream_and_write(name, keys, rows, dream_words, artificial_pairs):
    assert main([name, *dream_words]) == 0
    folder = Path(dream_words[dream_words.index("--results") + 1])
    content = read(folder, name)
    assert keys <= set(content)
    assert len(content["table"]) == rows
    pictures = () if name == "dream-networks" else (f"{name}.png", f"{name}-images.png")
    for picture in pictures:
        assert (folder / picture).stat().st_size > 1000


def test_dream_experiments_say_which_data_they_need(tmp_path, capsys):
    assert main(["dream-fake", "--data-root", str(tmp_path / "nowhere")]) == 1
    assert "LIVERPAIR_DATA" in capsys.readouterr().err


@needs_real_mri
def test_lesion_pairs_scores_the_shipped_detector(tmp_path):
    folder = tmp_path / "results"
    words = ["lesion-pairs", "--data", str(DATA / "chaos_mr"), "--smoke", "--results", str(folder)]
    assert main(words) == 0
    content = read(folder, "lesion-pairs")
    errors = {f"displacement_error{baseline}_mm" for baseline in ("", "_none", "_centroid", "_registration")}
    assert {"sensitivity_at_2fp", "pairing_accuracy", *errors} <= set(content)
    assert {"sensitivity_at_half_fp", "mask_dice", "false_boxes_healthy", "mask_dice_by_hand"} <= set(content)
    assert len(content["table"]) == 7 and content["false_boxes_healthy"] >= 0
    assert 0 <= content["sensitivity_at_2fp"] <= 1
    assert (folder / "lesion-pairs.png").stat().st_size > 1000


@needs_real_mri
def test_the_display_threshold_is_that_of_few_false_boxes(tmp_path):
    folder = tmp_path / "results"
    assert main(["display-threshold", "--smoke", "--data-root", str(DATA / "chaos_mr"), "--results", str(folder)]) == 0
    content = read(folder, "display-threshold")
    rates, scores, found = zip(*(tuple(row.values()) for row in content["table"]))
    assert list(rates) == sorted(rates) and list(found) == sorted(found)
    assert list(scores) == sorted(scores, reverse=True)
    assert content["display_threshold"] == max(scores[rates.index(0.5)], 0.2)


def test_lesion_pairs_says_which_data_it_needs(tmp_path, capsys):
    assert main(["lesion-pairs", "--data", str(tmp_path / "nowhere")]) == 1
    assert "LIVERPAIR_DATA" in capsys.readouterr().err
