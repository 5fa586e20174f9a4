"""Whether the findings of the thesis hold is read from the results, and nothing is said of what was not measured."""

import json

import pytest

from reproduction import EXPERIMENTS
from reproduction.__main__ import main
from reproduction.conclusions import CONCLUSIONS, NOT_MEASURED, row

S = ("t1", "t2")


def judged(folder, source: str, finding: str, content: dict) -> tuple[str, str | None]:
    """What a line of the table says when a result has this content."""
    (folder / f"{source}.json").write_text(json.dumps(content))
    own = [c for c in CONCLUSIONS if c.source == source and finding in c.finding]
    assert len(own) == 1, [c.finding for c in CONCLUSIONS]
    line = row(own[0], folder)
    return line["ours"], line["holds"]


def strategies(registered: float | None = None, **dice: tuple[float, float]) -> dict:
    """The values of table 2.1: by strategy Dice in T1 and T2; of that with a registration, Dice in T2."""
    found = {key.replace("_", "-"): dict(zip(("T1", "T2"), both)) for key, both in dice.items()}
    found["pre-registered"] = {} if registered is None else {"T2": registered}
    return {"strategies": {key: {"title": key, "dice": own} for key, own in found.items()}}


def test_every_conclusion_is_read_from_an_experiment():
    assert {conclusion.source for conclusion in CONCLUSIONS} <= EXPERIMENTS.keys()


def test_what_was_not_measured_is_not_judged(tmp_path):
    assert {row(conclusion, tmp_path)["ours"] for conclusion in CONCLUSIONS} == {NOT_MEASURED}
    (tmp_path / "similarity.json").write_text(json.dumps({"values": {"masks": {}}}))
    (tmp_path / "table-2-1.json").write_text(json.dumps({"values": strategies(), "noise_floor": None}))
    (tmp_path / "table-2-3.json").write_text(json.dumps({"table": [], "noise_floor": None}))
    (tmp_path / "figure-2-8.json").write_text(json.dumps({"ratio": "not run", "expected_ratio": 3.0}))
    assert {(line["ours"], line["holds"]) for line in (row(c, tmp_path) for c in CONCLUSIONS)} == {(NOT_MEASURED, None)}


@pytest.mark.parametrize(("other", "holds"), [((0.8, 0.6), "yes"), ((0.88, 0.7), None), ((0.95, 0.75), "no")])
def test_the_single_network_is_best_when_it_leads_by_more_than_noise(tmp_path, other, holds):
    content = {"values": strategies(0.6, single=(0.9, 0.7), double_in=other)}
    content |= {"between_seeds": 0.02, "between_seeds_t2": 0.02}
    ours, found = judged(tmp_path, "table-2-1", "is best", content)
    assert found == holds and ours.startswith("T1 0.900, T2 0.700; above the others by")
    content["values"] = strategies(0.75, single=(0.9, 0.7), double_in=other)
    assert judged(tmp_path, "table-2-1", "is best", content)[1] == "no"


@pytest.mark.parametrize(("floor", "seeds", "holds"), [(0.01, 0.02, "yes"), (0.04, 0.02, None), (None, 0.04, None)])
def test_a_loss_of_dice_must_be_larger_than_all_noise(tmp_path, floor, seeds, holds):
    lost = {"double-out_minus_single_t1": -0.02, "double-out_minus_single_t2": -0.04}
    content = {"table": [], "noise_floor": floor, "between_seeds": seeds, **lost}
    ours, found = judged(tmp_path, "table-2-1", "more than noise", content)
    assert found == holds and ours == f"-0.030; noise {max(seeds, floor or 0):.3f}"
    without = {**content, "between_seeds": None}
    assert judged(tmp_path, "table-2-1", "more than noise", without) == ("-0.030", None)


@pytest.mark.parametrize(("one", "holds"), [(-0.02, "yes"), (-0.005, None), (-0.045, None), (-0.07, "no")])
def test_a_second_image_costs_something_and_less_than_a_second_mask(tmp_path, one, holds):
    lost = {f"{name}_minus_single_{side}": v for name, v in (("double-in", one), ("double-out", -0.05)) for side in S}
    content = {"table": [], "between_seeds": 0.01, **lost}
    assert judged(tmp_path, "table-2-1", "less than both masks out", content)[1] == holds


@pytest.mark.parametrize(("other", "holds"), [((0.85, 0.6), "yes"), ((0.8, 0.6), None), ((0.7, 0.65), "no")])
def test_t2_must_lose_more_in_both_kinds(tmp_path, other, holds):
    values = strategies(single=(0.9, 0.7), double_out_specialised=(0.85, 0.6), double_out=other)
    content = {"values": values, "between_seeds_t1": 0.01, "between_seeds_t2": 0.01}
    assert judged(tmp_path, "table-2-1", "more so in T2", content)[1] == holds


@pytest.mark.parametrize(("registered", "holds"), [(0.6, "yes"), (0.69, None), (0.8, "no")])
def test_registering_first_is_judged_in_t2(tmp_path, registered, holds):
    content = {"values": strategies(registered, single=(0.9, 0.7)), "between_seeds_t2": 0.02}
    assert judged(tmp_path, "table-2-1", "does not help", content)[1] == holds


@pytest.mark.parametrize(("last", "holds"), [(0.04, "yes"), (0.01, None), (-0.04, "no")])
def test_a_foreign_partner_must_cost_more_in_both_images_and_kinds(tmp_path, last, holds):
    keys = [f"double-out{kind}_minus_double-in{kind}_{side}" for kind in ("", "-specialised") for side in S]
    content = {"table": [], "between_seeds_t1": 0.02, "between_seeds_t2": 0.02, **dict.fromkeys(keys, 0.05)}
    content[keys[-1]] = last
    assert judged(tmp_path, "table-2-2", "a foreign partner costs most", content)[1] == holds


