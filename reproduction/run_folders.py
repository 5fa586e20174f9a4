"""What a run folder was trained with, so that no experiment takes one training for another."""

import json
from collections.abc import Sequence
from pathlib import Path

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.training.command import CHECKPOINTS

ASKED_FILE = "asked.json"


def check_asked(run: Path, training: Sequence[str], *more: str) -> None:
    """See to it that a run is only gone on with, or used again, by those who ask the same.

    `training`: options that go to the training; those of the trainer may differ, for they say where and how fast.
    `more`: what else must be the same. A folder in which nothing was trained yet binds nobody. Raises `InputError`.
    """
    asked = [*more, *(option for option in training if not option.startswith("--trainer."))]
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
