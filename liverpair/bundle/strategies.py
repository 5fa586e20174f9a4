"""Which images a network is shown, and which masks it returns (Couteaux 2021, section 2.2.2).

A strategy is one class. It says what goes into each forward pass and whose masks come out, in training and in use;
everything else is shared.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from liverpair.core.errors import BundleError

SIDES = ("T1", "T2")
EITHER = "T1 or T2"


@dataclass(frozen=True)
class Pass:
    """One forward pass. `inputs`: the sides that are the channels, the first one giving the grid; `outputs`: the
    side each output channel masks; `registered`: whether the other images are warped onto the first one, instead of
    lying where they were scanned.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    registered: bool = False


class Strategy(ABC):
    """Plans the passes of one network.

    `inputs` are the bundle's: what each channel is. A specialised network names the sides; one that is not has
    "T1 or T2" for every channel.
    """

    @abstractmethod
    def takes(self, inputs: Sequence[str]) -> bool:
        """Whether a bundle of this strategy may have these `inputs`."""

    @abstractmethod
    def passes(self, sides: Collection[str], inputs: Sequence[str]) -> list[Pass]:
        """The passes that mask as many of `sides` ("T1", "T2": the images at hand) as a bundle with these `inputs`
        can.
        """

    def training_passes(self, inputs: Sequence[str]) -> list[Pass]:
        """What a network with these `inputs` is trained on; each step draws one."""
        return self.passes(SIDES, inputs)


class SingleInput(Strategy):
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


class DoubleInput(Strategy):
    """S2: the network sees the image to mask and, as its second channel, the other one.

    Specialised, the first of `inputs` is the side it masks.
    """

    def takes(self, inputs: Sequence[str]) -> bool:
        """["T1", "T2"], ["T2", "T1"], or twice "T1 or T2"."""
        return tuple(inputs) in (SIDES, SIDES[::-1], (EITHER, EITHER))

    def passes(self, sides: Collection[str], inputs: Sequence[str]) -> list[Pass]:
        """One pass for every side that the bundle can put first."""
        orders = [order for order in (SIDES, SIDES[::-1]) if tuple(inputs) in (order, (EITHER, EITHER))]
        return [Pass(order, order[:1]) for order in orders if set(SIDES) <= set(sides)]


class DoubleOutput(Strategy):
    """S3: the network sees both images and returns both masks.

    Specialised (["T1", "T2"]), channel 0 is T1 in every step of training; otherwise the order is drawn.
    """

    def takes(self, inputs: Sequence[str]) -> bool:
        """["T1", "T2"], or twice "T1 or T2"."""
        return tuple(inputs) in (SIDES, (EITHER, EITHER))

    def passes(self, sides: Collection[str], inputs: Sequence[str]) -> list[Pass]:
        """One pass, T1 first."""
        return [Pass(SIDES, SIDES)] if set(SIDES) <= set(sides) else []

    def training_passes(self, inputs: Sequence[str]) -> list[Pass]:
        """Inputs and targets are swapped together."""
        orders = (SIDES, SIDES[::-1]) if tuple(inputs) == (EITHER, EITHER) else (SIDES,)
        return [Pass(order, order) for order in orders]


class PreRegistered(Strategy):
    """S4: the network sees T2, as its second channel T1 warped onto it, and returns the mask of T2."""

    def takes(self, inputs: Sequence[str]) -> bool:
        """["T2", "T1"]."""
        return tuple(inputs) == SIDES[::-1]

    def passes(self, sides: Collection[str], inputs: Sequence[str]) -> list[Pass]:
        """One pass, for T2."""
        return [Pass(SIDES[::-1], SIDES[1:], registered=True)] if set(SIDES) <= set(sides) else []


STRATEGIES: dict[str, Strategy] = {
    "single": SingleInput(),
    "double-in": DoubleInput(),
    "double-out": DoubleOutput(),
    "pre-registered": PreRegistered(),
}


def strategy(key: str, bundle_name: str) -> Strategy:
    """The strategy a bundle names. Raises `BundleError` for one that is unknown."""
    if key not in STRATEGIES:
        raise BundleError(
            f"Model '{bundle_name}' asks for the strategy '{key}', which this LiverPair does not know; known are "
            f"{', '.join(STRATEGIES)}."
        )
    return STRATEGIES[key]
