"""The job "dream_report": from the folder of a dream, or of two to compare, to a page, figures and a table."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.core.errors import InputError, Progress
from liverpair.jobs.dream_results import read_dream
from liverpair.jobs.requests import check_request
from liverpair.jobs.result_folder import folder_of_results, staging_folder, writable_folder

KINDS = ("html", "png", "svg", "csv")


@dataclass(frozen=True)
class DreamReportRequest:
    """Of which dream, beside which other one, into which folder."""

    folder: str
    output: str
    second: str | None = None

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> "DreamReportRequest":
        """Raises `InputError` naming the field that is unknown, missing or of the wrong type, or a folder that holds no
        dream."""
        request = check_request(cls, request, "a report")
        folder_of_results(request["output"])
        parsed = cls(**request)
        for folder in (parsed.folder, parsed.second):
            if folder is not None and (not folder or read_dream(Path(folder)) is None):
                raise InputError(f"'{folder}' holds no dream.", "Choose the folder that a dream was written to.")
        return parsed


def dream_report(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write the report of the dream in the folder of `request` (see `DreamReportRequest`), finished or not.

    Returns the paths {"html", "png", "svg", "csv"}. Either all of them appear or none. Raises `InputError`,
    `MissingPackageError` without matplotlib, and `Cancelled` through `progress`.
    """
    wanted = DreamReportRequest.parse(request)
    output = Path(wanted.output).absolute()
    progress(0.0, "Drawing the report")
    from liverpair.dreaming.report import REPORT_FILES, write_report

    with writable_folder(output, [REPORT_FILES[kind] for kind in KINDS]), staging_folder(output) as staging:
        write_report(wanted.folder, staging, wanted.second)
        progress(1.0, "Saving the report")
        for path in sorted(Path(staging).iterdir()):
            os.replace(path, output / path.name)
    return {kind: str(output / REPORT_FILES[kind]) for kind in KINDS}
