"""Whether the findings of the thesis hold is read from the results, and nothing is said of what was not measured."""

import json

import pytest

from reproduction import EXPERIMENTS
from reproduction.__main__ import main
from reproduction.conclusions import CONCLUSIONS, NOT_MEASURED, UNDECIDED, row
from reproduction.verdicts import OWN_TRANSFORM

S = ("t1", "t2")


def judged(folder, source: str, finding: str, content: dict) -> tuple[str, str | None]:
    """What a line of the table says when a result has this content."""
    (folder / f"{source}.json").write_text(json.dumps(content))
    own = [c for c in CONCLUSIONS if c.source == source and finding in c.finding]
    assert len(own) == 1, [c.finding for c in CONCLUSIONS]
    line = row(own[0], folder)
    return line["ours"], line["holds"]


SPREAD = (-0.004, 0.0, 0.004)
"""Of a strategy between its seeds: two strategies differ by as much in each."""


def strategies(registered: float | None = None, p: float | None = None, **dice: tuple[float, float]) -> dict:
    """Table 2.1: by strategy Dice in T1 and T2 with three seeds; of that with a registration, Dice in T2."""
    found = {key.replace("_", "-"): dict(zip(("T1", "T2"), both)) for key, both in dice.items()}
    found["pre-registered"] = {} if registered is None else {"T2": registered}
    about = {
        key: {
            "title": key,
            "dice": own,
            "by_seed": {side: [v + s * (key != "single") for s in SPREAD] for side, v in own.items()},
        }
        for key, own in found.items()
    }
    return {
        "values": {"strategies": about},
        "table": [{"strategy": key, "p ours": p} for key in about],
        "seeds": [0, 1, 2],
    }


def test_every_conclusion_is_read_from_an_experiment():
    assert {conclusion.source for conclusion in CONCLUSIONS} <= EXPERIMENTS.keys()


def test_what_was_not_measured_is_not_judged(tmp_path):
    assert {row(conclusion, tmp_path)["ours"] for conclusion in CONCLUSIONS} == {NOT_MEASURED}
    (tmp_path / "similarity.json").write_text(json.dumps({"values": {"masks": {}}}))
    (tmp_path / "table-2-1.json").write_text(json.dumps({**strategies(), "noise_floor": None}))
    (tmp_path / "table-2-3.json").write_text(json.dumps({"table": [], "noise_floor": None}))
    (tmp_path / "figure-2-8.json").write_text(json.dumps({"ratio": "not run", "expected_ratio": 3.0}))
    judged_so = {(line["ours"], line["holds"]) for line in (row(c, tmp_path) for c in CONCLUSIONS)}
    assert judged_so == {(NOT_MEASURED, NOT_MEASURED)}


@pytest.mark.parametrize(("other", "holds"), [((0.8, 0.6), "yes"), ((0.895, 0.703), UNDECIDED), ((0.95, 0.75), "no")])
def test_the_single_network_is_best_when_it_leads_in_images_and_networks(tmp_path, other, holds):
    content = strategies(0.6, 0.01, single=(0.9, 0.7), double_in=other)
    ours, found = judged(tmp_path, "table-2-1", "is best", content)
    assert found == holds and ours.startswith("T1 0.900, T2 0.700; nearest: ")
    content = strategies(0.75, 0.01, single=(0.9, 0.7), double_in=other)
    assert judged(tmp_path, "table-2-1", "is best", content)[1] == "no"
    content = strategies(0.6, 0.2, single=(0.9, 0.7), double_in=(0.8, 0.6))
    assert judged(tmp_path, "table-2-1", "is best", content)[1] == UNDECIDED


@pytest.mark.parametrize(("floor", "p", "holds"), [(0.01, 0.01, "yes"), (0.1, 0.01, UNDECIDED), (None, 0.3, UNDECIDED)])
def test_a_loss_of_dice_must_be_larger_than_all_noise(tmp_path, floor, p, holds):
    both = dict.fromkeys(("double_out", "double_out_specialised"), (0.86, 0.66))
    content = {**strategies(0.6, p, single=(0.9, 0.7), **both), "noise_floor": floor}
    ours, found = judged(tmp_path, "table-2-1", "more than noise", content)
    assert found == holds and ours.startswith("-0.040 (90 % interval over networks -0.047 to -0.033")


