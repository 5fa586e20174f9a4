"""Which images a network is shown, and which masks it returns (Couteaux 2021, section 2.2.2).

A strategy is one class. It says what goes into each forward pass and whose masks come out, in training and in use;
everything else is shared.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from liverpair.core.errors import BundleError
from liverpair.core.sides import Side

BOTH, REVERSED = (Side.T1, Side.T2), (Side.T2, Side.T1)
EITHER = "T1 or T2"


@dataclass(frozen=True)
class Pass:
    """One forward pass. `inputs`: the sides that are the channels, the first one giving the grid; `outputs`: the
    side each output channel masks; `registered`: whether the other images are warped onto the first one, instead of
    lying where they were scanned.
    """

    inputs: tuple[Side, ...]
    outputs: tuple[Side, ...]
    registered: bool = False


class Strategy(ABC):
    """Plans the passes of one network.

    `inputs` are the bundle's: what each channel is. A specialised network names the sides; one that is not has
    "T1 or T2" for every channel. `tells_uncertainty`: whether the network gives, after its masks, the logits of their
    being wrong.
    """

    tells_uncertainty = False

    @abstractmethod
    def takes(self, inputs: Sequence[str]) -> bool:
        """Whether a bundle of this strategy may have these `inputs`."""

    @abstractmethod
    def passes(self, sides: Collection[Side], inputs: Sequence[str]) -> list[Pass]:
        """The passes that mask as many of `sides`, the images at hand, as a bundle with these `inputs` can."""

    def training_passes(self, inputs: Sequence[str]) -> list[Pass]:
        """What a network with these `inputs` is trained on; each step draws one."""
        return self.passes(Side, inputs)


class SingleInput(Strategy):
    """S1: the network sees one image and returns its mask.

    Non-specialised (`inputs` is ["T1 or T2"]) it takes either; specialised (["T1"] or ["T2"]) only the one it was
    trained on.
    """

    def takes(self, inputs: Sequence[str]) -> bool:
        """Exactly one input: "T1", "T2" or "T1 or T2"."""
        return len(inputs) == 1 and inputs[0] in (*titles(BOTH), EITHER)

    def passes(self, sides: Collection[Side], inputs: Sequence[str]) -> list[Pass]:
        """One pass for every side that the bundle takes."""
        return [Pass((side,), (side,)) for side in Side if side in sides and inputs[0] in (side.title, EITHER)]


class Views(SingleInput):
    """As `SingleInput`, by networks on slices of several views, which also tell how sure they are together."""

    tells_uncertainty = True


class DoubleInput(Strategy):
    """S2: the network sees the image to mask and, as its second channel, the other one.

    Specialised, the first of `inputs` is the side it masks.
    """

    def takes(self, inputs: Sequence[str]) -> bool:
        """["T1", "T2"], ["T2", "T1"], or twice "T1 or T2"."""
        return tuple(inputs) in (titles(BOTH), titles(REVERSED), (EITHER, EITHER))

    def passes(self, sides: Collection[Side], inputs: Sequence[str]) -> list[Pass]:
        """One pass for every side that the bundle can put first."""
        orders = [order for order in (BOTH, REVERSED) if tuple(inputs) in (titles(order), (EITHER, EITHER))]
        return [Pass(order, order[:1]) for order in orders if set(BOTH) <= set(sides)]


class DoubleOutput(Strategy):
    """S3: the network sees both images and returns both masks.

    Specialised (["T1", "T2"]), channel 0 is T1 in every step of training; otherwise the order is drawn.
    """

    def takes(self, inputs: Sequence[str]) -> bool:
        """["T1", "T2"], or twice "T1 or T2"."""
        return tuple(inputs) in (titles(BOTH), (EITHER, EITHER))

    def passes(self, sides: Collection[Side], inputs: Sequence[str]) -> list[Pass]:
        """One pass, T1 first."""
        return [Pass(BOTH, BOTH)] if set(BOTH) <= set(sides) else []

    def training_passes(self, inputs: Sequence[str]) -> list[Pass]:
        """Inputs and targets are swapped together."""
        orders = (BOTH, REVERSED) if tuple(inputs) == (EITHER, EITHER) else (BOTH,)
        return [Pass(order, order) for order in orders]


class PreRegistered(Strategy):
    """S4: the network sees T2, as its second channel T1 warped onto it, and returns the mask of T2."""

    def takes(self, inputs: Sequence[str]) -> bool:
        """["T2", "T1"]."""
        return tuple(inputs) == titles(REVERSED)

    def passes(self, sides: Collection[Side], inputs: Sequence[str]) -> list[Pass]:
        """One pass, for T2."""
        return [Pass(REVERSED, (Side.T2,), registered=True)] if set(BOTH) <= set(sides) else []


STRATEGIES: dict[str, Strategy] = {
    "single": SingleInput(),
    "double-in": DoubleInput(),
    "double-out": DoubleOutput(),
    "pre-registered": PreRegistered(),
    "views": Views(),
}


def titles(sides: Iterable[Side]) -> tuple[str, ...]:
    """What a manifest calls them as inputs of a network."""
    return tuple(side.title for side in sides)


def strategy(key: str, bundle_name: str) -> Strategy:
    """The strategy a bundle names. Raises `BundleError` for one that is unknown."""
    if key not in STRATEGIES:
        raise BundleError(
            f"Model '{bundle_name}' asks for the strategy '{key}', which this LiverPair does not know; known are "
            f"{', '.join(STRATEGIES)}."
        )
    return STRATEGIES[key]
