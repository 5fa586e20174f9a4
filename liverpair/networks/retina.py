"""RetinaNet (Lin et al. 2017) for two images at once, with a third head that says where a lesion lies in the other
image.

Couteaux (2021, section 4.2.1), in two or three dimensions. The images are channels of the input; the network need not
know where they agree.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from liverpair.networks.retina_pyramid import build_pyramid
from liverpair.networks.unet import CONVOLUTIONS, ConvolutionBlock

IMAGES = 2


@dataclass(frozen=True)
class RetinaOutput:
    """What the heads say of every anchor, for each of the two images.

    `logits` (batch, image, anchors, classes); `deltas` (batch, image, anchors, lower and upper bound, axis), in anchor
    sides; `displacement` (batch, image, anchors, axis), to the same lesion's box in the other image, in voxels of the
    anchor's level. Axes are (z, y, x) or (y, x).
    """

    logits: torch.Tensor
    deltas: torch.Tensor
    displacement: torch.Tensor

    @classmethod
    def of(cls, output: torch.Tensor, dimensions: int) -> "RetinaOutput":
        """The parts of what a `RetinaNet` of that many dimensions returned: (batch, anchors, 2 · (classes + 3 ·
        dimensions))."""
        split = output.unflatten(-1, (IMAGES, -1)).transpose(1, 2)
        classes = split.shape[-1] - 3 * dimensions
        logits, deltas, displacement = split.split([classes, 2 * dimensions, dimensions], dim=-1)
        return cls(logits, deltas.unflatten(-1, (2, dimensions)), displacement)

    def __getitem__(self, item: int) -> "RetinaOutput":
        """The output of one item of the batch, without the batch axis."""
        return RetinaOutput(self.logits[item], self.deltas[item], self.displacement[item])


class Heads(nn.Module):
    """Classification, box and displacement heads, whose weights all levels share.

    Each is a tower of convolutions and a last one that starts near its prior; with `joint_tower` the three last ones
    stand on one tower.
    """

    def __init__(
        self,
        images: int,
        anchors: int,
        classes: int,
        prior: float,
        dimensions: int,
        width: int,
        depth: int,
        joint_tower: bool,
        normalization: str,
        activation: str,
    ):
        super().__init__()
        self.anchors = anchors
        self.images = images
        outputs = {"classification": images * classes, "box": 2 * dimensions, "displacement": dimensions}
        kernel = (3,) * dimensions
        self.towers = nn.ModuleList(
            ConvolutionBlock(width, [width] * depth, kernel, normalization, activation)
            for _ in range(1 if joint_tower else len(outputs))
        )
        self.last = nn.ModuleList(
            CONVOLUTIONS[dimensions](width, anchors * count, kernel, padding=1) for count in outputs.values()
        )
        for convolution in self.last:
            nn.init.normal_(convolution.weight, std=0.01)
            nn.init.zeros_(convolution.bias)
        nn.init.constant_(self.last[0].bias, -math.log((1 - prior) / prior))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, anchors at all positions, images, classes + 3 · dimensions); images that share these heads share
        box and displacement."""
        towers = [tower(features) for tower in self.towers]
        towers = towers * len(self.last) if len(towers) == 1 else towers
        logits, box, displacement = (self._by_anchor(last(tower)) for last, tower in zip(self.last, towers))
        place = torch.cat([box, displacement], dim=-1).unsqueeze(-2).expand(-1, -1, self.images, -1)
        return torch.cat([logits.unflatten(-1, (self.images, -1)), place], dim=-1)

    def _by_anchor(self, maps: torch.Tensor) -> torch.Tensor:
        """(batch, anchors · outputs, *space) as (batch, positions · anchors, outputs), positions in the order of
        memory."""
        return maps.unflatten(1, (self.anchors, -1)).flatten(3).permute(0, 3, 1, 2).flatten(1, 2)


