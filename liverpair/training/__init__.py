"""Lightning modules and data modules, one per task, and the commands `train` and `evaluate`."""

from importlib import import_module
from pathlib import Path

from liverpair.core.errors import InputError

COMMANDS = {
    "segmentation": "liverpair.training.segmentation_command",
    "detection": "liverpair.training.detection_command",
    "lesion-slices": "liverpair.training.lesion_slices_command",
    "paired-livers": "liverpair.training.paired_livers_command",
}
TASKS = tuple(COMMANDS)
"""What `python -m liverpair train` can train."""
PUBLISHED_ONLY = ("similarity", "adversarial-livers")
"""Trainings that moved to the package `reproduction`."""
CONFIGS = Path(__file__).with_name("configs")
"""A folder of configs for each task."""


def main(task: str, arguments: list[str]) -> None:
    """Run `python -m liverpair train TASK …`; `arguments` go to Lightning's command line. Raises `InputError` for
    an unknown task.
    """
    if task in PUBLISHED_ONLY:
        raise InputError(f"'{task}' is trained by the published experiments.", f"python -m reproduction train {task}")
    if task not in COMMANDS:
        raise InputError(f"There is no training task '{task}'.", f"Choose one of: {', '.join(TASKS)}.")
    import_module(COMMANDS[task]).main(arguments)
