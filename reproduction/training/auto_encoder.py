"""Wasserstein auto-encoders, one dimension of which may be told what it is to stand for (Couteaux 2021, 5.2.1)."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

BATCH = 32
PRIOR_WEIGHT = 10.0
"""Of the distance to the prior, beside the squared error of an image; Tolstikhin et al. (2018) take 10."""
KNOWN_SHARE = 0.2
"""Part of the samples whose first latent is replaced by the known quantity; published."""
RATE = 2e-3


class AutoEncoder(nn.Module):
    """Strided convolutions to a few numbers and back.

    Parameters
    ----------
    size, channels
        Side and channels of the square images; the side must be a multiple of 2 to the number of widths.
    latent
        How many numbers.
    widths
        Channels of each level, each of half the resolution of the one before.
    """

    def __init__(self, size: int, channels: int = 1, latent: int = 2, widths: Sequence[int] = (8, 16, 32)):
        super().__init__()
        coarse = size // 2 ** len(widths)
        down: list[nn.Module] = []
        for before, width in pairwise((channels, *widths)):
            down += [nn.Conv2d(before, width, 4, 2, 1), nn.ReLU()]
        up: list[nn.Module] = []
        for before, width in pairwise((*widths[::-1], channels)):
            up += [nn.ConvTranspose2d(before, width, 4, 2, 1), nn.ReLU()]
        numbers = widths[-1] * coarse**2
        standard = nn.BatchNorm1d(latent, affine=False)  # far from the prior, its kernels pull no more
        self.encode = nn.Sequential(*down, nn.Flatten(), nn.Linear(numbers, latent), standard)
        self.decode = nn.Sequential(
            nn.Linear(latent, numbers), nn.ReLU(), nn.Unflatten(1, (widths[-1], coarse, coarse)), *up[:-1], nn.Sigmoid()
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, channels, size, size) in [0, 1], encoded and decoded."""
        return self.decode(self.encode(images))


def distance_to_prior(latents: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """Maximum mean discrepancy of two samples (n, d) with inverse multiquadratic kernels 2 d / (2 d + r²), unbiased
    (Tolstikhin et al. 2018, whose prior is standard normal as here)."""

    def kernel(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        scale = 2.0 * one.shape[1]
        return scale / (scale + torch.cdist(one, other).square())

    n = len(latents)
    own, others = (kernel(z, z).sum() - n for z in (latents, prior))
    return (own + others) / (n * (n - 1)) - 2 * kernel(latents, prior).mean()


def trained_auto_encoder(
    images: np.ndarray,
    latent: int,
    steps: int,
    seed: int,
    known: np.ndarray | None = None,
    widths: Sequence[int] = (8, 16, 32),
) -> AutoEncoder:
    """An auto-encoder of images (n, channels, size, size) in [0, 1], in evaluation mode.

    Parameters
    ----------
    known
        (n,) a quantity of every image that the first latent is to stand for: of a fifth of the samples of each step it
        takes the place of what the encoder found there, in standard deviations from its mean.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = AutoEncoder(images.shape[-1], images.shape[1], latent, widths)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    told = None if known is None else standardized(known, known)
    for _ in range(steps):
        rows = random.integers(len(images), size=BATCH)
        batch = torch.from_numpy(images[rows])
        found = network.encode(batch)
        used = found
        if told is not None:
            given = torch.from_numpy(random.random(BATCH) < KNOWN_SHARE)
            first = torch.where(given, torch.from_numpy(told[rows]), found[:, 0])
            used = torch.cat([first[:, None], found[:, 1:]], dim=1)
        error = (network.decode(used) - batch).square().flatten(1).sum(dim=1).mean()
        loss = error + PRIOR_WEIGHT * distance_to_prior(found, torch.randn_like(found))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def standardized(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Values in standard deviations from the mean of others, float32."""
    return ((values - of.mean()) / of.std()).astype(np.float32)


@torch.no_grad()
def latents_of(network: AutoEncoder, images: np.ndarray) -> np.ndarray:
    """(n, latent) of images (n, channels, size, size)."""
    return network.encode(torch.from_numpy(images)).numpy()


@torch.no_grad()
def error_of(network: AutoEncoder, images: np.ndarray) -> float:
    """Root of the mean squared error over all pixels."""
    return float((network(torch.from_numpy(images)) - torch.from_numpy(images)).square().mean().sqrt())


@torch.no_grad()
def traversal(network: AutoEncoder, axis: int, values: Sequence[float], center: np.ndarray) -> np.ndarray:
    """Images (n, channels, size, size) decoded from `center` (latent,) with one latent at each of the values."""
    latents = np.repeat(center[None].astype(np.float32), len(values), axis=0)
    latents[:, axis] = values
    return network.decode(torch.from_numpy(latents)).numpy()
