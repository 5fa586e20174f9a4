"""The job "report": one visit measured and put on one page, with DICOM that other programs read."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from liverpair import __version__
from liverpair.core.errors import InputError, Progress, part_of
from liverpair.core.geometry import Grid
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import software_versions
from liverpair.io.dicom_segmentation import liver_structure
from liverpair.io.lesion_csv import write_csv
from liverpair.io.structured_report_identity import REPORT_FILES, ReportAuthor
from liverpair.jobs.detect_results import TABLE_FILE, read_detection, segmentation_file
from liverpair.jobs.dicom_results import lesion_structures, write_results
from liverpair.jobs.followup_job import write_followup
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.jobs.visit_inputs import Visit, read_visits
from liverpair.jobs.visit_requests import REPORT_SCHEMA, REPORT_SUMMARY, FollowupRequest, ReportRequest
from liverpair.measures.burden import summary
from liverpair.measures.lesion_rows import LesionRow
from liverpair.reports.phase_curves import PhaseTold, told_of
from liverpair.reports.target_pictures import TargetPicture, picture_of
from liverpair.reports.visit_content import (
    TargetRow,
    VisitContent,
    burden_sentences,
    response_lines,
    table_of,
)
from liverpair.reports.visit_page import write_html, write_page

HTML_FILE, PDF_FILE, PICTURE_FILE = "report.html", "report.pdf", "report.png"
MOST_TARGETS = 4
"""Whose pictures fit on a page."""
READ, FOLLOWED, MEASURED, DRAWN = 0.2, 0.5, 0.7, 0.9


def report(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Report on the visit of `request` (see `ReportRequest`).

    Writes `report.html`, `report.pdf`, `report.png` (the same page), `lesions.csv`, on request `t1_masks.dcm` … and
    `lesions-t1-sr.dcm` …, with earlier visits what the job "followup" writes, and last `report.json`. Returns what that
    says: {"summary": as `measures.burden.summary`, "response": by side or None, "files": names, "notes", "doubts"}, and
    "folder". Raises any `LiverPairError`, and `Cancelled` through `progress`.
    """
    wanted = ReportRequest.parse(request)
    output = wanted.folder()
    with writable_folder(output, [REPORT_SUMMARY]), staging_folder(output) as place:
        staging = Path(place)
        *before, visit = read_visits([*wanted.earlier, wanted.study], part_of(progress, 0.0, READ))
        earlier = before[-1] if before else None
        followed = _followed(wanted, [*before, visit], staging, part_of(progress, READ, FOLLOWED)) if before else None
        progress(FOLLOWED, "Measuring the lesions")
        found = summary(visit.counted, visit.images, visit.livers, wanted.targets, visit.masks, visit.rows)
        write_csv(staging / TABLE_FILE, visit.rows)
        progress(MEASURED, "Drawing the page")
        notes = _notes(visit, followed)
        content = _content(wanted, visit, earlier, found, followed, notes)
        write_html(content, staging / HTML_FILE)
        write_page(content, staging / PDF_FILE, staging / PICTURE_FILE)
        progress(DRAWN, "Writing DICOM" if wanted.dicom else "Saving the results")
        if wanted.dicom:
            notes += _dicom(visit, staging)
        told = {
            "schema_version": REPORT_SCHEMA,
            "visit": visit.name,
            "summary": found,
            "limits": asdict(wanted.targets),
            "response": followed and followed["response"],
            "files": sorted(path.name for path in staging.iterdir()),
            "notes": notes,
            "doubts": followed["doubts"] if followed else [],
        }
        text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (staging / REPORT_SUMMARY).write_text(text, encoding="utf-8")
        for name in (REPORT_SUMMARY, *map(segmentation_file, Side), *REPORT_FILES.values()):
            (output / name).unlink(missing_ok=True)
        for name in [*told["files"], REPORT_SUMMARY]:
            os.replace(staging / name, output / name)
    progress(1.0, "Saving the results")
    return {**json.loads(text), "folder": str(output)}


def _followed(wanted: ReportRequest, visits: Sequence[Visit], staging: Path, progress: Progress) -> dict[str, Any]:
    shared = {name: getattr(wanted, name) for name in ("minimum_mm", "most_targets", "same_patient")}
    baseline, *later = [*wanted.earlier, wanted.study]
    asked = FollowupRequest(baseline=baseline, visits=later, output=str(staging), **shared)
    return write_followup(asked, visits, staging, progress)


def _notes(visit: Visit, followed: Mapping[str, Any] | None) -> list[str]:
    notes = list(followed["notes"]) if followed else []
    hidden = sum(lesion.state != "rejected" for lesion in visit.lesions) - len(visit.counted)
    if hidden:
        notes.append(f"{hidden} proposals of a score below {visit.shown_from:g} are left out.")
    proposed = sum(lesion.state == "proposed" and not lesion.is_judged for lesion in visit.counted)
    if proposed:
        notes.append(
            f"{proposed} of {len(visit.counted)} lesions were proposed by a model and not yet read by anybody."
        )
    for side, image in visit.images.items():
        if side not in visit.livers:
            notes.append(f"There is no liver mask of {side.title}: no burden, contrast or distance to the capsule.")
        outside = [
            row.number
            for row in visit.rows
            if side in visit.livers and row.sides[side].measured_from == "mask" and row.sides[side].capsule_mm is None
        ]
        if outside and image is not None:
            listed = ", ".join(map(str, outside))
            notes.append(f"Outside the liver mask of {side.title}: lesion {listed}. Check the mask, or the lesion.")
    return notes


