"""How far the livers of a pair lie apart, in words: one sentence for every command."""

from collections.abc import Sequence

TOWARD = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
"""Of each axis of LPS, where T1 lies from T2 for a positive and a negative offset from T1 to T2."""


def offset_line(offset_t1_to_t2_mm: Sequence[float]) -> str:
    """The centroid of the T2 liver minus that of the T1 liver (LPS mm), for a reader."""
    words = ", ".join(f"{abs(value):.0f} mm {toward[value < 0]}" for value, toward in zip(offset_t1_to_t2_mm, TOWARD))
    return f"Centroid of the liver in T1, seen from that in T2: {words}"
