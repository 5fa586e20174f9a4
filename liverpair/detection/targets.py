"""What every anchor should answer, given the boxes of the lesions in both images (Couteaux 2021, section 4.2.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch

from liverpair.detection.anchors import Anchors
from liverpair.detection.coding import centers, encode

IGNORED = -1
BACKGROUND = 0
CHUNK = 2**18


@dataclass(frozen=True)
class Matching:
    """Thresholds of the assignment.

    An anchor is positive from `positive_iou` (s_p) on with its nearest box, negative up to `negative_iou` (s_n), and
    ignored in between. With `force_best` a box that got no anchor takes its best one; published is without, and such a
    box is lost. `exclusive`: an anchor that is positive in both images learns box and displacement of the nearer lesion
    alone, as heads that both images share need.
    """

    positive_iou: float = 0.3
    negative_iou: float = 0.3
    force_best: bool = False
    exclusive: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.negative_iou <= self.positive_iou <= 1:
            raise ValueError(f"0 <= s_n <= s_p <= 1 does not hold for {self.negative_iou} and {self.positive_iou}")


@dataclass(frozen=True)
class PairTargets:
    """Targets of all anchors for both images; leading axes are ([batch,] image, anchors).

    `labels`: -1 ignored, 0 background, 1 + class of the lesion. `deltas` (..., 2, d) count where `boxed`,
    `displacement` (..., d), in voxels of the anchor's level, where `displaced`.
    """

    labels: torch.Tensor
    deltas: torch.Tensor
    boxed: torch.Tensor
    displacement: torch.Tensor
    displaced: torch.Tensor

    @classmethod
    def stack(cls, items: Sequence["PairTargets"]) -> "PairTargets":
        """The targets of a batch."""
        return cls(*(torch.stack([getattr(item, f.name) for item in items]) for f in fields(cls)))


def iou_matrix(anchors: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Intersection over union (A, n) of boxes (A, 2, d) and (n, 2, d); 0 with a box that has no volume or is not a
    number."""
    overlap = torch.ones(len(anchors), len(boxes), device=anchors.device)
    for axis in range(anchors.shape[-1]):
        upper = torch.minimum(anchors[:, None, 1, axis], boxes[None, :, 1, axis])
        lower = torch.maximum(anchors[:, None, 0, axis], boxes[None, :, 0, axis])
        overlap *= (upper - lower).clamp_(min=0)
    union = _volumes(anchors)[:, None] + _volumes(boxes)[None] - overlap
    return torch.where(union > 0, overlap / union, 0.0).nan_to_num_(0.0)


def nearest_boxes(anchors: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Per anchor the highest IoU (A,) with any of `boxes` (n, 2, d) and the index (A,) of that box, the first of
    equals; 0 and -1 where nothing overlaps."""
    best = torch.zeros(len(anchors), device=anchors.device)
    index = torch.full((len(anchors),), -1, dtype=torch.long, device=anchors.device)
    if len(boxes):
        for start in range(0, len(anchors), CHUNK):
            part = slice(start, start + CHUNK)
            best[part], index[part] = iou_matrix(anchors[part], boxes).max(dim=1)
        index[best <= 0] = -1
    return best, index


def assign(
    anchors: torch.Tensor, boxes: torch.Tensor, matching: Matching
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """State (A,) of every anchor (1 positive, 0 negative, -1 ignored), its nearest box (A,) or -1, and its IoU (A,)
    with it."""
    best, index = nearest_boxes(anchors, boxes)
    state = torch.full_like(index, IGNORED)
    state[best <= matching.negative_iou] = BACKGROUND
    state[(best >= matching.positive_iou) & (index >= 0)] = 1
    if matching.force_best:
        owners = set(index[state == 1].tolist())
        for lost in (i for i in range(len(boxes)) if i not in owners):
            overlaps = torch.cat([iou_matrix(part, boxes[lost : lost + 1])[:, 0] for part in anchors.split(CHUNK)])
            overlaps[state == 1] = 0
            iou, anchor = overlaps.max(dim=0)
            if iou > 0:
                state[anchor], index[anchor], best[anchor] = 1, lost, iou
    return state, index, best


def pair_targets(
    anchors: Anchors,
    boxes: torch.Tensor,
    matching: Matching,
    visible: torch.Tensor | None = None,
    classes: torch.Tensor | None = None,
    cut: torch.Tensor | None = None,
) -> PairTargets:
    """Targets of one pair of images.

    Parameters
    ----------
    boxes
        (2, n, 2, d): the box of each of n lesions in each image; NaN where its place in that image is unknown, which
        leaves the displacement out of the loss.
    matching
        Thresholds.
    visible
        (2, n) whether each image shows the lesion. Default: wherever its place is known. A place that is known and not
        visible still gives the displacement.
    classes
        (n,) class of each lesion, from 0. Default: all 0.
    cut
        (2, n) whether an image shows a lesser part of the lesion: anchors that overlap it are ignored where they are
        not positive for another. Default: none.
    """
    known = boxes.isfinite().all(dim=-1).all(dim=-1)
    visible = known if visible is None else visible & known
    classes = torch.zeros(boxes.shape[1], dtype=torch.long, device=boxes.device) if classes is None else classes
    assigned = [assign(anchors.boxes, boxes[image][visible[image]], matching) for image in (0, 1)]
    overlaps = torch.stack([iou for _, _, iou in assigned])
    sides = []
    for image, (state, index, iou) in enumerate(assigned):
        lesions = visible[image].nonzero()[:, 0]
        positive = state == 1
        lesion = lesions[index[positive]]
        labels = state.clone()
        if cut is not None and cut[image].any():
            beside = nearest_boxes(anchors.boxes, boxes[image][cut[image]])[0] > 0
            labels[beside & ~positive] = IGNORED
        labels[positive] = classes[lesion] + 1
        deltas = torch.zeros_like(anchors.boxes)
        deltas[positive] = encode(boxes[image, lesion], anchors.boxes[positive])
        shift = (centers(boxes[1 - image, lesion]) - centers(boxes[image, lesion])) / anchors.strides[positive]
        displacement = torch.zeros_like(anchors.strides)
        displacement[positive] = shift.nan_to_num(0.0)
        boxed = positive.clone()
        if matching.exclusive:
            other = assigned[1 - image]
            nearer = overlaps[1 - image] > iou if image == 0 else overlaps[1 - image] >= iou
            boxed &= ~((other[0] == 1) & nearer)
        displaced = boxed.clone()
        displaced[positive] &= known[1 - image, lesion]
        sides.append(PairTargets(labels, deltas, boxed, displacement, displaced))
    return PairTargets.stack(sides)


def _volumes(boxes: torch.Tensor) -> torch.Tensor:
    return (boxes[:, 1] - boxes[:, 0]).clamp(min=0).prod(dim=-1)
