"""Results as DICOM, for volumes that were read from DICOM: segmentations, and reports that refer to them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.core.errors import Progress, no_progress
from liverpair.core.geometry import Grid
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.io.dicom_segmentation import (
    Structure,
    box_mask,
    lesion_structure,
    liver_structure,
    write_dicom_segmentation,
)
from liverpair.io.exports import source_files
from liverpair.io.structured_report import ReportAuthor, write_structured_reports
from liverpair.jobs.detect_results import segmentation_file
from liverpair.jobs.requests import JobRequest
from liverpair.measures.burden import lesion_measures
from liverpair.measures.lesion_rows import LesionRow

if TYPE_CHECKING:
    from liverpair.detection.inference import DetectionResult


def dicom_sources(wanted: JobRequest) -> tuple[dict[Side, tuple[Path, ...]], list[str]]:
    """The DICOM files of the volumes that have some, where DICOM is wanted, and sentences about the others."""
    files = {side: source_files(getattr(wanted, side)) if wanted.dicom else () for side in wanted.sides}
    missing = [side for side in wanted.sides if wanted.dicom and not files[side]]
    notes = [f"{side.title} was not read from DICOM, so there is no DICOM segmentation of it." for side in missing]
    return {side: own for side, own in files.items() if own}, notes


def write_detection(
    folder: Path,
    sources: Mapping[Side, tuple[Path, ...]],
    images: Mapping[Side, sitk.Image],
    found: "DetectionResult",
    liver_models: Mapping[Side, Sequence[Bundle]],
) -> list[str]:
    """`write_results` of what a detection found. `liver_models` made the livers of their sides; a liver that was given
    is not written again."""
    masks, livers, structures = dict(zip(Side, found.masks)), dict(zip(Side, found.livers)), {}
    for side in sources:
        structures[side] = lesion_structures(found.pairs, side, Grid.of(images[side]), masks.get(side))
        if side in liver_models:
            model = tuple(", ".join(getattr(one, key) for one in liver_models[side]) for key in ("name", "version"))
            structures[side].insert(0, liver_structure(livers[side], model))
    author = ReportAuthor("", found.provenance["bundle"], found.provenance["version"])
    rows = lesion_measures(found.pairs, images, masks=masks)
    return write_results(folder, sources, structures, found.pairs, author, rows)


def write_results(
    folder: Path,
    sources: Mapping[Side, Sequence[Path]],
    structures: Mapping[Side, Sequence[Structure]],
    pairs: Sequence[Lesion],
    author: ReportAuthor,
    rows: Sequence[LesionRow] | None = None,
    named: Callable[[str], str] = segmentation_file,
    progress: Progress = no_progress,
) -> list[str]:
    """Write the structures of each side as one segmentation, called as `named` says, and a report on the lesions that
    refers to it; return sentences about what is not there.

    `sources` are the DICOM files of the sides; `author` names the model that found the lesions, and drew the structures
    that name nothing else; `rows` are what was measured of the lesions, None for what their boxes alone tell.
    """
    written: dict[Side, Path] = {}
    notes, steps = [], len(structures) + 1
    for step, (side, own) in enumerate(structures.items()):
        progress(step / steps, f"Writing the DICOM segmentation of {side.title}")
        if any(sitk.GetArrayViewFromImage(structure.mask).any() for structure in own):
            written[side] = folder / named(side)
            model = author.model, author.model_version
            write_dicom_segmentation(written[side], own, sources[side], side.title, model)
        else:
            notes.append(f"There is no DICOM segmentation of {side.title}: it would be empty.")
    if any(pair.seen(side) for pair in pairs for side in structures if pair.state != "rejected"):
        progress((steps - 1) / steps, "Writing the DICOM reports")
        files = [sources.get(side) for side in Side]
        reports = write_structured_reports(folder, pairs, *files, author, written, tuple(structures), rows)
        notes += reports.notes
    return notes


def lesion_structures(
    pairs: Sequence[Lesion], side: Side, grid: Grid, drawn: sitk.Image | None = None
) -> list[Structure]:
    """What was seen in one image and not rejected: the mask of a lesion in the label map `drawn`, else its box on
    `grid`."""
    found = []
    for pair in pairs:
        box = pair.seen(side)
        if box is None or pair.state == "rejected":
            continue
        mask = None if drawn is None else drawn == pair.number
        name, made = f"Lesion {pair.number}", "MANUAL" if pair.boxes[side].origin == "drawn" else "AUTOMATIC"
        if mask is not None and sitk.GetArrayViewFromImage(mask).any():
            found.append(lesion_structure(mask, name, pair.number, pair.uid))
        else:
            found.append(lesion_structure(box_mask(box, grid), f"{name} (box)", pair.number, pair.uid, made))
    return found
