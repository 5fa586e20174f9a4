"""The chain of measures against visits of which everything is known."""

from dataclasses import replace

import pytest
import visits_factory

from liverpair.core.sides import Side
from liverpair.io.study import Study
from reproduction.chapter1.chain import BASES, Reading, figures, matched, measured_study, single_figures
from reproduction.chapter1.chain_visits import KnownVisit


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """Two visits whose lesions have one uid at both: 1, 2, 3 at the first, 1, 3 and the new 4 at the second."""
    folder = tmp_path_factory.mktemp("visits")
    same = {"march-1": "a", "march-2": "b", "march-3": "c", "may-1": "c", "may-2": "a", "may-4": "d"}
    found = []
    for name, lesions, moved in (
        ("march", visits_factory.BASELINE, (0, 0, 0)),
        ("may", visits_factory.FOLLOWUP, visits_factory.MOVED),
    ):
        study = Study.open(visits_factory.write_visit(folder / name, lesions, moved))
        parts = [{side: study.need(f"{side}{end}") for side in Side} for end in ("", "_liver", "_lesions")]
        found.append(KnownVisit(*parts, [replace(lesion, uid=same[lesion.uid]) for lesion in study.lesions]))
    return found


def perfect(visit):
    return Reading(visit.lesions, visit.labels)


@pytest.fixture(scope="module")
def study(visits):
    return measured_study(visits, [perfect(visit) for visit in visits])


def test_a_perfect_reader_errs_nowhere_by_masks_and_somewhere_by_what_is_drawn_in_boxes(study):
    assert (study["links"], study["fates"]) == ([2, 2], [4, 4])
    assert {e["diameter_mm"] for e in study["mask"]["lesions"]} == {0.0}
    assert len(study["mask"]["lesions"]) == 2 * (3 + 3)  # T1 and T2
    assert study["mask"]["burden"] == [0.0] * 4
    assert study["mask"]["response"] == study["true_response"] == {"t1": "PD", "t2": "PD"}
    assert max(abs(e["volume_percent"]) for e in study["box"]["lesions"]) > 1.0
    assert 0 < max(abs(e["volume_percent"]) for e in study["drawn"]["lesions"]) < 60.0
    row = figures({"one": study}, "mask")
    assert (row["diameter mm"], row["links %"], row["fates %"], row["response %"]) == (0.0, 100.0, 100.0, 100.0)
    assert row["found"] == 12  # the smallest is a ball of 16 mm, and no voxel of 2.5 mm takes 1 mm away


def test_a_lesion_that_is_missed_costs_its_fate_and_a_false_one_the_burden(visits):
    first, second = visits
    missed = [lesion for lesion in second.lesions if lesion.uid != "a"]
    found = measured_study(visits, [perfect(first), Reading(missed, second.labels)])
    assert (found["links"], found["fates"]) == ([1, 1], [3, 4])
    assert found["mask"]["burden"][:2] == [0.0, 0.0] and min(found["mask"]["burden"][2:]) > 1.0


def test_findings_are_matched_by_their_boxes_one_to_one(visits):
    truth = visits[0].lesions
    twice = [replace(truth[0], uid="x"), replace(truth[0], uid="y"), replace(truth[1], uid="z")]
    match = matched(twice, truth)
    assert sorted(match.values()) == sorted([truth[0].uid, truth[1].uid]) and match["z"] == truth[1].uid
    assert matched([], truth) == {}


def test_the_sentence_is_of_the_first_detector_by_all_that_it_gives():
    row = {"links %": 90.0, "studies": 2, "diameter mm": 1.0, "volume %": 2.0, "burden points": 3.0}
    row |= {"found": 4, "lesions": 5, "response %": 50.0}
    rows = {f"{name} {basis}": row for name in ("perfect reader", "one", "two") for basis in BASES}
    rows["one drawn"] = {**row, "volume %": 7.0}
    del rows["one mask"]
    found = single_figures(rows, ["one", "two"])
    assert (found["detector"], found["volume_percent_by_drawn"], found["volume_percent_by_box"]) == ("one", 7.0, 2.0)
    assert "volume_percent_by_mask" not in found and found["reader_volume_percent_by_drawn"] == 2.0
