"""The job "dream_report": from the folder of a dream, or of two to compare, to a page, figures and a table."""

import os
from pathlib import Path
from typing import Any

from liverpair.core.errors import Progress
from liverpair.dreaming.report import REPORT_FILES, write_report
from liverpair.jobs.requests import DreamReportRequest
from liverpair.jobs.result_folder import staging_folder, writable_folder

KINDS = ("html", "png", "svg", "csv")


def dream_report(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write the report of the dream in the folder of `request` (see `DreamReportRequest`), finished or not.

    Returns the paths {"html", "png", "svg", "csv"}. Either all of them appear or none. Raises `InputError`,
    `MissingPackageError` without matplotlib, and `Cancelled` through `progress`.
    """
    wanted = DreamReportRequest.parse(request)
    output = Path(wanted.output).absolute()
    with writable_folder(output, [REPORT_FILES[kind] for kind in KINDS]), staging_folder(output) as staging:
        write_report(wanted.folder, staging, wanted.second, progress)
        progress(1.0, "Saving the report")
        for path in sorted(Path(staging).iterdir()):
            os.replace(path, output / path.name)
    return {kind: str(output / REPORT_FILES[kind]) for kind in KINDS}
