"""The benchmark of linked boxes does what it says, on few boxes. No speed is asserted."""

import importlib.util
from pathlib import Path

import pytest
from mrml_factory import empty_scene

from liverpair.core.sides import Side

BENCHMARK = Path(__file__).resolve().parents[2] / "Benchmarks" / "linked_boxes.py"


@pytest.fixture(scope="module")
def benchmark():
    specification = importlib.util.spec_from_file_location("linked_boxes", BENCHMARK)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_everything_is_timed_and_the_plain_way_beside_it(benchmark):
    empty_scene()
    rows = {row["what"]: row for row in benchmark.measure(pairs=2, rounds=1)}
    assert {what for what, row in rows.items() if row["plainly_ms"] is not None} == {
        "select a lesion",
        "hide all by score",
        "show all again",
    }
    assert len(rows) == 9
    assert all(row["worst_ms"] >= row["median_ms"] >= 0 for row in rows.values())


def test_the_ratio_is_the_plain_time_over_ours(benchmark):
    row = benchmark.row("hide", {"hide": [1.0, 2.0, 9.0], "hide, plainly": [5.0, 6.0, 7.0]}, "hide, plainly")
    assert row == {"what": "hide", "median_ms": 2.0, "worst_ms": 9.0, "plainly_ms": 6.0, "times_faster": 3.0}


def test_the_lesions_of_the_benchmark_are_a_study(benchmark):
    lesions = benchmark.random_lesions(54)
    assert len({lesion.uid for lesion in lesions}) == 54
    assert all(5 <= side <= 60 for lesion in lesions for side in lesion.box(Side.T1).size_mm)
    assert max(lesion.boxes[Side.T1].score for lesion in lesions) < 1
