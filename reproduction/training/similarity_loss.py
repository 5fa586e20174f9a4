"""The similarity constraint: a registration network tells the segmentation network how alike its masks should be.

Couteaux 2021, section 2.3.1. Masks are (batch, 2, *space): the first image's, then that of the second, the harder one.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from liverpair.segmentation.losses import binary_cross_entropy
from reproduction.training.registration_network import RegistrationNetwork, binomial_blur, warp


@dataclass(frozen=True)
class SimilarityWeights:
    """Weights of the three losses; the defaults are those of the published experiment on images.

    Attributes:
        reference: λ_r, of both masks against those drawn by hand.
        registration: λ_g, of the first mask, registered, against the second one drawn by hand; trains the registration.
        similarity: λ_p, of the second mask against the registered first one; trains the second mask.
    """

    reference: float = 0.1
    registration: float = 1.0
    similarity: float = 1.0


@dataclass(frozen=True)
class SimilarityLosses:
    """L_r, L_g and L_p of one batch."""

    reference: torch.Tensor
    registration: torch.Tensor
    similarity: torch.Tensor

    def total(self, weights: SimilarityWeights) -> torch.Tensor:
        """L = λ_r L_r + λ_g L_g + λ_p L_p."""
        return (
            weights.reference * self.reference
            + weights.registration * self.registration
            + weights.similarity * self.similarity
        )


def reference_loss(logits: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """L_r: the cross-entropies of both masks with those drawn by hand, added up."""
    return sum(binary_cross_entropy(logits[:, side], drawn[:, side]) for side in (0, 1))


def registered(network: RegistrationNetwork, masks: torch.Tensor) -> torch.Tensor:
    """The first of the masks carried onto the second (batch, 1, *space); only the network receives gradients."""
    masks = masks.detach()
    return warp(masks[:, :1], network(masks))


def registration_loss(moved: torch.Tensor, drawn: torch.Tensor, blur_length: int = 3) -> torch.Tensor:
    """L_g: mean squared difference of a registered first mask (batch, 1, *space) and the second one of `drawn`, both
    seen through a binomial filter of `blur_length` voxels.
    """
    return binomial_blur(moved - drawn[:, 1:], blur_length).square().mean()


def similarity_losses(
    logits: torch.Tensor,
    drawn: torch.Tensor,
    network: RegistrationNetwork,
    blur_length: int = 3,
    similarity_trains_registration: bool = False,
) -> SimilarityLosses:
    """All three losses. L_r trains both masks, L_g the registration network alone, L_p the second mask alone.

    Args:
        logits: of both masks, float32.
        drawn: both masks as drawn by hand, in [0, 1].
        network: the registration network; it sees the predicted masks.
        blur_length: of the filter in L_g, voxels.
        similarity_trains_registration: whether L_p trains the registration network too. The thesis shows which way
            gradients pass in a figure alone.
    """
    predicted = logits.sigmoid()
    moved = registered(network, predicted)
    wanted = moved if similarity_trains_registration else moved.detach()
    return SimilarityLosses(
        reference_loss(logits, drawn),
        registration_loss(moved, drawn, blur_length),
        functional.mse_loss(predicted[:, 1:], wanted),
    )
