"""The batch form of `segment`: every study of a folder; what is done is skipped, what fails is told at the end."""

import csv
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.commands.bar import progress_bar
from liverpair.errors import Cancelled, InputError, Progress
from liverpair.worker.failures import failure_on_command_line
from liverpair.worker.jobs import JOBS
from liverpair.worker.segment_job import SegmentRequest, asked, check_choices, find_bundles
from liverpair.worker.segment_results import (
    MEASURES_FILE,
    existing_results,
    is_complete,
    read_measures,
    writable_folder,
)

if TYPE_CHECKING:
    from liverpair.bundle import Bundle

SUMMARY_FILE = "summary.csv"
COLUMNS = ("study", "outcome", "t1_ml", "t2_ml", "dice_as_scanned", "seconds")
OUTCOMES = ("done", "skipped", "differs", "failed")


class DifferentResults(InputError):
    """The results that are there were made of something else than what is asked now."""


def segment_studies(
    studies: Path, output: Path, options: Mapping[str, Any], overwrite: bool = False, debug: bool = False
) -> int:
    """Segment each study of `studies` into a subfolder of `output` of the same name.

    Prints a table and writes it to `summary.csv`. Unless `overwrite`, a study is skipped when its results are complete
    and of the same volumes, models and options, and left as it is when they are of others. `debug` adds stack traces.
    Returns 0, or 1 when a study failed or has other results. Raises a `LiverPairError`, and writes nothing, when no
    study can be done: there is none, or model, device, engine or `output` cannot be used.
    """
    folders = study_folders(studies, output)
    bundles = find_bundles(options["bundle"])
    check_choices(bundles, options["device"], options["engine"])
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    with writable_folder(output):
        try:
            for number, folder in enumerate(folders, start=1):
                try:
                    with progress_bar(f"{folder.name} ({number} of {len(folders)})") as progress:
                        study_output = output / folder.name
                        rows.append(_segment_study(folder, study_output, options, bundles, overwrite, progress))
                except Cancelled:
                    raise
                except Exception as error:
                    failures.append(f"{folder.name}: {failure_on_command_line(error)}")
                    outcome = "differs" if isinstance(error, DifferentResults) else "failed"
                    rows.append({"study": folder.name, "outcome": outcome})
                    print(failures[-1], file=sys.stderr)
                    if debug:
                        traceback.print_exc()
        finally:
            if rows:
                _report(rows, failures, output)
    return 1 if failures else 0


def study_folders(studies: Path, output: Path) -> list[Path]:
    """The subfolders of `studies`, without hidden ones and `output`. Raises `InputError` when there is none."""
    if not studies.is_dir():
        raise InputError(f"'{studies}' is not a folder.")
    inside = sorted(path for path in studies.iterdir() if path.is_dir() and not path.name.startswith("."))
    folders = [path for path in inside if path.resolve() != output.resolve()]
    if not folders:
        raise InputError(f"'{studies}' holds no study.", "Each study is a subfolder with t1.nii.gz and t2.nii.gz.")
    return folders


def _segment_study(
    folder: Path,
    output: Path,
    options: Mapping[str, Any],
    bundles: "Sequence[Bundle]",
    overwrite: bool,
    progress: Progress,
) -> dict[str, Any]:
    from liverpair.study import Study

    sources = Study.open(folder).sources
    volumes = {side: str(sources[side]) for side in ("t1", "t2") if side in sources}
    if not volumes:
        raise InputError(f"'{folder}' holds neither t1.nii.gz nor t2.nii.gz.")
    request = {**options, **volumes, "output": str(output)}
    if not overwrite and (measures := _results(output, request, bundles)):
        return _row(folder.name, "skipped", measures)
    return _row(folder.name, "done", JOBS["segment"](request, progress))


def _results(output: Path, request: Mapping[str, Any], bundles: "Sequence[Bundle]") -> dict[str, Any] | None:
    """The measures in `output` when they are what `request` asks for; None when there are none, or not all.

    Raises `InputError` when something else is there.
    """
    there, measures = existing_results(output), read_measures(output)
    if there and MEASURES_FILE not in there:
        raise InputError(
            f"'{output}' holds {there[0]}, which is not LiverPair's.",
            "Choose another output folder, or add --overwrite.",
        )
    if measures is None or not is_complete(output, measures):
        return None
    if measures.get("asked") != asked(SegmentRequest.parse(request), bundles):
        raise DifferentResults(f"'{output}' was done with another model, option or input.", "Add --overwrite.")
    return measures


def _row(name: str, outcome: str, result: Mapping[str, Any]) -> dict[str, Any]:
    volumes = {f"{side}_ml": result[side]["volume_ml"] if result[side] else None for side in ("t1", "t2")}
    measured = {"dice_as_scanned": result["measures"]["dice_as_scanned"], "seconds": result["provenance"]["seconds"]}
    return {"study": name, "outcome": outcome, **volumes, **measured}


def _report(rows: list[dict[str, Any]], failures: list[str], output: Path) -> None:
    from liverpair.files import written_whole
    from liverpair.measures.results import table_text

    rows = [{column: row.get(column) for column in COLUMNS} for row in rows]
    print(table_text(rows))
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in OUTCOMES}
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count))
    for failure in failures:
        print(f"Not done: {failure}")
    with written_whole(output / SUMMARY_FILE) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
