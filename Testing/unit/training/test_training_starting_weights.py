"""Weights to start from come from models, runs and other people's files, and only where they fit."""

import pytest
import torch
from safetensors.torch import save_file

from liverpair.bundle import Catalogue
from liverpair.core.errors import InputError
from liverpair.networks import build
from liverpair.training.detection import split_towers
from liverpair.training.starting_weights import take_weights

UNET = {"widths": [4, 8], "out_channels": 1}
PAIR = {"levels": [1, 2], "pyramid": "decoder", "width": 8, "backbone": {"widths": [4, 8]}}


def test_a_model_is_found_by_its_name():
    network = build("unet", Catalogue().find("liver-t1t2").section("network")["arguments"])
    assert take_weights(network, "liver-t1t2") == []


def test_a_first_kernel_is_copied_to_every_input_and_divided(tmp_path):
    one, two = build("unet", UNET), build("unet", {**UNET, "in_channels": 2})
    save_file({name: value.contiguous() for name, value in one.state_dict().items()}, tmp_path / "one.safetensors")
    assert take_weights(two, tmp_path / "one.safetensors") == []
    images = torch.rand(1, 1, 4, 8, 8)
    assert torch.allclose(two.eval()(images.repeat(1, 2, 1, 1, 1)), one.eval()(images), atol=1e-5)


@pytest.mark.parametrize("stem", [None, [1, 2, 2]])
def test_of_a_head_with_more_outputs_the_first_answers_as_the_stored_one(tmp_path, stem):
    one, four = (build("unet", {**UNET, "stem_stride": stem, "out_channels": count}) for count in (1, 4))
    save_file({name: value.contiguous() for name, value in one.state_dict().items()}, tmp_path / "one.safetensors")
    take_weights(four, tmp_path / "one.safetensors")
    images = torch.rand(1, 1, 4, 8, 8)
    assert torch.allclose(four.eval()(images)[:, :1], one.eval()(images), atol=1e-5)


@pytest.mark.parametrize("key", ["state_dict", "network_weights", None])
def test_other_peoples_files_of_weights_are_read(tmp_path, key):
    one, other = build("unet", UNET), build("unet", UNET)
    weights = one.state_dict()
    torch.save({key: weights, "epoch": 3} if key else weights, tmp_path / "theirs.pth")
    take_weights(other, tmp_path / "theirs.pth")
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), weights.values()))


def genesis_names(ours):
    """A U-Net's weights as Models Genesis names them, its convolutions with biases that the means take up."""
    theirs, blocks = {}, {"encoder": "down_tr", "decoder": "up_tr"}
    for name, value in ours.items():
        kind, _, rest = name.partition(".")
        if kind in blocks:
            level, row, part = rest.split(".")
            place = f"{blocks[kind]}{64 * 2 ** int(level)}.ops.{int(row) // 3}"
            if int(row) % 3 == 0:
                bias = torch.arange(float(len(value)))
                theirs |= {f"{place}.conv1.weight": value, f"{place}.conv1.bias": bias}
            else:
                theirs[f"{place}.bn1.{part}"] = value
                if part == "running_mean":
                    theirs[f"{place}.bn1.{part}"] = value + torch.arange(float(len(value)))
        elif kind == "ups":
            level, part = rest.split(".")
            theirs[f"up_tr{64 * 2 ** int(level)}.up_conv.{part}"] = value
        else:
            theirs[f"out_tr.final_conv.{rest}"] = value
    return {f"module.{name}": value for name, value in theirs.items()}


def test_the_weights_of_models_genesis_compute_the_same_in_ours(tmp_path):
    layout = {"widths": [[2, 4], [4, 6], [6, 8], [8, 10]], "up_widths": [4, 6, 10], "normalization": "batch"}
    one, other = build("unet", layout), build("unet", layout)
    with torch.no_grad():
        one.train()(torch.rand(2, 1, 16, 16, 16))
    torch.save({"state_dict": genesis_names(one.state_dict())}, tmp_path / "Genesis_Chest_CT.pt")
    left = take_weights(other, tmp_path / "Genesis_Chest_CT.pt")
    assert all(name.endswith("num_batches_tracked") for name in left)
    images = torch.rand(1, 1, 16, 16, 16)
    assert torch.allclose(one.eval()(images), other.eval()(images), atol=1e-6)


class Trap:
    def __reduce__(self):
        return print, ("code of a file was run",)


def test_a_file_with_code_is_refused_and_not_run(tmp_path, capsys):
    torch.save({"state_dict": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(InputError, match="cannot be read"):
        take_weights(build("unet", UNET), tmp_path / "trap.pth")
    assert "code" not in capsys.readouterr().out


def test_a_file_without_weights_by_name_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(InputError, match="no weights by name"):
        take_weights(build("unet", UNET), tmp_path / "list.pt")


def test_heads_on_their_own_towers_start_with_the_joint_one(tmp_path):
    joint, split = build("retina", {**PAIR, "joint_tower": True}), build("retina", PAIR)
    torch.save(joint.state_dict(), tmp_path / "joint.pt")
    split_towers(split, take_weights(split, tmp_path / "joint.pt"))
    images = torch.rand(1, 2, 4, 8, 8)
    assert torch.allclose(split.eval()(images), joint.eval()(images), atol=1e-5)
