"""The benchmark of many studies counts what deaths cost and what a worker holds. No speed is asserted."""

import importlib.util
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "Benchmarks" / "batch.py"


@pytest.fixture(scope="module")
def benchmark():
    specification = importlib.util.spec_from_file_location("benchmark_batch", BENCHMARK)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def study(name, outcome="done", tries=1, **more):
    return {"study": name, "outcome": outcome, "tries": tries, **more}


def test_a_study_without_row_or_result_is_lost(benchmark):
    calm = {"masks": {"a": "1", "b": "2", "c": "3", "e": "5"}}
    killed = {
        "studies": 6,  # of which f has no row
        "kills": 3,
        "run": {"studies": [study("a"), study("b", tries=2), study("c"), study("d", "failed", 2), study("e")]},
        "masks": {"a": "1", "b": "2", "c": "other"},  # and that of e is not there
    }
    expected = {"kills": 3, "lost": 2, "failed": 1, "retried": 1, "differing": 2}
    assert benchmark.disturbed(calm, killed) == expected


def test_memory_is_that_of_the_first_and_the_last_studies_of_each_worker(benchmark):
    studies = [study(f"{n:02d}", process=n % 2, memory_mb=100 * (n % 2) + n // 2) for n in range(40)]
    assert benchmark.memory_of({"studies": studies}) == {"first_mb": 52, "last_mb": 68}


def test_small_studies_hold_the_liver_and_little_else(benchmark, tmp_path):
    from liverpair.io.study import read_image

    benchmark.make_studies(tmp_path / "small", tmp_path / "full", count=1, uncut=1)
    for side in ("t1", "t2"):
        small, full = (read_image(tmp_path / kind / "000" / f"{side}.nii.gz") for kind in ("small", "full"))
        assert small.GetNumberOfPixels() < 0.6 * full.GetNumberOfPixels()
        assert all(a <= b for a, b in zip(small.GetSize(), full.GetSize()))


def test_what_many_studies_cost_follows_from_the_table(benchmark):
    rows = [{"run": benchmark.NAMES["two"], "studies per minute": 10.0}]
    rows.append({"run": benchmark.NAMES["full"], "studies per minute": 4.0})
    cut, uncut = benchmark.cost_rows(rows)  # 100,000 / 10 / 60 and 100,000 / 4 / 60 hours
    assert (cut["1 machine"], cut["10 machines"], cut["100 machines"]) == (166.7, 16.7, 1.7)
    assert (uncut["1 machine"], uncut["100 machines"], uncut["studies per minute"]) == (416.7, 4.2, 4.0)
