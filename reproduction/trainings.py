"""How every experiment comes by a training: with which settings, once, and only while there is time."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.training.command import CHECKPOINTS, TrainingCLI, last_checkpoint, load_checkpoint
from liverpair.training.tasks import Task

ASKED_FILE = "asked.json"
STEPS = "trainer.max_steps"


def words_of(settings: Mapping[str, Any]) -> list[str]:
    """Settings by their dotted names as options of a training; what is no text is written as JSON."""
    return [f"--{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in settings.items()]


def trained(
    task: Task,
    config: str,
    run: Path,
    settings: Mapping[str, Any],
    training: Sequence[str] = (),
    asked: Sequence[str] | None = None,
    deadline: float | None = None,
) -> TrainingCLI | None:
    """A finished training of a config; None when it is not there and time is over.

    A training that was stopped goes on; one that is done is read only. Raises `InputError` when the folder holds a
    training on other data or with other options.

    Parameters
    ----------
    task
        What is trained.
    config
        Its name among those of the task.
    run
        Folder of the training.
    settings
        What is set beyond the config, by dotted name.
    training
        Options that the user gave for the training; they go before `settings`.
    asked
        What only one and the same training is asked for; `training` when None.
    deadline
        On the monotonic clock: no training begins later.
    """
    check_asked(run, training if asked is None else asked)
    if STEPS in settings and steps_done(run) < settings[STEPS]:
        if deadline is not None and time.monotonic() > deadline:
            return None
        print(f"Training {run.name}: {settings[STEPS]} steps", file=sys.stderr, flush=True)
    named = {"run_folder": str(from_here(run)), **settings}
    return task.train([f"--config={from_here(task.configs / f'{config}.yaml')}", *words_of(named), *training])


def steps_done(run: Path) -> int:
    """How many steps the training in a folder has done; 0 when there is none."""
    checkpoint = last_checkpoint(run)
    return load_checkpoint(checkpoint)["global_step"] if checkpoint else 0


def from_here(path: Path) -> Path:
    """A path inside the working folder from there on, so that no model's card names a machine's folders."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def check_asked(run: Path, training: Sequence[str]) -> None:
    """See to it that a run is only gone on with, or used again, by those who ask the same.

    `training`: what must be the same; options of the trainer may differ, for they say where and how fast. A folder in
    which nothing was trained yet binds nobody. Raises `InputError`.
    """
    asked = [option for option in training if not option.startswith("--trainer.")]
    path = run / ASKED_FILE
    trained = any((run / name).exists() for name in (CHECKPOINTS, "bundle"))
    if not (trained and path.is_file()):
        with written_whole(path) as beside:
            beside.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"'{path}' is damaged.", f"Delete '{run}' to train again.") from None
    if before != asked:
        raise InputError(
            f"The training in '{run}' was made on other data or with other options.",
            "Give another folder with --runs, or delete that one.",
        )
