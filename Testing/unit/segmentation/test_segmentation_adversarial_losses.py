"""Adversarial losses against cases computed by hand (2 x 2 x 2 voxels), and whom their gradients reach."""

import math

import pytest
import torch
from test_segmentation_losses import BCE, LOGITS, PROBABILITY, TARGET

from liverpair.segmentation.adversarial_losses import (
    ADVERSARIES,
    EmbeddingAdversary,
    GamblerAdversary,
    GanAdversary,
    betting_map,
    discriminator_loss,
    embedding_distance,
    fooling_loss,
    wagered_loss,
)
from liverpair.segmentation.losses import binary_cross_entropy

GUESSES = torch.tensor([0.08, 0.08, 0.08, 0.88, 0.08, 0.08, 0.08, 0.08]).reshape(TARGET.shape)
BETS = [0.1 / 0.2] * 3 + [0.9 / 0.2] + [0.1 / 0.2] * 4
VOXEL_LOSSES = [-math.log(0.8)] * 3 + [-math.log(0.2)] + [-math.log(0.75)] * 4
SMALL = {
    "gan": {"widths": [4, 6]},
    "embedding": {"widths": [4, 6]},
    "gambler": {"widths": [4, 8], "kernels": None, "strides": [[1, 2, 2]]},
}


def test_fooling_and_discriminator_loss_are_cross_entropies_of_the_score():
    drawn, predicted = torch.logit(torch.tensor([0.9, 0.6])), torch.logit(torch.tensor([0.3, 0.2]))
    assert fooling_loss(predicted).item() == pytest.approx(-(math.log(0.3) + math.log(0.2)) / 2)
    expected = -(math.log(0.9) + math.log(0.6)) / 2 - (math.log(0.7) + math.log(0.8)) / 2
    assert discriminator_loss(drawn, predicted).item() == pytest.approx(expected)


def test_embedding_distance_is_the_mean_square_and_grows_as_embeddings_part():
    drawn = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
    moved = drawn + torch.tensor([1.0, -2, 0, 0, 3, 0, 0, 0]).reshape(drawn.shape)
    assert embedding_distance(moved, drawn).item() == pytest.approx(14 / 8)
    assert embedding_distance(drawn, drawn).item() == 0


def test_bets_keep_their_budget_whatever_the_gambler_says():
    bets = betting_map(torch.logit(GUESSES), floor=0.02)
    assert bets.flatten().tolist() == pytest.approx(BETS, rel=1e-4)
    several = betting_map(torch.randn(2, 3, 4, 5, 6) * 8)
    assert several.mean(dim=(2, 3, 4)).flatten().tolist() == pytest.approx([1.0] * 6, rel=1e-5)
    assert several.min() > 0


def test_a_wager_weighs_the_cross_entropy_of_every_voxel():
    bets = torch.tensor(BETS).reshape(TARGET.shape)
    expected = sum(b * loss for b, loss in zip(BETS, VOXEL_LOSSES)) / 8
    assert wagered_loss(bets, LOGITS, TARGET).item() == pytest.approx(expected, rel=1e-5)
    assert wagered_loss(torch.ones_like(bets), LOGITS, TARGET).item() == pytest.approx(BCE, rel=1e-5)


def test_the_segmentation_network_minimizes_what_the_gambler_maximizes(monkeypatch):
    """L_S = L_bce - L_G = mean((1 + b) ℓ)."""
    adversary = GamblerAdversary(**SMALL["gambler"])
    monkeypatch.setattr(adversary, "bets", lambda *_: torch.tensor(BETS).reshape(TARGET.shape))
    added, own, _ = adversary(TARGET, LOGITS, TARGET)
    assert added.item() == pytest.approx(-own.item())
    total = sum((1 + b) * loss for b, loss in zip(BETS, VOXEL_LOSSES)) / 8
    assert (binary_cross_entropy(LOGITS, TARGET) + added).item() == pytest.approx(total, rel=1e-5)


def test_a_discriminator_of_known_weights_by_hand():
    """One layer whose only weight is at the kernel's center sees voxel (0, 0, 0): 0.8 of p, 1 of y."""
    adversary = GanAdversary(widths=[1], hard=False)
    with torch.no_grad():
        for parameter in adversary.parameters():
            parameter.zero_()
        adversary.network.layers[0][0].weight[0, 0, 1, 1, 1] = 1.0
        adversary.network.head.weight.fill_(2.0)
    added, own, accuracy = adversary(TARGET, LOGITS, TARGET)
    assert accuracy.item() == 0.5  # the drawn mask, with 2.0, is taken for drawn, and so is the predicted one, with 1.6
    assert added.item() == pytest.approx(math.log(1 + math.exp(-1.6)))
    assert own.item() == pytest.approx(math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(1.6)))
    embedding = EmbeddingAdversary(widths=[1], hard=False)
    embedding.load_state_dict(adversary.state_dict())
    assert embedding(TARGET, LOGITS, TARGET).added.item() == pytest.approx(0.2**2)


