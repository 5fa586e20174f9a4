"""The part of the demo that measures: the visit on one page, and, of the phantom, the visit half a year later."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from liverpair.commands import demo_lesions
from liverpair.commands.bar import progress_bar
from liverpair.commands.demo_pair import DemoPair
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS

FOLDER = "report"
VISITS = ("first-visit", "half-a-year-later")


def measured(output: Path) -> dict[str, Any]:
    """Run the job "report" on what was found in the folder `output`, into the folder "report" there. Returns its
    result. Raises any `LiverPairError`."""
    return _reported({"study": str(output), "output": str(output / FOLDER)})


def followed(pair: DemoPair, later: DemoPair, output: Path) -> dict[str, Any]:
    """Write both visits of a phantom as studies below the folder "report" of `output`, with the masks that a reader
    would draw, and run the job "report" on the second. Returns its result."""
    folders = [output / FOLDER / name for name in VISITS]
    for folder, visit in zip(folders, (pair, later)):
        _write(folder, visit)
    return _reported({"study": str(folders[1]), "earlier": [str(folders[0])], "output": str(output / FOLDER)})


def report(result: Mapping[str, Any]) -> list[str]:
    """What was measured, and what became of every lesion, in lines."""
    import json

    from liverpair.commands import followup
    from liverpair.reports.visit_content import burden_sentences

    lines = burden_sentences(result["summary"])
    if result["response"] is None:
        return lines
    path = Path(result["folder"]) / "followup.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    return [
        "Masks are the phantom's own, as a reader would draw them.",
        *lines,
        "",
        *followup.report({**content, "files": {path.name: str(path)}}),
    ]


def _reported(request: dict[str, Any]) -> dict[str, Any]:
    with progress_bar() as progress:
        return JOBS["report"](request, progress)


def _write(folder: Path, visit: DemoPair) -> None:
    from liverpair.io.study import Study

    parts = {side.key: visit.images[side] for side in Side}
    parts |= {f"{side}_liver": visit.livers[side] for side in Side}
    parts |= {f"{side}_lesions": visit.lesions[side] for side in Side}
    lesions = [
        replace(lesion, state="accepted", uid=f"{folder.name}-{lesion.number}")
        for lesion in demo_lesions.true_pairs(visit.lesions)
    ]
    Study(**parts, lesions=lesions).save(folder)
