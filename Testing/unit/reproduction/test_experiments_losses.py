"""Table 2.3 and figure 2.8: each run to its end at a budget of seconds, and what they compute."""

import json
import math

import numpy as np
import pytest
from paired_livers_factory import smoke_words

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.segmentation.adversarial_losses import ADVERSARIES
from liverpair.training.tasks import Task
from reproduction.__main__ import main
from reproduction.chapter2 import figure_2_8, strategy_arms, table_2_3
from reproduction.chapter2.bets import Wager
from reproduction.chapter2.loss_networks import LOSSES, losses_of


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Options of a smoke run and the folder of its results; its networks are trained once for all."""
    return smoke_words(tmp_path_factory, "losses")


def run(name, words, results):
    assert main([name, *words]) == 0
    return json.loads((results / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def table(smoke):
    return run("table-2-3", *smoke)


def test_table_2_3_trains_measures_and_tells_what_was_not_run(smoke, table):
    rows = {row["loss"]: row for row in table["table"]}
    assert list(rows) == ["BCE", "Dice", "Dice + BCE", "GAN", "embedding", "gambler"]
    assert rows["GAN"]["T1 published"] == 0.950 and rows["GAN"]["p published"] == 0.00011
    for loss in ("BCE", "Dice", "GAN", "gambler"):
        assert 0 <= rows[loss]["T1 ours"] <= 1 and 0 <= rows[loss]["T2 ours"] <= 1
    assert rows["GAN"]["images"] == 4 and rows["BCE"]["p ours"] is None
    assert rows["embedding"]["T1 ours"] == rows["Dice + BCE"]["T2 ours"] == "not run"
    assert (table["steps"], table["seeds"]) == (2, [0])
    assert (table["gan_weight"], table["gambler_weight"]) == (1.0, 1.0) and "embedding_weight" not in table
    assert (smoke[1] / "table-2-3.png").stat().st_size > 1000


def test_figure_2_8_uses_the_gambler_of_table_2_3(smoke, table, monkeypatch):
    monkeypatch.setattr(Task, "train", lambda *_: pytest.fail("trained again"))
    content = run("figure-2-8", *smoke)
    assert [(row["case"], row["image"]) for row in content["table"]] == [
        *(("10", Side.T1), ("10", Side.T2), ("21", Side.T1), ("21", Side.T2)),
        ("mean", ""),
    ]
    mean = content["table"][-1]
    assert content["ratio"] == pytest.approx(mean["border"] / mean["inside"]) and mean["wrong"] > 0
    assert (smoke[1] / "figure-2-8.png").stat().st_size > 1000


def test_each_loss_has_a_training_of_its_own(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(strategy_arms, "trained_bundle", lambda *words: asked.append(words))
    options = type("Options", (), {"runs": tmp_path, "steps": 800})
    for loss in LOSSES:
        strategy_arms.bundles_of(loss, 1, options, ["--trainer.devices=2"])
    assert [words[0] for words in asked] == ["single", "single", "single", "gan", "embedding", "gambler"]
    assert len({words[1] for words in asked}) == 6 and asked[0][1] == tmp_path / "paired-livers" / "single-800-1"
    assert asked[1][4][0] == "--model.loss=dice" and asked[2][4][0] == "--model.loss=sum"
    for loss, words in zip(LOSSES, asked):
        adversarial = loss.key in ADVERSARIES
        assert any(word.startswith("--model.adversary_from_step=") for word in words[4]) == adversarial
        assert words[5].name == ("adversarial-livers" if adversarial else "paired-livers")


def test_a_discriminator_comes_in_at_half_of_the_steps_and_the_gambler_sooner():
    starts = {loss.key: loss.settings(800)["model.adversary_from_step"] for loss in LOSSES if loss.key in ADVERSARIES}
    assert starts == {"gan": 400, "embedding": 400, "gambler": 100}


def test_losses_are_chosen_by_name():
    assert [loss.strategy for loss in losses_of(["gan", "bce"])] == ["BCE", "GAN"]
    with pytest.raises(InputError, match="There is no loss 'focal'. There are: bce, dice, sum, gan, "):
        losses_of(["focal"])


def test_gains_are_differences_of_mean_dice():
    reference = {Side.T1: np.array([[0.9, 0.8]]), Side.T2: np.array([[0.7, 0.6]])}
    worse = {Side.T1: reference[Side.T1] - 0.02, Side.T2: reference[Side.T2] - 0.04}
    dice = {loss.key: {} for loss in LOSSES} | {"single": reference, "gan": worse}
    assert table_2_3.gains(dice) == {
        "gan_minus_bce": pytest.approx(-0.03),
        "gan_minus_bce_by_seed": pytest.approx([-0.03]),
    }
    hd95 = {"gan": {Side.T1: np.array([[8.0, 10.0]]), Side.T2: np.array([[12.0, math.nan]])}}
    row = table_2_3.row(LOSSES[3], dice, hd95)
    assert row["T1 HD95"] == 9 and math.isnan(row["T2 HD95"])
    assert row["loss"] == "GAN" and row["T2 ours"] == pytest.approx(0.61) and row["images"] == 4


def wager(bets, predicted=None):
    """A box 4 voxels from each end of (20, 30, 30), voxels of 1 by 1 by 2 mm (x, y, z)."""
    reference = np.zeros((20, 30, 30), bool)
    reference[4:16, 4:26, 4:26] = True
    predicted = reference if predicted is None else predicted
    return Wager(bets, reference, predicted, bets, (1.0, 1.0, 2.0))


def test_bets_on_the_border_are_told_from_others():
    """6 mm are 3 voxels across slices and 6 within them."""
    bets = np.ones((20, 30, 30))
    bets[7:13, 10:20, 10:20] = 5.0
    scores = wager(bets).scores()
    assert (scores["border"], scores["inside"]) == (1.0, 5.0)
    bets[6, 15, 15] = bets[10, 15, 9] = 100.0
    scores = wager(bets).scores()
    assert scores["border"] > 1.0 and scores["inside"] == 5.0 and scores["outside"] == 1.0
    bets[0, 0, 0] = 100.0
    assert wager(bets).scores()["outside"] > 1.0
    assert wager(bets).middle == (10, 14, 14)


def test_bets_on_what_is_wrong_are_told_from_others():
    bets = np.full((20, 30, 30), 0.5)
    bets[4] = 3.0
    predicted = wager(bets).reference.copy()
    predicted[4] = False
    scores = wager(bets, predicted).scores()
    assert scores["wrong"] == 3.0 and scores["right"] < 1.0
    rows = figure_2_8.table([{("1", side): wager(bets, predicted) for side in Side}] * 2, ("1",))
    assert rows[-1]["ratio"] == pytest.approx(scores["border"] / scores["inside"])
    assert np.isnan(wager(bets).scores()["wrong"])
    assert figure_2_8.table([{("1", side): wager(bets) for side in Side}], ("1",))[0]["wrong"] is None
