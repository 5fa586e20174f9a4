"""Networks that only the comparison of dimensions needs: a hybrid of slices and volumes, and MONAI's V-Net."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from liverpair.networks import build
from liverpair.networks.slice_unet import SliceUNet
from liverpair.networks.unet import UNet


class HybridUNet(nn.Module):
    """A U-Net on axial slices and one on volumes that sees, beside the image, what the first finds; their features are
    added (Li et al., H-DenseUNet, IEEE TMI 37, 2018; with plain U-Nets, trained together from the start).

    Parameters
    ----------
    in_channels, out_channels
        As in `UNet`.
    slice_widths, settings
        Widths of the U-Net on slices, and what else both have, as in `UNet`; that on volumes has `widths`.
    """

    dimensions = 3

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        slice_widths: Sequence[int] = (8, 16, 32, 48),
        widths: Sequence[int] = (8, 16, 32, 48),
        **settings: Any,
    ):
        super().__init__()
        self.slices = SliceUNet(in_channels, out_channels, widths=slice_widths, **settings)
        self.volume = UNet(in_channels + out_channels, out_channels, widths, **settings)
        self.volume.head = nn.Identity()  # the features are joined before there are logits
        self.join = nn.Conv3d(slice_widths[0], widths[0], 1)
        self.head = nn.Conv3d(widths[0], out_channels, 1)

    @property
    def multiple_of(self) -> tuple[int, ...]:
        """What the side lengths of the input must be multiples of, (z, y, x)."""
        return self.volume.multiple_of

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, z, y, x) of volumes (batch, in_channels, z, y, x)."""
        finest = self.slices.network.features(self.slices.cut(x))[0]
        flat = self.slices.stacked(finest, x.shape[0])
        found = self.slices.stacked(self.slices.head(finest), x.shape[0]).sigmoid()
        deep = self.volume.features(torch.cat([x, found.to(x.dtype)], 1))[0]
        return self.head(deep + self.join(flat))


class VNet(nn.Module):
    """MONAI's V-Net (Milletari, Navab and Ahmadi, 3DV 2016): residual levels of 16 to 256 channels, kernels of 5³."""

    dimensions = 3
    multiple_of = (16, 16, 16)

    def __init__(self, in_channels: int = 1, out_channels: int = 1):
        super().__init__()
        from monai.networks.nets import VNet as Theirs

        self.network = Theirs(3, in_channels, out_channels, act="prelu", bias=True)

    @property
    def head(self) -> nn.Module:
        """The last layer."""
        return self.network.out_tr.conv2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, z, y, x) of volumes (batch, in_channels, z, y, x)."""
        return self.network(x)


OWN = {"hybrid": HybridUNet, "v-net": VNet}


def build_any(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A network of `liverpair.networks` or one of these."""
    return OWN[name](**arguments) if name in OWN else build(name, arguments)