def test_without_seeds_the_least_significant_difference_speaks_for_the_networks(tmp_path):
    """4 rows of 3 seeds have 8 degrees of freedom; -0.04 is beyond 0.03 and within 0.05."""
    both = dict.fromkeys(("double_out", "double_out_specialised"), (0.86, 0.66))
    content = strategies(None, 0.01, single=(0.9, 0.7), double_in=(0.9, 0.7), **both)
    for own in content["values"]["strategies"].values():
        del own["by_seed"]
    content["table"] = [
        line | {"T1 sd": 0.01, "T2 sd": 0.01} for line in content["table"] if "pre" not in line["strategy"]
    ]
    for least, holds in ((0.03, "yes"), (0.05, UNDECIDED), (None, UNDECIDED)):
        assert judged(tmp_path, "table-2-1", "more than noise", content | {"between_seeds": least})[1] == holds


@pytest.mark.parametrize(("one", "holds"), [(0.88, "yes"), (0.898, UNDECIDED), (0.855, UNDECIDED), (0.83, "no")])
def test_a_second_image_costs_something_and_less_than_a_second_mask(tmp_path, one, holds):
    content = strategies(None, 0.01, single=(0.9, 0.9), double_in=(one, one), double_out=(0.85, 0.85))
    content["values"]["strategies"]["double-in"]["by_seed"] = {
        side: [one - 0.004, one, one + 0.004] for side in ("T1", "T2")
    }
    content["values"]["strategies"]["double-out"]["by_seed"] = dict.fromkeys(("T1", "T2"), [0.85] * 3)
    assert judged(tmp_path, "table-2-1", "less than both masks out", content)[1] == holds


@pytest.mark.parametrize(("other", "holds"), [((0.85, 0.6), "yes"), ((0.8, 0.6), UNDECIDED), ((0.7, 0.65), "no")])
def test_t2_must_lose_more_in_both_kinds(tmp_path, other, holds):
    content = strategies(single=(0.9, 0.7), double_out_specialised=(0.85, 0.6), double_out=other)
    content |= {"between_seeds_t1": 0.01, "between_seeds_t2": 0.01}
    assert judged(tmp_path, "table-2-1", "more so in T2", content)[1] == holds


@pytest.mark.parametrize(("registered", "holds"), [(0.6, "yes"), (0.695, UNDECIDED), (0.8, "no")])
def test_registering_first_is_judged_in_t2(tmp_path, registered, holds):
    content = strategies(registered, 0.01, single=(0.9, 0.7))
    assert judged(tmp_path, "table-2-1", "does not help", content)[1] == holds


@pytest.mark.parametrize(("own", "holds"), [((0.9, 0.7), "yes"), ((0.95, 0.75), "no"), ((0.896, 0.702), UNDECIDED)])
def test_that_two_networks_are_equal_takes_a_test_of_equivalence(tmp_path, own, holds):
    content = strategies(None, 0.01, single=(0.9, 0.7), single_specialised=own)
    narrow = 0.1 if holds == "yes" else 1.0
    content["values"]["strategies"]["single-specialised"]["by_seed"] = {
        side: [value + narrow * s for s in SPREAD] for side, value in zip(("T1", "T2"), own)
    }
    assert judged(tmp_path, "table-2-1", "is equal to that for both", content)[1] == holds


def test_the_hausdorff_distance_is_judged_by_its_order_over_rows(tmp_path):
    table = [
        {"strategy": str(n), "T1 ours": 0.9 - n / 50, "T2 ours": 0.9 - n / 50, "T1 HD95": 9.0 + n, "T2 HD95": 9.0 + n}
        for n in range(6)
    ]
    assert judged(tmp_path, "table-2-1", "Hausdorff", {"table": table})[1] == "yes"
    assert judged(tmp_path, "table-2-1", "Hausdorff", {"table": table[:4]})[1] in (UNDECIDED, "yes")


@pytest.mark.parametrize(
    ("registered", "how", "holds"),
    [(0.25, True, "yes"), (0.05, True, "no"), (0.15, True, UNDECIDED), (0.05, False, UNDECIDED)],
)
def test_use_of_the_other_image_is_judged_only_when_the_foreign_one_came_as_registered(
    tmp_path, registered, how, holds
):
    table = [
        {"strategy": "double-in single-out, specialised", "T2 ours": 0.14},
        {"strategy": "pre-registered, specialised", "T2 ours": registered},
    ]
    content = {"table": table, "between_seeds_t2": 0.05} | ({"foreign_t1": OWN_TRANSFORM} if how else {})
    assert judged(tmp_path, "table-2-2", "registered first", content)[1] == holds


