"""Reversible steps: their inverse, their gradients, what they keep, in full and in half precision."""

import pytest
import torch
from torch import nn

from liverpair.core.memory import live_memory
from liverpair.networks import build
from liverpair.networks.reversible import Chain, Coupling, Down, Up, depth_to_space, space_to_depth
from liverpair.networks.reversible_unet import ReversibleUNet
from liverpair.training.segmentation import SegmentationTask

POOLED = {"widths": [8, 16], "depth": 2}
FREE = {"widths": [8, 16, 64], "depth": 2, "strides": [[1, 2, 2], [2, 2, 2]], "pooling": "none"}
IMAGE = (1, 1, 4, 16, 16)


def times(factor: float) -> nn.Module:
    """A 1 × 1 convolution of one channel that multiplies."""
    layer = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(layer.weight, factor)
    return layer


def chain_of(depth: int, channels: int = 16, keep: str = "output") -> Chain:
    def branch() -> nn.Sequential:
        half = channels // 2
        return nn.Sequential(nn.GroupNorm(1, half), nn.ReLU(inplace=True), nn.Conv3d(half, half, 3, padding=1))

    return Chain([Coupling(branch(), branch()) for _ in range(depth)], keep)


def gradients(network: nn.Module, image: torch.Tensor, **autocast) -> dict[str, torch.Tensor]:
    network.zero_grad()
    seen = image.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bool(autocast)):
        loss = (network(seen).float() * torch.linspace(-1, 1, image.numel()).reshape(image.shape)).sum()
    loss.backward()
    return {"image": seen.grad, **{name: p.grad for name, p in network.named_parameters()}}


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max(float((a[name] - b[name]).norm() / b[name].norm().clamp(min=1e-6)) for name in b)


def test_a_coupling_by_hand_and_back():
    """y1 = 1 + 2 · 10 = 21, y2 = 10 + 3 · 21 = 73."""
    coupling = Coupling(times(2), times(3))
    x = torch.tensor([1.0, 10.0]).reshape(2, 1, 1, 1, 1)
    assert [y.item() for y in coupling(*x)] == [21, 73]
    assert [y.item() for y in coupling.inverse(*coupling(*x))] == [1, 10]


def test_the_gradients_of_a_coupling_by_hand():
    """y1 = x1 + f x2 and y2 = x2 + g y1, summed: dx1 = 1 + g = 4, dx2 = 1 + f (1 + g) = 9, df = 4 · 10, dg = 21."""
    chain = Chain([Coupling(times(2), times(3))])
    x = torch.tensor([1.0, 10.0]).reshape(1, 2, 1, 1).requires_grad_()
    chain(x).sum().backward()
    assert x.grad.ravel().tolist() == [4, 9]
    assert [float(p.grad) for p in chain.parameters()] == [40, 21]


def test_the_voxels_of_a_cell_become_channels_and_voxels_again():
    x = torch.arange(8.0).reshape(1, 1, 2, 4)
    deep = space_to_depth(x, (2, 2))
    assert deep.squeeze(2).tolist() == [[[0, 2], [1, 3], [4, 6], [5, 7]]]
    volume = torch.rand(2, 3, 4, 6, 8)
    assert space_to_depth(volume, (1, 2, 4)).shape == (2, 24, 4, 3, 2)
    assert torch.equal(depth_to_space(space_to_depth(volume, (1, 2, 4)), (1, 2, 4)), volume)


def test_going_up_undoes_going_down():
    state = tuple(torch.rand(2, 1, 4, 2, 4, 4))
    down = Down((1, 2, 2))
    below = down(*state)
    assert [tuple(part.shape) for part in below] == [(1, 4, 2, 4, 4), (1, 8, 2, 2, 2), (1, 8, 2, 2, 2)]
    assert all(torch.equal(a, b) for a, b in zip(Up((1, 2, 2))(*below), state))


@pytest.mark.parametrize("depth", [1, 16])
def test_a_chain_is_undone_to_a_hundred_thousandth(depth):
    torch.manual_seed(0)
    chain, x = chain_of(depth), torch.randn(2, 16, 4, 6, 6)
    with torch.no_grad():
        assert (chain.inverse(chain(x)) - x).abs().max() < 1e-5


