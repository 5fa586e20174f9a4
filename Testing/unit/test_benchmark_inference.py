"""The arithmetic of the inference benchmark, on cases known by hand. No speed is asserted."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from brightness_bundle import write_brightness_bundle

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"


def load(name: str):
    specification = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def arms():
    return load("inference_arms")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_brightness_bundle(tmp_path_factory.mktemp("bundles") / "brightness")


def test_operations_are_counted_by_hand(arms, bundle):
    # Three convolutions of one weight, from one channel to one: a multiplication and an addition per voxel each.
    assert arms.forward_flop(bundle, torch.zeros(1, 1, 4, 6, 10)) == 3 * 2 * 4 * 6 * 10


def test_an_array_is_padded_at_its_end(arms):
    array = np.ones((3, 16, 17), np.float32)
    images = arms.padded(array, (4, 16, 16))
    assert images.shape == (1, 1, 4, 16, 32) and images.sum() == array.sum()
    assert (images[0, 0, :3, :16, :17] == 1).all()


@pytest.mark.parametrize("arm", ["liverpair", "torch-whole", "monai", "monai-4"])
def test_every_arm_gives_the_known_probabilities(arms, bundle, arm):
    array = np.random.default_rng(0).uniform(0, 1, (6, 20, 24)).astype(np.float32)
    found = arms.ARMS[arm](bundle, (4, 16, 16))(array)
    assert found.shape == array.shape
    assert np.abs(found - 1 / (1 + np.exp(20 - 40 * array))).max() < 0.05


def test_dice_is_that_of_the_worse_volume():
    def arm(*masks):
        return {"outputs": Outputs({str(i): np.array(mask, float) for i, mask in enumerate(masks)})}

    class Outputs(dict):
        files = property(list)

    benchmark = load("inference")
    # First volume: the same. Second: 1 of 2 and 1 shared, 2 * 1 / (2 + 1).
    assert benchmark.dice(arm([1, 0], [0.9, 0.8]), arm([1, 0], [0.9, 0.1]), 0.5) == pytest.approx(2 / 3)
    assert benchmark.dice(arm([0, 0]), arm([0, 0]), 0.5) == 1.0


def test_the_peak_of_memory_is_of_this_process(arms, monkeypatch):
    monkeypatch.setattr(arms.resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=2_000_000))
    monkeypatch.setattr(arms.sys, "platform", "linux")
    assert arms.peak_memory_mb() == pytest.approx(2048)
    monkeypatch.setattr(arms.sys, "platform", "darwin")
    assert arms.peak_memory_mb() == pytest.approx(2)