def test_a_discriminator_sees_predicted_masks_as_hard_as_drawn_ones_and_passes_the_gradient_of_soft_ones():
    """0.8 becomes 1, which is what is drawn there: nothing tells the masks apart; p (1 - p) of 0.8 is 0.16."""
    adversary = EmbeddingAdversary(widths=[1])
    with torch.no_grad():
        for parameter in adversary.parameters():
            parameter.zero_()
        adversary.network.layers[0][0].weight[0, 0, 1, 1, 1] = 1.0
        adversary.network.head.weight.fill_(2.0)
    logits = LOGITS.clone().requires_grad_()
    assert adversary(TARGET, logits, TARGET).added.item() == 0
    gan = GanAdversary(widths=[1])
    gan.load_state_dict(adversary.state_dict())
    added, own, _ = gan(TARGET, logits, TARGET)
    assert added.item() == pytest.approx(math.log(1 + math.exp(-2.0)))
    assert own.item() == pytest.approx(math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(2.0)))
    added.backward()
    assert logits.grad.flatten()[0].item() == pytest.approx(-2.0 / (1 + math.exp(2.0)) * 0.16, rel=1e-4)


def step(key, half_precision=False):
    torch.manual_seed(1)
    adversary = ADVERSARIES[key](images=2, masks=1, **SMALL[key])
    image = torch.rand(1, 2, 4, 8, 8)
    logits = torch.randn(1, 1, 4, 8, 8, requires_grad=True)
    target = (torch.rand(1, 1, 4, 8, 8) > 0.5).float()
    with torch.autocast("cpu", torch.bfloat16, enabled=half_precision):
        return adversary, logits, adversary(image, logits, target)


@pytest.mark.parametrize("half_precision", [False, True])
@pytest.mark.parametrize("key", ADVERSARIES)
def test_what_is_added_teaches_the_segmentation_network_alone(key, half_precision):
    adversary, logits, losses = step(key, half_precision)
    losses.added.backward()
    assert logits.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in adversary.parameters())
    assert all(parameter.requires_grad for parameter in adversary.parameters())


@pytest.mark.parametrize("half_precision", [False, True])
@pytest.mark.parametrize("key", ADVERSARIES)
def test_the_adversarys_own_loss_teaches_the_adversary_alone(key, half_precision):
    adversary, logits, losses = step(key, half_precision)
    losses.own.backward()
    assert logits.grad is None
    assert all(parameter.grad is not None for parameter in adversary.parameters())
    assert sum(parameter.grad.abs().sum() for parameter in adversary.parameters()) > 0


@pytest.mark.parametrize("key", ADVERSARIES)
def test_one_backward_of_both_gives_each_its_own_gradient(key):
    adversary, logits, losses = step(key)
    (losses.added + losses.own).backward()
    both = [logits.grad, *(parameter.grad for parameter in adversary.parameters())]
    again, other_logits, apart = step(key)
    apart.added.backward()
    apart.own.backward()
    for one, other in zip(both, [other_logits.grad, *(parameter.grad for parameter in again.parameters())]):
        assert torch.allclose(one, other, atol=1e-7)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: wagered_loss(torch.tensor(BETS).double().reshape(TARGET.shape), x, TARGET.double()),
        lambda x: (betting_map(x) * PROBABILITY.double()).sum(),
        lambda x: fooling_loss(x.flatten()),
        lambda x: embedding_distance(x, TARGET.double()),
    ],
)
def test_gradients_agree_with_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, LOGITS.double().clone().requires_grad_())


def test_a_gambler_takes_images_of_any_size():
    adversary = GamblerAdversary(images=2, masks=2, **SMALL["gambler"])
    bets = adversary.bets(torch.rand(1, 2, 3, 7, 9), torch.randn(1, 2, 3, 7, 9))
    assert bets.shape == (1, 2, 3, 7, 9)
    assert bets.mean(dim=(2, 3, 4)).flatten().tolist() == pytest.approx([1.0, 1.0], rel=1e-5)


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="the discriminator has 2 layers, and none of index 2"):
        EmbeddingAdversary(layer=2, widths=[4, 6])
