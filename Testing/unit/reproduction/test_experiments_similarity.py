"""The similarity experiment on pairs: to its end at a budget of seconds, and what it computes."""

import argparse
import json

import numpy as np
import pytest
import SimpleITK as sitk
from bright_box import grid, image_and_mask
from paired_livers_factory import SHIFT_MM, smoke_words

from liverpair.core.sides import Side
from liverpair.training.tasks import Task
from reproduction.__main__ import main
from reproduction.chapter2 import similarity, similarity_scores
from reproduction.chapter2.mask_similarity import FieldSearch


@pytest.fixture(autouse=True)
def quick_search(monkeypatch):
    monkeypatch.setattr(similarity_scores, "SEARCH", FieldSearch(cell=8, iterations=3))


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_words(tmp_path_factory, "similarity")


def run(words, folder):
    assert main(["similarity", *words]) == 0
    return json.loads((folder / "similarity.json").read_text())


def test_similarity_trains_measures_and_writes(smoke, monkeypatch):
    content = run(*smoke)
    rows = content["table"]
    assert [row["masks"] for row in rows] == [arm.title for arm in similarity.ARMS.values()]
    assert 0.2 < rows[0]["as scanned ours"] < rows[0]["DS ours"] <= 1
    assert rows[0]["p ours"] is rows[0]["Dice T1 ours"] is None
    for row in rows[1:]:
        assert 0 <= row["DS ours"] <= 1 and 0 <= row["Dice T2 ours"] <= 1 and 0 < row["p ours"] <= 1
    assert (smoke[1] / "similarity.png").stat().st_size > 1000
    monkeypatch.setattr(similarity_scores, "similarity", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr(Task, "train", lambda *_: pytest.fail("trained again"))
    assert run(*smoke)["table"] == rows


def test_masks_lie_on_one_grid_where_they_were_scanned():
    masks = [image_and_mask(grid((5.0, 5.0, 9.0), d), s)[1] for d, s in (((0, 0, 0), (0, 0, 0)), ((5, 3, 0), SHIFT_MM))]
    first, second = similarity_scores.on_one_grid(*masks)
    assert first.shape == second.shape
    apart = [np.argwhere(mask).mean(axis=0)[::-1] * similarity_scores.SPACING_MM for mask in (first, second)]
    assert apart[1] - apart[0] == pytest.approx(np.array(SHIFT_MM), abs=2.5)
    volume = np.prod(similarity_scores.SPACING_MM) * first.sum()
    assert volume == pytest.approx(60 * 50 * 48, rel=0.12)


def test_livers_that_were_not_found_are_not_alike():
    _, mask = image_and_mask(grid((5.0, 5.0, 9.0)))
    nothing = mask & 0
    assert similarity_scores.similarity(nothing, nothing) == (1.0, 1.0)
    assert similarity_scores.similarity(mask, sitk.Cast(nothing, sitk.sitkUInt8)) == (0.0, 0.0)


def test_directions_are_differences_of_means():
    def one(alike, t2):
        alike = np.array(alike)
        return {"scanned": alike - 0.1, "similarity": alike, Side.T1: np.array([0.9, 0.9]), Side.T2: np.array(t2)}

    measured = {
        "drawn": [{"scanned": np.array([0.7, 0.7]), "similarity": np.array([0.90, 0.94])}],
        "single": [],
        "double-out-specialised": [one([0.90, 0.90], [0.7, 0.8]), one([0.88, 0.88], [0.7, 0.8])],
        "similarity": [one([0.96, 0.98], [0.8, 0.9])],
    }
    found = similarity.directions(measured)
    assert found == pytest.approx(
        {
            "constrained_minus_drawn_ds": 0.05,
            "drawn_minus_double_out_ds": 0.03,
            "constrained_minus_drawn_scanned": 0.17,
            "double_out_minus_drawn_scanned": 0.09,
            "constrained_minus_double_out_t1": 0,
            "constrained_minus_double_out_t2": 0.1,
        }
    )
    row = similarity.row("double-out-specialised", measured)
    assert row["DS ours"] == pytest.approx(0.89) and row["DS sd"] == pytest.approx(0.02 / 2**0.5)
    assert row["p ours"] == pytest.approx(0.5)
    assert row["as scanned ours"] == pytest.approx(0.79)
    assert similarity.row("single", measured)["DS ours"] == "not run"
    assert similarity.noise(measured)["between_seeds_t2"] == pytest.approx(0)


def test_the_control_is_the_same_training_without_the_constraint(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(similarity, "trained_bundle", lambda *words: asked.append(words))
    options = argparse.Namespace(runs=tmp_path, steps=1200)
    for key in ("control", "similarity"):
        similarity.network(key, 1, options, ["--trainer.devices=2"])
    control, constrained = asked
    assert control[1] == tmp_path / "similarity" / "control-1200-1"
    assert constrained[1] == tmp_path / "similarity" / "similarity-1200-1"
    assert control[0] == constrained[0] == "similarity" and control[2] == constrained[2] == 1
    assert control[3].steps == constrained[3].steps == 1800
    assert set(control[4]) - set(constrained[4]) == {
        "--model.weights.similarity=0.0",
        "--bundle.name=liver-similarity-control",
    }
