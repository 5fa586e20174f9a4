"""What is read off a network's answer about one neuron: its logits, and the object that it lies in."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy import ndimage

from liverpair.core.errors import InputError
from liverpair.detection.coding import decode
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron, anchor_row
from liverpair.dreaming.receptive_field import Bounds
from liverpair.dreaming.subject import Subject
from liverpair.networks.retina import RetinaOutput

Answer = torch.Tensor | RetinaOutput
STAYS = 0.8
"""Part of the threshold down to which a voxel stays in an object that it belonged to."""


class Probe(Protocol):
    """Reads one neuron off answers of its network."""

    def logits(self, answer: Answer, window: Bounds) -> torch.Tensor:
        """The logits (n,) whose mean is the neuron, in the answer to the part of the image inside `window`."""
        ...

    def object(self, answer: Answer, window: Bounds, threshold: float, before: np.ndarray | None = None) -> np.ndarray:
        """(*part of the window inside the image) bool: the object that the neuron lies in; nothing when it lies in
        none. `before` (*space): the object of the iteration before, whose voxels stay a little longer."""
        ...


class VoxelProbe:
    """The outputs at a point or in a box of a segmenter. The object: the voxels above the threshold that are connected,
    face to face, with one of these. A voxel that belonged to it an iteration before stays down to a probability of
    `STAYS` times the threshold: else an object whose parts hang together by one voxel would be one and two in turn, and
    its features would jump."""

    def __init__(self, dreamer: Dreamer, space: Sequence[int], neuron: Neuron):
        inside = len(neuron.position) == len(space) and all(
            0 <= first < last <= n for (first, last), n in zip(neuron.bounds, space)
        )
        if dreamer.is_detector or neuron.kind == "anchor" or not inside:
            raise InputError(f"Model '{dreamer.name}' has no such output here: {neuron}.", "Choose the neuron again.")
        self.space = tuple(space)
        self.neuron = neuron

    def _here(self, window: Bounds) -> tuple[slice, ...]:
        return tuple(slice(a - start, b - start) for (a, b), (start, _) in zip(self.neuron.bounds, window))

    def logits(self, answer: Answer, window: Bounds) -> torch.Tensor:
        if not 0 <= self.neuron.output < len(answer):
            raise InputError(f"The network has {len(answer)} outputs and no number {self.neuron.output}.")
        here = np.ix_(*(np.arange(part.start, part.stop) for part in self._here(window)))
        rows = np.ravel_multi_index(here, answer.shape[1:]).reshape(-1)
        # Gathered at once: the backward pass of a slice fills an image with zeros for every axis.
        return answer[self.neuron.output].flatten()[torch.from_numpy(rows).to(answer.device)]

    def object(self, answer: Answer, window: Bounds, threshold: float, before: np.ndarray | None = None) -> np.ndarray:
        inside = tuple(slice(0, min(stop, n) - start) for (start, stop), n in zip(window, self.space))
        logits = answer[self.neuron.output][inside].detach()
        above = (logits > _logit(threshold)).cpu().numpy()
        if before is not None:
            stays = (logits > _logit(STAYS * threshold)).cpu().numpy()
            there = tuple(slice(start, min(stop, n)) for (start, stop), n in zip(window, self.space))
            above |= stays & before[there]
        here = self._here(window)
        if not above[here].any():
            return np.zeros_like(above)
        labels, _ = ndimage.label(above)
        own = np.unique(labels[here])
        own = own[own > 0]
        return labels == own[0] if len(own) == 1 else np.isin(labels, own)


class AnchorProbe:
    """The logit of a detector's anchor. The object: the ellipsoid that the anchor's box holds, while its score is above
    the threshold."""

    def __init__(self, dreamer: Dreamer, space: Sequence[int], neuron: Neuron):
        if neuron.kind != "anchor":
            raise InputError(f"Model '{dreamer.name}' is a detector; its outputs are anchors.", "Choose an anchor.")
        self.space = tuple(space)
        self.neuron = neuron
        self.row = anchor_row(dreamer, space, neuron)
        self.anchor = dreamer.anchors(space).boxes[self.row]

    def logits(self, answer: Answer, window: Bounds) -> torch.Tensor:
        return answer.logits[self.neuron.image, self.row, self.neuron.output].reshape(1)

    def object(self, answer: Answer, window: Bounds, threshold: float, before: np.ndarray | None = None) -> np.ndarray:
        if not float(self.logits(answer, window).detach()) > _logit(threshold):
            return np.zeros(self.space, bool)
        deltas = answer.deltas[self.neuron.image, self.row].detach().cpu()
        return ellipsoid(decode(deltas, self.anchor).numpy(), self.space)


def probe_of(dreamer: Dreamer, subject: Subject, neuron: Neuron) -> Probe:
    """The probe of a neuron. Raises `InputError` for one that the network does not have."""
    kind = AnchorProbe if dreamer.is_detector else VoxelProbe
    return kind(dreamer, subject.space, neuron)


def ellipsoid(box: np.ndarray, space: Sequence[int]) -> np.ndarray:
    """(*space) bool: the voxels whose centers lie in the ellipsoid that touches the sides of a box (2, d) in voxels."""
    lower, upper = np.asarray(box, float)
    if not (np.isfinite(box).all() and (upper > lower).all()):
        return np.zeros(space, bool)
    axes = np.ogrid[tuple(slice(0.5, n) for n in space)]
    return sum(((a - (u + v) / 2) / ((v - u) / 2)) ** 2 for a, u, v in zip(axes, lower, upper)) <= 1.0


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
