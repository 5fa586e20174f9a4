"""The registration network, warping and the binomial filter."""

import pytest
import torch

from reproduction.training.registration_network import RegistrationNetwork, binomial_blur, dense, warp


def test_the_published_network_has_its_size_and_starts_with_the_identity():
    network = RegistrationNetwork()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(0.88e6, rel=0.005)
    assert network.multiple_of == (16, 16, 16)
    masks = torch.rand(1, 2, 16, 32, 32)
    displacement = network(masks)
    assert displacement.shape == (1, 3, 1, 2, 2)
    assert warp(masks, displacement).detach().numpy() == pytest.approx(masks.numpy(), abs=1e-4)


def test_reduction_and_strides_set_the_coarse_cell():
    network = RegistrationNetwork(3, (4, 8), [(2, 2, 2), (2, 1, 1)], (1, 2, 2))
    assert network.multiple_of == (4, 4, 4)
    assert network(torch.rand(2, 2, 8, 8, 16)).shape == (2, 3, 2, 2, 4)
    with pytest.raises(ValueError, match="2 blocks need 2 strides"):
        RegistrationNetwork(3, (4, 8), [(2, 2, 2)])


def test_a_translation_is_one_displacement_for_all():
    network = RegistrationNetwork(2, (4, 8), translation=True)
    network.head.bias.data = torch.tensor([3.0, -2.0])
    displacement = network(torch.rand(2, 2, 12, 16))
    assert displacement.shape == (2, 2, 1, 1)
    moved = dense(displacement, (12, 16))
    assert torch.equal(moved[1, :, 5, 7], torch.tensor([3.0, -2.0]))


@pytest.mark.parametrize("size", [(9, 12), (6, 9, 12)])
def test_warping_pulls_and_brings_nothing_in(size):
    masks = torch.rand(1, 1, *size)
    displacement = torch.zeros(1, len(size), *(1,) * len(size))
    displacement[0, -1] = 2.0
    displacement[0, -2] = -1.0
    moved = warp(masks, displacement)
    assert moved[..., 1:, :-2].numpy() == pytest.approx(masks[..., :-1, 2:].numpy(), abs=1e-4)
    assert moved[..., :1, :].abs().max() < 1e-4 and moved[..., -2:].abs().max() < 1e-4


def test_warping_between_voxels_is_linear_and_has_gradients():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8).contiguous()
    displacement = torch.zeros(1, 2, 1, 1, requires_grad=True)
    moved = warp(ramp, displacement + torch.tensor([0.0, 0.25]).reshape(1, 2, 1, 1))
    assert moved[0, 0, 4, 3].item() == pytest.approx(3.25, abs=1e-4)
    moved[0, 0, 4, 3].backward()
    assert displacement.grad.ravel().tolist() == pytest.approx([0.0, 1.0], abs=1e-4)


@pytest.mark.parametrize(
    ("length", "weights"), [(1, [1]), (3, [1, 2, 1]), (5, [1, 4, 6, 4, 1]), (7, [1, 6, 15, 20, 15, 6, 1])]
)
def test_the_filter_is_binomial_along_every_axis(length, weights):
    point = torch.zeros(1, 1, 9, 9, 9)
    point[0, 0, 4, 4, 4] = 1
    line = torch.tensor(weights) / sum(weights)
    expected = torch.einsum("i,j,k->ijk", line, line, line)
    reach = length // 2
    window = slice(4 - reach, 5 + reach)
    blurred = binomial_blur(point, length)
    assert blurred.shape == point.shape and blurred.sum().item() == pytest.approx(1)
    assert torch.allclose(blurred[0, 0, window, window, window], expected)


def test_a_filter_of_even_length_is_refused():
    with pytest.raises(ValueError, match="odd length, not 4"):
        binomial_blur(torch.zeros(1, 1, 4, 4), 4)
