"""Which output of a network is raised: a voxel's, the mean of a box's, or an anchor's."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Vector
from liverpair.core.sides import Side
from liverpair.detection.space import to_voxels
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.receptive_field import Bounds
from liverpair.dreaming.starts import random_indices
from liverpair.dreaming.subject import Subject
from liverpair.measures.boxes import centers, iou

Index = tuple[int, ...]


@dataclass(frozen=True)
class Neuron:
    """One output of a network, or the mean of several.

    Parameters
    ----------
    kind
        "point": the output at one voxel. "box": the mean of the outputs in a box. "anchor": the logit of a detector's
        anchor.
    position
        Point: the voxel. Box: its first voxel. Anchor: its position on its level. (z, y, x) or (y, x).
    extent
        Box: its voxels along each axis. Otherwise empty.
    output
        The label's, or the class's, number among the outputs.
    image, level, anchor
        Of an anchor: 0 for T1 and 1 for T2, the pyramid's level, and the number among the anchors of that position.
    point_mm
        Where it lies, LPS, for people to read.
    """

    kind: Literal["point", "box", "anchor"]
    position: Index
    extent: Index = ()
    output: int = 0
    image: int = 0
    level: int = 0
    anchor: int = 0
    point_mm: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The neuron as JSON holds it."""
        values = asdict(self)
        return values | {name: list(values[name]) for name in ("position", "extent", "point_mm")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Neuron":
        """The neuron that `as_dict` described. Raises `InputError` for anything else."""
        try:
            lists = {name: tuple(values[name]) for name in ("position", "extent", "point_mm") if name in values}
            neuron = cls(**{**values, **lists})
        except TypeError as error:
            raise InputError(f"A neuron is described by kind, position and so on: {error}.") from error
        if neuron.kind not in ("point", "box", "anchor"):
            raise InputError(f"The kind of neuron '{neuron.kind}' is unknown.", "It is point, box or anchor.")
        numbers = (*neuron.position, *neuron.extent, neuron.output, neuron.image, neuron.level, neuron.anchor)
        if any(type(number) is not int for number in numbers):
            raise InputError(f"A neuron is described by whole numbers, not by {dict(values)}.")
        return neuron

    @property
    def bounds(self) -> Bounds:
        """Per axis the first voxel and the one after the last, of a point or a box."""
        return tuple((p, p + n) for p, n in zip(self.position, self.extent or (1,) * len(self.position)))


def neuron_at(dreamer: Dreamer, subject: Subject, point_mm: Vector) -> Neuron:
    """The neuron at an LPS point in mm: a voxel's output or, of a detector, the anchor nearest to the point in the
    image of the subject's side; the smallest where several are equally near.

    Raises `InputError` for a point outside of what the network sees.
    """
    index = subject.index_of(point_mm)
    if not dreamer.is_detector:
        return Neuron("point", index, output=subject.output, point_mm=subject.point_of(index))
    middles = centers(_anchor_boxes(dreamer, subject))
    distances = ((middles - (subject.continuous_index(point_mm) + 0.5)) ** 2).sum(axis=1)
    return _anchor(dreamer, subject, int(distances.argmin()))


def neuron_in(dreamer: Dreamer, subject: Subject, box: Box) -> Neuron:
    """The neuron of a box in space: the mean of its voxels' outputs or, of a detector, the anchor of the subject's side
    with the highest overlap (IoU), the nearest where none overlaps.

    Raises `InputError` for a box that lies outside of what the network sees.
    """
    dimensions = subject.dimensions
    bounds = to_voxels([box], subject.grid)[0]
    if not (np.isfinite(bounds).all() and (bounds[1] > bounds[0]).all()):
        raise InputError("The box has no extent.", "Draw it anew.")
    first = np.clip(np.ceil(bounds[0] - 0.5), 0, None).astype(int)
    last = np.minimum(np.ceil(bounds[1] - 0.5).astype(int), subject.grid.shape)
    center = subject.index_of(box.center_mm) if (last <= first).any() else None
    if center is not None:  # thinner than a voxel along an axis
        thin = last <= first
        first[-dimensions:] = np.where(thin[-dimensions:], center, first[-dimensions:])
        last = np.maximum(last, first + 1)
    if dreamer.is_detector:
        boxes = _anchor_boxes(dreamer, subject)
        overlaps = iou(boxes, bounds[None, :, -dimensions:])[:, 0]
        if overlaps.max() <= 0:
            return neuron_at(dreamer, subject, box.center_mm)
        return _anchor(dreamer, subject, int(overlaps.argmax()))
    position = tuple(int(i) for i in first[-dimensions:])
    extent = tuple(int(n) for n in (last - first)[-dimensions:])
    middle = tuple(p + (n - 1) / 2 for p, n in zip(position, extent))
    return Neuron("box", position, extent, subject.output, point_mm=subject.point_of(middle))


def _anchor_boxes(dreamer: Dreamer, subject: Subject) -> np.ndarray:
    """(A, 2, d) in voxels of the subject."""
    return dreamer.anchors(subject.space).boxes.numpy()


def _anchor(dreamer: Dreamer, subject: Subject, row: int) -> Neuron:
    """The neuron of a row of the detector's answer."""
    anchors = dreamer.anchors(subject.space)
    block = next(b for b in anchors.blocks if b.start <= row < b.start + b.count)
    place, number = divmod(row - block.start, anchors.per_position)
    position = tuple(int(i) for i in np.unravel_index(place, block.shape))
    middle = anchors.boxes[row].mean(dim=0).numpy() - 0.5
    image = list(Side).index(subject.side)
    return Neuron("anchor", position, (), subject.output, image, block.level, number, subject.point_of(middle.tolist()))


def anchor_row(dreamer: Dreamer, space: Sequence[int], neuron: Neuron) -> int:
    """The row of an anchor in the detector's answer to an image of `space`. Raises `InputError` for one that is not
    there."""
    anchors = dreamer.anchors(space)
    block = next((b for b in anchors.blocks if b.level == neuron.level), None)
    inside = block is not None and len(block.shape) == len(neuron.position)
    inside = inside and all(0 <= p < n for p, n in zip(neuron.position, block.shape))
    if not inside or not 0 <= neuron.anchor < anchors.per_position or neuron.image not in (0, 1):
        raise InputError(f"Model '{dreamer.name}' has no such anchor: {neuron}.", "Choose the neuron again.")
    place = int(np.ravel_multi_index(neuron.position, block.shape))
    return block.start + place * anchors.per_position + neuron.anchor


def random_starts(dreamer: Dreamer, subject: Subject, count: int, seed: int = 0) -> list[Neuron]:
    """`count` neurons at random places inside the liver where the network sees no object, as far from each other as
    the liver lets them be with ease.

    Raises `InputError` when the subject has no liver, or not so many such places.
    """
    if subject.liver is None or not subject.liver.any():
        raise InputError(
            f"There is no liver in what the network sees of {subject.side.title}, so no start can be drawn inside it.",
            "Segment the liver first, choose another slice, or choose a point.",
        )
    allowed = subject.liver & negative_voxels(dreamer, subject)
    indices = random_indices(allowed, count, subject.spacing_mm[::-1], seed)
    if len(indices) < count:
        raise InputError(
            f"The liver of {subject.side.title} has {len(indices)} places where the network sees no object; "
            f"{count} are asked for.",
            "Ask for fewer starts, or choose another slice.",
        )
    return [neuron_at(dreamer, subject, subject.point_of(index)) for index in indices]


def negative_voxels(dreamer: Dreamer, subject: Subject) -> np.ndarray:
    """(*space) bool: where the network sees no object, its probability being 1/2 at most; of a detector, outside of the
    anchors of the subject's side that score higher."""
    with torch.no_grad():
        answer = dreamer.respond(dreamer.padded(subject.channels))
    if not dreamer.is_detector:
        cut = tuple(slice(0, n) for n in subject.space)
        return (answer[subject.output][cut] <= 0).cpu().numpy()
    negative = np.ones(subject.space, bool)
    boxes = dreamer.anchors(subject.space).boxes.numpy()
    for row in np.flatnonzero((answer.logits[subject.channel, :, subject.output] > 0).cpu().numpy()):
        lower, upper = np.rint(boxes[row]).astype(int).clip(0)
        negative[tuple(slice(a, max(a + 1, b)) for a, b in zip(lower, upper))] = False
    return negative