class VoxelHead(nn.Module):
    """Voxel segmentation at the resolution of the images, from them and the features of the finest level."""

    WIDTH = 8

    def __init__(self, features: int, images: int, channels: int, dimensions: int, normalization: str, activation: str):
        super().__init__()
        self.mode = {2: "bilinear", 3: "trilinear"}[dimensions]
        self.narrow = CONVOLUTIONS[dimensions](features, self.WIDTH, 1)
        self.block = ConvolutionBlock(self.WIDTH + images, [self.WIDTH], (3,) * dimensions, normalization, activation)
        self.last = CONVOLUTIONS[dimensions](self.WIDTH, channels, 1)

    def forward(self, features: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, channels, *space of the images)."""
        raised = functional.interpolate(self.narrow(features), size=images.shape[2:], mode=self.mode)
        return self.last(self.block(torch.cat([raised, images], dim=1)))


class RetinaNet(nn.Module):
    """Detector of lesions in two images that are not registered.

    Parameters
    ----------
    in_channels
        Channels of the input: one per image, and what else helps (liver masks, say).
    dimensions
        2 or 3.
    levels
        Levels of the pyramid that carry anchors; 1 is the finest.
    anchors
        Anchors at every position.
    classes
        Kinds of lesion told apart in each image.
    pyramid
        "lateral": sums over a residual encoder (`retina_pyramid.ResidualEncoder`). "decoder": the decoder of a U-Net
        (`unet.UNet`).
    backbone
        Arguments of that encoder or U-Net beyond input channels, dimensions, normalization and activation. With
        `resnet` of a "lateral" pyramid the encoder is a ResNet of so many layers.
    width
        Channels of the pyramid as the heads see it.
    head_depth
        Convolutions of each head before its last.
    joint_tower
        Whether the three heads share these, which costs a third.
    shared_heads
        One set of heads for both images, which tells them apart by class alone and gives both the same box and
        displacement; or a set for each.
    prior
        Probability of a lesion at every anchor before training (Lin et al. 2017, section 4.1).
    segmentation_channels
        When above 0, level 1 and the images also carry a voxel segmentation with that many channels (Retina U-Net,
        Jaeger et al. 2020).
    normalization, activation
        As in `UNet`. Group normalization does not depend on the batch nor on what else is in it.
    """

    def __init__(
        self,
        in_channels: int = 2,
        dimensions: int = 3,
        levels: Sequence[int] = (2, 3, 4),
        anchors: int = 3,
        classes: int = 1,
        pyramid: str = "lateral",
        backbone: Mapping[str, Any] | None = None,
        width: int = 32,
        head_depth: int = 2,
        joint_tower: bool = False,
        shared_heads: bool = False,
        prior: float = 0.01,
        segmentation_channels: int = 0,
        normalization: str = "group",
        activation: str = "leaky_relu",
    ):
        super().__init__()
        self.in_channels = in_channels
        self.dimensions = dimensions
        self.levels = sorted(levels)
        self.anchors = anchors
        self.classes = classes
        self.shared_heads = shared_heads
        built = [1, *(k for k in self.levels if k != 1)] if segmentation_channels else self.levels
        self.pyramid = build_pyramid(
            pyramid, in_channels, dimensions, built, width, normalization, activation, backbone or {}
        )
        self.strides = {level: self.pyramid.strides[level - 1] for level in self.levels}
        """Image voxels per voxel of each level that carries anchors, (z, y, x) or (y, x)."""
        self.multiple_of = self.pyramid.strides[-1]
        """What the side lengths of the input must be multiples of."""
        convolution = CONVOLUTIONS[dimensions]
        self.project = nn.ModuleDict(
            {
                str(k): convolution(w, width, 1) if (w := self.pyramid.widths[k - 1]) != width else nn.Identity()
                for k in self.levels
            }
        )
        images = [IMAGES] if shared_heads else [1] * IMAGES
        self.heads = nn.ModuleList(
            Heads(n, anchors, classes, prior, dimensions, width, head_depth, joint_tower, normalization, activation)
            for n in images
        )
        self.segmentation = (
            VoxelHead(self.pyramid.widths[0], in_channels, segmentation_channels, dimensions, normalization, activation)
            if segmentation_channels
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The heads' answer to images (batch, in_channels, *space), whose sides must be multiples of `multiple_of`;
        `RetinaOutput.of` takes it apart.

        Anchors come level by level from the finest, by position, and at one position in the order of their sizes.
        """
        return self._detect(self.pyramid(x, self.levels[0]))

    def with_segmentation(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What `forward` returns, and the logits of the voxel segmentation (batch, segmentation_channels, *space of the
        input).

        Raises `ValueError` when the network was made without.
        """
        if self.segmentation is None:
            raise ValueError("this network has no voxel segmentation")
        maps = self.pyramid(x, 1)
        return self._detect(maps), self.segmentation(maps[1], x)

    def _detect(self, maps: Mapping[int, torch.Tensor]) -> torch.Tensor:
        by_level = [
            torch.cat([heads(self.project[str(k)](maps[k])) for heads in self.heads], dim=2) for k in self.levels
        ]
        return torch.cat(by_level, dim=1).flatten(2)


class RetinaWithVoxels(nn.Module):
    """A `RetinaNet` whose one answer holds its voxel segmentation as well: engines run networks of one output."""

    def __init__(self, network: RetinaNet):
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both answers of `RetinaNet.with_segmentation`, flat, one behind the other: (batch, numbers)."""
        return torch.cat([part.flatten(1) for part in self.network.with_segmentation(x)], dim=1)

    @staticmethod
    def apart(answer: torch.Tensor, anchors: int, shape: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """What `RetinaNet.forward` returns for that many anchors, and the logits (batch, 2, *shape)."""
        voxels = IMAGES * math.prod(shape)
        return answer[:, :-voxels].unflatten(1, (anchors, -1)), answer[:, -voxels:].unflatten(1, (IMAGES, *shape))
