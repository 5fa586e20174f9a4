"""The rules by which trajectories are read, and the sentences."""

import math
from dataclasses import asdict

import numpy as np
import pytest

from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.interpretation import read_trajectory, readings
from liverpair.dreaming.normal_ranges import NormalRanges

ITERATIONS = np.arange(0, 401)
NAME = "shape_Sphericity"


def path(*corners: float) -> np.ndarray:
    """One start whose value goes straight from corner to corner in equal times."""
    return np.interp(ITERATIONS, np.linspace(0, ITERATIONS[-1], len(corners)), corners)


def starts(*rows: np.ndarray) -> np.ndarray:
    return np.stack(rows)


def read(*rows, **options):
    return read_trajectory(ITERATIONS, starts(*rows), feature=NAME, **options)


@pytest.mark.parametrize(
    ("corners", "rule", "sentence"),
    [
        ((-4, 0, 0), "toward", "Sphericity rises into the normal range by iteration 150: the network looks for it."),
        ((4, 0, 0), "toward", "Sphericity falls into the normal range by iteration 150: the network looks for it."),
        ((-6, -3), "toward", "Sphericity rises toward the normal range and is still below it: the network looks"),
        ((0.2, 0.2), "flat inside", "Sphericity stays in the normal range: the network is robust to it."),
        ((3, 3.2), "flat outside", "Sphericity stays above the normal range: the network is not sensitive enough"),
        ((-2, -2), "flat outside", "Sphericity stays below the normal range: the network is not sensitive enough"),
        ((0, 5, 5), "leaves", "Sphericity rises out of the normal range by iteration 41: the network is too sensitive"),
        ((0, -4, -4), "leaves", "Sphericity falls out of the normal range by iteration 51: the network is too"),
        ((2, 5), "leaves", "Sphericity rises farther above the normal range: the network is too sensitive to it."),
        ((-4, 4), "leaves", "Sphericity rises through the normal range and out of it by iteration 251: the network"),
        ((-0.8, 0.8), "within", "Sphericity rises within the normal range: the network asks for it within what is"),
    ],
)
def test_every_rule(corners, rule, sentence):
    reading = read(path(*corners))
    assert reading.rule == rule and reading.sentence.startswith(sentence)
    assert reading.strength == pytest.approx(abs(reading.z1 - reading.z0))


@pytest.mark.parametrize(("shift", "rule"), [(0.499, "flat inside"), (0.501, "within")])
def test_flat_is_less_than_half_a_deviation_between_the_ends(shift, rule):
    values = np.where(ITERATIONS < 200, 0.1, 0.1 + shift)
    assert read(values).rule == rule


@pytest.mark.parametrize(("end", "rule"), [(1.0, "toward"), (1.001, "toward"), (-1.001, "leaves")])
def test_the_edge_belongs_to_the_band(end, rule):
    reading = read(np.where(ITERATIONS < 200, 3.0, end))
    assert reading.rule == rule
    assert ("into" in reading.sentence) == (end == 1.0)


def test_the_ends_are_medians_of_a_twentieth_of_the_defined_iterations():
    values = np.full(ITERATIONS.size, np.nan)
    values[100:200] = np.linspace(-5.0, 5.0, 100)
    values[100] = 1000.0
    reading = read(values)
    assert reading.z0 == pytest.approx(np.median(values[100:105])) and reading.z1 == pytest.approx(
        np.median(values[195:200])
    )


def test_a_brief_visit_is_no_crossing():
    values = path(-4, -4, 0, 0)
    values[20:40] = 0.0
    assert read(values).iteration == pytest.approx(234, abs=2)


def test_values_are_held_against_the_band_they_are_given():
    band = {"mean": 10.0, "sd": 2.0}
    reading = read(path(2, 10, 10), band=band)
    assert (reading.rule, reading.z0, reading.value1) == ("toward", pytest.approx(-3.8), pytest.approx(10.0))


@pytest.mark.parametrize("band", [None, {"mean": 3.0, "sd": 0.0}])
@pytest.mark.parametrize(
    ("corners", "words"),
    [
        ((2, 4, 4), "rises from 2.1 to 4; it has no normal range."),
        ((4, 2, 2), "falls from 3.9 to 2; it has no normal range."),
        ((4, 4.1), "stays at 4.1; it has no normal range."),
        ((0, 0), "stays at 0; it has no normal range."),
    ],
)
def test_without_a_range_values_are_told_and_nothing_concluded(corners, words, band):
    reading = read(path(*corners), band=band)
    assert reading.rule == "no range" and reading.sentence == f"Sphericity {words}"
    assert math.isnan(reading.z0) and math.isnan(reading.z1) and 0 <= reading.strength <= 1


@pytest.mark.parametrize("known", [0, 1])
def test_what_is_never_or_once_defined_cannot_be_read(known):
    values = np.full(ITERATIONS.size, np.nan)
    values[:known] = 1.0
    reading = read(values, values)
    words = "was measured only once" if known else "undefined: there was no object"
    assert reading.rule == "undefined" and words in reading.sentence
    assert reading.strength == 0.0 and reading.starts == 0


def test_no_starts_are_undefined():
    assert read_trajectory(ITERATIONS[:0], np.empty((0, 0)), feature=NAME).rule == "undefined"


