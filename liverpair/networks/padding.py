"""Images of any size through networks that halve them."""

import torch
import torch.nn.functional as functional


def pad_to_multiple(x: torch.Tensor, multiple_of: tuple[int, ...]) -> torch.Tensor:
    """`x` (batch, channels, *space) padded with zeros at the far ends until every side is a multiple of
    `multiple_of`.
    """
    missing = [-size % multiple for size, multiple in zip(x.shape[2:], multiple_of)]
    return functional.pad(x, [side for m in reversed(missing) for side in (0, m)])


def logits_of(network: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    """Logits (batch, channels, *space) of images (batch, channels, *space) of any size."""
    size = image.shape[2:]
    logits = network(pad_to_multiple(image, network.multiple_of))
    return logits[(..., *(slice(0, n) for n in size))]
