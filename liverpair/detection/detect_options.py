"""How to detect. Imports no torch."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from liverpair.core.records import Record, between


@dataclass(frozen=True)
class DetectOptions(Record):
    """How to detect.

    Parameters
    ----------
    device
        auto, cpu, cuda, cuda:1, mps …
    engine
        what computes the network; auto is PyTorch in single precision
    score_floor
        lowest score (default: the model's own)
    alignment
        aligned or published (default: the model's own)
    linked_by
        what leads from T1 to T2: the network or the registration of the livers (default: the model's own)
    """

    what = "a detection"

    device: str = "auto"
    engine: str = "auto"
    score_floor: Annotated[float, between(0, 1)] | None = field(
        default=None, metadata={"metavar": "SCORE", "earlier": "--threshold"}
    )
    alignment: Literal["aligned", "published"] | None = None
    linked_by: Literal["network", "registration"] | None = None
