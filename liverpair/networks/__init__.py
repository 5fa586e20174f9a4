"""Torch modules only: no files, no images, no loops."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from liverpair.networks.generalized_unet import GeneralizedUNet
from liverpair.networks.retina import RetinaNet
from liverpair.networks.unet import UNet

NETWORKS: dict[str, Callable[..., torch.nn.Module]] = {
    "unet": UNet,
    "generalized-unet": GeneralizedUNet,
    "retina": RetinaNet,
}
"""Every network a bundle may name."""


def build(name: str, arguments: Mapping[str, Any]) -> torch.nn.Module:
    """The network `name` made with `arguments`. Raises `KeyError` for an unknown name and `TypeError` or
    `ValueError` for arguments that do not fit.
    """
    return NETWORKS[name](**arguments)
