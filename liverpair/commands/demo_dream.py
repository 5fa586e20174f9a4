"""The part of the demo that dreams: which features does a network of lesions ask for?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.bundle.catalogue import DEFAULT_DREAMER
from liverpair.commands.bar import progress_bar
from liverpair.jobs.jobs import JOBS

DREAM_FOLDER = "dream"
STARTS, ITERATIONS, STEP = 3, 100, 0.0004
SHOWN = 4
"""Readings that are printed; the report has all of them."""


def dream(output: Path, liver: str, model: str = DEFAULT_DREAMER) -> dict[str, Any]:
    """Run the jobs "dream" and "dream_report" on `t1.nii.gz` in `output`, from places inside its `liver` mask, into the
    folder "dream" there. Returns the result of the first, and the paths of the report under "report".

    Raises any `LiverPairError`.
    """
    request = {
        "model": model,
        "t1": str(output / "t1.nii.gz"),
        "t1_liver": liver,
        "random_starts": STARTS,
        "iterations": ITERATIONS,
        "step": STEP,
        "frames": [0, ITERATIONS // 5, ITERATIONS // 2, ITERATIONS],
        "baselines": ["random-direction"],
        "output": str(output / DREAM_FOLDER),
    }
    with progress_bar() as progress:
        result = JOBS["dream"](request, progress)
        report = JOBS["dream_report"]({"folder": result["folder"], "output": result["folder"]}, progress)
    return {**result, "report": report}


def report(result: Mapping[str, Any]) -> list[str]:
    """The strongest readings, one sentence each."""
    about = result["provenance"]
    lines = [f"- {reading['sentence']}" for reading in result["readings"][:SHOWN]]
    return [*lines, f"Model {about['bundle']} {about['version']} on {about['device']}", *result["notes"]]
