"""How far the livers of a pair lie apart, in words: one sentence for every command."""

from collections.abc import Sequence

TOWARD = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))
"""Of each axis of LPS, where positive and negative values point."""


def offset_line(t1_minus_t2_mm: Sequence[float]) -> str:
    """The centroid of the T1 liver minus that of the T2 liver (LPS mm), for a reader."""
    words = ", ".join(f"{abs(value):.0f} mm {toward[value < 0]}" for value, toward in zip(t1_minus_t2_mm, TOWARD))
    return f"Centroid of the liver in T1, seen from that in T2: {words}"
