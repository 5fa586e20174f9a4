"""In which images a lesion was seen."""

from typing import Literal

from liverpair.core.geometry import Box
from liverpair.core.lesions import LesionPair
from liverpair.core.sides import Side

Kind = Literal["both", "T1 only", "T2 only", "neither"]
KINDS: tuple[Kind, ...] = ("both", "T1 only", "T2 only", "neither")


def seen_box(pair: LesionPair, side: Side) -> Box | None:
    """The box of a lesion in image `side` where it was detected or drawn; None where there is no box, or
    one that was only predicted from its partner."""
    return None if getattr(pair, f"{side}_origin") == "predicted" else getattr(pair, side)


def kind_of_finding(pair: LesionPair) -> Kind:
    """Whether a lesion was seen in both images, in one only, or, where both boxes are predictions, in neither."""
    seen = tuple(seen_box(pair, side) is not None for side in Side)
    return {(True, True): "both", (True, False): "T1 only", (False, True): "T2 only"}.get(seen, "neither")
