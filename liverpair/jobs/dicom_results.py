"""Results as DICOM, for volumes that were read from DICOM: segmentations, and reports that refer to them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from liverpair.bundle import Bundle
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
from liverpair.measures.burden import LesionRow, lesion_measures

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
    """Write, for each side of `sources`, the liver that was made and the lesions as one segmentation, and a report on
    the lesions that refers to it; return sentences about what is not there.

    A lesion's segment is what the model drew, or its box where the model draws none.

    `liver_models` made the livers of their sides; a liver that was given is not written again.
    """
    detector = found.provenance["bundle"], found.provenance["version"]
    masks = dict(zip(Side, found.masks))
    livers = {
        side: (liver, tuple(", ".join(getattr(one, key) for one in liver_models[side]) for key in ("name", "version")))
        for side, liver in zip(Side, found.livers)
        if side in liver_models
    }
    rows = lesion_measures(found.pairs, images, masks=masks)
    return write_lesions_dicom(folder, sources, images, found.pairs, rows, masks, livers, ReportAuthor("", *detector))


def write_lesions_dicom(
    folder: Path,
    sources: Mapping[Side, tuple[Path, ...]],
    images: Mapping[Side, sitk.Image],
    pairs: Sequence[Lesion],
    rows: Sequence[LesionRow],
    masks: Mapping[Side, sitk.Image],
    livers: Mapping[Side, tuple[sitk.Image, tuple[str, str] | None]],
    author: ReportAuthor,
) -> list[str]:
    """As `write_detection`, of lesions `pairs` that were measured as `rows`, `masks` by number of lesion, and `livers`
    with name and version of the model of each."""
    written: dict[Side, Path] = {}
    notes = []
    for side, files in sources.items():
        structures = [liver_structure(*livers[side])] if side in livers else []
        structures += _lesions(pairs, side, images[side], masks.get(side))
        if any(sitk.GetArrayViewFromImage(structure.mask).any() for structure in structures):
            written[side] = folder / segmentation_file(side)
            write_dicom_segmentation(written[side], structures, files, side.title, (author.model, author.model_version))
        else:
            notes.append(f"There is no DICOM segmentation of {side.title}: it would be empty.")
    if any(pair.seen(side) for pair in pairs for side in sources):
        reports = write_structured_reports(
            folder, pairs, *map(sources.get, Side), author, written, tuple(sources), rows
        )
        notes += reports.notes
    return notes


def _lesions(pairs: Sequence[Lesion], side: Side, image: sitk.Image, drawn: sitk.Image | None) -> Iterator[Structure]:
    for pair in pairs:
        box = pair.seen(side)
        if box is None:
            continue
        mask = None if drawn is None else drawn == pair.number
        name = f"Lesion {pair.number}"
        if mask is not None and sitk.GetArrayViewFromImage(mask).any():
            yield lesion_structure(mask, name, pair.number, pair.uid)
        else:
            yield lesion_structure(box_mask(box, image), f"{name} (box)", pair.number, pair.uid)
