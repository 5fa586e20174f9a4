"""The benchmark of dreams compares what it says, on small cases. No speed is asserted."""

import importlib.util
import json
import math
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from liverpair.dreaming.dream_settings import DreamSettings

pytest.importorskip("radiomics")
BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"
SHAPES, RADIUS = {2: (48, 56), 3: (20, 24, 28)}, 6.0
SETTINGS = DreamSettings(iterations=4, minimum_gain=0.0, every=1, precision="fp32")


def load(name: str):
    specification = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # where its dataclasses look for their types
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def arms():
    return load("dream_speed_arms")


@pytest.fixture(scope="module")
def benchmark(arms):
    before = list(sys.path)
    yield load("dream_speed")
    sys.path[:] = before


@pytest.fixture(scope="module", params=[2, 3])
def case(request, arms):
    return arms.planted("small", SHAPES[request.param], RADIUS, {"widths": (16, 24), "normalization": "batch"})


def test_a_planted_network_sees_the_ball(arms, case):
    image, ball = arms.planted_image(case.image.shape, RADIUS, 0)
    assert np.array_equal(image, case.image) and image.min() >= 0 and image.max() <= 1
    seen = next(arms.straightforward(case, SETTINGS)).mask
    assert seen[case.neuron] and 2 * (seen & ball).sum() / (seen.sum() + ball.sum()) > 0.8


def test_both_loops_walk_the_same_path_in_single_precision(arms, benchmark, case):
    before = case.image.copy()
    plain = list(islice(arms.straightforward(case, SETTINGS), 5))
    assert np.array_equal(before, case.image)
    own = list(arms.ours(case, SETTINGS))
    assert len(own) == len(plain) == 5
    for one, other in zip(plain, own):
        assert other.activation == pytest.approx(one.activation, rel=1e-3, abs=1e-3)
        assert np.allclose(one.image, other.image, atol=1e-4)
        assert set(one.features) == set(other.features) and all(map(math.isfinite, other.features.values()))
    assert plain[-1].activation > plain[0].activation
    assert benchmark.cosine(plain, own) > 0.999
    assert benchmark.features_error(case, own) < 1e-6


def test_the_straightforward_loop_computes_gradients_of_the_weights(arms, case):
    assert not any(p.grad is not None for p in case.network.parameters())
    loop = arms.straightforward(case, SETTINGS)
    next(loop)
    used = loop.gi_frame.f_locals["network"]
    assert all(p.grad is not None for p in used.parameters())
    assert not any(p.grad is not None for p in case.network.parameters())


def test_loops_differ_in_one_thing_each(arms):
    found = arms.arms(replace(SETTINGS, precision="auto"), "bf16")
    assert found[arms.STRAIGHTFORWARD] is None
    assert [(s.precision, s.crop) for s in found.values() if s] == [("fp32", False), ("fp32", True), ("auto", True)]
    assert len(arms.arms(SETTINGS, "fp32")) == 3


def test_differences_of_features_are_parts_of_their_values(arms, benchmark):
    def step(value):
        return arms.Step(0.0, {"f": value}, np.zeros(2), np.zeros(2, bool))

    assert benchmark.feature_difference([step(2.0), step(4.0)], [step(2.0), step(5.0)]) == 0.25
    assert benchmark.feature_difference([step(math.nan)], [step(math.nan)]) == 0.0
    assert benchmark.feature_difference([step(1.0)], [step(math.nan)]) == math.inf


def test_the_results_are_written(arms, benchmark, tmp_path):
    case = arms.planted("tiny", (32, 32), 5.0, {"widths": (4, 8), "normalization": "batch"})
    options = benchmark.parse(["--iterations", "2", "--warm", "1", "--results", str(tmp_path)])
    values = benchmark.measure(options, {"2d": lambda: case}, "the command")
    content = json.loads((tmp_path / "dream-speed.json").read_text())
    assert content["speedup"] == content["speedup_2d"] == values["speedup"] > 0
    assert content["features_error_2d"] < 1e-6
    assert content["table"][0]["times as fast"] == 1.0 and content["table"][0]["loop"] == arms.STRAIGHTFORWARD
    assert content["table"][-1]["loop"] == arms.OURS
    page = (tmp_path / "dream-speed.md").read_text()
    assert "32 × 32 voxels" in page and "sphericity" in page
