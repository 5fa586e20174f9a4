"""`train`: everything after the task belongs to Lightning's command line."""

from liverpair.core.errors import InputError
from liverpair.training.tasks import PUBLISHED_ONLY, TASKS

HELP = ("-h", "--help")


def run_train(words: list[str]) -> int:
    """`train TASK …`. Raises `InputError` for an unknown task."""
    if not words or words[0] in HELP:
        print("usage: python -m liverpair train TASK --config FILE [options]\n")
        print(f"TASK is one of: {', '.join(TASKS)}. 'train TASK --help' lists the options.")
        return 0 if words else 2
    task, *arguments = words
    if task in PUBLISHED_ONLY:
        raise InputError(f"'{task}' is trained by the published experiments.", f"python -m reproduction train {task}")
    if task not in TASKS:
        raise InputError(f"There is no training task '{task}'.", f"Choose one of: {', '.join(TASKS)}.")
    TASKS[task].train(arguments)
    return 0
