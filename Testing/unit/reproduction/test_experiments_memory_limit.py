"""The second source, axis by axis: run to its end at a budget of seconds, and what is computed and concluded."""

import argparse
import json

import numpy as np
import pytest
import torch
from paired_livers_factory import smoke_words

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from reproduction.__main__ import main
from reproduction.memory_limit import dimensions, memory, views
from reproduction.memory_limit.one_step import measured
from reproduction.memory_limit.organ_networks import Arm, Scores
from reproduction.memory_limit.step_memory import Network, largest_side, overhead, ratio
from reproduction.memory_limit.volume_networks import HybridUNet, VNet

SMALL = {"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group"}


def run(name: str, folders: pytest.TempPathFactory) -> tuple[dict, list[str]]:
    words, results = smoke_words(folders, name)
    assert main([name, *words]) == 0
    return json.loads((results / f"{name}.json").read_text()), sorted(path.name for path in results.iterdir())


def scores(*dice: float) -> Scores:
    return Scores(np.array(dice)[:, None], np.full(len(dice), 10.0), 1.0, 100)


def test_memory_is_measured_and_three_networks_are_trained(tmp_path_factory):
    content, files = run("memory", tmp_path_factory)
    assert [row["network"].rpartition(", ")[0] for row in content["table"]] == [
        "ordinary U-Net",
        "reversible, outputs alone",
        "reversible, pooling-free",
    ]
    assert all(0 <= row["Dice"] <= 1 and row["MiB a step"] > 0 for row in content["table"])
    counted = {(row["network"], row["depth"]): row["counted MiB"] for row in content["values"]["depth"]}
    assert counted["reversible, outputs alone", 4] < counted["all activations", 4]
    assert all(row["seconds"] > 0 for row in content["values"]["depth"])
    assert content["largest_side_4_gib_reversible"] > content["largest_side_4_gib_ordinary"] > 0
    assert {"dice_ordinary", "dice_reversible", "dice_pooling_free", "time_ratio"} <= content.keys()
    assert files == ["memory-dice.png", "memory.json", "memory.md", "memory.png"]


def test_every_view_and_every_fusion_is_measured(tmp_path_factory):
    content, files = run("views", tmp_path_factory)
    names = [row["liver"] for row in content["table"]]
    assert names[:3] == ["axial alone", "coronal alone", "sagittal alone"] and len(names) == 8
    assert all(0 <= row["Dice"] <= 1 and 0 <= row["ECE"] <= 1 for row in content["table"])
    assert content["chosen_view"] in views.VIEW_NAMES and content["chosen_fusion"] in views.FUSIONS
    assert content["fusion_gain"] == content[f"fusion_gain_{content['chosen_fusion']}"]
    assert files == ["views-disagreement.png", "views.json", "views.md", "views.png"]


def test_every_dimension_is_measured(tmp_path_factory):
    content, files = run("dimensions", tmp_path_factory)
    assert [row["network"] for row in content["table"]] == ["2-D", "2.5-D, 3 slices", "hybrid 2-D/3-D", "3-D U-Net"]
    assert all(row["MiB training"] > row["MiB in use"] > 0 for row in content["table"])
    assert content["3d_minus_2d"] == pytest.approx(content["dice_3d"] - content["dice_2d"])
    assert files == ["dimensions.json", "dimensions.md", "dimensions.png"]


def test_the_2d_networks_learn_as_many_numbers_as_the_3d_one():
    flat, deep = (
        Network(arm.network, {"out_channels": 4, **arm.arguments}).weights()
        for arm in dimensions.ARMS
        if arm.key in ("2d", "3d")
    )
    assert flat == pytest.approx(deep, rel=0.1)


