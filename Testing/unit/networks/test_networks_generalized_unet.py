"""The network of Tang et al., and its published weights in our axes."""

import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file

from liverpair.core.errors import InputError
from liverpair.networks import build
from liverpair.networks.generalized_unet import GeneralizedUNet
from liverpair.training.ku_leuven_weights import liver_network, main

KERAS_SHAPES = [
    (3, 3, 1, 1, 20), (3, 3, 3, 20, 40), (3, 3, 1, 40, 40), (3, 3, 3, 40, 80), (3, 3, 1, 80, 80), (3, 3, 3, 80, 160),
    (3, 3, 3, 160, 160), (3, 3, 3, 160, 160), (3, 3, 3, 320, 160), (3, 3, 1, 160, 80), (3, 3, 3, 160, 80),
    (3, 3, 1, 80, 40), (3, 3, 3, 80, 40), (3, 3, 1, 40, 20), (1, 1, 1, 20, 1),
]  # fmt: skip


def test_the_published_layout_has_as_many_weights_as_the_published_file():
    network = build("generalized-unet", {})
    assert sum(p.numel() for p in network.parameters()) == 3_874_961
    assert network.multiple_of == (27, 27, 27)


def test_logits_have_the_size_of_the_input_and_outputs_can_be_selected():
    network = GeneralizedUNet(out_channels=3, widths=[[2, 4], [4, 6]], up_widths=[[4, 2]]).eval()
    image = torch.rand(1, 1, 3, 6, 9)
    before = network(image)
    assert before.shape == (1, 3, 3, 6, 9)
    network.select_outputs([2, 0])
    assert torch.allclose(network(image), before[:, [2, 0]], atol=1e-6)


def test_levels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 levels need 1 up_widths"):
        GeneralizedUNet(widths=[[2, 4], [4, 6]])
    with pytest.raises(ValueError, match="odd"):
        GeneralizedUNet(pooling=2)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel with a file of random weights, laid out as Keras does."""
    h5py = pytest.importorskip("h5py")
    folder = tmp_path_factory.mktemp("wheel")
    rng = np.random.default_rng(0)
    with h5py.File(folder / "weights.hdf5", "w") as stored:
        for number, shape in enumerate(KERAS_SHAPES, start=1):
            layer = stored.create_group(f"conv3d_{number}")
            layer.attrs["weight_names"] = [b"a/kernel:0", b"a/bias:0"]
            scale = np.sqrt(2 / np.prod(shape[:4]))
            layer["a/kernel:0"] = (scale * rng.standard_normal(shape)).astype(np.float32)
            layer["a/bias:0"] = rng.standard_normal(shape[-1]).astype(np.float32)
    with zipfile.ZipFile(folder / "package.whl", "w") as archive:
        archive.write(folder / "weights.hdf5", "package/trained_models/model_unet_ct_mr_liv_seg_dice.hdf5")
    return folder / "package.whl"


def keras_output(stored, image: torch.Tensor) -> torch.Tensor:
    """Their network, written down once more in their axes (x to the right, y to the front, z up); logits."""
    number = 0

    def convolved(x: torch.Tensor) -> torch.Tensor:
        nonlocal number
        number += 1
        layer = stored[f"conv3d_{number}"]
        kernel = torch.from_numpy(layer["a/kernel:0"][()]).permute(4, 3, 0, 1, 2)
        bias = torch.from_numpy(layer["a/bias:0"][()])
        return functional.conv3d(x, kernel, bias, padding=tuple(k // 2 for k in kernel.shape[2:]))

    def active(x: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(functional.instance_norm(x, eps=1e-7), 0.01)

    x, skips = convolved(image - 0.5), []
    for level in range(4):
        x = convolved(active(functional.max_pool3d(x, 3))) if level else x
        x = convolved(active(x))
        skips.append(x)
    skips.pop()
    while skips:
        raised = functional.interpolate(x, scale_factor=3.0, mode="nearest")
        raised = functional.avg_pool3d(raised, 3, 1, 1, count_include_pad=False)
        x = convolved(active(convolved(active(torch.cat([skips.pop(), raised], 1)))))
    return convolved(active(x))


def test_their_weights_compute_the_same_in_our_axes(wheel):
    h5py = pytest.importorskip("h5py")
    network = liver_network(wheel).eval()
    image = torch.rand(1, 1, 54, 54, 81, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), h5py.File(wheel.parent / "weights.hdf5") as stored:
        theirs = keras_output(stored, image.permute(0, 1, 4, 3, 2).flip(2, 3))
        ours = network(image).permute(0, 1, 4, 3, 2).flip(2, 3)
    assert torch.allclose(ours, theirs, atol=1e-3)
    assert ours.std() > 0.05


def test_the_command_writes_weights_that_a_training_can_start_from(wheel, tmp_path, capsys):
    assert main([str(wheel), str(tmp_path / "new" / "weights.safetensors")]) == 0
    assert "3,874,961 weights" in capsys.readouterr().out
    GeneralizedUNet().load_state_dict(load_file(tmp_path / "new" / "weights.safetensors"))


def test_another_file_is_refused_in_a_sentence(tmp_path, capsys):
    pytest.importorskip("h5py")
    (tmp_path / "other.whl").write_bytes(b"no zip")
    with pytest.raises(InputError, match="is not the wheel of pyliverlesionseg"):
        liver_network(tmp_path / "other.whl")
    assert main([str(tmp_path / "other.whl"), str(tmp_path / "out.safetensors")]) == 1
    assert "is not the wheel" in capsys.readouterr().err
