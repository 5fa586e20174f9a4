"""Lightning module that trains a detector of paired lesions, in two or three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch

from liverpair.core.errors import InputError
from liverpair.detection.anchors import Anchors, make_anchors
from liverpair.detection.consistency import consistency_targets
from liverpair.detection.detection_settings import EARLIER, DetectionSettings
from liverpair.detection.finding import find_boxes
from liverpair.detection.losses import DetectionLoss
from liverpair.detection.pairing import Found
from liverpair.detection.targets import Matching, PairTargets, pair_targets
from liverpair.measures.boxes import iou
from liverpair.measures.froc import average_precision, match_boxes
from liverpair.networks import build
from liverpair.networks.retina import RetinaOutput
from liverpair.training.optimization import WarmupCosine
from liverpair.training.starting_weights import take_weights

MEMORY_FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


@dataclass
class PairSample:
    """One pair of images with its lesions.

    `image` (channels, *space) float32; `boxes` (2, n, 2, d): lower and upper bounds of each of n lesions in each image,
    in voxels, NaN where its place is not known; `visible` (2, n): whether each image shows it; `masks` (2, *space)
    float32: where each image shows a lesion, or None; `annotated`: False for a pair that nobody looked at; `cut`
    (2, n): whether an image shows only a lesser part of it, or nobody decided whether it does, so that it is neither a
    lesion nor background.
    """

    image: torch.Tensor
    boxes: torch.Tensor
    visible: torch.Tensor
    masks: torch.Tensor | None = None
    annotated: bool = True
    cut: torch.Tensor | None = None


@dataclass
class PairBatch:
    """Samples of one shape: `images` (batch, channels, *space) and the samples themselves."""

    images: torch.Tensor
    samples: Sequence[PairSample]

    @classmethod
    def of(cls, samples: Sequence[PairSample]) -> "PairBatch":
        """The batch of a list of samples (a `collate_fn`)."""
        return cls(torch.stack([sample.image for sample in samples]), samples)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "PairBatch":
        """The same batch with its images on `device`; boxes follow when targets are made."""
        return PairBatch(self.images.to(device, non_blocking=non_blocking), self.samples)


class DetectionTask(WarmupCosine):
    """Trains a `RetinaNet` for pairs.

    Parameters
    ----------
    arguments
        Of the network.
    settings
        How images are prepared and boxes are read off; goes into the bundle.
    matching, loss
        Which anchor learns which box, and the parts of the loss. Where the network has a voxel segmentation and the
        samples have masks, the auxiliary loss of Retina U-Net joins (Jaeger et al. 2020).
    consistency_weight
        Weight of the loss on the network's own moved boxes (Couteaux 2021, section 5.1.3), on all pairs; pairs that are
        not annotated have no other loss. 0: without.
    consistency_from_step, consistency_threshold
        When it begins, and the probability from which an anchor teaches.
    start_from
        Model, checkpoint or file of weights to start from (`liverpair.training.starting_weights`). Heads on towers of
        their own start with the joint tower of that network.
    validation_iou
        From which overlap a validation lesion counts as found.
    learning_rate, weight_decay, warmup_steps, schedule
        As in `WarmupCosine`.
    """

    CURVES = ("loss", "validation_ap", "validation_moved_iou")
    ONLY_AT_THE_START = {"start_from": ""}
    RENAMED = {f"--model.settings.{earlier}": f"--model.settings.{today}" for earlier, today in EARLIER.items()}

    def __init__(
        self,
        settings: DetectionSettings,
        arguments: dict[str, Any] | None = None,
        matching: Matching = Matching(),
        loss: DetectionLoss = DetectionLoss(),
        consistency_weight: float = 0.0,
        consistency_from_step: int = 1000,
        consistency_threshold: float = 0.5,
        start_from: str = "",
        validation_iou: float = 0.1,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        warmup_steps: int = 200,
        schedule: Literal["cosine", "constant"] = "cosine",
    ):
        super().__init__()
        self.save_hyperparameters()
        self.settings, self.matching, self.loss = settings, matching, loss
        self.network = build("retina", arguments or {})
        sides = {len(size) for size in settings.anchor_sizes}
        if sides != {self.network.dimensions} or len(settings.anchor_sizes) != self.network.anchors:
            raise InputError(
                f"anchor_sizes must be the {self.network.anchors} boxes of {self.network.dimensions} numbers that the "
                f"network answers for, not {len(settings.anchor_sizes)} of {' or '.join(map(str, sorted(sides)))}.",
                "Change settings.anchor_sizes or arguments.anchors in the config.",
            )
        self.network = self.network.to(memory_format=MEMORY_FORMATS[self.network.dimensions])
        if start_from:
            split_towers(self.network, take_weights(self.network, start_from))
        self.validated: list[tuple] = []

    def exported(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """As in `WarmupCosine`."""
        return {"network": {"name": "retina", "arguments": self.hparams.arguments}}, self.network.state_dict()

    def forward(self, images: torch.Tensor) -> RetinaOutput:
        """The heads' answer to images (batch, channels, *space)."""
        return RetinaOutput.of(self.network(self._in_format(images)), self.network.dimensions)

    def anchors(self, shape: Sequence[int]) -> Anchors:
        """The anchors of images of this shape, on the module's device."""
        strides = tuple((level, tuple(stride)) for level, stride in self.network.strides.items())
        made = _anchors(tuple(shape), strides, self.settings.anchor_sizes, self.settings.growth)
        return made.to(self.device)

    def training_step(self, batch: PairBatch, index: int) -> torch.Tensor:
        """The loss of a batch."""
        masked = self.network.segmentation is not None and all(s.masks is not None for s in batch.samples)
        images = self._in_format(batch.images)
        if masked:
            answer, voxels = self.network.with_segmentation(images)
        else:
            answer = self.network(images)
        output = RetinaOutput.of(answer.float(), self.network.dimensions)
        anchors = self.anchors(images.shape[2:])
        losses = self._supervised(output, batch.samples, anchors)
        if masked:
            masks = torch.stack([sample.masks for sample in batch.samples]).to(voxels.device)
            losses["segmentation"] = self.loss.segmentation(voxels, masks)
        if self.hparams.consistency_weight and self.global_step >= self.hparams.consistency_from_step:
            losses["consistency"] = self.hparams.consistency_weight * self._consistency(output, anchors)
        total = sum(losses.values())
        for name, value in {"loss": total, **{f"loss_{k}": v for k, v in losses.items()}}.items():
            self.log(name, value.detach(), prog_bar=name == "loss", on_epoch=True, on_step=False, batch_size=1)
        return total

    def _supervised(
        self, output: RetinaOutput, samples: Sequence[PairSample], anchors: Anchors
    ) -> dict[str, torch.Tensor]:
        rows = [row for row, sample in enumerate(samples) if sample.annotated]
        if not rows:
            return {"classification": 0.0 * output.logits.sum()}
        targets = PairTargets.stack([self._targets(samples[row], anchors) for row in rows])
        part = RetinaOutput(output.logits[rows], output.deltas[rows], output.displacement[rows])
        return self.loss(part, targets, anchors.strides)

    def _targets(self, sample: PairSample, anchors: Anchors) -> PairTargets:
        boxes, visible = sample.boxes.to(self.device), sample.visible.to(self.device)
        cut = None if sample.cut is None else sample.cut.to(self.device)
        return pair_targets(anchors, boxes, self.matching, visible, cut=cut)

    def _consistency(self, output: RetinaOutput, anchors: Anchors) -> torch.Tensor:
        threshold = self.hparams.consistency_threshold
        targets = [consistency_targets(output[row], anchors, threshold) for row in range(len(output.logits))]
        return sum(self.loss(output, PairTargets.stack(targets), anchors.strides).values())

    def validation_step(self, batch: PairBatch, index: int) -> None:
        """The boxes of whole pairs against their lesions."""
        output = self(batch.images)
        anchors = self.anchors(batch.images.shape[2:])
        for row, sample in enumerate(batch.samples):
            if not sample.annotated:
                continue
            answer = RetinaOutput(output.logits.float(), output.deltas.float(), output.displacement.float())[row]
            found = find_boxes(answer, anchors, self.settings)
            self.validated.append((found, sample.boxes.numpy(), sample.visible.numpy()))

    def on_validation_epoch_end(self) -> None:
        """Average precision over both images of all pairs, and how well found boxes land when they are moved."""
        threshold = self.hparams.validation_iou
        matches = [
            match_boxes(side.boxes, side.scores, boxes[i][visible[i]], threshold)
            for found, boxes, visible in self.validated
            for i, side in enumerate(found)
        ]
        moved = np.concatenate(
            [moved_overlaps(found, boxes, visible, threshold) for found, boxes, visible in self.validated]
        )
        self.log("validation_ap", float(np.nan_to_num(average_precision(matches))), prog_bar=True, sync_dist=True)
        self.log("validation_moved_iou", float(moved.mean()) if len(moved) else 0.0, prog_bar=True, sync_dist=True)
        self.validated = []

    def _in_format(self, images: torch.Tensor) -> torch.Tensor:
        return images.contiguous(memory_format=MEMORY_FORMATS[self.network.dimensions])


