"""Bundles are written whole or not at all, take nobody else's place, and tell on their card what they are."""

import pytest
import torch
from bundle_factory import edit_manifest, manifest, small_network, write_bundle

from liverpair.bundle import Bundle
from liverpair.core.errors import BundleError


@pytest.fixture
def folder(tmp_path):
    return write_bundle(tmp_path / "small").folder


def test_a_failed_write_leaves_the_bundle_that_was_there(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    weights = small_network(1).state_dict()
    with pytest.raises(BundleError, match="'task'"):
        Bundle.write(folder, manifest(task="cooking"), weights)
    with pytest.raises(BundleError, match="not finite"):
        Bundle.write(folder, manifest(), {**weights, "head.bias": torch.tensor([float("inf")])})
    with pytest.raises(BundleError, match="do not fit"):
        Bundle.write(folder, manifest(), {"head.bias": torch.zeros(1)})
    with pytest.raises(BundleError, match="exists already"):
        Bundle.write(folder, manifest(), weights, replace=False)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_writing_again_replaces_the_whole_bundle(folder):
    (folder / "pictures").mkdir()
    (folder / "pictures" / "slices.png").write_text("old")
    bundle = Bundle.write(folder, manifest(version="2.0"), small_network(1).state_dict())
    assert bundle.version == "2.0"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "bundle.json", "weights.safetensors"]
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


@pytest.mark.parametrize("foreign", ["thesis.docx", "checkpoints"])
def test_a_folder_of_other_things_is_never_taken_for_a_bundle(tmp_path, foreign):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / foreign).write_text("mine")
    with pytest.raises(BundleError, match=f"would delete '{foreign}'"):
        Bundle.write(folder, manifest(), small_network(1).state_dict())
    with pytest.raises(BundleError, match="is not a folder"):
        Bundle.write(folder / foreign, manifest(), small_network(1).state_dict())
    assert [path.name for path in tmp_path.rglob("*")] == ["precious", foreign]


def test_metrics_can_be_added_later_and_show_on_the_card(folder):
    result = {
        "description": "Two cases that took no part in training",
        "command": "python -m liverpair evaluate small",
        "cases": [{"case": "10", "sequence": "T1", "dice": 0.91234567, "hd95_mm": 8.0}, {"case": "13", "dice": 0.5}],
        "summary": {"dice": {"mean": 0.7062, "sd": 0.2}},
    }
    bundle = Bundle.load(folder).update(metrics={"chaos_test": result})
    assert bundle.metrics["chaos_test"]["cases"][0]["dice"] == 0.91234567
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card == bundle.card()
    assert "| Case | Sequence | Dice | Hd95 mm |" in card
    assert "| 10 | T1 | 0.9123 | 8 |" in card
    assert "| 13 |  | 0.5 |  |" in card
    assert "| dice | 0.7062 | 0.2 |" in card
    with pytest.raises(BundleError):
        bundle.update(metrics=[])
    assert Bundle.load(folder).metrics == bundle.metrics


def test_the_card_says_what_a_reader_must_know(folder):
    edit_manifest(folder, limits=["Never saw a lesion.", "Breaks <b>HTML</b>"])
    bundle = Bundle.load(folder)
    card = bundle.card()
    for words in (
        "# small 1.0",
        "not a medical device",
        "Liver (SCT 10200004, Liver)",
        "2 × 2 × 6 mm (x, y, z)",
        "Twelve drawn spheres",
        "CC BY-NC-SA 4.0",
        "Nobody et al. 2020",
        "| Seed | 7 |",
        "1 h 30 min",
        "Learning curve (8 of 20 points)",
        "| 1900 | 0.95 |",
        "Not measured yet",
        "- Never saw a lesion.",
        bundle.sha256,
    ):
        assert words in card
    assert "<" not in card
    assert "stay where they are" not in card
    edit_manifest(folder, grid={**bundle.manifest["grid"], "keep_slices_from_mm": 5.0, "keep_slices_to_mm": 10.0})
    assert "2 × 2 × 6 mm (x, y, z); slices 5 to 10 mm apart stay where they are" in Bundle.load(folder).card()
