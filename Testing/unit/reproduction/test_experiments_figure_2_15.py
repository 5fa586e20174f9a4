"""Figure 2.15: to its end at a budget of seconds, and what it computes."""

import json

import numpy as np
import pytest

from reproduction.__main__ import main
from reproduction.chapter2 import figure_2_15
from reproduction.chapter2.coded_masks_networks import Found
from reproduction.training.similarity_task import SimilarityTask


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    place = tmp_path_factory.mktemp("figure-2-15")
    words = ["--smoke", f"--runs={place / 'runs'}", f"--results={place / 'results'}"]
    words += ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    assert main(["figure-2-15", *words]) == 0
    return words, place / "results"


def read(folder):
    return json.loads((folder / "figure-2-15.json").read_text())


def test_figure_2_15_trains_measures_and_writes(smoke):
    content = read(smoke[1])
    assert [(row["λ_r"], row["λ_p"], row["networks"]) for row in content["table"]] == [(0.1, 0.9, 1), (1.0, 0.0, 1)]
    assert all(-1 <= row["median gain"] <= 1 for row in content["table"])
    assert content["smallest_median_gain"] == content["table"][0]["median gain"]
    assert "rank_correlation" in content and content["steps"] == [2, 2, 2]
    for name in ("figure-2-15.png", "figure-2-15-pairs.png"):
        assert (smoke[1] / name).stat().st_size > 1000


def test_networks_that_are_there_are_used(smoke, monkeypatch):
    monkeypatch.setattr(SimilarityTask, "training_step", lambda *_: pytest.fail("trained again"))
    before = read(smoke[1])["table"]
    assert main(["figure-2-15", *smoke[0]]) == 0
    assert read(smoke[1])["table"] == before


def test_gain_is_the_similarity_of_predicted_minus_that_of_drawn_masks():
    square, slab = np.zeros((12, 12), bool), np.zeros((12, 12), bool)
    square[2:6, 2:6] = True
    slab[6:10, 4:10] = True
    moved = np.roll(square, (3, 4), (0, 1))
    found = Found(
        np.zeros((2, 2, 12, 12), np.float32),
        np.array([[square, slab], [square, moved]]),
        np.array([[square, moved], [square, slab]]),
        np.zeros((2, 12, 12), bool),
    )
    overlap = 2 * 16 / (16 + 24)
    assert found.gains() == pytest.approx([1 - overlap, overlap - 1])
    assert found.dice()[:, 0] == pytest.approx([1, 1]) and found.dice()[0, 1] < 1


def test_directions_come_from_medians():
    gains = {0.1: np.array([[0.3, 0.5, 0.4], [0.2, 0.2, 0.2]]), 0.3: np.array([[0.1] * 3]), 1.0: np.array([[-0.2] * 3])}
    found = figure_2_15.directions(gains)
    assert found["smallest_median_gain"] == pytest.approx(0.1)
    assert 0.9 < found["rank_correlation"] <= 1
    assert figure_2_15.directions({0.1: np.array([])}) == {}
