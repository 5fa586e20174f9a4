"""Lesions in a few words."""

from dataclasses import replace

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side


def drawn(box: Box) -> LesionBox:
    return LesionBox(box, "drawn")


def detected(box: Box, score: float | None = 0.9) -> LesionBox:
    return LesionBox(box, "detected", score)


def predicted(box: Box, score: float | None = None) -> LesionBox:
    return LesionBox(box, "predicted", score)


def lesion_of(number: int, t1: LesionBox | None = None, t2: LesionBox | None = None, **rest) -> Lesion:
    """A lesion with these boxes."""
    return Lesion(number, {side: box for side, box in zip(Side, (t1, t2)) if box is not None}, **rest)


def marked(lesion: Lesion, side: Side, **changes) -> Lesion:
    """The lesion with another box, score or origin on one side."""
    return replace(lesion, boxes={**lesion.boxes, side: replace(lesion.boxes[side], **changes)})


def without(lesion: Lesion, side: Side, **changes) -> Lesion:
    """The lesion without its box on one side."""
    return replace(lesion, boxes={side.other: lesion.boxes[side.other]}, **changes)


def origins(lesion: Lesion) -> list[str]:
    """Of its boxes, T1 first."""
    return [box.origin for box in lesion.boxes.values()]


def scores(lesion: Lesion) -> list[float | None]:
    """Of its boxes, T1 first."""
    return [box.score for box in lesion.boxes.values()]
