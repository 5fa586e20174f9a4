"""U-Nets on axial, coronal and sagittal slices, fused voxel by voxel with weights from how sure each view is.

Sources: the true-class probability as what a network should be sure of, and a second head that learns it of a frozen
network: Corbière, Thome, Bar-Hen, Cord and Pérez, NeurIPS 2019 (ConfidNet). Dropout while a network is used: Gal and
Ghahramani, ICML 2016.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import nn

from liverpair.networks.slice_unet import AXES, DIMENSIONS, SliceUNet, View

Fusion = Literal["mean", "probability", "entropy", "dropout", "confidence"]
"""How sure a view is of a voxel where it says p: all views alike; |2p - 1|; 1 - the entropy of p in bits; 1 - the
variance of p over passes with dropout; or the probability of being right that a head of its own has learned."""
SMALLEST = 1e-6
HIDDEN = 16
"""Channels of the head that learns how sure to be."""


class ViewsUNet(nn.Module):
    """U-Nets on the slices of several views of a volume, fused. Returns two channels: logits of the mask, and logits
    of its uncertainty, which is the probability that the mask is wrong as the views' weights and votes tell it.

    With p_n what view n says and c_n how sure it is, the mask's probability is Σ w_n p_n with w_n = c_n / Σ c_m.

    Parameters
    ----------
    in_channels, out_channels
        One image, one mask.
    views
        Which.
    fusion
        "mean", "probability" (the largest of p and 1 - p), "entropy", "dropout" or "confidence".
    dropout, passes
        Probability that a channel of the deepest level is dropped while training and, by "dropout", in so many passes
        in use. Which channels are dropped in a pass was drawn once and is part of the weights, so that the same image
        has the same mask every time.
    settings
        The other arguments of each view's `SliceUNet`.
    """

    dimensions = DIMENSIONS

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        views: Sequence[View] = tuple(AXES),
        fusion: Fusion = "confidence",
        dropout: float = 0.2,
        passes: int = 10,
        **settings: Any,
    ):
        super().__init__()
        if out_channels != 1:
            raise ValueError("views are fused for one mask")
        if fusion not in get_args(Fusion):
            raise ValueError(f"a fusion is {', '.join(get_args(Fusion))}, not '{fusion}'")
        if not views or len(set(views)) < len(views):
            raise ValueError("a network of views needs one or more, each once")
        if not 0 <= dropout < 1 or passes < 2:
            raise ValueError("dropout is from 0 to below 1, in 2 passes or more")
        self.in_channels, self.out_channels, self.fusion = in_channels, out_channels, fusion
        self.views = list(views)
        self.networks = nn.ModuleList(SliceUNet(in_channels, 1, view, dropout=dropout, **settings) for view in views)
        if any(math.prod(one.network.stem_stride) > 1 for one in self.networks):
            raise ValueError("a network of views has no stem_stride, for it learns how sure to be of each voxel")
        self.confidence = nn.ModuleList(_confidence_head(one.network.level_widths[0]) for one in self.networks)
        for number, one in enumerate(self.networks):
            kept = torch.full((passes, one.network.level_widths[-1]), 1 - dropout)
            self.register_buffer(f"kept_{number}", torch.bernoulli(kept) / (1 - dropout))

    @property
    def heads(self) -> list[nn.Module]:
        """The last layer of each view."""
        return [one.head for one in self.networks]

    @property
    def multiple_of(self) -> tuple[int, int, int]:
        """What the side lengths of the input must be multiples of, (z, y, x)."""
        return tuple(math.lcm(*sides) for sides in zip(*(one.multiple_of for one in self.networks)))

    def of_views(self, x: torch.Tensor, frozen: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Of each view the logits of its mask, and those of being right, both (batch, views, z, y, x).

        The second learn from features that they leave as they are. `frozen`: the first, too, learn nothing.
        """
        logits, sure = [], []
        for one, head in zip(self.networks, self.confidence):
            with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
                finest = one.network.features(one.cut(x))[0]
                logits.append(one.stacked(one.network.head(finest), x.shape[0]))
            sure.append(one.stacked(head(finest.detach()), x.shape[0]))
        return torch.cat(logits, 1), torch.cat(sure, 1)

    def variance(self, x: torch.Tensor) -> torch.Tensor:
        """Of the probability of each view over passes with dropout (batch, views, z, y, x)."""
        found = []
        for number, one in enumerate(self.networks):
            skips = one.network.encoded(one.cut(x))
            total = squares = torch.zeros(())
            passes = getattr(self, f"kept_{number}")
            for kept in passes:
                deepest = skips[-1] * kept.to(skips[-1].dtype)[:, None, None]
                p = one.network.head(one.network.decoded([*skips[:-1], deepest])[0]).float().sigmoid()
                total, squares = total + p, squares + p * p
            mean = total / len(passes)
            found.append(one.stacked((squares / len(passes) - mean * mean).clamp(min=0), x.shape[0]))
        return torch.cat(found, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the mask and of its uncertainty (batch, 2, z, y, x) of volumes (batch, in_channels, z, y, x)."""
        logits, sure = self.of_views(x)
        variance = self.variance(x) if self.fusion == "dropout" else None
        mask, uncertainty = fused(logits.float().sigmoid(), self.fusion, sure.float().sigmoid(), variance)
        return torch.logit(torch.cat([mask, uncertainty], 1), SMALLEST)


def _confidence_head(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, HIDDEN, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(HIDDEN, 1, 1),
    )


def weights_of(
    p: torch.Tensor, fusion: Fusion, sure: torch.Tensor | None = None, variance: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """How sure each view is (the c_n of the weights), and the probability of being right that this stands for, both
    (batch, views, *space).

    `p` (batch, views, *space): what each says. `sure`: what its head has learned; `variance`: over passes.
    """
    largest = torch.maximum(p, 1 - p)
    if fusion == "mean":
        return torch.ones_like(p), largest
    if fusion == "probability":
        return 2 * largest - 1, largest
    if fusion == "entropy":
        q = p.clamp(SMALLEST, 1 - SMALLEST)
        certainty = 1 + q * q.log2() + (1 - q) * (1 - q).log2()
        return certainty, (1 + certainty) / 2
    if fusion == "dropout":
        return 1 - variance, 1 - 2 * variance
    return sure, sure


def fused(
    p: torch.Tensor, fusion: Fusion, sure: torch.Tensor | None = None, variance: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mask's probability and its uncertainty (batch, 1, *space).

    Arguments as of `weights_of`. The uncertainty is 1 - Σ w_n r_n, where r_n is the probability of view n of being
    right if it says what the mask says, and of being wrong if not.
    """
    weights, right = weights_of(p, fusion, sure, variance)
    weights = weights + SMALLEST
    weights = weights / weights.sum(1, keepdim=True)
    mask = (weights * p).sum(1, keepdim=True)
    agrees = (p > 0.5) == (mask > 0.5)
    return mask, 1 - (weights * torch.where(agrees, right, 1 - right)).sum(1, keepdim=True)