def moved_overlaps(found: Sequence[Found], boxes: np.ndarray, visible: np.ndarray, minimum_iou: float) -> np.ndarray:
    """IoU (k,) of each box that finds a lesion, moved by its predicted displacement, with that lesion's box in the
    other image.

    `found`: of both images; `boxes` (2, n, 2, d) and `visible` (2, n) the truth. Lesions whose place in the other image
    is not known are left out.
    """
    overlaps = []
    for image, side in enumerate(found):
        lesions = np.flatnonzero(visible[image])
        matched = match_boxes(side.boxes, side.scores, boxes[image][lesions], minimum_iou)
        hits = matched.found >= 0
        there = boxes[1 - image][lesions[matched.found[hits]]]
        pairs = zip(side.moved[hits], there)
        overlaps += [float(iou(own[None], other[None])[0, 0]) for own, other in pairs if np.isfinite(other).all()]
    return np.array(overlaps)


def split_towers(network: torch.nn.Module, untouched: Sequence[str]) -> None:
    """Give towers that got no weights (`untouched` names) those of the first tower of their heads."""
    for number, heads in enumerate(network.heads):
        for row, tower in enumerate(heads.towers):
            if row and any(name.startswith(f"heads.{number}.towers.{row}.") for name in untouched):
                tower.load_state_dict(heads.towers[0].state_dict())


@lru_cache(maxsize=32)
def _anchors(shape: tuple, strides: tuple, sizes: tuple, growth: float) -> Anchors:
    return make_anchors(shape, dict(strides), sizes, growth)