def test_the_median_of_the_starts_is_read_and_those_that_differ_are_counted():
    reading = read(*[path(-4, 0, 0)] * 8, path(0, 5), path(0, 6))
    assert (reading.rule, reading.agreeing, reading.starts) == ("toward", 8, 10)
    assert reading.sentence.endswith("by iteration 150 in 8 of 10 starts: the network looks for it.")
    assert reading.strength == pytest.approx(0.8 * abs(reading.z1 - reading.z0))


def test_starts_that_disagree_allow_no_verdict():
    reading = read(*[path(-4, 0, 0)] * 3, *[path(0, 0)] * 2)
    assert reading.agreeing == 3
    assert reading.sentence.endswith("in 3 of 5 starts: the starts disagree.")


def test_starts_of_other_lengths_count_by_their_own_ends():
    short = path(-8, 0, 0)
    short[250:] = np.nan
    late = path(-4, -4, 0, 0)
    late[:60] = np.nan
    reading = read(short, late)
    assert reading.rule == "toward" and reading.agreeing == reading.starts == 2


def test_a_start_without_an_object_does_not_count():
    reading = read(path(-4, 0, 0), np.full(ITERATIONS.size, np.nan))
    assert reading.starts == 1 and " of " not in reading.sentence


def test_what_a_baseline_does_as_well_tells_nothing_of_the_network():
    nowhere = np.full(ITERATIONS.size, np.nan)
    curves = {"random-direction": path(-4, 0.5, 0.5), "random-weights": nowhere}
    baselines = {kind: (ITERATIONS, starts(values)) for kind, values in curves.items()}
    reading = read(path(-4, 0, 0), baselines=baselines)
    assert reading.baselines == {"random-direction": True, "random-weights": None}
    assert reading.sentence.endswith("along a random direction, which says nothing about what was learned.")
    assert reading.strength == 0.0


@pytest.mark.parametrize("corners", [(-4, -4), (-4, -8), (-4, -3.5)])
def test_a_baseline_that_does_otherwise_leaves_the_verdict(corners):
    reading = read(path(-4, 0, 0), baselines={"random-weights": (ITERATIONS, starts(path(*corners)))})
    assert reading.baselines == {"random-weights": False}
    assert reading.sentence.endswith("the network looks for it.")
    share = max(0.0, (np.median(path(*corners)[-21:]) - np.median(path(*corners)[:21])) / (reading.z1 - reading.z0))
    assert reading.strength == pytest.approx(abs(reading.z1 - reading.z0) * (1 - share))


def test_a_flat_baseline_beside_a_flat_course_changes_nothing():
    reading = read(path(0, 0.1), baselines={"random-direction": (ITERATIONS, starts(path(0, 0.2)))})
    assert reading.baselines == {"random-direction": False} and reading.sentence.endswith("robust to it.")


def test_a_descent_is_read_by_what_the_object_loses():
    assert read(path(0, 5), direction="descent").sentence.endswith("the object fades as it becomes less normal.")
    assert read(path(0, 0), direction="descent").sentence.endswith("the object fades without it.")


def recorded(gain: float = 5.0) -> Trajectories:
    trajectories = Trajectories()
    for iteration in range(0, 101, 5):
        part = iteration / 100
        features = {
            "shape_Sphericity": 0.2 + 0.5 * part,
            "firstorder_Mean": 100.0 + 1.0 * part,
            "glcm_Contrast": 5.0 + 5.0 * part,
            "glcm_Idm": None,
        }
        sample = {"start": 0, "iteration": iteration, "activation": gain * part - 2, "probability": 0.0, "voxels": 9}
        trajectories.add({"run": "dream", **sample, "features": features})
        trajectories.add({"run": "random-weights", **sample, "features": {**features, "firstorder_Mean": 100.0}})
    return trajectories


RANGES = NormalRanges(
    {"shape_Sphericity": {"mean": 0.7, "sd": 0.1}, "firstorder_Mean": {"mean": 100.0, "sd": 0.1}},
)


def test_readings_are_sorted_by_strength_with_unknown_ranges_last():
    found = readings(recorded(), RANGES)
    assert [r.feature for r in found] == ["firstorder_Mean", "shape_Sphericity", "glcm_Contrast", "glcm_Idm"]
    assert [r.rule for r in found] == ["leaves", "toward", "no range", "undefined"]
    assert found[1].baselines == {"random-weights": True} and found[1].strength == 0.0
    assert set(asdict(found[0])) >= {"feature", "rule", "sentence", "strength", "z0", "z1"}


@pytest.mark.parametrize(("direction", "gain"), [("ascent", 0.0), ("ascent", -5.0), ("descent", -0.01)])
def test_a_dream_that_moves_no_neuron_allows_no_verdict(direction, gain):
    unmoved = readings(recorded(gain), RANGES, direction)[0]
    done = {"ascent": "raised", "descent": "lowered"}[direction]
    assert unmoved.rule == "leaves"
    assert unmoved.sentence.endswith(f": the neuron was hardly {done}, which says nothing about the network.")
    moved = readings(recorded({"ascent": 5.0, "descent": -5.0}[direction]), RANGES, direction)[0]
    assert moved.rule == "leaves" and "hardly" not in moved.sentence


def test_readings_without_ranges_tell_values():
    assert {r.rule for r in readings(recorded())} == {"no range", "undefined"}
