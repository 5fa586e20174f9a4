"""Where a lesion that somebody drew in one image lies in the other, as a detector's displacement heads say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import SimpleITK as sitk
import torch

from liverpair.core.geometry import Box, Vector
from liverpair.detection.anchors import Anchors
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.finding import find_boxes
from liverpair.detection.inference import Detector
from liverpair.detection.pairing import Found
from liverpair.detection.preparation import PreparedPair
from liverpair.detection.registered import Way, moved_by, ways_between
from liverpair.detection.space import to_voxels
from liverpair.detection.targets import iou_matrix
from liverpair.measures.boxes import centers, iou, turned
from liverpair.networks.retina import RetinaOutput

NEAREST_ANCHORS = 8
"""How many anchors are asked, those that overlap the drawn box most."""


@dataclass(frozen=True)
class Proposal:
    """The box of the other image (LPS mm, along that image's axes), the displacement from T1 to T2 (LPS mm), and the
    score of the box that the detector found at that place itself, None where it found none."""

    box: Box
    displacement_mm: Vector
    score: float | None


@dataclass(frozen=True)
class AnsweredPair:
    """A pair of volumes as the network saw it, and its answer: all that proposals need.

    `directions`: the direction matrix of each volume; `ways`: from T1 and from T2 to the other image, where the model
    links by the registration of the livers.
    """

    prepared: PreparedPair
    output: RetinaOutput
    anchors: Anchors
    settings: DetectionSettings
    directions: tuple[tuple[float, ...], tuple[float, ...]]
    ways: tuple[Way, Way] | None = None

    @classmethod
    def of(
        cls, detector: Detector, images: Sequence[sitk.Image], livers: Sequence[sitk.Image], device: torch.device
    ) -> "AnsweredPair":
        """Run the detector on T1 and T2. Raises what `Detector.prepare` and `Detector.ask` raise."""
        prepared = detector.prepare(images, livers)
        answer, _, _ = detector.ask(prepared.channels, device)
        first, second = (image.GetDirection() for image in images)
        registered = detector.settings.linked_by == "registration"
        ways = ways_between(prepared.grids, livers)[0] if registered else None
        return cls(prepared, answer.output, answer.anchors, detector.settings, (first, second), ways)

    @cached_property
    def found(self) -> tuple[Found, Found]:
        """The boxes that the detector finds in each image."""
        first, second = find_boxes(self.output, self.anchors, self.settings)
        return (first, second) if self.ways is None else (moved_by(self.ways[0], first), moved_by(self.ways[1], second))

    def propose(self, image: int, box: Box) -> Proposal | None:
        """The partner of a box drawn in image 0 (T1) or 1 (T2).

        It has the drawn size; its place is the drawn one moved by the registration of the livers where the model links
        by that, or else by the mean displacement of the anchors that overlap the drawn box most, weighted by their
        overlap. None where no anchor overlaps it, or where the model was not trained to look in that image.
        """
        if image not in self.settings.images:
            return None
        drawn = to_voxels([box], self.prepared.grids[image])
        shift = self._predicted(image, drawn) if self.ways is None else _shift(self.ways[image], drawn)
        if shift is None:
            return None
        moved = drawn + shift
        center = self.prepared.grids[1 - image].point(moved.mean(axis=1)[0, ::-1] - 0.5)
        partner = turned(replace(box, center_mm=tuple(map(float, center))), self.directions[1 - image])
        step = np.subtract(partner.center_mm, box.center_mm) * (1 if image == 0 else -1)
        return Proposal(partner, tuple(map(float, step)), self._score(1 - image, moved))

    def _predicted(self, image: int, drawn: np.ndarray) -> np.ndarray | None:
        overlap = iou_matrix(self.anchors.boxes, torch.from_numpy(drawn).float())[:, 0]
        weight, rows = overlap.topk(min(NEAREST_ANCHORS, len(overlap)))
        moves = self.output.displacement[image][rows] * self.anchors.strides[rows]
        usable = (weight > 0) & moves.isfinite().all(dim=-1)
        if not usable.any():
            return None
        return np.average(moves[usable].double().numpy(), axis=0, weights=weight[usable].double().numpy())

    def _score(self, image: int, box: np.ndarray) -> float | None:
        """The best score of the boxes found in an image that are the one at `box` (1, 2, 3)."""
        found = self.found[image]
        here = iou(box, found.boxes)[0] > self.settings.link_iou
        return float(found.scores[here].max()) if here.any() else None


def _shift(way: Way, drawn: np.ndarray) -> np.ndarray:
    """How far `way` leads a box (1, 2, 3) from its center."""
    middle = centers(drawn)
    return (way(middle) - middle)[0]
