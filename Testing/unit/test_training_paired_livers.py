"""Training liver networks of every strategy on small pairs: what a step shows, config, resume, export."""

import pytest
import torch
import yaml
from paired_livers_factory import QUICK, write_pairs

from liverpair.bundle import Bundle
from liverpair.cli import main
from liverpair.segmentation.strategies import STRATEGIES
from liverpair.training.augmentation import paired_transform
from liverpair.training.paired_livers import mean_dice
from liverpair.training.paired_livers_command import CONFIGS, SHARED
from liverpair.training.paired_livers_data import PairedLiversData

ARMS = sorted(path.stem for path in CONFIGS.glob("*.yaml") if path != SHARED)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), ("a", "b", "c"))


def words(arm, pairs, folder, *more):
    return [
        *("train", "paired-livers", "--config", str(CONFIGS / f"{arm}.yaml")),
        *(f"--data.root={pairs}", '--data.train=["a","b"]', '--data.validation=["c"]'),
        *(f"--data.cache={pairs / 'cache'}", f"--run_folder={folder / arm}", f"--bundle.folder={folder / arm}-bundle"),
        *QUICK,
        *more,
    ]


@pytest.mark.parametrize("arm", ["single", "double-in-t2", "double-out", "pre-registered"])
def test_a_strategy_trains_and_leaves_a_bundle(arm, pairs, tmp_path):
    assert main(words(arm, pairs, tmp_path)) == 0
    bundle = Bundle.load(tmp_path / f"{arm}-bundle")
    settings = yaml.safe_load((CONFIGS / f"{arm}.yaml").read_text())
    assert (bundle.strategy, bundle.inputs) == (settings["data"]["strategy"], settings["data"]["inputs"])
    network = bundle.network()
    assert (network.in_channels, network.out_channels) == (
        settings["model"]["in_channels"],
        settings["model"]["out_channels"],
    )
    assert bundle.training["max_steps"] == 4 and bundle.training["train_cases"] == ["a", "b"]
