"""The arithmetic of the inference benchmark, on cases known by hand. No speed is asserted."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from brightness_bundle import write_brightness_bundle
from bundle_factory import manifest

from liverpair.bundle import Bundle
from liverpair.networks import build

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"


class Outputs(dict):
    """What `numpy.load` gives of an archive."""

    files = property(list)


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


@pytest.mark.parametrize("arm", ["liverpair", "torch-whole", "monai", "monai-4", "monai-whole-statistics"])
def test_every_arm_gives_the_known_probabilities(arms, bundle, arm):
    array = np.random.default_rng(0).uniform(0, 1, (6, 20, 24)).astype(np.float32)
    found = arms.ARMS[arm](bundle, (4, 16, 16))(array)
    assert found.shape == array.shape
    assert np.abs(found - 1 / (1 + np.exp(20 - 40 * array))).max() < 0.05


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """A tiny network of group normalizations, of random weights."""
    arguments = {"in_channels": 1, "out_channels": 1, "widths": [8, 16], "normalization": "group"}
    torch.manual_seed(0)
    weights = build("unet", arguments).state_dict()
    changes = {"name": "grouped", "network": {"name": "unet", "arguments": arguments}}
    return Bundle.write(tmp_path_factory.mktemp("bundles") / "grouped", manifest(**changes), weights)


def test_kept_statistics_are_those_of_the_first_input(arms):
    kept = arms.KeptStatistics(torch.nn.GroupNorm(1, 2, eps=0.0))
    kept.layer.weight.data[:] = torch.tensor([1.0, 10.0])
    kept.layer.bias.data[:] = torch.tensor([0.0, 5.0])
    first = torch.tensor([1.0, 3.0, 5.0, 7.0]).reshape(1, 2, 1, 1, 2)  # mean 4, variance 5
    root = 5**0.5
    expected = torch.tensor([-3 / root, -1 / root, 10 / root + 5, 30 / root + 5]).reshape(first.shape)
    torch.testing.assert_close(kept(first), expected)
    second = torch.full((1, 2, 1, 1, 1), 9.0)  # a normalization of its own would make this 0 and 5
    torch.testing.assert_close(kept(second).ravel(), torch.tensor([5 / root, 50 / root + 5]))


def test_over_the_whole_volume_kept_statistics_change_nothing(arms, grouped):
    array = np.random.default_rng(0).uniform(0, 1, (6, 20, 24)).astype(np.float32)
    whole = arms.ARMS["torch-whole"](grouped, (6, 20, 24))(array)
    kept = arms.ARMS["monai-whole-statistics"](grouped, (6, 20, 24))
    np.testing.assert_allclose(kept(array), whole, atol=1e-5)
    kept(1 - array)  # statistics of another volume are not taken along
    np.testing.assert_allclose(kept(array), whole, atol=1e-5)


def test_in_windows_kept_statistics_bring_the_masks_nearer_to_those_of_the_whole_volume(arms, grouped):
    # Brighter from end to end, so that every window has another mean.
    array = np.random.default_rng(0).uniform(0, 0.2, (6, 32, 48)).astype(np.float32)
    array += np.linspace(0, 0.8, 48, dtype=np.float32)
    whole, monai, kept = (
        arms.ARMS[arm](grouped, (6, 16, 16))(array) for arm in ("torch-whole", "monai", "monai-whole-statistics")
    )
    assert np.abs(kept - whole).mean() < 0.5 * np.abs(monai - whole).mean()


def test_the_table_tells_windows_and_statistics_apart():
    benchmark, arms = load("inference"), {}
    masks = {"liverpair": [1, 1, 1, 0], "monai": [1, 0, 0, 0], "monai-whole-statistics": [1, 1, 0, 0]}
    for name, mask in masks.items():
        arms[name] = {"seconds": 2.0, "peak_mb": 100.0, "outputs": Outputs(only=np.array(mask, float))}
    row = benchmark.row("monai-whole-statistics", arms, 0.5, [])
    assert row["inference"] == "MONAI sliding window, normalized as the whole volume"
    assert row["Dice with LiverPair's mask"] == pytest.approx(4 / 5)  # 2 shared of 3 and 2
    assert row["Dice with MONAI's mask"] == pytest.approx(2 / 3)  # 1 shared of 2 and 1


def test_dice_is_that_of_the_worse_volume():
    def arm(*masks):
        return {"outputs": Outputs({str(i): np.array(mask, float) for i, mask in enumerate(masks)})}

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
