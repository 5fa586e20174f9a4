"""What every training command shares: Lightning's command line, logs, checkpoints, resume."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import EarlyStopping, EMAWeightAveraging, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

CHECKPOINTS = "checkpoints"


@dataclass
class BundleDescription:
    """The bundle that a training leaves behind; nothing is written while `folder` is empty.

    Parameters
    ----------
    folder
        Where the bundle is written.
    name, version, description, data, license, citation, history, limits
        What its card says. `history` tells of settings that were changed while a run was resumed.
    """

    folder: str = ""
    name: str = "unnamed"
    version: str = "1.0.0"
    description: str = ""
    data: str = ""
    license: str = ""
    citation: str = ""
    history: str = ""
    limits: list[str] | None = None


class TrainingCLI(LightningCLI):
    """Lightning's command line with a run folder: logs, checkpoints and the config of a run lie in its run folder."""

    def add_arguments_to_parser(self, parser) -> None:
        """Arguments beside the model's, the data's and the trainer's."""
        parser.add_argument("--run_folder", type=str, default="runs/run", help="Folder of logs and checkpoints.")
        parser.add_argument("--resume", type=bool, default=True, help="Go on from the last checkpoint of the run.")
        parser.add_class_arguments(BundleDescription, "bundle")
        parser.add_argument("--monitor", type=str, default="validation_dice", help="Score whose best epoch is kept.")
        parser.add_argument(
            "--patience", type=int, default=0, help="Stop after so many validations without gain; 0: never."
        )
        parser.add_argument(
            "--average_decay", type=float, default=0.998, help="Decay of the averaged weights; 0: none."
        )

    def instantiate_trainer(self, **kwargs) -> lightning.Trainer:
        """The trainer with the callbacks and loggers of the run."""
        settings = self.config
        run = Path(settings.run_folder)
        callbacks = [
            ModelCheckpoint(
                run / CHECKPOINTS, "best", settings.monitor, mode="max", save_last=True, save_on_train_epoch_end=True
            ),
            LearningRateMonitor("step"),
        ]
        if settings.average_decay:
            callbacks.append(EMAWeightAveraging(decay=settings.average_decay))
        if settings.patience:
            callbacks.append(EarlyStopping(settings.monitor, patience=settings.patience, mode="max"))
        loggers = [CSVLogger(run, "log"), TensorBoardLogger(run, "tensorboard")]
        return super().instantiate_trainer(logger=loggers, callbacks=callbacks, default_root_dir=run, **kwargs)


def last_checkpoint(run: Path) -> Path | None:
    """The newest checkpoint of a run; None when it has none."""
    found = sorted((run / CHECKPOINTS).glob("last*.ckpt"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def fit(model_class: type, data_class: type, arguments: list[str]) -> TrainingCLI:
    """Parse `arguments`, train or go on training, and return the command line with its model, data, trainer and config.

    A run that has done all its steps is not trained again, so that the same command can export its bundle once more.
    """
    cli = TrainingCLI(
        model_class,
        data_class,
        args=arguments,
        run=False,
        save_config_kwargs={"overwrite": True},
        trainer_defaults={"reload_dataloaders_every_n_epochs": 1, "log_every_n_steps": 20, "num_sanity_val_steps": 0},
        parser_kwargs={"prog": "python -m liverpair train"},
    )
    checkpoint = last_checkpoint(Path(cli.config.run_folder)) if cli.config.resume else None
    if checkpoint:
        print(f"Going on from {checkpoint}", file=sys.stderr)
    cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=checkpoint, weights_only=False)
    return cli
