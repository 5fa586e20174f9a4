"""Lightning modules and data modules, one per task, and the commands `train` and `evaluate`."""

from importlib import import_module

from liverpair.errors import InputError

COMMANDS = {
    "segmentation": "liverpair.training.segmentation_command",
    "detection": "liverpair.training.detection_command",
    "lesion-slices": "liverpair.training.lesion_slices_command",
    "paired-livers": "liverpair.training.paired_livers_command",
    "similarity": "liverpair.training.similarity_command",
    "adversarial-livers": "liverpair.training.adversarial_command",
}
TASKS = tuple(COMMANDS)
"""What `python -m liverpair train` can train."""


def main(task: str, arguments: list[str]) -> None:
    """Run `python -m liverpair train TASK …`; `arguments` go to Lightning's command line. Raises `InputError` for
    an unknown task.
    """
    if task not in COMMANDS:
        raise InputError(f"There is no training task '{task}'.", f"Choose one of: {', '.join(TASKS)}.")
    import_module(COMMANDS[task]).main(arguments)
