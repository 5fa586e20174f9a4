"""Boxes as the network regresses them: each bound minus the same bound of the anchor (Couteaux 2021, section 4.2.1),
divided by the anchor's side."""

import torch


def encode(boxes: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Deltas (..., 2, d) of boxes (..., 2, d) to anchors (..., 2, d), in anchor sides."""
    return (boxes - anchors) / _sides(anchors)


def decode(deltas: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Boxes (..., 2, d) of deltas (..., 2, d) to anchors (..., 2, d). A bound may pass its opposite: such a box is
    none."""
    return anchors + deltas * _sides(anchors)


def centers(boxes: torch.Tensor) -> torch.Tensor:
    """Centers (..., d) of boxes (..., 2, d)."""
    return boxes.mean(dim=-2)


def _sides(anchors: torch.Tensor) -> torch.Tensor:
    return anchors[..., 1:, :] - anchors[..., :1, :]
