"""Lightning module that trains a liver network of any strategy: one or two images in, one or two masks out."""

from typing import Any, Literal

import torch

from liverpair.core.errors import InputError
from liverpair.core.layout import channels_last
from liverpair.networks import build
from liverpair.networks.padding import logits_of
from liverpair.segmentation.losses import LOSSES, LossName
from liverpair.training.optimization import WarmupCosine
from liverpair.training.segmentation import expect
from liverpair.training.starting_weights import take_weights


def mean_dice(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the channels of (batch, channels, *space) of their Dice at a probability of 0.5."""
    predicted, reference = logits > 0, target > 0.5
    space = (0, *range(2, logits.ndim))
    total = predicted.sum(space) + reference.sum(space)
    return (2 * (predicted & reference).sum(space) / total.clamp(min=1)).mean()


class PairedLiversTask(WarmupCosine):
    """Trains one network on what `PairedLiversData` shows it; every mask counts the same.

    Parameters
    ----------
    network, arguments
        Name and further arguments of the network (`liverpair.networks`).
    in_channels, out_channels
        How many images the strategy shows it, and how many masks it wants.
    loss
        "bce", "dice" or "sum"; published for the comparison of strategies: "bce".
    learning_rate, weight_decay, warmup_steps
        AdamW; the rate climbs linearly for `warmup_steps`, then falls along a cosine to a hundredth at the last step.
    share
        Part of the voxels that a liver fills (`liverpair.training.segmentation.expect`).
    schedule
        "constant": the rate stays where it is after the warm-up.
    pretrained
        Model, checkpoint or file of weights to start from (`liverpair.training.starting_weights`), such as the
        published ones of Models Genesis.
    """

    ONLY_AT_THE_START = {"pretrained": None}

    def __init__(
        self,
        network: str = "unet",
        arguments: dict[str, Any] | None = None,
        in_channels: int = 1,
        out_channels: int = 1,
        loss: LossName = "bce",
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        warmup_steps: int = 50,
        share: float = 0.03,
        schedule: Literal["cosine", "constant"] = "cosine",
        pretrained: str | None = None,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.network = build(network, self.network_arguments)
        expect(self.network, share)
        if pretrained:
            take_weights(self.network, pretrained)
        self.network = channels_last(self.network)

    @property
    def network_arguments(self) -> dict[str, Any]:
        """All arguments of the network, as a bundle names them."""
        channels = {"in_channels": self.hparams.in_channels, "out_channels": self.hparams.out_channels}
        return {**(self.hparams.arguments or {}), **channels}

    def exported(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """As in `WarmupCosine`."""
        network = {"name": self.hparams.network, "arguments": self.network_arguments}
        return {"network": network}, self.network.state_dict()

    def setup(self, stage: str) -> None:
        """Raises `InputError` when the strategy of the data wants another number of channels."""
        one = self.trainer.datamodule.training_passes[0]
        wanted = {"in_channels": len(one.inputs), "out_channels": len(one.outputs)}
        if any(self.hparams[key] != number for key, number in wanted.items()):
            strategy = self.trainer.datamodule.strategy
            needs = " and ".join(f"model.{key} {number}" for key, number in wanted.items())
            raise InputError(f"The strategy '{strategy}' needs {needs}.", "Change the config.")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (batch, out_channels, z, y, x) of images (batch, in_channels, z, y, x) of any size."""
        return logits_of(self.network, image)

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        """One patch."""
        loss = LOSSES[self.hparams.loss](self(batch["image"]).float(), batch["target"])
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """One pair as the strategy shows it, whole: mean Dice of its masks on the working grid."""
        dice = mean_dice(self(batch["image"]), batch["target"])
        self.log("validation_dice", dice, prog_bar=True, batch_size=1, sync_dist=True)
