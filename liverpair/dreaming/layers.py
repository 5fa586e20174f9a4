"""A trained network rearranged so that gradients of its input are found fast. What it computes stays the same."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from liverpair.engine.torch_engine import MEMORY_FORMATS
from liverpair.networks.retina import RetinaNet
from liverpair.networks.unet import CONVOLUTIONS

BATCH_NORMALIZATIONS = (nn.BatchNorm2d, nn.BatchNorm3d)


class InFloat32(nn.Sequential):
    """A layer that computes in single precision whatever precision surrounds it: a logit rounded to bfloat16 would
    hide the gain of a step."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the layer."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


class OutsideGradients(nn.Sequential):
    """A layer that is only read: what no neuron stands on needs no backward pass, which would carry zeros."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the layer."""
        return super().forward(x.detach())


class PlaneByPlane(nn.Sequential):
    """A group normalization that reads channel after channel: on CPUs, PyTorch's for channels-last bfloat16 takes ten
    times as long."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the layer."""
        if x.device.type != "cpu" or x.dtype != torch.bfloat16 or x.ndim not in MEMORY_FORMATS:
            return super().forward(x)
        return super().forward(x.contiguous()).contiguous(memory_format=MEMORY_FORMATS[x.ndim])


def for_gradients(network: nn.Module) -> nn.Module:
    """`network` itself, changed: in eval mode, its weights frozen; batch normalizations made part of the convolutions
    before them; its logits in single precision, and gradients through these alone."""
    network.requires_grad_(False).eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fuse(module)
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GroupNorm):
                setattr(module, name, PlaneByPlane(child))
    if isinstance(getattr(network, "head", None), nn.Module):
        network.head = InFloat32(network.head)
    if isinstance(network, RetinaNet):
        for heads in network.heads:
            logits, *boxes = heads.last
            heads.last = nn.ModuleList([InFloat32(logits), *map(OutsideGradients, boxes)])
    return network.requires_grad_(False).eval()


def _fuse(block: nn.Sequential) -> None:
    for i in range(len(block) - 1):
        layer, after = block[i], block[i + 1]
        if isinstance(layer, tuple(CONVOLUTIONS.values())) and isinstance(after, BATCH_NORMALIZATIONS):
            block[i] = fuse_conv_bn_eval(layer, after)
            block[i + 1] = nn.Identity()