@pytest.mark.parametrize(("last", "holds"), [(0.04, "yes"), (0.01, UNDECIDED), (-0.04, "no")])
def test_a_foreign_partner_must_cost_more_in_both_images_and_kinds(tmp_path, last, holds):
    keys = [f"double-out{kind}_minus_double-in{kind}_{side}" for kind in ("", "-specialised") for side in S]
    content = {"table": [], "between_seeds_t1": 0.02, "between_seeds_t2": 0.02, **dict.fromkeys(keys, 0.05)}
    content[keys[-1]] = last
    assert judged(tmp_path, "table-2-2", "a foreign partner costs most", content)[1] == holds


@pytest.mark.parametrize(
    ("correlation", "p", "holds"), [(-0.9, 0.01, "yes"), (-0.5, 0.2, UNDECIDED), (0.9, 0.01, "no")]
)
def test_a_correlation_by_chance_says_nothing(tmp_path, correlation, p, holds):
    content = {"use_and_dice": correlation, "use_and_dice_p": p}
    assert judged(tmp_path, "table-2-2", "the more a network uses", content)[1] == holds


@pytest.mark.parametrize(
    ("gains", "weight", "beaten", "equal", "gan"),
    [
        ({"dice": 0.0, "gan": -0.02}, 1.0, "yes", "yes", "yes"),
        ({"dice": 0.02, "gan": -0.02}, 1.0, "no", "no", "yes"),
        ({"dice": -0.03, "gan": -0.02}, 1.0, "yes", "no", "no"),
        ({"dice": 0.0, "gan": 0.001}, 1.0, "yes", "yes", UNDECIDED),
        ({"dice": 0.004, "gan": -0.02}, 0.01, UNDECIDED, UNDECIDED, UNDECIDED),
    ],
)
def test_losses_are_held_against_images_and_networks(tmp_path, gains, weight, beaten, equal, gan):
    content = {"table": [{"loss": "Dice", "p ours": 0.01}, {"loss": "GAN", "p ours": 0.01}], "gan_weight": weight}
    content |= {f"{key}_minus_bce": value for key, value in gains.items()}
    content |= {f"{key}_minus_bce_by_seed": [value - 0.002, value, value + 0.002] for key, value in gains.items()}
    assert judged(tmp_path, "table-2-3", "beats", content)[1] == beaten
    assert judged(tmp_path, "table-2-3", "equal to cross-entropy", content)[1] == equal
    assert judged(tmp_path, "table-2-3", "GAN is clearly", content)[1] == gan


@pytest.mark.parametrize(
    ("scanned", "drawn", "holds"), [(0.05, 0.01, "yes"), (0.05, -0.01, "no"), (0.2, 0.01, UNDECIDED)]
)
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
        ({"constrained_minus_control_t2": 0.01}, UNDECIDED),
        ({"single_minus_constrained_t2": -0.05}, "no"),
    ],
)
def test_the_constraint_must_beat_its_control_and_cost_nothing_in_t1(tmp_path, changed, holds):
    keys = [f"constrained_minus_{other}_t2" for other in ("double_out", "control")]
    content = dict.fromkeys([*keys, "single_minus_constrained_t2"], 0.05)
    content |= {key.replace("_t2", "_t1"): -0.01 for key in keys}
    content |= {"between_seeds_t1": 0.02, "between_seeds_t2": 0.02, **changed}
    assert judged(tmp_path, "similarity", "raises Dice in T2", content)[1] == holds


@pytest.mark.parametrize(
    ("error", "p", "holds"),
    [(6.0, 0.01, "yes"), (7.5, 0.01, "no"), (6.0, 0.3, UNDECIDED), (6.0, None, UNDECIDED), (30.0, None, "no")],
)
def test_moved_boxes_must_beat_the_centroids_of_the_livers_lesion_by_lesion(tmp_path, error, p, holds):
    content = {"displacement_error_mm": error, "displacement_error_none_mm": 29.0, "displacement_error_centroid_mm": 7}
    content["displacement_p_centroid"] = p
    assert judged(tmp_path, "lesion-pairs", "nearer to its partner", content)[1] == holds


