"""Lightning modules and data modules, one per task, and the commands `train` and `evaluate`."""

from liverpair.errors import InputError

TASKS = ("segmentation",)
"""What `python -m liverpair train` can train."""


def main(task: str, arguments: list[str]) -> None:
    """Run `python -m liverpair train TASK …`; `arguments` go to Lightning's command line. Raises `InputError` for
    an unknown task.
    """
    if task not in TASKS:
        raise InputError(f"There is no training task '{task}'.", f"Choose one of: {', '.join(TASKS)}.")
    from liverpair.training import segmentation_command

    segmentation_command.main(arguments)