def test_the_hybrid_network_learns_on_slices_and_on_volumes():
    network = HybridUNet(out_channels=2, slice_widths=[4, 8], **SMALL)
    assert network(torch.rand(1, 1, 4, 8, 8)).shape == (1, 2, 4, 8, 8)
    network(torch.rand(1, 1, 4, 8, 8)).sum().backward()
    learned = {name.partition(".")[0] for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert learned == {"slices", "volume", "join", "head"}


def test_the_published_v_net_has_45_million_parameters():
    with torch.device("meta"):
        network = VNet(out_channels=4)
    assert 45e6 < sum(parameter.numel() for parameter in network.parameters()) < 46e6
    assert network.head.bias.shape == (4,)


def test_a_step_is_measured_in_a_process_of_its_own():
    shape = (1, 1, 32, 64, 64)
    small, large = measured([("reversible-unet", {"widths": [width]}, shape) for width in (8, 32)])
    assert min(large["seconds"], small["seconds"]) > 0 and large["megabytes"] > small["megabytes"] > 10


def test_a_step_that_fails_says_why():
    with pytest.raises(InputError, match="2 levels need 1 strides"):
        measured([("unet", {"widths": [4, 8], "strides": [[2, 2, 2]] * 2}, (1, 1, 8, 8, 8))])


def test_the_largest_side_is_the_last_that_fits():
    network = Network("unet", {"widths": [4], "normalization": "none"})
    side = largest_side(network, 2**26, 1.0)
    assert network.bytes((1, 1, *[side] * 3)) <= 2**26 < network.bytes((1, 1, *[side + 2] * 3))
    assert largest_side(network, 2**26, 2.0) < side


def test_ratios_by_hand():
    rows = [
        {"network": "a", "depth": depth, "counted MiB": 10.0, "measured MiB": megabytes}
        for depth, megabytes in ((8, 30.0), (2, 15.0))
    ]
    assert ratio(rows, "a", "measured MiB") == 2
    assert overhead([*rows, {"counted MiB": 1.0, "measured MiB": None}]) == 3
    assert overhead([{"counted MiB": 10.0, "measured MiB": float("nan")}]) == 1


def test_within_a_limit_of_memory_each_network_has_the_largest_input_that_fits():
    arms = [
        Arm(f"{key}-{size}", key, "unet", {}, (edge,) * 3)
        for key in ("ordinary", "reversible")
        for size, edge in (("small", 8), ("medium", 16), ("large", 32))
    ]
    megabytes = dict(zip([arm.key for arm in arms], (1, 4, 16, 0.5, 2, 4)))
    found = {arm.key: [scores(0.1 * number)] for number, arm in enumerate(arms)}
    values = memory.dice_values(arms, found, megabytes)
    assert values["dice_ordinary"] == pytest.approx(0.2) and values["dice_reversible"] == pytest.approx(0.5)
    assert values["input_ordinary_within_limit"] == "16 × 16 × 16"
    assert values["input_reversible_within_limit"] == "32 × 32 × 32"
    assert values["dice_reversible_within_limit"] == pytest.approx(0.5) and "dice_pooling_free" not in values


def test_a_view_and_a_fusion_are_chosen_by_one_case_and_compared_on_others():
    def found(**dice):
        return [{("x", Side.T1): {name: {"dice": value} for name, value in dice.items()}}]

    names = dict.fromkeys((*views.VIEW_NAMES, *views.FUSIONS), 0.5)
    chosen = found(**{**names, "axial": 0.6, "entropy": 0.7})
    assert views.best_of(chosen, views.VIEW_NAMES) == "axial" and views.best_of(chosen, views.FUSIONS) == "entropy"
    values = views.values(found(**{**names, "axial": 0.8, "entropy": 0.75, "mean": 0.9}), "axial", "entropy")
    assert values["fusion_gain"] == pytest.approx(-0.05) and values["fusion_gain_mean"] == pytest.approx(0.1)


def test_dice_is_a_mean_over_what_an_image_shows():
    own = Scores(np.array([[0.8, np.nan], [0.6, 0.4]]), np.array([np.nan, 12.0]), 1.0, 100)
    assert own.mean_dice == pytest.approx(0.6)
    options = argparse.Namespace(smoke=False, steps=5)
    row = memory.dice_row(Arm("a", "A", "unet", {}, steps=7), [own], 3.0, options)
    assert row["liver"] == pytest.approx(0.7) and row["liver HD95"] == 12 and row["steps"] == 7
