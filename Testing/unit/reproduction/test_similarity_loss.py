"""The three losses of the similarity constraint: by hand, and where their gradients stop."""

import math

import pytest
import torch

from reproduction.training.registration_network import RegistrationNetwork, warp
from reproduction.training.similarity_loss import (
    SimilarityLosses,
    SimilarityWeights,
    reference_loss,
    registered,
    registration_loss,
    similarity_losses,
)


@pytest.fixture
def network():
    """One that moves masks."""
    torch.manual_seed(0)
    network = RegistrationNetwork(2, (4, 4))
    torch.nn.init.normal_(network.head.weight, std=0.5)
    torch.nn.init.normal_(network.head.bias)
    return network


@pytest.fixture
def logits():
    return torch.randn(1, 2, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.fixture
def drawn():
    return (torch.rand(1, 2, 16, 16, generator=torch.Generator().manual_seed(2)) > 0.5).float()


def receives(network):
    return any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_reference_loss_adds_the_cross_entropies_of_both_masks():
    probability = torch.tensor([0.8, 0.25]).reshape(1, 2, 1, 1, 1).expand(1, 2, 2, 2, 2)
    drawn = torch.stack([torch.ones(2, 2, 2), torch.zeros(2, 2, 2)])[None]
    expected = -math.log(0.8) - math.log(0.75)
    assert reference_loss(torch.logit(probability), drawn).item() == pytest.approx(expected, abs=1e-6)


def test_registration_and_similarity_loss_by_hand():
    """2 x 2 x 2 voxels and a registration that is still the identity."""
    torch.manual_seed(0)
    still = RegistrationNetwork(3, (2,), [(1, 1, 1)])
    first, second = 0.75, 0.25
    logits = torch.logit(torch.tensor([first, second])).reshape(1, 2, 1, 1, 1).expand(1, 2, 2, 2, 2)
    drawn = torch.ones(1, 2, 2, 2, 2)
    losses = similarity_losses(logits, drawn, still, blur_length=1)
    assert losses.registration.item() == pytest.approx((first - 1) ** 2, abs=1e-5)
    assert losses.similarity.item() == pytest.approx((first - second) ** 2, abs=1e-5)
    blurred = similarity_losses(logits, drawn, still, blur_length=3)
    # At the corners of the image that all voxels are, 3/4 of the filter along each axis lies inside.
    assert blurred.registration.item() == pytest.approx((0.75**3 * (first - 1)) ** 2, abs=1e-5)
    assert blurred.similarity.item() == pytest.approx(losses.similarity.item())


def test_the_total_weighs_each_loss():
    losses = SimilarityLosses(*(torch.tensor(value) for value in (2.0, 3.0, 5.0)))
    assert losses.total(SimilarityWeights()).item() == pytest.approx(8.2)
    assert losses.total(SimilarityWeights(1.0, 0.5, 0.0)).item() == pytest.approx(3.5)


def test_the_reference_loss_trains_both_masks_alone(logits, drawn, network):
    similarity_losses(logits, drawn, network).reference.backward()
    assert logits.grad[:, 0].abs().min() > 0 and logits.grad[:, 1].abs().min() > 0
    assert not receives(network)


def test_the_registration_loss_trains_the_registration_network_alone(logits, drawn, network):
    similarity_losses(logits, drawn, network).registration.backward()
    assert logits.grad is None
    assert receives(network)


def test_the_similarity_loss_trains_the_second_mask_alone(logits, drawn, network):
    similarity_losses(logits, drawn, network).similarity.backward()
    assert not logits.grad[:, 0].any()
    assert logits.grad[:, 1].abs().sum() > 0
    assert not receives(network)


def test_the_similarity_loss_may_train_the_registration_network_too(logits, drawn, network):
    similarity_losses(logits, drawn, network, similarity_trains_registration=True).similarity.backward()
    assert not logits.grad[:, 0].any()
    assert receives(network)


def test_the_sum_of_the_losses_leaves_each_network_its_own_gradients(logits, drawn, network):
    """One backward pass of the total gives what each network would get from its own losses."""
    similarity_losses(logits, drawn, network).total(SimilarityWeights(0.3, 2.0, 0.7)).backward()
    together = logits.grad.clone()
    trained = [p.grad.clone() for p in network.parameters()]
    logits.grad = None
    network.zero_grad()
    losses = similarity_losses(logits, drawn, network)
    (0.3 * losses.reference + 0.7 * losses.similarity).backward(retain_graph=True)
    assert torch.allclose(logits.grad, together)
    assert not receives(network)
    (2.0 * losses.registration).backward()
    assert all(torch.allclose(p.grad, g) for p, g in zip(network.parameters(), trained))


def test_the_registered_mask_is_the_first_one_moved(drawn, network):
    assert torch.equal(registered(network, drawn), warp(drawn[:, :1], network(drawn)))


def test_gradients_of_the_registration_agree_with_finite_differences(drawn):
    mask = drawn.double()
    displacement = torch.full((1, 2, 2, 2), 0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda field: registration_loss(warp(mask[:, :1], field), mask), displacement, atol=1e-4
    )
