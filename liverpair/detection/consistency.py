"""Learning from pairs that nobody annotated: what is found in one image, moved, must be found in the other (Couteaux
2021, section 5.1.3).

If an anchor at position i of a level is classified positive in one image, the heads of the other image learn at
position i + round(d), with the same anchor, as if the moved box were annotated there. The printed text takes d from the
classification head and shifts each axis by the first component; both are misprints.
"""

import torch

from liverpair.detection.anchors import Anchors, LevelBlock
from liverpair.detection.coding import decode, encode
from liverpair.detection.targets import IGNORED, PairTargets
from liverpair.networks.retina import RetinaOutput


def consistency_targets(output: RetinaOutput, anchors: Anchors, threshold: float = 0.5) -> PairTargets:
    """Targets for one pair of images made of the network's own answer; through them no gradient flows.

    `output` has no batch axis (`RetinaOutput.__getitem__`). Anchors where nothing was moved to are ignored: what is not
    found is no proof of absence. Where several anchors move to one, that with the highest score teaches. The
    displacement back is the opposite of the displacement there.
    """
    logits, deltas, displacement = (t.detach().float() for t in (output.logits, output.deltas, output.displacement))
    sides = [
        _side(logits[source], decode(deltas[source], anchors.boxes), displacement[source], anchors, threshold)
        for source in (1, 0)
    ]
    return PairTargets.stack(sides)


def _side(
    logits: torch.Tensor, boxes: torch.Tensor, displacement: torch.Tensor, anchors: Anchors, threshold: float
) -> PairTargets:
    """Targets of the image that the boxes of the other image are moved to."""
    score, kind = logits.sigmoid().max(dim=-1)
    valid = (score > threshold) & (boxes[:, 1] > boxes[:, 0]).all(dim=-1)
    source = valid.nonzero()[:, 0]
    source = source[score[source].argsort(stable=True)]
    target = _shifted(source, displacement[source].round().long(), anchors)
    source, target = source[target >= 0], target[target >= 0]
    labels = torch.full((len(anchors),), IGNORED, dtype=torch.long, device=boxes.device)
    teacher = torch.full_like(labels, -1)
    for origin, place in zip(source.tolist(), target.tolist()):
        teacher[place] = origin
    taught = teacher >= 0
    teacher = teacher[taught]
    labels[taught] = kind[teacher] + 1
    moved = boxes[teacher] + (displacement[teacher] * anchors.strides[teacher]).unsqueeze(1)
    new_deltas = torch.zeros_like(anchors.boxes)
    new_deltas[taught] = encode(moved, anchors.boxes[taught])
    back = torch.zeros_like(anchors.strides)
    back[taught] = -displacement[teacher]
    return PairTargets(labels, new_deltas, taught, back, taught.clone())


def _shifted(rows: torch.Tensor, shift: torch.Tensor, anchors: Anchors) -> torch.Tensor:
    """Rows (n,) of the anchors of the same size that lie `shift` (n, d) positions away on the same level; -1 outside
    of the image."""
    result = torch.full_like(rows, -1)
    for block in anchors.blocks:
        here = (rows >= block.start) & (rows < block.start + block.count)
        result[here] = _shifted_on_level(rows[here], shift[here], block, anchors.per_position)
    return result


def _shifted_on_level(rows: torch.Tensor, shift: torch.Tensor, block: LevelBlock, per_position: int) -> torch.Tensor:
    local = rows - block.start
    position = torch.stack(torch.unravel_index(local // per_position, block.shape), dim=-1) + shift
    shape = torch.tensor(block.shape, device=rows.device)
    inside = ((position >= 0) & (position < shape)).all(dim=-1)
    flat = torch.zeros_like(local)
    for axis, length in enumerate(block.shape):
        flat = flat * length + position[:, axis].clamp(0, length - 1)
    return torch.where(inside, block.start + flat * per_position + local % per_position, -1)
