"""What every training command shares: Lightning's command line, logs, checkpoints, resume."""

import sys
from argparse import ArgumentError
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EarlyStopping, EMAWeightAveraging, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from liverpair.bundle.bundle import check_place
from liverpair.bundle.manifest import NAMES, is_name
from liverpair.core.errors import InputError

CHECKPOINTS = "checkpoints"
BEST, LAST = "best", "last"
"""Names of the checkpoints of a run."""


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
        parser.add_argument("--resume", type=bool, default=True, help="Resume from the last checkpoint of the run.")
        parser.add_class_arguments(BundleDescription, "bundle")
        parser.add_argument("--monitor", type=str, default="validation_dice", help="Score that selects the best epoch.")
        parser.add_argument(
            "--keep",
            type=Literal[BEST, LAST],
            default=BEST,
            help="Whose weights the bundle gets: the best or the last epoch's.",
        )
        parser.add_argument(
            "--patience", type=int, default=0, help="Stop after this many validations without improvement; 0: never."
        )
        parser.add_argument(
            "--average_decay", type=float, default=0.998, help="Decay of the averaged weights; 0: none."
        )

    def parse_arguments(self, parser, args) -> None:
        """Parse `args` alone, whatever this process was started with. Raises `InputError` for what does not parse."""
        for config in config_files(args):
            if not config.is_file():
                raise InputError(f"The config '{config}' does not exist.")
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            raise InputError(_one_line(error), "'train TASK --help' lists the options.") from error

    def instantiate_classes(self) -> None:
        """Model, data and trainer. Raises `InputError` for settings that one of them refuses."""
        try:
            super().instantiate_classes()
        except (TypeError, ValueError, IndexError, UnpicklingError) as error:
            raise InputError(
                f"Training is not possible with these settings: {_one_line(error)}", "Change the config."
            ) from error

    def instantiate_trainer(self, **kwargs) -> lightning.Trainer:
        """The trainer with the callbacks and loggers of the run."""
        settings = self.config
        run = Path(settings.run_folder)
        when = {"save_on_train_epoch_end": True, "enable_version_counter": False}
        callbacks = [
            ModelCheckpoint(run / CHECKPOINTS, BEST, settings.monitor, mode="max", **when),
            ModelCheckpoint(run / CHECKPOINTS, LAST, **when),  # `save_last` would write only what is also best
            LearningRateMonitor("step"),
        ]
        if settings.average_decay:
            callbacks.append(EMAWeightAveraging(decay=settings.average_decay))
        if settings.patience:
            callbacks.append(EarlyStopping(settings.monitor, patience=settings.patience, mode="max"))
        loggers = [CSVLogger(run, "log"), TensorBoardLogger(run, "tensorboard")]
        return super().instantiate_trainer(logger=loggers, callbacks=callbacks, default_root_dir=run, **kwargs)


def config_files(arguments: list[str]) -> list[Path]:
    """The files that a command line names with `--config`."""
    following = [value for word, value in zip(arguments, arguments[1:]) if word == "--config"]
    joined = [word.partition("=")[2] for word in arguments if word.startswith("--config=")]
    return [Path(name) for name in following + joined]


def last_checkpoint(run: Path) -> Path | None:
    """The newest checkpoint of a run; None when it has none."""
    found = checkpoint_of(run, LAST)
    return found if found.is_file() else None


def checkpoint_of(run: Path, which: str = BEST) -> Path:
    """Where a run keeps its best or its last checkpoint."""
    return run / CHECKPOINTS / f"{which}.ckpt"


def fit(
    model_class: type, data_class: type, arguments: list[str], callbacks: Sequence[lightning.Callback] = ()
) -> TrainingCLI:
    """Parse `arguments`, train or go on training, and return the command line with its model, data, trainer and config.

    `callbacks` join those of the run. A run that has done all its steps is not trained again, so that the same command
    can export its bundle once more. Raises `InputError` for arguments that cannot be used, here or at all.
    """
    try:
        return _fit(model_class, data_class, arguments, callbacks)
    except MisconfigurationException as error:
        raise InputError(_one_line(error), "Change the config or the options of the command.") from error


def _fit(
    model_class: type, data_class: type, arguments: list[str], callbacks: Sequence[lightning.Callback]
) -> TrainingCLI:
    for earlier, today in model_class.RENAMED.items():
        if any(word.partition("=")[0] == earlier for word in arguments):
            raise InputError(f"{earlier} is called {today} now.")
    cli = TrainingCLI(
        model_class,
        data_class,
        args=arguments,
        run=False,
        save_config_kwargs={"overwrite": True},
        trainer_defaults={
            "reload_dataloaders_every_n_epochs": 1,
            "log_every_n_steps": 20,
            "num_sanity_val_steps": 0,
            "callbacks": list(callbacks),
        },
        parser_kwargs={"prog": "python -m liverpair train", "exit_on_error": False},
    )
    _check_bundle(cli.config.bundle, Path(cli.config.run_folder))
    checkpoint = last_checkpoint(Path(cli.config.run_folder)) if cli.config.resume else None
    if checkpoint:
        print(f"Resuming from {checkpoint}", file=sys.stderr)
        _check_fits(checkpoint, cli.model)
    cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=checkpoint, weights_only=False)
    return cli


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint of a run holds, on the CPU. Raises `InputError` when it is not there or damaged."""
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except FileNotFoundError:
        raise InputError(
            f"There is no checkpoint '{path}'.", "One is written when an epoch ends: train longer."
        ) from None
    except (RuntimeError, EOFError, UnpicklingError, OSError, KeyError) as error:
        raise InputError(f"The checkpoint '{path}' is damaged.", "Delete it, or its run, to train again.") from error


def _check_fits(checkpoint: Path, model: lightning.LightningModule) -> None:
    """Raise `InputError` unless a checkpoint can be read and is of the same network as `model`."""
    kept = {name: value.shape for name, value in load_checkpoint(checkpoint)["state_dict"].items()}
    if kept != {name: value.shape for name, value in model.state_dict().items()}:
        raise InputError(
            f"The training in '{checkpoint.parent.parent}' belongs to another network.",
            "Give another --run_folder, or --resume=false.",
        )


def _check_bundle(bundle: BundleDescription, run: Path) -> None:
    """Raise before the training what writing its bundle would raise after it."""
    if not bundle.folder:
        return
    folder = Path(bundle.folder).resolve()
    if run.resolve().is_relative_to(folder):
        raise InputError(f"The bundle's folder '{folder}' would overwrite the folder of the run.", "Choose another.")
    check_place(folder)
    if not is_name(bundle.name):
        raise InputError(f"'{bundle.name}' is not a valid name for a model.", NAMES)


def _one_line(error: Exception) -> str:
    line = " ".join(str(error).split())[:300] or type(error).__name__
    return line if line.endswith(".") else f"{line}."