@pytest.mark.parametrize("arguments", [POOLED, FREE], ids=["pooled", "pooling-free"])
@pytest.mark.parametrize("keep", ["output", "checkpoints"])
def test_gradients_are_those_of_the_ordinary_network(arguments, keep):
    torch.manual_seed(0)
    network = ReversibleUNet(**arguments, keep=keep)
    ordinary = ReversibleUNet(**arguments, keep="everything")
    ordinary.load_state_dict(network.state_dict())
    image = torch.randn(IMAGE)
    assert torch.allclose(network(image), ordinary(image), atol=1e-6)
    assert largest_difference(gradients(network, image), gradients(ordinary, image)) < 1e-4


def test_half_precision_is_undone_and_learns_as_the_ordinary_network_does():
    """Undone to 2⁻⁶, which is how far apart the numbers of bfloat16 between 2 and 4 are; gradients are much nearer to
    the ordinary network's in the same precision than these are to those in single precision."""
    torch.manual_seed(0)
    chain, x = chain_of(16), torch.randn(1, 16, 4, 6, 6)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert (chain.inverse(chain(x)) - x).abs().max() < 2**-6
    network, ordinary = ReversibleUNet(**POOLED), ReversibleUNet(**POOLED, keep="everything")
    ordinary.load_state_dict(network.state_dict())
    image = torch.randn(IMAGE)
    each = [gradients(network, image, bf16=True), gradients(ordinary, image, bf16=True), gradients(ordinary, image)]
    ours, theirs, exact = (torch.cat([value.ravel() for value in one.values()]) for one in each)
    assert 5 * (ours - theirs).norm() < (theirs - exact).norm() < 0.1 * exact.norm()


def test_weights_in_half_precision_run():
    network = ReversibleUNet(**POOLED).to(torch.bfloat16)
    network(torch.randn(IMAGE, dtype=torch.bfloat16)).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_memory_does_not_grow_with_depth_where_the_output_alone_is_kept():
    def megabytes(depth: int, keep: str) -> float:
        return live_memory(chain_of(depth, 32, keep), (1, 32, 40, 40, 40), learning=True) / 2**20

    assert megabytes(32, "output") / megabytes(2, "output") <= 1.1
    assert megabytes(32, "everything") / megabytes(2, "everything") > 5
    assert megabytes(32, "output") < megabytes(32, "checkpoints") < megabytes(32, "everything") / 2


def test_memory_without_pooling_is_flat_in_depth_too():
    def megabytes(depth: int) -> float:
        return live_memory(ReversibleUNet(**{**FREE, "depth": depth}), (1, 1, 16, 64, 64), learning=True) / 2**20

    assert megabytes(8) / megabytes(1) <= 1.3  # of which most are gradients of weights


def test_frozen_weights_get_no_gradient_and_the_others_do():
    chain = chain_of(2)
    chain.steps[0].requires_grad_(False)
    chain(torch.randn(1, 16, 2, 4, 4)).sum().backward()
    assert {name for name, p in chain.named_parameters() if p.grad is None} == {
        name for name, _ in chain.named_parameters() if name.startswith("steps.0.")
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"normalization": "batch"}, "'group' or 'instance', not 'batch'"),
        ({"widths": [8, 16], "pooling": "none"}, "32 channels follow 8"),
        ({"pooling": "mean"}, "'max' or 'none'"),
        ({"widths": [7]}, "even number"),
        ({"keep": "nothing"}, "not 'nothing'"),
    ],
)
def test_what_is_not_reversible_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        build("reversible-unet", arguments)


def test_it_is_trained_and_exported_as_any_network():
    task = SegmentationTask("reversible-unet", {**FREE, "out_channels": 4, "stem_stride": [1, 2, 2]})
    logits = task(torch.rand(1, 1, 5, 30, 30))
    assert logits.shape == (1, 4, 5, 30, 30)
    sections, weights = task.exported()
    network = build(**sections["network"])
    network.load_state_dict(weights)
    assert network.multiple_of == (2, 8, 8) and network.out_channels == 1
