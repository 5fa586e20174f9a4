"""Which images a network is shown, and which masks it returns (Couteaux 2021, section 2.2.2).

A strategy is one class. It says what goes into each forward pass and whose masks come out; everything else is shared.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from liverpair.errors import BundleError

SIDES = ("T1", "T2")
EITHER = "T1 or T2"


@dataclass(frozen=True)
class Pass:
    """One forward pass. `inputs`: the sides that are the channels, the first one giving the grid; `outputs`: the
    side each output channel masks.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Strategy(Protocol):
    """Plans the passes of one bundle."""

    def takes(self, inputs: Sequence[str]) -> bool:
        """Whether a bundle of this strategy may have these `inputs`."""
        ...

    def passes(self, sides: Collection[str], inputs: Sequence[str]) -> list[Pass]:
        """The passes that mask as many of `sides` ("T1", "T2": the images at hand) as a bundle with these `inputs`
        can.
        """
        ...


class SingleInput:
    """S1: the network sees one image and returns its mask.

    Non-specialised (`inputs` is ["T1 or T2"]) it takes either; specialised (["T1"] or ["T2"]) only the one it was
    trained on.
    """

    def takes(self, inputs: Sequence[str]) -> bool:
        """Exactly one input: "T1", "T2" or "T1 or T2"."""
        return len(inputs) == 1 and inputs[0] in (*SIDES, EITHER)

    def passes(self, sides: Collection[str], inputs: Sequence[str]) -> list[Pass]:
        """One pass for every side that the bundle takes."""
        return [Pass((side,), (side,)) for side in SIDES if side in sides and inputs[0] in (side, EITHER)]


STRATEGIES: dict[str, Strategy] = {"single": SingleInput()}


def strategy(key: str, bundle_name: str) -> Strategy:
    """The strategy a bundle names. Raises `BundleError` for one that is unknown."""
    if key not in STRATEGIES:
        raise BundleError(
            f"Model '{bundle_name}' asks for the strategy '{key}', which this LiverPair does not know; known are "
            f"{', '.join(STRATEGIES)}."
        )
    return STRATEGIES[key]
