"""Lightning module that trains a network of views, and then how sure each of them is to be."""

from typing import Any

import torch

from liverpair.core.errors import InputError
from liverpair.segmentation.losses import LOSSES
from liverpair.training.paired_livers import PairedLiversTask, mean_dice


class ViewsTask(PairedLiversTask):
    """Trains the views' networks, each by its own mask; in the last part of the steps they are frozen, and each learns
    the probability that it gives the true class (Corbière et al., NeurIPS 2019).

    Parameters
    ----------
    confidence_share
        That part of the steps.
    network, settings
        As in `PairedLiversTask`.
    """

    CURVES = ("loss", "confidence_loss", "validation_dice")

    def __init__(self, confidence_share: float = 0.2, network: str = "views-unet", **settings: Any):
        super().__init__(network=network, **settings)
        if not 0 <= confidence_share < 1:
            raise InputError(f"model.confidence_share is from 0 to below 1, not {confidence_share}.")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits of the fused mask (batch, 1, z, y, x)."""
        return super().forward(image)[:, :1]

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        """One patch."""
        image, target = batch["image"], batch["target"]
        steps = int(self.trainer.estimated_stepping_batches)
        if self.global_step < (1 - self.hparams.confidence_share) * steps:
            logits, _ = self.network.of_views(image)
            loss = LOSSES[self.hparams.loss](logits.float(), target.expand_as(logits))
            self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
            return loss
        self.network.networks.eval()  # a frozen network drops nothing
        logits, sure = self.network.of_views(image, frozen=True)
        loss = torch.nn.functional.mse_loss(sure.float().sigmoid(), true_class_probability(logits.float(), target))
        self.log("confidence_loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """One image, whole: Dice of the fused mask on the working grid."""
        self.log("validation_dice", mean_dice(self(batch["image"]), batch["target"]), prog_bar=True, batch_size=1)


def true_class_probability(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """What each view (batch, views, *space) gives the class that a voxel has; `target` (batch, 1, *space)."""
    p = logits.sigmoid()
    return torch.where(target > 0.5, p, 1 - p)