def _content(
    wanted: ReportRequest,
    visit: Visit,
    earlier: Visit | None,
    found: Mapping[str, Any],
    followed: Mapping[str, Any] | None,
    notes: list[str],
) -> VisitContent:
    head, rows, left_out = table_of(visit.rows)
    responses, changes = response_lines(followed) if followed else ({}, [])
    detection = read_detection(visit.folder) or {}
    made_by = detection.get("provenance") or {}
    model = f"{made_by['bundle']} {made_by['version']}" if "bundle" in made_by else "none; drawn or imported"
    patient = ", ".join(filter(None, (visit.headers.get("PatientName"), visit.headers.get("PatientID"))))
    facts = {
        "Detector": model,
        "Targets": f"{wanted.targets.most_per_organ} in the liver from {wanted.targets.minimum_mm:g} mm and two slices",
        **{name: str(version) for name, version in software_versions().items()},
    }
    return VisitContent(
        title=f"Liver MRI: {visit.name}",
        about=" · ".join(
            filter(None, (patient, "by LiverPair, to be checked by a reader", f"made {date.today().isoformat()}"))
        ),
        targets=_targets(visit, earlier, found, followed),
        head=head,
        rows=rows,
        left_out=left_out,
        burden=burden_sentences(found),
        responses=responses,
        changes=changes,
        phases=_phases(visit),
        notes=notes,
        facts=facts,
    )


def _phases(visit: Visit) -> list[PhaseTold]:
    """Of the lesions that count, largest first."""
    rows = {row.uid: row for row in visit.rows}
    size = {uid: max((row.sides[side].diameter_mm or 0.0 for side in Side), default=0.0) for uid, row in rows.items()}
    ordered = sorted(visit.counted, key=lambda lesion: (-size[lesion.uid], lesion.number))
    told = [told_of(lesion, rows[lesion.uid], rows[lesion.uid].sides[Side.T2].contrast) for lesion in ordered]
    return [one for one in told if one is not None]


def _targets(
    visit: Visit, earlier: Visit | None, found: Mapping[str, Any], followed: Mapping[str, Any] | None
) -> list[TargetRow]:
    """The pictures of the targets at this visit and, where there is one, at the visit before."""
    if followed is None:
        uids = list(dict.fromkeys([*found["targets"], *found["t1_targets"], *found["t2_targets"]]))
        pairs = [(f"Lesion {_row(visit, uid).number}", None, uid) for uid in uids]
    else:
        names = dict.fromkeys(name for told in followed["response"].values() for name in told["target_names"])
        names |= dict.fromkeys(name for told in followed["response"].values() for name in told["new_names"])
        lesions = {lesion["name"]: lesion for lesion in followed["lesions"]}
        pairs = [(f"Lesion {name}", *lesions[name]["uids"][-2:]) for name in names]
    rows = []
    for name, before, now in pairs[:MOST_TARGETS]:
        pictures: list[TargetPicture | None] = []
        for side in Side:
            if side in visit.images:
                if earlier is not None:
                    pictures.append(_picture(earlier, before, side, f"{side.title}, {earlier.name}"))
                pictures.append(_picture(visit, now, side, f"{side.title}, {visit.name}" if earlier else side.title))
        rows.append(TargetRow(name, pictures))
    return rows


def _row(visit: Visit, uid: str) -> LesionRow:
    return next(row for row in visit.rows if row.uid == uid)


def _picture(visit: Visit, uid: str | None, side: Side, title: str) -> TargetPicture | None:
    lesion = next((lesion for lesion in visit.counted if lesion.uid == uid), None)
    if lesion is None or lesion.box(side) is None or side not in visit.images:
        return None
    row = _row(visit, lesion.uid).sides[side]
    return picture_of(title, visit.images[side], visit.masks.get(side), lesion.number, lesion.box(side), row)


def _dicom(visit: Visit, staging: Path) -> list[str]:
    """Write segmentations and reports of the volumes that came from DICOM; sentences about the others."""
    sources = {side: files for side, files in visit.files.items() if files}
    if not sources:
        raise InputError(
            f"Neither T1 nor T2 of '{visit.folder}' was read from DICOM, to which DICOM results have to refer.",
            "Leave --dicom out, or name a study of DICOM series.",
        )
    notes = [
        f"{side.title} was not read from DICOM, so there is no DICOM segmentation of it."
        for side in visit.images
        if side not in sources
    ]
    provenance = (read_detection(visit.folder) or {}).get("provenance") or {}
    author = ReportAuthor("", provenance.get("bundle", "LiverPair"), provenance.get("version", __version__))
    structures = {
        side: [
            *([liver_structure(visit.livers[side])] if side in visit.livers else []),
            *lesion_structures(visit.counted, side, Grid.of(visit.images[side]), visit.masks.get(side)),
        ]
        for side in sources
    }
    return notes + write_results(staging, sources, structures, visit.counted, author, visit.rows)
