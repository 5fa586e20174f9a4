"""Lightning module that trains a liver segmentation network."""

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from liverpair.core.errors import InputError
from liverpair.networks import build
from liverpair.networks.padding import logits_of
from liverpair.segmentation.losses import LOSSES, LossName
from liverpair.training.optimization import WarmupCosine


def batch_dice(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Dice of the first channel at a probability of 0.5 over a whole batch; inside its "region" where it has one."""
    predicted, reference = logits[:, 0] > 0, batch["target"][:, 0] > 0.5
    if "region" in batch:
        predicted, reference = (mask & batch["region"][:, 0] for mask in (predicted, reference))
    return 2 * (predicted & reference).sum() / (predicted.sum() + reference.sum()).clamp(min=1)


def start_from(network: torch.nn.Module, path: Path) -> None:
    """Give a network the weights in a .safetensors file wherever name and shape agree; of a head with another number
    of outputs, those that both have.

    Raises `InputError` when the file cannot be read or holds no weight of the network but its head's.
    """
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"The initial weights '{path}' cannot be read.", "Give a .safetensors file.") from error
    own = network.state_dict()
    taken = {name: value for name, value in stored.items() if name in own and own[name].shape == value.shape}
    if not any(not name.startswith("head.") for name in taken):
        raise InputError(f"The initial weights '{path}' belong to another network.", "Change the config's network.")
    for name in ("head.weight", "head.bias"):
        if name in stored and name not in taken and stored[name].ndim == own[name].ndim:
            merged = own[name].clone()
            both = tuple(slice(0, min(sizes)) for sizes in zip(merged.shape, stored[name].shape))
            merged[both] = stored[name][both].to(merged)
            taken[name] = merged
    network.load_state_dict(taken, strict=False)


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
        Part of the voxels that a structure fills: the output layer's bias starts at its log-odds, since a training that
        first has to learn that most voxels are empty may never start.
    initial_weights
        A .safetensors file with weights to start from; those whose names or shapes differ from the network's start
        at random, and so does a head with other outputs but for the first of them.
    """

    ONLY_AT_THE_START = {"initial_weights": None}

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
        initial_weights: str | None = None,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.network = build(network, arguments or {})
        torch.nn.init.constant_(self.network.head.bias, math.log(share / (1 - share)))
        if initial_weights:
            start_from(self.network, Path(initial_weights))
        layouts = {2: torch.channels_last, 3: torch.channels_last_3d}
        self.network = self.network.to(memory_format=layouts[self.network.dimensions])

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
        self.log("validation_dice", batch_dice(self(batch["image"]), batch), prog_bar=True, batch_size=1)
