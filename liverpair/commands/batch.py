"""The batch form of `segment`: every study of a folder; what is done is skipped, what fails is told at the end."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverpair.commands.bar import progress_bar
from liverpair.errors import Cancelled, InputError, Progress
from liverpair.worker.failures import failure_of
from liverpair.worker.jobs import JOBS
from liverpair.worker.segment_job import existing_results, is_done, read_measures

SUMMARY_FILE = "summary.csv"
COLUMNS = ("study", "outcome", "t1_ml", "t2_ml", "dice_as_scanned", "seconds")


def segment_studies(studies: Path, output: Path, options: Mapping[str, Any], overwrite: bool = False) -> int:
    """Segment each study of `studies` into a subfolder of `output` of the same name.

    Prints a table and writes it to `summary.csv`. A study whose results are complete is skipped unless `overwrite`.
    Returns 0, or 1 when a study failed. Raises `InputError` when there is no study at all.
    """
    folders = study_folders(studies, output)
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    try:
        for number, folder in enumerate(folders, start=1):
            try:
                with progress_bar(f"{folder.name} ({number} of {len(folders)})") as progress:
                    rows.append(_segment_study(folder, output / folder.name, options, overwrite, progress))
            except Cancelled:
                raise
            except Exception as error:
                failures.append(f"{folder.name}: {failure_of(error)}")
                rows.append({"study": folder.name, "outcome": "failed"})
                print(failures[-1], file=sys.stderr)
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
    folder: Path, output: Path, options: Mapping[str, Any], overwrite: bool, progress: Progress
) -> dict[str, Any]:
    from liverpair.study import Study

    sources = Study.open(folder).sources
    volumes = {side: str(sources[side]) for side in ("t1", "t2") if side in sources}
    if not volumes:
        raise InputError(f"'{folder}' holds neither t1.nii.gz nor t2.nii.gz.")
    if not overwrite:
        maps = [name for name in ("probability", "uncertainty") if options.get(name)]
        if is_done(output, list(volumes), ["liver", *maps]):
            return _row(folder.name, "skipped", read_measures(output))
        if (there := existing_results(output)) and read_measures(output) is None:
            raise InputError(
                f"'{output}' holds {there[0]}, which is not LiverPair's.",
                "Choose another output folder, or add --overwrite.",
            )
    return _row(folder.name, "done", JOBS["segment"]({**options, **volumes, "output": str(output)}, progress))


def _row(name: str, outcome: str, result: Mapping[str, Any]) -> dict[str, Any]:
    volumes = {f"{side}_ml": result[side]["volume_ml"] if result[side] else None for side in ("t1", "t2")}
    measured = {"dice_as_scanned": result["measures"]["dice_as_scanned"], "seconds": result["provenance"]["seconds"]}
    return {"study": name, "outcome": outcome, **volumes, **measured}


def _report(rows: list[dict[str, Any]], failures: list[str], output: Path) -> None:
    from liverpair.files import written_whole
    from liverpair.measures.results import table_text

    rows = [{column: row.get(column) for column in COLUMNS} for row in rows]
    print(table_text(rows))
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in ("done", "skipped", "failed")}
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    for failure in failures:
        print(f"Failed: {failure}")
    with written_whole(output / SUMMARY_FILE) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
