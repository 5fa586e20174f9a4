"""Lightning module that trains a liver segmentation network."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from liverpair.core.layout import channels_last
from liverpair.networks import build
from liverpair.networks.padding import logits_of
from liverpair.segmentation.losses import LOSSES, LossName
from liverpair.training.optimization import WarmupCosine
from liverpair.training.starting_weights import take_weights


def batch_dice(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Dice of the first channel at a probability of 0.5 over a whole batch; inside its "region" where it has one."""
    predicted, reference = logits[:, 0] > 0, batch["target"][:, 0] > 0.5
    if "region" in batch:
        predicted, reference = (mask & batch["region"][:, 0] for mask in (predicted, reference))
    return 2 * (predicted & reference).sum() / (predicted.sum() + reference.sum()).clamp(min=1)


def expect(network: torch.nn.Module, share: float) -> None:
    """Let the output layer's bias start at the log-odds of the part of the voxels that a structure fills: a training
    that first has to learn that most voxels are empty may never start. Of several output layers (`heads`), each."""
    for head in getattr(network, "heads", None) or [network.head]:
        torch.nn.init.constant_(head.bias, math.log(share / (1 - share)))


class SegmentationTask(WarmupCosine):
    """Trains one network on the masks of one or more structures; channel 0 is the liver.

    Parameters
    ----------
    network, arguments
        Name and arguments of the network (`liverpair.networks`).
    loss
        "bce", "dice", "sum" or "surface".
    auxiliary_weight
        Weight of the loss of the channels after the first. They only help training: the bundle keeps channel 0.
    learning_rate, weight_decay, warmup_steps
        AdamW; the rate climbs linearly for `warmup_steps`, then falls along a cosine to a hundredth at the last step.
    share
        Part of the voxels that a structure fills (`expect`).
    start_from
        Model, checkpoint or file of weights to start from (`liverpair.training.starting_weights`).
    """

    ONLY_AT_THE_START = {"start_from": None}
    RENAMED = {"--model.initial_weights": "--model.start_from"}
    built: Callable[[str, Mapping[str, Any]], torch.nn.Module] = staticmethod(build)
    """Makes the network of a name and its arguments."""

    def __init__(
        self,
        network: str = "unet",
        arguments: dict[str, Any] | None = None,
        loss: LossName = "sum",
        auxiliary_weight: float = 0.3,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        warmup_steps: int = 200,
        share: float = 0.03,
        start_from: str | None = None,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.network = channels_last(self.built(network, arguments or {}))
        expect(self.network, share)
        if start_from:
            take_weights(self.network, start_from)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (batch, channels, *space) of images (batch, 1, *space) of any size."""
        return logits_of(self.network, image)

    def exported(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """As in `WarmupCosine`; of the output channels only the first is kept."""
        self.network.select_outputs([0])
        arguments = {**(self.hparams.arguments or {}), "out_channels": self.network.out_channels}
        return {"network": {"name": self.hparams.network, "arguments": arguments}}, self.network.state_dict()

    def loss_of(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Loss of the liver plus the weighted loss of the auxiliary channels."""
        loss = LOSSES[self.hparams.loss]
        total = loss(logits[:, :1], target[:, :1])
        if target.shape[1] > 1 and self.hparams.auxiliary_weight:
            total = total + self.hparams.auxiliary_weight * loss(logits[:, 1:], target[:, 1:])
        return total

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        """One patch."""
        loss = self.loss_of(self(batch["image"]).float(), batch["target"])
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """One whole volume, or all slices of one: Dice of the first channel on the working grid."""
        self.log(
            "validation_dice", batch_dice(self(batch["image"]), batch), prog_bar=True, batch_size=1, sync_dist=True
        )
