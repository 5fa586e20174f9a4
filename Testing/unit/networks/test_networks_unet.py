"""The U-Net: layouts, sizes, parameter counts."""

import pytest
import torch

from liverpair.networks import build
from liverpair.networks.unet import PUBLISHED_3D, UNet


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_published_layout_has_nineteen_million_parameters():
    assert parameters(build("unet", PUBLISHED_3D)) == 19_071_329


def test_published_layout_halves_every_axis_three_times():
    assert UNet(**PUBLISHED_3D).multiple_of == (8, 8, 8)


@pytest.mark.parametrize("normalization", ["batch", "instance", "group", "none"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_logits_have_the_size_of_the_input(dimensions, normalization):
    network = UNet(2, 3, widths=[8, 16], dimensions=dimensions, normalization=normalization).eval()
    assert network(torch.rand(1, 2, *(8, 16, 24)[-dimensions:])).shape == (1, 3, *(8, 16, 24)[-dimensions:])


def test_anisotropic_strides_stem_and_kernels():
    network = UNet(
        out_channels=2,
        widths=[8, 8, 8],
        strides=[[1, 2, 2], [2, 2, 2]],
        kernels=[[1, 3, 3]] + [[3, 3, 3]] * 2,
        stem_stride=[1, 2, 2],
    )
    assert network.multiple_of == (2, 8, 8)
    assert network(torch.rand(1, 1, 4, 16, 24)).shape == (1, 2, 4, 16, 24)


def test_features_run_from_the_finest_to_the_deepest_level():
    network = UNet(widths=[8, 16, 24])
    shapes = [tuple(f.shape[1:]) for f in network.features(torch.rand(1, 1, 8, 8, 8))]
    assert shapes == [(8, 8, 8, 8), (16, 4, 4, 4), (24, 2, 2, 2)]


@pytest.mark.parametrize("stem", [None, [1, 2, 2]])
def test_selected_outputs_are_the_same_logits(stem):
    network = UNet(out_channels=4, widths=[8, 8], stem_stride=stem).eval()
    image = torch.rand(1, 1, 4, 8, 8)
    before = network(image)
    network.select_outputs([2, 0])
    assert torch.allclose(network(image), before[:, [2, 0]], atol=1e-5)
    assert network.out_channels == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"widths": [8, 8], "strides": [[2, 2, 2]] * 2},
        {"widths": [8, 8], "kernels": [[3, 3, 3]]},
        {"widths": [8, 8], "dimensions": 2, "strides": [[2, 2, 2]]},
        {"widths": [8, 8], "normalization": "layer"},
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError):
        UNet(**arguments)


def test_unknown_network_is_refused():
    with pytest.raises(KeyError):
        build("resnet-of-my-dreams", {})


def test_every_parameter_learns():
    network = UNet(out_channels=2, widths=[8, 16], normalization="group")
    network(torch.rand(1, 1, 4, 8, 8)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
