"""From a network's answer to linked boxes, in voxels: two or three dimensions, no files, no geometry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, combinations

import numpy as np
import torch

from liverpair.detection.anchors import Anchors, make_anchors
from liverpair.detection.coding import decode
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.nms import nms
from liverpair.detection.pairing import Found
from liverpair.networks.retina import RetinaOutput, RetinaWithVoxels


@dataclass(frozen=True)
class Answer:
    """What a network says, without batch axis, the anchors it speaks of, and from a network with a voxel segmentation
    `lesions` (2, *space): how likely each voxel of each image is lesion."""

    output: RetinaOutput
    anchors: Anchors
    lesions: np.ndarray | None = None


def find_boxes(output: RetinaOutput, anchors: Anchors, settings: DetectionSettings) -> tuple[Found, Found]:
    """The boxes of each image in an answer without batch axis (`RetinaOutput.__getitem__`), best score first."""
    dimensions = anchors.boxes.shape[-1]
    sides = [
        _found(output.logits[i], output.deltas[i], output.displacement[i], anchors, settings)
        if i in settings.images
        else Found.none(dimensions)
        for i in (0, 1)
    ]
    return sides[0], sides[1]


def ask(
    network: Callable[[torch.Tensor], torch.Tensor],
    channels: np.ndarray,
    strides: Mapping[int, Sequence[int]],
    settings: DetectionSettings,
) -> Answer:
    """The answer to `channels` (inputs, *space), whose sides are multiples of the network's `multiple_of`.

    `network`: a `RetinaNet` or `RetinaWithVoxels` in eval mode, or an engine that runs one. `strides`:
    `RetinaNet.strides`. Where the settings name `mirrors`, it is the mean over the image and all its mirror images.
    """
    anchors = make_anchors(channels.shape[1:], strides, settings.anchor_sizes, settings.growth)
    axes = ["zyx"[1 - channels.ndim :].index(name) for name in settings.mirrors]
    outputs, drawn = [], []
    for turned in chain.from_iterable(combinations(axes, count) for count in range(len(axes) + 1)):
        output, lesions = _asked(network, np.flip(channels, [1 + axis for axis in turned]), anchors)
        for axis in turned:
            output = _mirrored(output, anchors, axis)
        outputs.append(output)
        drawn += [] if lesions is None else [np.flip(lesions, [1 + axis for axis in turned])]
    names = (field.name for field in fields(RetinaOutput))
    mean = RetinaOutput(*(torch.stack([getattr(one, name) for one in outputs]).mean(dim=0) for name in names))
    return Answer(mean, anchors, np.mean(drawn, axis=0) if drawn else None)


def _asked(
    network: Callable[[torch.Tensor], torch.Tensor], channels: np.ndarray, anchors: Anchors
) -> tuple[RetinaOutput, np.ndarray | None]:
    with torch.no_grad():
        answer = network(torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32))[None])
    answer, lesions = answer.float().cpu(), None
    if answer.ndim == 2:
        answer, voxels = RetinaWithVoxels.apart(answer, len(anchors), channels.shape[1:])
        lesions = voxels[0].sigmoid().numpy()
    return RetinaOutput.of(answer, channels.ndim - 1)[0], lesions


def _mirrored(output: RetinaOutput, anchors: Anchors, axis: int) -> RetinaOutput:
    """What is said of the mirror image of a block as it holds for the block; anchors mirror onto anchors."""

    def rows(values: torch.Tensor) -> torch.Tensor:
        turned = values.clone()
        for block in anchors.blocks:
            own = slice(block.start, block.start + block.count)
            places = values[:, own].unflatten(1, (*block.shape, anchors.per_position))
            turned[:, own] = places.flip(1 + axis).flatten(1, 1 + len(block.shape))
        return turned

    logits, deltas, displacement = rows(output.logits), rows(output.deltas), rows(output.displacement)
    deltas[..., axis] = -deltas[..., axis].flip(-1)
    displacement[..., axis] *= -1
    return RetinaOutput(logits, deltas, displacement)


def _found(
    logits: torch.Tensor,
    deltas: torch.Tensor,
    displacement: torch.Tensor,
    anchors: Anchors,
    settings: DetectionSettings,
) -> Found:
    scores = logits.detach().float().sigmoid().amax(dim=-1)
    rows = (scores >= settings.score_floor).nonzero()[:, 0]
    rows = rows[scores[rows].argsort(descending=True, stable=True)[: settings.candidates]]
    boxes = decode(deltas[rows].detach().float(), anchors.boxes[rows])
    moves = displacement[rows].detach().float() * anchors.strides[rows]
    real = (boxes[:, 1] > boxes[:, 0]).all(dim=-1) & boxes.isfinite().all(-1).all(-1) & moves.isfinite().all(-1)
    found = [t[real].double().cpu().numpy() for t in (boxes, scores[rows], moves)]
    kept = nms(found[0], found[1], settings.nms_iou)[: settings.maximum]
    return Found(*(values[kept] for values in found))
