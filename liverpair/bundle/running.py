"""Whether a bundle's network does what its manifest says, found out without memory for either."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from liverpair.bundle.strategies import strategy
from liverpair.core.errors import BundleError
from liverpair.core.sides import Side

if TYPE_CHECKING:
    import torch


def check_segments(network: "torch.nn.Module", manifest: Mapping[str, Any]) -> None:
    """Raise `BundleError` unless `network`, on the meta device and in eval mode, masks volumes, or slices, as
    `manifest` says.

    Its sides must be those of the manifest's grid, and it must give every label of every image that it masks a channel
    as large as its input.
    """
    import torch

    name, multiple = manifest["name"], manifest["grid"]["multiple_of"]
    own = list(getattr(network, "multiple_of", []))
    if len(own) != len(multiple) or any(o < 1 or m % o for m, o in zip(multiple, own)):
        raise BundleError(
            f"Model '{name}' is refused: 'grid.multiple_of' is {multiple}, and the sides its network takes are "
            f"multiples of {own}."
        )
    plan = strategy(manifest["strategy"], name)
    one = plan.passes(Side, manifest["inputs"])[0]
    channels = len(one.inputs)
    shape = [2 * m for m in multiple]
    try:
        with torch.no_grad():
            found = list(network(torch.empty(1, channels, *shape, device="meta")).shape)
    except Exception as error:  # a layer may raise anything for arguments that nobody meant
        raise BundleError(
            f"Model '{name}' is refused: its network does not run on {channels} channels: {first_line(error)}."
        ) from error
    labels, masked = len(manifest["labels"]), len(one.outputs)
    if found[2:] != shape or found[1] < labels * masked:
        images = f" in {masked} images" if masked > 1 else ""
        raise BundleError(
            f"Model '{name}' is refused: of {channels} channels of {shape} voxels its network makes {found[1:]}, "
            f"not a mask for each of {labels} labels{images}."
        )
    if plan.tells_uncertainty and found[1] != 2 * labels * masked:
        raise BundleError(
            f"Model '{name}' is refused: its strategy is '{manifest['strategy']}', and its network makes {found[1]} "
            "channels, not a mask and its uncertainty."
        )


def first_line(error: BaseException) -> str:
    """What an error says first, for use within a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__