@pytest.mark.parametrize(
    ("holds", "starts", "said"), [(True, 12, "yes"), (True, 4, UNDECIDED), (False, 3, "no"), (False, 9, UNDECIDED)]
)
def test_medians_and_starts_that_disagree_leave_a_finding_undecided(tmp_path, holds, starts, said):
    content = {"name": "dream-fake", "diameter_holds": holds, "diameter_starts": starts, "values": {"starts": 12}}
    assert judged(tmp_path, "dream-fake", "smaller", content | {"premises_hold": True})[1] == said
    assert judged(tmp_path, "dream-fake", "smaller", content)[1] == UNDECIDED


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
    content = {"values": {"lines": lines}, "nearest_right": 0.7}
    assert judged(tmp_path, "figure-2-3", "can use channels", content) == ("Dice: 0.875; nearest: 0.7", "yes")
    assert judged(tmp_path, "figure-2-3", "wrong shape", content) == ("misled: 0.5", "no")
    assert judged(tmp_path, "figure-2-3", "training fails", content) == ("limit: above 50", UNDECIDED)
    assert judged(tmp_path, "figure-2-3", "without any", content) == ("aligned: 0.7; hole: 0.1", "no")
    assert judged(tmp_path, "figure-2-3", "can use channels", content | {"nearest_right": 0.9})[1] == UNDECIDED
    assert judged(tmp_path, "figure-2-3", "has left", content) == (NOT_MEASURED, NOT_MEASURED)


@pytest.mark.parametrize(("few", "holds"), [(0.1, "yes"), (1.8, "no"), (1.0, UNDECIDED)])
def test_the_marking_stays_when_it_moves_less_than_half_as_far_as_with_many(tmp_path, few, holds):
    """Half of 2.0 is the margin; three starts that differ by 0.05 have an interval of 90 % of ±0.08."""
    climbs = {f"{part}": [value - 0.05, value, value + 0.05] for part, value in ((0, few), (0.2, 0.1), (0.9, 2.0))}
    content = {"values": {"climbs": climbs}}
    assert judged(tmp_path, "dream-marking", "stays where it is", content)[1] == holds
    before = {"largest_climb_up_to_20_percent": 1.9}
    assert judged(tmp_path, "dream-marking", "stays where it is", before)[1] == UNDECIDED


@pytest.mark.parametrize(
    ("rule", "said", "holds"),
    [
        ("toward", "Sphericity rises into the normal range.", "yes"),
        ("leaves", "Sphericity falls out of the normal range.", "no"),
        ("toward", "Sphericity rises in 4 of 12 starts: the starts disagree.", UNDECIDED),
        ("toward", "Sphericity rises: so it does with random weights, which says nothing about it.", UNDECIDED),
    ],
)
def test_a_feature_is_judged_by_its_rule_where_the_reading_says_something(tmp_path, rule, said, holds):
    content = {"table": [{"feature": "Sphericity", "rule": rule, "what it says": said}]}
    assert judged(tmp_path, "dream-radiomics", "sphericity", content) == (said, holds)
    content = {"table": [{"feature": "Entropy", "rule": rule, "what it says": said}]}
    assert judged(tmp_path, "dream-radiomics", "sphericity", content) == (NOT_MEASURED, NOT_MEASURED)


@pytest.mark.parametrize(
    ("none", "short", "arrived", "holds"), [(-0.8, 0.4, 9, "yes"), (-0.8, 0.4, 8, "no"), (0.2, 0.4, 9, "no")]
)
def test_a_filter_aligns_when_no_gradient_points_away_and_descents_arrive(tmp_path, none, short, arrived, holds):
    descents = {"1": {"arrived": 4, "of": 9}, "3": {"arrived": arrived, "of": 9}}
    content = {"minimum_cosine_length_1": none, "minimum_cosine_length_3": short, "values": {"descents": descents}}
    assert judged(tmp_path, "figure-2-12", "filter", content)[1] == holds
    assert judged(tmp_path, "figure-2-12", "filter", content | {"values": {}})[1] == UNDECIDED


def test_the_command_writes_its_table(tmp_path, capsys):
    (tmp_path / "dream-marking.json").write_text(json.dumps({"spearman": -0.6}))
    assert main(["conclusions", "--results", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "conclusions.json").read_text())
    line = next(own for own in content["table"] if own["result"] == "dream-marking")
    assert line["ours"] == "rank correlation -0.60" and line["holds"] == "no"
    assert len(content["table"]) == len(CONCLUSIONS)
    assert "rank correlation -0.60" in capsys.readouterr().out
