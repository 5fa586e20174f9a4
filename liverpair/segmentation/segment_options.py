"""How to segment. Imports no torch."""

from dataclasses import dataclass

from liverpair.core.records import Record


@dataclass(frozen=True)
class SegmentOptions(Record):
    """How to segment.

    Parameters
    ----------
    device
        auto, cpu, cuda, cuda:1, mps …
    engine
        what computes the network; auto depends on the machine alone
    probability
        also write probability maps
    uncertainty
        also write uncertainty maps: entropy, the stakes of a model's gambler, or what a model of views tells
    largest_component
        keep the largest connected part only (default: the model's own)
    mirror
        average over mirrored inputs; slower
    """

    what = "a segmentation"

    device: str = "auto"
    engine: str = "auto"
    probability: bool = False
    uncertainty: bool = False
    largest_component: bool | None = None
    mirror: bool = False
