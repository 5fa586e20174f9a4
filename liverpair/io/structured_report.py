"""Lesions as DICOM structured reports: what was seen in T1 and in T2, each as a TID 1500 Measurement Report (PS3.16)
that refers to its series. One lesion has one tracking UID in both.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError, MissingPackageError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.io.dicom_references import DicomSource, read_source
from liverpair.io.structured_report_identity import REPORT_FILES, ReportAuthor, tracking_uid
from liverpair.measures.burden import lesion_measures
from liverpair.measures.lesion_rows import LesionRow

__all__ = ["REPORT_FILES", "ReportAuthor", "WrittenReports", "tracking_uid", "write_structured_reports"]


@dataclass(frozen=True)
class WrittenReports:
    """Where the reports are, by side, and sentences about what is not in them."""

    paths: dict[str, Path]
    notes: list[str]


def write_structured_reports(
    folder: str | Path,
    pairs: Sequence[Lesion],
    t1_dicom: Sequence[str | Path] | None,
    t2_dicom: Sequence[str | Path] | None,
    author: ReportAuthor = ReportAuthor(),
    segmentations: Mapping[Side, Path] | None = None,
    sides: Sequence[Side] = tuple(Side),
    rows: Sequence[LesionRow] | None = None,
) -> WrittenReports:
    """Write `lesions-t1-sr.dcm` and `lesions-t2-sr.dcm` into `folder`, both whole or none.

    Every lesion that was not rejected stands in the report of each series in which it was detected or drawn: its
    number, a rectangle on each slice the box crosses, its diameters and volume (those that its box tells are marked as
    estimated), the detector's certainty and the note. A box that was only predicted from its partner is no observation
    and is left out. A report is complete when no lesion is merely proposed; it is always preliminary and unverified,
    which is for the PACS and its reader to change. Patient and study are those of the series. A series in which no
    lesion was seen gets no report, for TID 1500 knows none without a measurement.

    Args:
        folder: made when missing.
        pairs: boxes in the LPS mm of the DICOM series, that is of volumes under no transform.
        t1_dicom: the files of the slices (or the multi-frame file) that T1 was loaded from, in any order; None or empty
            when T1 is not from DICOM or there is none.
        t2_dicom: likewise for T2.
        author: observer and model.
        segmentations: DICOM segmentations of the series; a lesion that is a segment there, by its tracking UID, is
            referred to as that segment in place of the rectangles.
        sides: of which reports are wanted.
        rows: what was measured of the lesions; what their boxes alone tell when None.

    Raises:
        InputError: there is no lesion to report; one was seen in a volume that is not from DICOM; the files hold
            several series, or several images of one place; a box lies outside its series; the folder cannot be written
            to.
        MissingPackageError: highdicom is not installed.
    """
    files = {side: list(own or ()) for side, own in zip(Side, (t1_dicom, t2_dicom))}
    kept = sorted((pair for pair in pairs if pair.state != "rejected"), key=lambda pair: pair.number)
    seen = {side: [pair for pair in kept if pair.seen(side) is not None] for side in Side}
    if not any(seen.values()):
        raise InputError("There is no lesion to report: none was detected or drawn, or all were rejected.")
    for side in sides:
        if seen[side] and not files[side]:
            raise _not_dicom(side.title)
    content = _content_module()
    sources = {side: read_source(files[side], side.title) for side in sides if seen[side]}
    paths = {side: Path(folder) / REPORT_FILES[side] for side in sources}
    measured = {row.uid: row for row in (lesion_measures(kept) if rows is None else rows)}
    with ExitStack() as stack:
        for side, source in sources.items():
            report = content.report(seen[side], side, source, author, measured, (segmentations or {}).get(side))
            report.save_as(stack.enter_context(written_whole(paths[side])), enforce_file_format=True)
    return WrittenReports(paths, _notes(pairs, sources, sides))


def _not_dicom(name: str) -> InputError:
    return InputError(
        f"{name} was not loaded from DICOM files, and a structured report has to refer to them.",
        "Load the DICOM series, or export lesions.json or CSV instead.",
    )


def _content_module() -> ModuleType:
    try:
        from liverpair.io import structured_report_content
    except ImportError as error:
        if (error.name or "").split(".")[0] != "highdicom":
            raise
        raise MissingPackageError(
            "Writing DICOM structured reports needs the package 'highdicom'.", "Install it with pip."
        ) from error
    return structured_report_content


def _notes(pairs: Sequence[Lesion], sources: Mapping[str, DicomSource], sides: Sequence[Side]) -> list[str]:
    notes = []
    rejected = sum(pair.state == "rejected" for pair in pairs)
    if rejected:
        notes.append(f"{_lesions(rejected)} left out because rejected.")
    for side in sides:
        if side not in sources:
            notes.append(f"No lesion was seen in {side.title}, so there is no report on it.")
        predicted = sum(pair.state != "rejected" and side in pair.boxes and pair.seen(side) is None for pair in pairs)
        if predicted:
            notes.append(f"{_lesions(predicted)} left out of the {side.title} report because only predicted there.")
    patients = {source.patient_id for source in sources.values() if source.patient_id}
    if len(patients) > 1:
        notes.append("T1 and T2 carry different patient IDs; each report carries that of its series.")
    return notes


def _lesions(count: int) -> str:
    return f"{count} lesion was" if count == 1 else f"{count} lesions were"
