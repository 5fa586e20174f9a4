"""Torch modules only: no files, no images, no loops."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NETWORKS = {
    "unet": "unet.UNet",
    "reversible-unet": "reversible_unet.ReversibleUNet",
    "generalized-unet": "generalized_unet.GeneralizedUNet",
    "slice-unet": "slice_unet.SliceUNet",
    "views-unet": "views_unet.ViewsUNet",
    "retina": "retina.RetinaNet",
}
"""Every network a bundle may name, and where it is; torch is imported when one is built."""


def build(name: str, arguments: Mapping[str, Any]) -> "torch.nn.Module":
    """The network `name` made with `arguments`. Raises `KeyError` for an unknown name and `TypeError` or
    `ValueError` for arguments that do not fit.
    """
    module, _, network = NETWORKS[name].partition(".")
    return getattr(import_module(f"{__name__}.{module}"), network)(**arguments)
