"""The jobs that the worker, and the command line without a worker, can run: each in the module that has its name.

A job takes a request that JSON can hold and a `Progress`, and returns a result that JSON can hold; volumes travel as
files. What stays in memory for the next job, such as a loaded model, is kept by the code that loads it. The module of a
job, and torch with it, is imported when the job is run.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from liverpair.core.errors import Progress

NAMES = (
    *("segment", "detect", "link", "register", "propose", "masks", "phases", "save_dicom", "fine_tune"),
    *("dream", "dream_report", "features", "followup", "report"),
)


def run(name: str, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Run one job."""
    return getattr(import_module(f"liverpair.jobs.{name}_job"), name)(request, progress)


JOBS: dict[str, Callable[[dict[str, Any], Progress], dict[str, Any]]] = {name: partial(run, name) for name in NAMES}
