"""What a step of training takes: memory against depth and input size, time, and the largest input within a limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liverpair.core.memory import live_memory
from liverpair.networks import build
from reproduction.memory_limit.one_step import measured

MIB, GIB = 2**20, 2**30
CHANNELS, SIDE = 32, 40
DEPTHS = (2, 8, 32)
"""Of the network of one level, 32 channels, on 40³ voxels."""
SIDES = (32, 48, 64, 96, 128)
"""Of the input of whole U-Nets."""
MEASURED_SIDE = 64
LIMITS_GIB = (4, 16)
GUESSED_FROM = 8
"""Cells along each side of the cube whose memory tells about that of larger ones."""
OPTIMIZER_BYTES = 16
"""Of each weight: itself, its gradient, and the two moments of Adam, in single precision."""
KEPT = {
    "everything": "all activations",
    "checkpoints": "gradient checkpoints",
    "output": "reversible, outputs alone",
}
ORDINARY, POOLING_FREE = "ordinary U-Net", "reversible, pooling-free"
UNET = {"widths": [16, 32, 64, 96], "normalization": "group"}
FREE_WIDTHS = {"widths": [16, 64, 256], "pooling": "none"}


@dataclass(frozen=True)
class Network:
    """What `liverpair.networks.build` makes a network of."""

    name: str
    arguments: Mapping[str, Any]

    def bytes(self, shape: Sequence[int]) -> int:
        """Counted: activations and gradients of a step on `shape` (batch, channels, z, y, x)."""
        import torch

        with torch.device("meta"):
            return live_memory(build(self.name, self.arguments), shape, learning=True)

    def weights(self) -> int:
        """How many numbers it learns."""
        import torch

        with torch.device("meta"):
            return sum(parameter.numel() for parameter in build(self.name, self.arguments).parameters())


def one_level(depth: int, keep: str) -> Network:
    """The network of one level."""
    return Network("reversible-unet", {"widths": [CHANNELS], "depth": depth, "keep": keep})


def unets() -> dict[str, Network]:
    """The whole U-Nets by title: an ordinary one, a reversible one that keeps less and less, one without pooling."""
    reversible = {**UNET, "depth": 2}
    return {
        ORDINARY: Network("unet", UNET),
        **{title: Network("reversible-unet", {**reversible, "keep": keep}) for keep, title in KEPT.items()},
        POOLING_FREE: Network("reversible-unet", {**reversible, **FREE_WIDTHS}),
    }


def depth_rows(depths: Sequence[int], side: int, repeats: int) -> list[dict[str, Any]]:
    """Memory and time of a step by what is kept and depth."""
    shape = (1, 1, side, side, side)
    networks = {(title, depth): one_level(depth, keep) for keep, title in KEPT.items() for depth in depths}
    real = measured([(one.name, one.arguments, shape) for one in networks.values()], repeats)
    return [
        {
            "network": title,
            "depth": depth,
            "side": side,
            "counted MiB": network.bytes(shape) / MIB,
            "measured MiB": found["megabytes"],
            "seconds": found["seconds"],
        }
        for ((title, depth), network), found in zip(networks.items(), real)
    ]


def size_rows(sides: Sequence[int], measured_side: int, repeats: int) -> list[dict[str, Any]]:
    """Memory of a step of the whole U-Nets by the side of their input; measured, and timed, at one of them."""
    networks = unets()
    shapes = {side: (1, 1, side, side, side) for side in sides}
    real = measured([(one.name, one.arguments, shapes[measured_side]) for one in networks.values()], repeats)
    return [
        {
            "network": title,
            "parameters": network.weights(),
            "side": side,
            "counted MiB": network.bytes(shape) / MIB,
            "measured MiB": found["megabytes"] if side == measured_side else None,
            "seconds": found["seconds"] if side == measured_side else None,
        }
        for (title, network), found in zip(networks.items(), real)
        for side, shape in shapes.items()
    ]


def overhead(rows: Sequence[Mapping[str, Any]]) -> float:
    """By how much the memory measured is above that counted, where it is most; 1 where nothing was measured."""
    known = [row["measured MiB"] / row["counted MiB"] for row in rows if row["measured MiB"]]
    return max([1.0, *(ratio for ratio in known if ratio == ratio)])


def largest_side(network: Network, limit_bytes: float, factor: float) -> int:
    """The largest side of a cube that a step of training fits on, when it takes `factor` times what is counted; a
    multiple of what the network takes.

    Guessed from one count, for memory grows as the voxels do, and then counted.
    """
    step = max(network_multiple(network))
    left = (limit_bytes - OPTIMIZER_BYTES * network.weights()) / factor
    few = step * GUESSED_FROM
    number = int(GUESSED_FROM * (left / network.bytes((1, 1, few, few, few))) ** (1 / 3)) + 1

    def fits(number: int) -> bool:
        side = number * step
        return network.bytes((1, 1, side, side, side)) <= left

    while number and not fits(number):
        number -= 1
    while fits(number + 1):
        number += 1
    return number * step


def network_multiple(network: Network) -> Sequence[int]:
    """What the sides of its input are multiples of."""
    import torch

    with torch.device("meta"):
        return build(network.name, network.arguments).multiple_of


def ratio(rows: Sequence[Mapping[str, Any]], title: str, what: str) -> float:
    """A column of the deepest network over that of the shallowest, of those that keep the same."""
    own = sorted((row for row in rows if row["network"] == title), key=lambda row: row["depth"])
    return own[-1][what] / own[0][what]
