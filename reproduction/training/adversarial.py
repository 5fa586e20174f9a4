"""Lightning module that trains a liver network and its adversary together (Couteaux 2021, section 2.2.3)."""

from typing import Any

import torch

from liverpair.bundle.bundle import GAMBLER_PREFIX
from liverpair.bundle.manifest import GAMBLER
from liverpair.networks.adversaries import Gambler
from liverpair.segmentation.adversarial_losses import ADVERSARIES, GamblerAdversary
from liverpair.segmentation.losses import LOSSES
from liverpair.training.paired_livers import PairedLiversTask


class AdversarialLiversTask(PairedLiversTask):
    """Trains a `PairedLiversTask` whose loss an adversary adds to, and the adversary: one update of each per step.

    The trainer counts the steps of the segmentation network.

    Parameters
    ----------
    adversary
        "gan", "embedding" or "gambler" (`liverpair.segmentation.adversarial_losses`).
    adversary_arguments
        Of the adversary and of its network.
    adversary_weight
        λ: weight of what the adversary adds; published: 1.
    adversary_from_step
        Until then the segmentation network learns from its own loss alone, while the adversary learns already.
    adversary_learning_rate
        Of the adversary's Adam, betas 0.5 and 0.999; the source leaves it open.
    gradient_clip
        Largest norm of the gradient of each of the two; 0: no limit. The trainer's own clipping is for one optimizer.
    task
        Parameters of `PairedLiversTask`.
    """

    def __init__(
        self,
        adversary: str = "gan",
        adversary_arguments: dict[str, Any] | None = None,
        adversary_weight: float = 1.0,
        adversary_from_step: int = 1500,
        adversary_learning_rate: float = 1e-4,
        gradient_clip: float = 1.0,
        **task: Any,
    ):
        super().__init__(**task)
        self.save_hyperparameters()
        self.automatic_optimization = False
        if adversary not in ADVERSARIES:
            raise ValueError(f"there is no adversary '{adversary}'; there are {', '.join(ADVERSARIES)}")
        make = ADVERSARIES[adversary]
        settings = self.hparams
        self.adversary = make(settings.in_channels, settings.out_channels, **(adversary_arguments or {}))
        self.adversary = self.adversary.to(memory_format=torch.channels_last_3d)

    def configure_optimizers(self) -> tuple[list[torch.optim.Optimizer], list[dict[str, Any]]]:
        """AdamW with warm-up and cosine for the segmentation network, Adam for the adversary."""
        settings = self.hparams
        own = torch.optim.AdamW(self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        others = torch.optim.Adam(self.adversary.parameters(), settings.adversary_learning_rate, betas=(0.5, 0.999))
        schedule = torch.optim.lr_scheduler.LambdaLR(own, self.rate_factor)
        return [own, others], [{"scheduler": schedule, "interval": "step"}]

    def exported(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """As in `WarmupCosine`, with the gambler if there is one."""
        sections, weights = super().exported()
        if self.gambler is not None:
            sections[GAMBLER] = {"arguments": self.gambler.layout}
            weights |= {f"{GAMBLER_PREFIX}{name}": value for name, value in self.gambler.network.state_dict().items()}
        return sections, weights

    @property
    def gambler(self) -> Gambler | None:
        """The gambler, where the adversary is one."""
        return self.adversary.network if isinstance(self.adversary, GamblerAdversary) else None

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """One patch: both losses, one backward pass (neither loss reaches the other network), one update of each."""
        settings = self.hparams
        logits = self(batch["image"]).float()
        loss = LOSSES[settings.loss](logits, batch["target"])
        added, own, accuracy = self.adversary(batch["image"], logits, batch["target"])
        if self.global_step >= settings.adversary_from_step:
            loss = loss + settings.adversary_weight * added
        self._update(loss + own)
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        told = {} if accuracy is None else {"adversary_accuracy": accuracy}
        self.log_dict({"added_loss": added, "adversary_loss": own, **told}, on_step=False, on_epoch=True)

    def _update(self, total: torch.Tensor) -> None:
        counted, _ = self.optimizers()
        raw = self.optimizers(use_pl_optimizer=False)
        for optimizer in raw:
            optimizer.zero_grad()
        self.manual_backward(total)
        for optimizer in raw:
            if self.hparams.gradient_clip:
                self.clip_gradients(optimizer, self.hparams.gradient_clip, "norm")
        counted.step()
        self.trainer.strategy.optimizer_step(raw[1], lambda: None)  # Lightning would count it as one more step
        self.lr_schedulers().step()
