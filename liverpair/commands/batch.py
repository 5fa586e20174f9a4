"""The batch form of `segment`: every study of a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.commands.studies import DifferentResults, doubt_of, run_studies, study_folders, tell_notes
from liverpair.core.errors import InputError, Progress
from liverpair.core.sides import Side
from liverpair.jobs.jobs import JOBS
from liverpair.jobs.requests import SegmentRequest, find_bundles
from liverpair.jobs.segment_results import MEASURES_FILE, existing_results, is_complete, read_measures

if TYPE_CHECKING:
    from liverpair.bundle import Bundle

COLUMNS = ("study", "outcome", "t1_ml", "t2_ml", "dice_as_scanned", "seconds", "doubt")


def segment_studies(
    studies: Path, output: Path, options: Mapping[str, Any], overwrite: bool = False, debug: bool = False
) -> int:
    """Segment each study of `studies` into a subfolder of `output` of the same name.

    Prints a table and writes it to `summary.csv`; what to know about a result goes to standard error. Unless
    `overwrite`, a study is skipped when its results are complete and of the same volumes, models and options, and left
    as it is when they are of others. `debug` adds stack traces.
    Returns 0, or 1 when a study failed or has other results. Raises a `LiverPairError`, and writes nothing, when no
    study can be done: there is none, or model, device, engine or `output` cannot be used.
    """
    from liverpair.jobs.segment_job import check_choices  # with torch

    folders = study_folders(studies, output)
    bundles = find_bundles(options["model"])
    check_choices(bundles, options["device"], options["engine"])

    def work(folder: Path, study_output: Path, progress: Progress) -> dict[str, Any]:
        return _segment_study(folder, study_output, options, bundles, overwrite, progress)

    return run_studies(folders, output, work, COLUMNS, debug)


def _segment_study(
    folder: Path,
    output: Path,
    options: Mapping[str, Any],
    bundles: "Sequence[Bundle]",
    overwrite: bool,
    progress: Progress,
) -> dict[str, Any]:
    from liverpair.io.study import sources_of

    sources = sources_of(folder)
    volumes = {side: str(sources[side]) for side in Side if side in sources}
    request = {**options, **volumes, "output": str(output)}
    if not overwrite and (measures := _results(output, request, bundles)):
        return _row("skipped", measures)
    result = JOBS["segment"](request, progress)
    tell_notes(folder.name, result)
    return _row("done", result)


def _results(output: Path, request: Mapping[str, Any], bundles: "Sequence[Bundle]") -> dict[str, Any] | None:
    """The measures in `output` when they are what `request` asks for; None when there are none, or not all.

    Raises `InputError` when something else is there.
    """
    there, measures = existing_results(output), read_measures(output)
    if there and MEASURES_FILE not in there:
        raise InputError(
            f"'{output}' holds {there[0]}, which LiverPair did not write.",
            "Choose another output folder, or add --overwrite.",
        )
    if measures is None or not is_complete(output, measures):
        return None
    if measures.get("asked") != SegmentRequest.parse(request).asked(bundles):
        raise DifferentResults(f"'{output}' was done with another model, option or input.", "Add --overwrite.")
    return measures


def _row(outcome: str, result: Mapping[str, Any]) -> dict[str, Any]:
    volumes = {
        f"{side}_{column}": (result[side] or {}).get(key)
        for column, key in (("ml", "volume_ml"), ("expected_dice", "expected_dice"))
        for side in Side
    }
    measured = {"dice_as_scanned": result["measures"]["dice_as_scanned"], "seconds": result["provenance"]["seconds"]}
    return {"outcome": outcome, **volumes, **measured, "doubt": doubt_of(result)}
