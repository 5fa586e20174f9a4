"""Lightning module that trains a segmentation and a registration network together (Couteaux 2021, section 2.3)."""

from enum import IntEnum
from pathlib import Path
from typing import Any

import torch

from liverpair.core.errors import InputError
from liverpair.core.layout import channels_last
from liverpair.training.paired_livers import PairedLiversTask, mean_dice
from liverpair.training.paired_livers_data import PairedLiversData
from reproduction.training.registration_network import RegistrationNetwork
from reproduction.training.similarity_loss import (
    SimilarityWeights,
    reference_loss,
    registered,
    registration_loss,
    similarity_losses,
)


class Stage(IntEnum):
    """What is trained: the segmentation network alone, then the registration network alone, on masks drawn by hand,
    then both.
    """

    SEGMENTATION = 1
    REGISTRATION = 2
    BOTH = 3


class SimilarityTask(PairedLiversTask):
    """Trains a network with two masks out, the second of which is to look like the first, registered.

    One optimizer serves both networks: no loss reaches the network that it must not train, and AdamW passes over what
    has no gradient. Each stage begins with fresh moments and has a warm-up and a cosine of its own: with λ_r = 0.1 the
    loss of the segmentation network falls by ten at the third, and what AdamW remembered of the first would leave the
    constraint a few hundredths of its strength. Published is that each stage lasts until it has converged; here it
    lasts a number of steps. The score to choose a checkpoint by is "staged_score", Dice plus the number of the stage,
    so that it is one of the last.

    Parameters
    ----------
    weights
        Of the three losses, once both networks are trained.
    segmentation_steps, registration_steps
        How long the first two stages last.
    registration
        Arguments of the `RegistrationNetwork`.
    blur_length
        Of the binomial filter in the registration loss, voxels; published: 3.
    similarity_trains_registration
        As in `similarity_losses`.
    start_from
        Checkpoint of another run of this kind whose weights are taken.
    task
        Parameters of `PairedLiversTask`; `in_channels` and `out_channels` are to be 2.
    """

    ONLY_AT_THE_START = {**PairedLiversTask.ONLY_AT_THE_START, "start_from": ""}

    def __init__(
        self,
        weights: SimilarityWeights = SimilarityWeights(),
        segmentation_steps: int = 400,
        registration_steps: int = 300,
        registration: dict[str, Any] | None = None,
        blur_length: int = 3,
        similarity_trains_registration: bool = False,
        start_from: str = "",
        **task: Any,
    ):
        super().__init__(**task)
        self.save_hyperparameters()
        self.weights = weights
        self.registration = channels_last(RegistrationNetwork(**(registration or {})))
        if start_from:
            self.load_state_dict(_weights_of(Path(start_from)))

    def stage_of(self, step: int) -> Stage:
        """The stage that a step, counted from 0, belongs to."""
        first = self.hparams.segmentation_steps
        return Stage(1 + (step >= first) + (step >= first + self.hparams.registration_steps))

    def rate_factor(self, step: int) -> float:
        """As in `WarmupCosine`, within the stage of the step."""
        stage = self.stage_of(step)
        begins, ends = self._bounds[stage - 1 : stage + 1]
        return self.scheduled(step - begins, ends - begins)

    @property
    def _bounds(self) -> tuple[int, int, int, int]:
        """The step with which each stage begins, and how many there are."""
        first, second = self.hparams.segmentation_steps, self.hparams.registration_steps
        return 0, first, first + second, int(self.trainer.estimated_stepping_batches)

    def on_train_batch_start(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """Forget the moments of the stage before."""
        if self.global_step in self._bounds[1:3]:
            self.optimizers(use_pl_optimizer=False).state.clear()

    def setup(self, stage: str) -> None:
        """Raises `InputError` for data without two masks, T1 first."""
        if isinstance(self.trainer.datamodule, PairedLiversData):
            super().setup(stage)
            if len(self.trainer.datamodule.training_passes) > 1:
                raise InputError("The similarity constraint needs a fixed order of the images.", "Set data.inputs.")

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        """One batch, with the loss of the stage."""
        settings, drawn, stage = self.hparams, batch["target"], self.stage_of(self.global_step)
        if stage is Stage.REGISTRATION:
            loss = registration_loss(registered(self.registration, drawn), drawn, settings.blur_length)
            self.log("registration_loss", loss, on_step=False, on_epoch=True)
            return loss
        logits = self(batch["image"]).float()
        if stage is Stage.SEGMENTATION:
            loss = reference_loss(logits, drawn)
        else:
            losses = similarity_losses(
                logits, drawn, self.registration, settings.blur_length, settings.similarity_trains_registration
            )
            loss = losses.total(self.weights)
            parts = {"reference": losses.reference, "registration": losses.registration}
            parts["similarity"] = losses.similarity
            self.log_dict({f"{name}_loss": value for name, value in parts.items()}, on_step=False, on_epoch=True)
        self.log("loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """Mean Dice of both masks, and with the stage of the step before."""
        dice = mean_dice(self(batch["image"]), batch["target"])
        stage = self.stage_of(self.global_step - 1)
        scores = {"validation_dice": dice, "staged_score": stage + dice}
        self.log_dict(scores, prog_bar=True, batch_size=1, sync_dist=True)


def _weights_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    if not checkpoint.is_file():
        raise InputError(f"There is no checkpoint '{checkpoint}' to start from.", "Train that run first.")
    return torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"]