@pytest.mark.parametrize(("correlation", "p", "holds"), [(-0.9, 0.01, "yes"), (-0.5, 0.2, None), (0.9, 0.01, "no")])
def test_a_correlation_by_chance_says_nothing(tmp_path, correlation, p, holds):
    content = {"use_and_dice": correlation, "use_and_dice_p": p}
    assert judged(tmp_path, "table-2-2", "the more a network uses", content)[1] == holds


@pytest.mark.parametrize(
    ("gains", "weight", "beaten", "gan"),
    [
        ({"dice": 0.001, "gan": -0.02}, 1.0, "yes", "yes"),
        ({"dice": 0.02, "gan": -0.02}, 1.0, "no", "yes"),
        ({"dice": -0.03, "gan": -0.02}, 1.0, "yes", "no"),
        ({"dice": 0.001, "gan": -0.004}, 1.0, "yes", "no"),
        ({"dice": 0.001, "gan": -0.02}, 0.01, "yes", None),
    ],
)
def test_losses_are_held_against_the_noise(tmp_path, gains, weight, beaten, gan):
    content = {"table": [], "between_seeds": 0.005, "gan_weight": weight}
    content |= {f"{key}_minus_bce": value for key, value in gains.items()}
    assert judged(tmp_path, "table-2-3", "beats", content)[1] == beaten
    assert judged(tmp_path, "table-2-3", "GAN", content)[1] == gan


@pytest.mark.parametrize(("scanned", "drawn", "holds"), [(0.05, 0.01, "yes"), (0.05, -0.01, "no"), (0.2, 0.01, None)])
def test_masks_that_are_one_mask_drawn_twice_say_nothing_of_shapes(tmp_path, scanned, drawn, holds):
    content = {
        "values": {"masks": {"drawn": {"title": "drawn", "ds": 0.95}}},
        "constrained_minus_drawn_scanned": scanned,
        "double_out_minus_drawn_scanned": 0.04,
        "constrained_minus_drawn_ds": 0.01,
        "drawn_minus_double_out_ds": drawn,
    }
    ours, found = judged(tmp_path, "similarity", "more alike", content)
    assert found == holds and ours.startswith("drawn: 0.950; ")


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, "yes"),
        ({"constrained_minus_double_out_t1": -0.05}, "no"),
        ({"constrained_minus_control_t2": 0.01}, None),
        ({"single_minus_constrained_t2": -0.05}, "no"),
    ],
)
def test_the_constraint_must_beat_its_control_and_cost_nothing_in_t1(tmp_path, changed, holds):
    keys = [f"constrained_minus_{other}_t2" for other in ("double_out", "control")]
    content = dict.fromkeys([*keys, "single_minus_constrained_t2"], 0.05)
    content |= {key.replace("_t2", "_t1"): -0.01 for key in keys}
    content |= {"between_seeds_t1": 0.02, "between_seeds_t2": 0.02, **changed}
    assert judged(tmp_path, "similarity", "raises Dice in T2", content)[1] == holds


@pytest.mark.parametrize(("error", "holds"), [(6.0, "yes"), (7.5, "no")])
def test_moved_boxes_must_beat_the_centroids_of_the_livers(tmp_path, error, holds):
    content = {"displacement_error_mm": error, "displacement_error_none_mm": 29.0, "displacement_error_centroid_mm": 7}
    assert judged(tmp_path, "lesion-pairs", "nearer to its partner", content)[1] == holds


@pytest.mark.parametrize(
    ("holds", "starts", "said"), [(True, 12, "yes"), (True, 4, None), (False, 3, "no"), (False, 9, None)]
)
def test_medians_and_starts_that_disagree_leave_a_finding_undecided(tmp_path, holds, starts, said):
    content = {"diameter_holds": holds, "diameter_starts": starts, "values": {"starts": 12}}
    assert judged(tmp_path, "dream-fake", "smaller", content)[1] == said


def test_the_findings_of_figure_2_3_are_those_of_its_own_table(tmp_path):
    def line(measured, ours, test=None, holds=None):
        return {"measured": measured, "ours": ours, "test": test, "holds": holds}

    lines = {
        "dice": line("Dice", 0.875, "≥ 0.8", True),
        "nearest_dice": line("nearest", 0.7),
        "misled": line("misled", 0.5, "> 0.75", False),
        "limit_4": line("limit", "above 50", "25 to 45"),
        "aligned": line("aligned", 0.7, "< 0.8", True),
        "hole": line("hole", 0.1, "< 0", False),
    }
    content = {"values": {"lines": lines}}
    assert judged(tmp_path, "figure-2-3", "can use channels", content) == ("Dice: 0.875; nearest: 0.7", "yes")
    assert judged(tmp_path, "figure-2-3", "wrong shape", content) == ("misled: 0.5", "no")
    assert judged(tmp_path, "figure-2-3", "training fails", content) == ("limit: above 50", None)
    assert judged(tmp_path, "figure-2-3", "without any", content) == ("aligned: 0.7; hole: 0.1", "no")
    assert judged(tmp_path, "figure-2-3", "has left", content) == (NOT_MEASURED, None)


def test_the_command_writes_its_table(tmp_path, capsys):
    (tmp_path / "dream-marking.json").write_text(json.dumps({"spearman": -0.6}))
    assert main(["conclusions", "--results", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "conclusions.json").read_text())
    (line,) = [own for own in content["table"] if own["result"] == "dream-marking"]
    assert line["ours"] == "rank correlation -0.60" and line["holds"] == "no"
    assert len(content["table"]) == len(CONCLUSIONS)
    assert "rank correlation -0.60" in capsys.readouterr().out
