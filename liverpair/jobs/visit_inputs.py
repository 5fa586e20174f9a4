"""A visit as the jobs about visits read it: a study folder, or a detection with what it was made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError, Progress
from liverpair.core.geometry import Grid
from liverpair.core.lesions import Lesion, read_lesions
from liverpair.core.sides import Side
from liverpair.io.exports import source_files
from liverpair.io.study import LESION_FILE, Study, read_image
from liverpair.jobs.detect_results import read_detection
from liverpair.jobs.pair_inputs import liver_of
from liverpair.jobs.requests import LESION_PARTS, PARTS
from liverpair.measures.burden import lesion_measures
from liverpair.measures.lesion_rows import LesionRow
from liverpair.measures.recist import axial_spacing_mm

IDENTITY = {
    "PatientID": "patient ID",
    "PatientName": "name",
    "PatientBirthDate": "birth date",
    "PatientSex": "sex",
}
"""What tells patients apart in DICOM, and what it is called."""


@dataclass(frozen=True)
class Visit:
    """One visit.

    Attributes:
        folder: of the study.
        images, livers, masks: by side, those that there are; `masks` are label maps by number of lesion.
        lesions: all of them.
        shown_from: score from which lesions count, as the detection says.
        headers: what the DICOM files say of patient and date; empty where there are none.
        files: the DICOM files of the volumes.
    """

    folder: Path
    images: Mapping[Side, sitk.Image]
    livers: Mapping[Side, sitk.Image]
    masks: Mapping[Side, sitk.Image]
    lesions: Sequence[Lesion]
    shown_from: float
    headers: Mapping[str, str]
    files: Mapping[Side, tuple[Path, ...]]

    @property
    def name(self) -> str:
        """Of its folder, with the date where DICOM says it."""
        date = self.headers.get("StudyDate", "")
        written = f" ({date[:4]}-{date[4:6]}-{date[6:]})" if len(date) == 8 else ""
        return f"{self.folder.resolve().name}{written}"

    @cached_property
    def counted(self) -> list[Lesion]:
        """The lesions that count: not rejected, and accepted, drawn, or of a score at which a reader is shown them."""
        return [lesion for lesion in self.lesions if lesion.is_shown(self.shown_from, hide_rejected=True)]

    @cached_property
    def rows(self) -> list[LesionRow]:
        """The measures of the lesions that count."""
        return lesion_measures(self.counted, self.images, self.livers, self.masks)

    @property
    def slice_mm(self) -> dict[Side, float]:
        """Distance of the axial slices, by side."""
        return {side: axial_spacing_mm(Grid.of(image)) for side, image in self.images.items()}


def read_visits(folders: Sequence[str | Path], progress: Progress) -> list[Visit]:
    """Read visits, in this order; raises as `read_visit`, and `Cancelled` through `progress`."""
    visits = []
    for number, folder in enumerate(folders):
        progress(number / len(folders), f"Reading {Path(folder).name}")
        visits.append(read_visit(folder))
    return visits


def read_visit(folder: str | Path) -> Visit:
    """Read a visit. Parts that are not in the folder of a detection are read from where the detection had them.

    Raises `InputError` when the folder, its `lesions.json`, or every volume is missing, and what reading them raises.
    """
    folder = Path(folder)
    sources, detection = visit_sources(folder), read_detection(folder) or {}
    if "lesions" not in sources:
        raise InputError(f"Study '{folder}' has no {LESION_FILE}.", "Find or draw its lesions first.")
    if not any(side in sources for side in Side):
        raise InputError(f"Study '{folder}' has neither T1 nor T2.", "They are expected as t1.nii.gz and t2.nii.gz.")
    read = {part: read_image(path) for part, path in sources.items() if part != "lesions"}
    label = ((detection.get("asked") or {}).get("options") or {}).get("liver_label")
    for part in (f"{side}_liver" for side in Side if f"{side}_liver" in read):
        found = np.unique(sitk.GetArrayViewFromImage(read[part]))
        if found.any():  # an empty mask is told later
            read[part] = liver_of(read[part], Side(part[:2]).title, label if len(found) > 2 else None)[0]
    files = {side: source_files(sources[side]) for side in Side if side in sources}
    shown_from = (detection.get("provenance") or {}).get("display_threshold", 0.0)
    return Visit(
        folder,
        *(
            {side: read[f"{side}{end}"] for side in Side if f"{side}{end}" in read}
            for end in ("", "_liver", "_lesions")
        ),
        read_lesions(sources["lesions"]),
        float(shown_from),
        _headers([own[0] for own in files.values() if own]),
        files,
    )


def visit_sources(folder: str | Path) -> dict[str, str]:
    """Where the parts of a visit are: in its folder, or, of a detection, where that had them. Raises `InputError` when
    there is no such folder."""
    sources = {part: str(path) for part, path in Study.open(folder).sources.items()}
    inputs = (read_detection(Path(folder)) or {}).get("inputs") or {}
    return {part: path for part, path in inputs.items() if path and part in PARTS} | sources


def marked_sources(folder: str | Path) -> dict[str, str]:
    """`visit_sources` without what a `MarkedRequest` does not ask for."""
    wanted = {*PARTS, *LESION_PARTS, "lesions"}
    return {part: path for part, path in visit_sources(folder).items() if part in wanted}


def same_patient(visits: Sequence[Visit]) -> list[str]:
    """What the DICOM files of visits say differently of their patient, in words: "patient ID ('7' and '8')"."""
    differ = []
    for keyword, words in IDENTITY.items():
        said = list(dict.fromkeys(visit.headers[keyword] for visit in visits if visit.headers.get(keyword)))
        if len(said) > 1:
            differ.append(f"{words} ({' and '.join(map(repr, said))})")
    return differ


def _headers(files: Sequence[Path]) -> dict[str, str]:
    if not files:
        return {}
    import pydicom

    header = pydicom.dcmread(files[0], stop_before_pixels=True, specific_tags=[*IDENTITY, "StudyDate"])
    return {keyword: str(header.get(keyword) or "").strip() for keyword in (*IDENTITY, "StudyDate")}
