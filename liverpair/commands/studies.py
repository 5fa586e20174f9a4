"""Every study of a folder, one after another: what is done is skipped, what fails is told at the end."""

import csv
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from liverpair.commands.bar import progress_bar
from liverpair.core.errors import Cancelled, InputError, Progress
from liverpair.core.failures import failure_on_command_line
from liverpair.jobs.result_folder import writable_folder

SUMMARY_FILE = "summary.csv"
OUTCOMES = ("done", "skipped", "differs", "failed")

StudyWork = Callable[[Path, Path, Progress], dict[str, Any]]
"""Does one study: its folder, the folder of its results, and the progress; returns a row of the summary."""


class DifferentResults(InputError):
    """The results that are there were made of something else than what is asked now."""


def run_studies(
    folders: Sequence[Path], output: Path, work: StudyWork, columns: Sequence[str], debug: bool = False
) -> int:
    """Do `work` for each study of `folders`, each into a subfolder of `output` of the same name.

    Prints a table of `columns` (the first two are "study" and "outcome") and writes it to `summary.csv`. `work` raises
    `DifferentResults` for results that it may not replace. `debug` adds stack traces. Returns 0, or 1 when a study
    failed or has other results. Raises `InputError` when `output` cannot be written to.
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    with writable_folder(output):
        try:
            for number, folder in enumerate(folders, start=1):
                try:
                    with progress_bar(f"{folder.name} ({number} of {len(folders)})") as progress:
                        rows.append({"study": folder.name, **work(folder, output / folder.name, progress)})
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
                _report(rows, failures, output, columns)
    return 1 if failures else 0


def doubt_of(result: Mapping[str, Any]) -> str:
    """The doubts of a result in one cell of the summary; "" when there is none."""
    doubts = " ".join(result.get("doubts", []))
    return f"accepted: {doubts}" if doubts and result.get("accepted") else doubts


def doubt_lines(result: Mapping[str, Any]) -> list[str]:
    """The doubts of a result for a reader; none when the user accepted them."""
    return [] if result.get("accepted") else [f"Warning: {doubt}" for doubt in result.get("doubts", [])]


def other_notes(result: Mapping[str, Any]) -> list[str]:
    """The notes of a result that are no doubts."""
    return [note for note in result["notes"] if note not in result.get("doubts", [])]


def tell_notes(study: str, result: Mapping[str, Any]) -> None:
    """Say on standard error what there is to know of the result of one study among many."""
    for line in (*doubt_lines(result), *other_notes(result)):
        print(f"{study}: {line}", file=sys.stderr)


def study_folders(studies: Path, output: Path | None = None) -> list[Path]:
    """The subfolders of `studies`, without hidden ones and `output`. Raises `InputError` when there is none."""
    if not studies.is_dir():
        raise InputError(f"'{studies}' is not a folder.")
    inside = sorted(path for path in studies.iterdir() if path.is_dir() and not path.name.startswith("."))
    folders = [path for path in inside if output is None or path.resolve() != output.resolve()]
    if not folders:
        raise InputError(f"'{studies}' holds no study.", "Each study is a subfolder with t1.nii.gz and t2.nii.gz.")
    return folders


def _report(rows: list[dict[str, Any]], failures: list[str], output: Path, columns: Sequence[str]) -> None:
    from liverpair.core.atomic import written_whole
    from liverpair.evaluation.result_files import table_text

    rows = [{column: row.get(column) for column in columns} for row in rows]
    with (
        written_whole(output / SUMMARY_FILE) as path,
        path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    print(table_text(rows))
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in OUTCOMES}
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count))
    for failure in failures:
        print(f"Not done: {failure}")
