"""Losses that a second network takes part in (Couteaux 2021, section 2.2.3): GAN, embedding and gambler.

A segmentation network S with p = S(x) minimizes L_bce + λ · (what its adversary adds), and the adversary a loss of its
own. Neither learns from the other's loss: the adversary sees p detached, and is frozen in what it adds.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as functional
from torch import nn

from liverpair.networks.adversaries import Discriminator, Gambler

BET_FLOOR = 0.02


def fooling_loss(score: torch.Tensor) -> torch.Tensor:
    """Mean of -log D(p); `score` (batch,): the discriminator's logits of predicted masks."""
    return functional.softplus(-score).mean()


def discriminator_loss(score_of_drawn: torch.Tensor, score_of_predicted: torch.Tensor) -> torch.Tensor:
    """Mean of -log D(y) - log(1 - D(p)), from the discriminator's logits (batch,) (Goodfellow et al. 2014; the source
    does not print it).
    """
    return functional.softplus(-score_of_drawn).mean() + functional.softplus(score_of_predicted).mean()


def embedding_distance(predicted: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Mean over features of (D_k(p) - D_k(y))². It is added to L_bce; printed with a minus, which would push the
    embeddings apart.
    """
    return functional.mse_loss(predicted, drawn)


def betting_map(logits: torch.Tensor, floor: float = BET_FLOOR) -> torch.Tensor:
    """Bets b = N (σ(g) + β) / Σ (σ(g) + β) of logits g (batch, masks, *space): at least 0, their mean over the N
    voxels of each mask 1.

    `floor`: β, so that no voxel is without a bet.
    """
    raised = logits.sigmoid() + floor
    return raised / raised.mean(dim=tuple(range(2, logits.ndim)), keepdim=True)


def wagered_loss(bets: torch.Tensor, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean of b · ℓ, ℓ the cross-entropy of each voxel; all are (batch, masks, *space).

    The gambler's loss is L_G = -mean(b ℓ), and S minimizes L_bce - L_G = mean((1 + b) ℓ). The printed L_G lacks the
    background's part of ℓ.
    """
    return (bets * functional.binary_cross_entropy_with_logits(logits, target, reduction="none")).mean()


class AdversarialLosses(NamedTuple):
    """`added`: what the segmentation network minimizes beside its own loss. `own`: what the adversary minimizes.
    `accuracy`: part of the masks that a discriminator tells right, where there is one: at 1 it has won, and at 1/2 it
    has nothing to say."""

    added: torch.Tensor
    own: torch.Tensor
    accuracy: torch.Tensor | None = None


class Adversary(nn.Module, ABC):
    """A network and its game with the segmentation network."""

    @abstractmethod
    def forward(self, image: torch.Tensor, logits: torch.Tensor, target: torch.Tensor) -> AdversarialLosses:
        """The losses of a step.

        `image` (batch, images, *space) in [0, 1]; `logits` of the segmentation network and `target` in [0, 1]
        (batch, masks, *space). The gradient of `added` reaches the segmentation network alone, that of `own` the
        adversary alone.
        """


class GanAdversary(Adversary):
    """A discriminator of masks: S adds -log D(p).

    `hard`: whether it sees predicted masks as drawn ones look, 0 or 1, with the gradient of the soft ones (straight
    through; Bengio et al. 2013): softness would tell them at once, whatever their shapes. `layout`: arguments of
    `Discriminator`.
    """

    def __init__(self, images: int = 1, masks: int = 1, hard: bool = True, **layout: Any):
        super().__init__()
        self.hard = hard
        self.network = Discriminator(masks, **layout)

    def forward(self, image: torch.Tensor, logits: torch.Tensor, target: torch.Tensor) -> AdversarialLosses:
        """As `Adversary.forward`."""
        probability = logits.sigmoid()
        if self.hard:
            probability = probability + ((probability > 0.5).float() - probability).detach()
        scores = [self.network(masks).float() for masks in (target, probability.detach())]
        right = torch.cat([scores[0] > 0, scores[1] <= 0]).float().mean()
        return AdversarialLosses(self.added(probability, target), discriminator_loss(*scores), right)

    def added(self, probability: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """What S minimizes, from masks (batch, masks, *space) in [0, 1]."""
        with frozen(self.network):
            return fooling_loss(self.network(probability).float())


class EmbeddingAdversary(GanAdversary):
    """A discriminator trained as in the GAN, one layer of which compares masks: S adds |D_k(p) - D_k(y)|².

    `layer`: k, which the source leaves open; the last convolution by default.
    """

    def __init__(self, images: int = 1, masks: int = 1, layer: int = -1, hard: bool = True, **layout: Any):
        super().__init__(images, masks, hard, **layout)
        self.layer = layer
        if not -len(self.network.layers) <= layer < len(self.network.layers):
            raise ValueError(f"the discriminator has {len(self.network.layers)} layers, and none of index {layer}")

    def added(self, probability: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """What S minimizes, from masks (batch, masks, *space) in [0, 1]."""
        with frozen(self.network):
            return embedding_distance(
                *(self.network.features(mask)[self.layer].float() for mask in (probability, target))
            )


class GamblerAdversary(Adversary):
    """A gambler that bets on where S is wrong: S adds the cross-entropy weighted by its bets.

    `floor`: β of `betting_map`. `layout`: arguments of `Gambler`.
    """

    def __init__(self, images: int = 1, masks: int = 1, floor: float = BET_FLOOR, **layout: Any):
        super().__init__()
        self.floor = floor
        self.network = Gambler(images, masks, **layout)

    def bets(self, image: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """The betting map (batch, masks, *space) on the masks that `logits` mean; float32."""
        return betting_map(self.network(image, logits.detach().sigmoid()).float(), self.floor)

    def forward(self, image: torch.Tensor, logits: torch.Tensor, target: torch.Tensor) -> AdversarialLosses:
        """As `Adversary.forward`."""
        bets = self.bets(image, logits)
        return AdversarialLosses(
            wagered_loss(bets.detach(), logits, target), -wagered_loss(bets, logits.detach(), target)
        )


ADVERSARIES: dict[str, type[Adversary]] = {
    "gan": GanAdversary,
    "embedding": EmbeddingAdversary,
    "gambler": GamblerAdversary,
}


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What is computed in here leaves no gradient in the parameters of `network`, but lets it through to its input."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
