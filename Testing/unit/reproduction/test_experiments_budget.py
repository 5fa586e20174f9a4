"""Longer trainings: run to its end at a budget of seconds, and what is computed and concluded."""

import json
from pathlib import Path

import numpy as np
import pytest
from paired_livers_factory import write_pairs

from liverpair.core.sides import Side
from reproduction.__main__ import main
from reproduction.chapter2 import budget
from reproduction.conclusions import CONCLUSIONS, UNDECIDED, row

CASES = ["--test-cases", "10", "--train-cases", "38", "--validation-cases", "21"]
WORDS = ["--trainer.enable_progress_bar=false", "--trainer.precision=32-true"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    place = tmp_path_factory.mktemp("budget")
    root = write_pairs(tmp_path_factory.mktemp("pairs"), ("38", "10", "21"))
    return [f"--data-root={root}", f"--runs={place / 'runs'}"]


def run(results, *words):
    assert main(["budget", *words, f"--results={results}"]) == 0
    return json.loads((results / "budget.json").read_text())


def test_every_number_of_steps_is_a_training_of_its_own(places, tmp_path):
    content = run(tmp_path, "--smoke", *places, *WORDS)
    assert [(line["network"], line["steps"]) for line in content["table"]] == [
        *(("single, BCE", 1), ("single, BCE", 2)),
        *(("single, Dice", 1), ("single, Dice", 2)),
    ]
    assert all(0 <= line[side.title] <= 1 and line["networks"] == 1 for line in content["table"] for side in Side)
    assert content["table"][0]["T1 published"] == 0.961 and content["between_seeds_2"] is None
    assert -1 <= content["dice_minus_single_2"] <= 1
    assert (tmp_path / "budget.png").stat().st_size > 1000
    runs = Path(places[1].removeprefix("--runs=")) / "paired-livers"
    assert {path.name for path in runs.iterdir()} == {"single-1-0", "single-2-0", "dice-1-0", "dice-2-0"}


def test_what_time_does_not_reach_is_not_run(places, tmp_path):
    lines = run(tmp_path, "--networks", "pre-registered", "gan", "--steps", "7", "--minutes=0", *places, *CASES)
    assert [(line["network"], line["T1"], line["T2"]) for line in lines["table"]] == [
        ("pre-registered, specialised", None, "not run"),
        ("single, GAN", "not run", "not run"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--networks", "triple"], "There is no network 'triple'. There are: single, "),
        (["--steps", "0"], "0 is not 1 or more"),
        (["--steps", "5", "5"], "names 5 twice"),
    ],
)
def test_what_cannot_be_trained_is_refused(places, tmp_path, capsys, words, said):
    try:
        assert main(["budget", *words, *places, *CASES, f"--results={tmp_path}"]) == 1
    except SystemExit as refused:
        assert refused.code == 2
    assert said in capsys.readouterr().err


def test_differences_are_those_of_means_over_both_images():
    dice = {
        "single": {Side.T1: np.array([[0.8, 0.9], [0.7, 0.8]]), Side.T2: np.full((2, 2), 0.9)},
        "double-out": {Side.T1: np.full((2, 2), 0.6), Side.T2: np.full((2, 2), 0.7)},
        "pre-registered": {Side.T2: np.full((2, 2), 0.7)},
        "dice": {},
    }
    found = budget.differences({1200: dice, 4800: {"single": dice["single"]}})
    assert found == {
        "between_seeds_1200": pytest.approx(4.3027 * (0.00125 / 2) ** 0.5, rel=1e-4),
        "double-out_minus_single_1200": pytest.approx(0.65 - 0.85),
        "double-out_minus_single_1200_by_seed": pytest.approx([0.65 - 0.875, 0.65 - 0.825]),
        "double-out_minus_single_1200_p": pytest.approx(0.125),  # all four images lost: 2 / 2⁴
        "between_seeds_4800": pytest.approx(12.7062 * 0.00125**0.5, rel=1e-4),
    }
    fewer = {"single": dice["single"], "double-out": {side: one[:1] for side, one in dice["double-out"].items()}}
    assert set(budget.differences({7: fewer})) == {
        "between_seeds_7",
        "double-out_minus_single_7",
        "double-out_minus_single_7_p",
    }
    line = budget.row(budget.NETWORKS["single"], 1200, dice["single"])
    assert (line["T1"], line["T1 sd"], line["networks"]) == (pytest.approx(0.8), pytest.approx(0.005**0.5), 2)


@pytest.mark.parametrize(
    ("finding", "differences", "spread", "holds"),
    [
        ("both masks out costs more than noise, non", {1200: 0.05, 4800: -0.06}, 0.01, "yes"),
        ("both masks out costs more than noise, non", {1200: -0.2, 4800: -0.04}, 0.05, UNDECIDED),
        ("both masks out costs more than noise, non", {1200: -0.2, 4800: 0.06}, 0.01, "no"),
        ("both masks out costs more than noise, non", {1200: -0.2, 4800: -0.2}, None, UNDECIDED),
        ("nor does Dice beat it", {1200: 0.2, 4800: -0.04}, 0.01, "yes"),
        ("nor does Dice beat it", {1200: 0.2, 4800: 0.04}, 0.05, UNDECIDED),
        ("nor does Dice beat it", {1200: 0.0, 4800: 0.06}, 0.01, "no"),
        ("nor does Dice beat it", {1200: 0.0, 4800: 0.0}, None, UNDECIDED),
    ],
)
def test_the_longest_training_decides(tmp_path, finding, differences, spread, holds):
    (conclusion,) = [own for own in CONCLUSIONS if own.source == "budget" and own.finding.startswith(finding)]
    network = "dice" if "Dice" in finding else "double-out"
    content = {f"{network}_minus_single_{steps}": value for steps, value in differences.items()} | {
        "budgets": list(differences)
    }
    if spread is not None:
        last = differences[4800]
        content[f"{network}_minus_single_4800_by_seed"] = [last - spread, last, last + spread]
    (tmp_path / "budget.json").write_text(json.dumps(content))
    line = row(conclusion, tmp_path)
    assert (
        line["holds"] == holds
        and f"{differences[1200]:+.3f} after 1200 steps, {differences[4800]:+.3f}" in line["ours"]
    )
