"""Whether the findings of the thesis hold is read from the results, and nothing is said of what was not measured."""

import json

import pytest

from liverpair.experiments import EXPERIMENTS
from liverpair.experiments.__main__ import main
from liverpair.experiments.conclusions import CONCLUSIONS, NOT_MEASURED, row


def judged(folder, source: str, finding: str, content: dict) -> tuple[str, str | None]:
    """What a line of the table says when a result has this content."""
    (folder / f"{source}.json").write_text(json.dumps(content))
    own = [c for c in CONCLUSIONS if c.source == source and finding in c.finding]
    assert len(own) == 1, [c.finding for c in CONCLUSIONS]
    line = row(own[0], folder)
    return line["ours"], line["holds"]


def strategies(**dice: tuple[float, float]) -> list[dict]:
    names = {
        "single": "single, non-specialised",
        "double_in": "double-in single-out, specialised",
        "double_out": "double-in double-out, specialised",
    }
    rows = [{"strategy": names[key], "T1 ours": one, "T2 ours": two} for key, (one, two) in dice.items()]
    return [*rows, {"strategy": "pre-registered, specialised", "T1 ours": None, "T2 ours": "not run"}]


def test_every_conclusion_is_read_from_an_experiment():
    assert {conclusion.source for conclusion in CONCLUSIONS} <= EXPERIMENTS.keys()


def test_what_was_not_measured_is_not_judged(tmp_path):
    assert {row(conclusion, tmp_path)["ours"] for conclusion in CONCLUSIONS} == {NOT_MEASURED}
    (tmp_path / "similarity.json").write_text(json.dumps({"table": [{"masks": "drawn", "DS ours": "not run"}]}))
    (tmp_path / "table-2-1.json").write_text(json.dumps({"table": strategies(), "noise_floor": None}))
    (tmp_path / "table-2-3.json").write_text(json.dumps({"table": [], "noise_floor": None}))
    (tmp_path / "figure-2-8.json").write_text(json.dumps({"ratio": "not run", "expected_ratio": 3.0}))
    assert {(line["ours"], line["holds"]) for line in (row(c, tmp_path) for c in CONCLUSIONS)} == {(NOT_MEASURED, None)}


@pytest.mark.parametrize(("other", "holds"), [((0.8, 0.6), "yes"), ((0.8, 0.75), "no")])
def test_the_single_network_is_best_when_no_other_is_above_it_in_either_image(tmp_path, other, holds):
    content = {"table": strategies(single=(0.9, 0.7), double_in=other)}
    ours, found = judged(tmp_path, "table-2-1", "is best", content)
    assert found == holds and ours.startswith("T1 0.900, T2 0.700; best other T1 0.800")


@pytest.mark.parametrize(("floor", "holds"), [(0.01, "yes"), (0.03, "no"), (None, None)])
def test_a_loss_of_dice_must_be_larger_than_the_noise(tmp_path, floor, holds):
    lost = {"double-out_minus_single_t1": -0.02, "double-out_minus_single_t2": -0.04}
    content = {"table": [], "noise_floor": floor, **lost}
    assert judged(tmp_path, "table-2-1", "more than noise", content)[1] == holds
    assert judged(tmp_path, "table-2-1", "more so in T2", content) == ("T1 -0.020, T2 -0.040", "yes")


@pytest.mark.parametrize(("seeds", "holds"), [(0.01, "yes"), (0.03, "no")])
def test_what_differs_between_seeds_is_noise_too(tmp_path, seeds, holds):
    lost = {"double-out_minus_single_t1": -0.02, "double-out_minus_single_t2": -0.04}
    for floor in (None, 0.005):
        content = {"table": [], "noise_floor": floor, "between_seeds": seeds, **lost}
        ours, found = judged(tmp_path, "table-2-1", "more than noise", content)
        assert found == holds and ours.endswith(f"noise {seeds:.3f}")


def test_a_foreign_partner_must_cost_more_in_both_images(tmp_path):
    finding = "a foreign partner costs most"
    more = {"table": strategies(double_in=(0.01, 0.02), double_out=(0.02, 0.03))}
    assert judged(tmp_path, "table-2-2", finding, more)[1] == "yes"
    less = {"table": strategies(double_in=(0.01, 0.04), double_out=(0.02, 0.03))}
    assert judged(tmp_path, "table-2-2", finding, less)[1] == "no"


@pytest.mark.parametrize(
    ("gains", "beaten", "gan"),
    [
        ({"dice": 0.001, "gan": -0.02}, "yes", "yes"),
        ({"dice": 0.02, "gan": -0.02}, "no", "yes"),
        ({"dice": -0.03, "gan": -0.02}, "yes", "no"),
        ({"dice": 0.001, "gan": -0.004}, "yes", "no"),
    ],
)
def test_losses_are_held_against_the_noise(tmp_path, gains, beaten, gan):
    content = {"table": [], "noise_floor": 0.005, **{f"{key}_minus_bce": value for key, value in gains.items()}}
    assert judged(tmp_path, "table-2-3", "beats", content)[1] == beaten
    assert judged(tmp_path, "table-2-3", "GAN", content)[1] == gan


@pytest.mark.parametrize(
    ("holds", "starts", "said"), [(True, 12, "yes"), (True, 4, None), (False, 3, "no"), (False, 9, None)]
)
def test_medians_and_starts_that_disagree_leave_a_finding_undecided(tmp_path, holds, starts, said):
    content = {"diameter_holds": holds, "diameter_starts": starts, "table": [{"starts with object": 12}]}
    assert judged(tmp_path, "dream-fake", "smaller", content)[1] == said


def test_the_findings_of_figure_2_3_are_those_of_its_own_table(tmp_path):
    lines = [
        {"finding": "2.2.1-a", "measured": "Dice", "ours": 0.875, "holds": "yes"},
        {"finding": "2.2.1-a", "measured": "misled", "ours": 0.5, "holds": "no"},
        {"finding": "2.2.1-c", "measured": "limit", "ours": "above 50", "holds": None},
    ]
    assert judged(tmp_path, "figure-2-3", "can use channels", {"table": lines}) == ("Dice: 0.875", "yes")
    assert judged(tmp_path, "figure-2-3", "wrong shape", {"table": lines}) == ("misled: 0.5", "no")
    assert judged(tmp_path, "figure-2-3", "training fails", {"table": lines}) == ("limit: above 50", None)
    assert judged(tmp_path, "figure-2-3", "without any", {"table": lines}) == (NOT_MEASURED, None)


def test_the_command_writes_its_table(tmp_path, capsys):
    (tmp_path / "dream-marking.json").write_text(json.dumps({"spearman": -0.6}))
    assert main(["conclusions", "--results", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "conclusions.json").read_text())
    (line,) = [own for own in content["table"] if own["result"] == "dream-marking"]
    assert line["ours"] == "rank correlation -0.60" and line["holds"] == "no"
    assert len(content["table"]) == len(CONCLUSIONS)
    assert "rank correlation -0.60" in capsys.readouterr().out
