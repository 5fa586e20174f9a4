"""What the Lightning modules of all tasks share: optimizer, learning rate, what their bundles get."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as lightning
import torch

from liverpair.core.errors import InputError


class WarmupCosine(lightning.LightningModule):
    """A module trained with AdamW whose rate climbs linearly, then falls along a cosine to a hundredth at the last
    step, or stays where the hyper-parameter `schedule` is "constant".

    Its hyper-parameters hold `learning_rate`, `weight_decay` and `warmup_steps`; `network` is what its bundle gets.
    """

    CURVES: Sequence[str] = ("loss", "validation_dice")
    """The logged scores that make the learning curve of a bundle."""
    ONLY_AT_THE_START: Mapping[str, Any] = {}
    """Hyper-parameters that mean nothing to a trained module, and what replaces them."""
    RENAMED: Mapping[str, str] = {}
    """Options of earlier versions, and what they are called now."""

    def exported(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """What a bundle's manifest says of the network, and the bundle's weights; the module is trained no more."""
        network = {"name": self.hparams.network, "arguments": self.hparams.arguments}
        return {"network": network}, self.network.state_dict()

    def rate_factor(self, step: int) -> float:
        """Learning rate at `step` as a part of the highest. It looks at the trainer, so that a resumed run may be
        made longer or shorter.
        """
        return self.scheduled(step, int(self.trainer.estimated_stepping_batches))

    def scheduled(self, step: int, steps: int) -> float:
        """The same for one of so many steps."""
        warmup = self.hparams.warmup_steps
        if step < warmup:
            return max(step, 1) / warmup
        if self.hparams.get("schedule") == "constant":
            return 1.0
        total = max(steps, warmup + 1)
        return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total - warmup)))) / 2

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with warm-up and cosine. Raises `InputError` for a rate or a decay that means nothing."""
        settings = self.hparams
        if settings.learning_rate <= 0 or min(settings.weight_decay, settings.warmup_steps) < 0:
            raise InputError("The learning rate must be above 0, weight decay and warm-up steps at least 0.")
        optimizer = torch.optim.AdamW(self.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
