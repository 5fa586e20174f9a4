"""Tables 2.1 and 2.2 and the noise floor: each run to its end at a budget of seconds, and what they compute."""

import argparse
import json

import numpy as np
import pytest
from paired_livers_factory import quick_registration, smoke_words

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.training.tasks import Task
from reproduction.__main__ import main
from reproduction.chapter2 import noise_floor, strategy_arms, table_2_1, table_2_2
from reproduction.chapter2.strategy_arms import ARMS
from reproduction.pair_options import data_words, options_of


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Options of a smoke run and the folder of its results; its networks are trained once for all."""
    with quick_registration():
        yield smoke_words(tmp_path_factory, "strategies")


def run(name, words, results):
    assert main([name, *words]) == 0
    return json.loads((results / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def floor_table(smoke):
    return run("noise-floor", *smoke)


@pytest.fixture(scope="module")
def table(smoke, floor_table):
    return run("table-2-1", *smoke)


def test_the_noise_floor_is_measured(floor_table):
    dice = [row["Dice"] for row in floor_table["table"]]
    assert len(dice) == 2 and floor_table["noise_floor"] == pytest.approx(abs(dice[0] - dice[1]))


def test_table_2_1_trains_measures_and_tells_what_was_not_run(smoke, table, floor_table):
    assert [row["strategy"] for row in table["table"]] == [arm.title for arm in ARMS]
    rows = {arm.key: row for arm, row in zip(ARMS, table["table"])}
    assert rows["single"]["T1 published"] == 0.961 and 0 <= rows["single"]["T1 ours"] <= 1
    assert rows["double-in"]["T1 ours"] == rows["double-in"]["T2 ours"] == "not run"
    assert rows["pre-registered"]["T1 ours"] is None and 0 <= rows["pre-registered"]["T2 ours"] <= 1
    assert rows["pre-registered"]["images"] == 2 and rows["double-out-specialised"]["images"] == 4
    assert (table["steps"], table["seeds"]) == (2, [0])
    assert table["noise_floor"] == floor_table["noise_floor"]
    for name in ("table-2-1.png", "table-2-1-double-out.png"):
        assert (smoke[1] / name).stat().st_size > 1000


def test_table_2_2_uses_the_networks_of_table_2_1(smoke, table, monkeypatch):
    monkeypatch.setattr(Task, "train", lambda *_: pytest.fail("trained again"))
    content = run("table-2-2", *smoke)
    rows = {row["strategy"]: row for row in content["table"]}
    assert list(rows) == [arm.title for arm in ARMS if arm.lost]
    ours = rows["double-in double-out, specialised"]
    assert ours["T2 published"] == 0.103 and -1 <= ours["T2 ours"] <= 1
    assert rows["double-in single-out, specialised"]["T1 ours"] == "not run"
    assert (smoke[1] / "table-2-2.png").stat().st_size > 1000


def test_a_wrong_arm_is_answered_with_the_list():
    with pytest.raises(InputError, match="There is no arm 'triple'. There are: single, "):
        strategy_arms.arms_of(["triple"])


def test_every_order_leaves_no_case_in_its_place():
    cases = ("10", "21", "32", "34")
    orders = table_2_2.derangements(cases, 5, 22)
    assert orders == table_2_2.derangements(cases, 5, 22) and len(orders) == 5
    assert all(sorted(order) == list(cases) and all(a != b for a, b in zip(cases, order)) for order in orders)


def test_noise_is_what_differs_between_seeds_in_all_rows(tmp_path):
    """Two rows of two seeds, 0.1 apart in T1 (s² 0.005, 2 degrees of freedom), and a third row of T2 alone."""
    apart = {Side.T1: np.array([[0.8, 0.9], [0.7, 0.8]]), Side.T2: np.array([[0.9, 0.9], [0.9, 0.9]])}
    dice = {"single": apart, "double-out": apart, "pre-registered": {Side.T2: apart[Side.T2] - 0.1}, "double-in": {}}
    options = argparse.Namespace(results=tmp_path, steps=1200, data_name="CHAOS MR")
    found = table_2_1.noise(dice, options)
    assert found == {
        "noise_floor": None,
        "between_seeds": pytest.approx(4.3027 * 0.005**0.5 / 2, rel=1e-4),
        "between_seeds_t1": pytest.approx(4.3027 * 0.005**0.5, rel=1e-4),
        "between_seeds_t2": pytest.approx(0),
    }
    one = {key: {side: own[:1] for side, own in arm.items()} for key, arm in dice.items()}
    assert set(table_2_1.noise(one, options).values()) == {None}


@pytest.mark.parametrize(
    ("steps", "data", "floor"), [(1200, "Mine", 0.02), (2, "Mine", None), (1200, "CHAOS MR", None)]
)
def test_the_noise_floor_is_that_of_the_same_data_and_steps(tmp_path, steps, data, floor):
    content = {"noise_floor": 0.02, "steps": 1200, "data": "Mine cases 01, 02"}
    (tmp_path / "noise-floor.json").write_text(json.dumps(content))
    assert noise_floor.measured_floor(argparse.Namespace(results=tmp_path, steps=steps, data_name=data)) == floor
    (tmp_path / "noise-floor.json").write_text("{")
    assert noise_floor.measured_floor(argparse.Namespace(results=tmp_path, steps=steps, data_name=data)) is None


class KnownScores:
    """Dice 0.9 with the own image; with a foreign one 0.1 less for every step between the cases, doubled in T2."""

    def matching(self, cases, side):
        return np.full(len(cases), 0.9)

    def foreign(self, cases, partners, side):
        steps = np.array([abs(int(a) - int(b)) for a, b in zip(cases, partners)])
        return 0.9 - 0.1 * steps * (2 if side == Side.T2 else 1)


def test_lost_dice_is_own_minus_foreign():
    losses = table_2_2.lost(KnownScores(), "012", ["120", "201"], Side.T2)
    assert losses == pytest.approx(np.array([[0.2, 0.2, 0.4], [0.4, 0.2, 0.2]]))
    ours = table_2_2.row(ARMS[4], {Side.T2: losses[None]})
    assert ours["T2 ours"] == pytest.approx(0.8 / 3) and ours["T2 sd"] is None
    twice = table_2_2.row(ARMS[4], {Side.T2: np.stack([losses, losses + 0.1])})
    assert twice["T2 sd"] == pytest.approx(0.1 / 2**0.5)
    assert ours["T1 ours"] == "not run" and ours["T2 published"] == 0.083


def test_use_of_the_other_image_is_set_against_dice():
    found = table_2_2.use_and_dice([(0.1, 0.9), (0.2, 0.8), (0.3, 0.7), (0.4, 0.75)])
    assert found["use_and_dice"] == pytest.approx(-0.8) and 0 < found["use_and_dice_p"] < 1
    assert table_2_2.use_and_dice([(0.1, 0.9), (0.2, 0.8)]) == {}


def test_a_row_is_tested_against_the_reference_image_by_image():
    reference = {side: np.array([[0.9] * 4, [0.8] * 4]) for side in Side}
    other = {
        side: dice - np.array([0.01, 0.02, 0.03, 0.04]) - (side == Side.T2) * 0.05 for side, dice in reference.items()
    }
    far = {Side.T1: np.array([[8.0, 9.0]]), Side.T2: np.array([[10.0, 12.0]])}
    content = table_2_1.row(ARMS[4], {"single": reference, "double-out": other}, {"double-out": far})
    assert content["T1 HD95"] == 8.5 and content["T2 HD95"] == 11
    assert content["T1 ours"] == pytest.approx(0.825) and content["T1 sd"] == pytest.approx(0.1 / 2**0.5)
    assert content["images"] == 8 and content["p ours"] == pytest.approx(2 / 2**8)
    assert table_2_1.row(ARMS[0], {"single": reference}, {"single": far})["p ours"] is None
    found = table_2_1.directions({"single": reference, "double-out": other, "double-in": {}, **_empty()})
    assert found == pytest.approx({"double-out_minus_single_t1": -0.025, "double-out_minus_single_t2": -0.075})


def _empty():
    return {"double-in-specialised": {}, "double-out-specialised": {}}


def test_folds_hold_every_case_once_and_keep_its_uses_apart():
    found = noise_floor.folds(noise_floor.CASES, 4, 1)
    assert sorted(case for fold in found for case in fold.test) == sorted(noise_floor.CASES)
    for fold in found:
        assert len(fold.test) == 3 and len(fold.validation) == 1 and len(fold.train) == 8
        assert len({*fold.train, *fold.validation, *fold.test}) == 12
    assert noise_floor.folds(noise_floor.CASES, 4, 2) != found
    assert noise_floor.floor([{"Dice": 0.9}, {"Dice": "not run"}, {"Dice": 0.93}]) == pytest.approx(0.03)
    assert noise_floor.floor([{"Dice": 0.9}, {"Dice": "not run"}]) is None


def test_networks_of_own_pairs_say_so_on_their_card(smoke, tmp_path):
    uses = ["--test-cases", "10", "--train-cases", "21", "--validation-cases", "38", "--data-name", "Mine"]
    content = run("table-2-1", [*smoke[0], f"--runs={tmp_path}", f"--results={tmp_path}", *uses], tmp_path)
    assert content["data"] == "Mine test cases 10, trained on 1 other pair"
    training = json.loads((tmp_path / "paired-livers" / "single-2-0" / "bundle" / "bundle.json").read_text())
    assert training["training"]["data"] == "Mine: trained on 21, validated on 38, all steps kept"
    assert training["training"]["train_cases"] == ["21"] and training["limits"] == ["Trained for a comparison."]
    assert "CHAOS" not in json.dumps(training) and "CC BY" not in json.dumps(training)


def test_own_pairs_are_named_by_their_use(smoke, tmp_path):
    words = [word for word in smoke[0] if word != "--smoke" and not word.startswith("--trainer")]
    uses = ["--test-cases", "10", "--train-cases", "21", "--validation-cases", "38", "--data-name", "Mine"]
    options, training = options_of("table-2-1", "", [*words, *uses, "--model.learning_rate=0.1"])
    assert options.cases == ("10",) and data_words(options) == "Mine test cases 10, trained on 1 other pair"
    assert training == ['--data.train=["21"]', '--data.validation=["38"]', "--model.learning_rate=0.1"]
    for refused, reason in [
        (["--test-cases", "10"], "--train-cases and --validation-cases must be given too"),
        (["--test-cases", "10", "--train-cases", "10", "--validation-cases", "38"], "'10' is named twice"),
        (["--test-cases", "11", "--train-cases", "10", "--validation-cases", "38"], "no case '11'"),
    ]:
        with pytest.raises(InputError, match=reason):
            options_of("table-2-1", "", [*words, *refused])


@pytest.mark.parametrize("option", ["--trainer.devices=2", "--trainer.devices=auto", "--trainer.num_nodes=2"])
def test_several_processes_have_no_deadline(smoke, option):
    with pytest.raises(InputError, match="--minutes is counted by each process"):
        options_of("table-2-1", "", [*smoke[0], "--minutes", "5", option])
    assert options_of("table-2-1", "", [*smoke[0], "--minutes", "5", "--trainer.devices=1"])[0].deadline
    assert options_of("table-2-1", "", [*smoke[0], option])[0].deadline is None


def test_a_training_with_other_options_is_not_taken_for_this_one(smoke, table, monkeypatch, capsys):
    monkeypatch.setattr(Task, "train", lambda *_: pytest.fail("trained again"))
    assert main(["table-2-1", *smoke[0], "--model.learning_rate=0.1"]) == 1
    assert "other data or with other options" in capsys.readouterr().err
    assert main(["table-2-1", *smoke[0], "--trainer.devices=1"]) == 0
