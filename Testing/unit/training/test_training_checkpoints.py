"""Which weights a run keeps: those of its best epoch, or of its last, whatever the score does."""

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from liverpair.training import command
from liverpair.training.bundle_writing import kept_task
from liverpair.training.command import BEST, LAST, checkpoint_of, fit, last_checkpoint
from liverpair.training.optimization import WarmupCosine


class Falling(WarmupCosine):
    """Its one weight counts steps; its score is best after the first epoch."""

    def __init__(self):
        super().__init__()
        self.count = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, number):
        return -self.count.sum()

    def validation_step(self, batch, number):
        self.log("validation_dice", -float(self.global_step))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


class Nothing(lightning.LightningDataModule):
    """Two steps an epoch."""

    train_cases: list[str] = []

    def train_dataloader(self):
        return DataLoader([0, 0])

    val_dataloader = train_dataloader


def run(folder, steps):
    options = [f"--run_folder={folder}", f"--trainer.max_steps={steps}", "--trainer.max_epochs=-1"]
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--average_decay=0"]
    return fit(Falling, Nothing, [*options, *quiet, "--trainer.accelerator=cpu"])


def steps_of(path):
    return torch.load(path, weights_only=False)["global_step"]


def test_the_last_epoch_is_kept_beside_the_best_and_gone_on_from(tmp_path):
    run(tmp_path, 6)
    assert (steps_of(checkpoint_of(tmp_path, BEST)), steps_of(checkpoint_of(tmp_path, LAST))) == (2, 6)
    assert last_checkpoint(tmp_path) == checkpoint_of(tmp_path, LAST)
    best, last = (kept_task(Falling, tmp_path, which) for which in (BEST, LAST))
    assert (best[0].count.item(), best[1]) == (2, 2) and (last[0].count.item(), last[1]) == (6, 6)
    cli = run(tmp_path, 10)
    assert cli.model.count.item() == 10 and steps_of(checkpoint_of(tmp_path, LAST)) == 10
    assert steps_of(checkpoint_of(tmp_path, BEST)) == 2
    assert sorted(path.name for path in (tmp_path / command.CHECKPOINTS).iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_run_that_is_done_is_not_trained_again(tmp_path):
    run(tmp_path, 6)
    written = checkpoint_of(tmp_path, LAST).stat().st_mtime_ns
    assert run(tmp_path, 6).model.count.item() == 6
    assert checkpoint_of(tmp_path, LAST).stat().st_mtime_ns == written


def test_a_run_of_an_earlier_version_is_gone_on_with(tmp_path, monkeypatch):
    """It knew one checkpoint callback, which wrote both files."""
    earlier = ModelCheckpoint(tmp_path / command.CHECKPOINTS, BEST, "validation_dice", mode="max", save_last=True)
    trainer = lightning.Trainer(
        max_steps=2, callbacks=[earlier], logger=False, enable_progress_bar=False, accelerator="cpu"
    )
    trainer.fit(Falling(), Nothing())
    assert steps_of(last_checkpoint(tmp_path)) == 2
    assert run(tmp_path, 6).model.count.item() == 6
    assert steps_of(last_checkpoint(tmp_path)) == 6
