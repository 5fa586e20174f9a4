"""Anchor boxes at every position of every level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class LevelBlock:
    """The anchors of one level: `shape` positions with `stride` image voxels between them, from row `start` on."""

    level: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    start: int
    count: int


@dataclass(frozen=True)
class Anchors:
    """All anchors of an image: `boxes` (A, 2, d) and `strides` (A, d), the image voxels per voxel of the anchor's
    level.

    Rows are ordered by level, position (in memory order) and base size, as the network answers.
    """

    boxes: torch.Tensor
    strides: torch.Tensor
    blocks: tuple[LevelBlock, ...]
    per_position: int

    def __len__(self) -> int:
        return len(self.boxes)

    def to(self, device: torch.device | str) -> "Anchors":
        """The same anchors on `device`."""
        return replace(self, boxes=self.boxes.to(device), strides=self.strides.to(device))


def make_anchors(
    shape: Sequence[int],
    strides: Mapping[int, Sequence[int]],
    sizes: Sequence[Sequence[float]],
    growth: float = 2.0,
    device: torch.device | str = "cpu",
) -> Anchors:
    """The anchors of an image of `shape`, (z, y, x) or (y, x).

    Parameters
    ----------
    strides
        Per level (1 is the finest): image voxels per voxel of that level, as `RetinaNet.strides` gives them.
    sizes
        The base boxes: sides in image voxels at the finest of these levels.
    growth
        By how much they are enlarged from one level to the next, along every axis.

    Raises `ValueError` when a side of the image is no multiple of a stride, or the numbers of axes differ.
    """
    dimensions = len(shape)
    base = torch.tensor(sizes, dtype=torch.float32)
    if base.ndim != 2 or base.shape[1] != dimensions or any(len(s) != dimensions for s in strides.values()):
        raise ValueError(f"anchors of a {dimensions}-D image need {dimensions} numbers per size and per stride")
    blocks, boxes, stride_rows, start = [], [], [], 0
    for level in sorted(strides):
        stride = tuple(strides[level])
        if any(n % s for n, s in zip(shape, stride)):
            raise ValueError(f"shape {tuple(shape)} is not a multiple of the strides {stride} of level {level}")
        positions = tuple(n // s for n, s in zip(shape, stride))
        axes = [(torch.arange(n, dtype=torch.float32) + 0.5) * s for n, s in zip(positions, stride)]
        center = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 1, dimensions)
        half = base * growth ** (level - min(strides)) / 2
        boxes.append(torch.stack([center - half, center + half], dim=2).reshape(-1, 2, dimensions))
        count = len(boxes[-1])
        stride_rows.append(torch.tensor(stride, dtype=torch.float32).expand(count, dimensions))
        blocks.append(LevelBlock(level, positions, stride, start, count))
        start += count
    anchors = Anchors(torch.cat(boxes), torch.cat(stride_rows), tuple(blocks), len(base))
    return anchors.to(device)
