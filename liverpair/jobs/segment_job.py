"""The job "segment": the liver in T1 and T2, from image files to image files on the same grids."""

import json
import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import torch

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError, Progress, part_of
from liverpair.core.geometry import Grid, Vector, offset_t1_to_t2, resample, volume_ml
from liverpair.core.sides import Side
from liverpair.engine import make_engine
from liverpair.io.dicom_segmentation import liver_structure
from liverpair.io.image_notes import notes_on
from liverpair.io.structured_report_identity import ReportAuthor
from liverpair.io.study import read_image, write_image
from liverpair.jobs.dicom_results import dicom_sources, write_results
from liverpair.jobs.doubts import all_input_doubts, body_centroid_mm, liver_doubts, pair_doubts
from liverpair.jobs.requests import SegmentRequest
from liverpair.jobs.result_folder import staging_folder, writable_folder
from liverpair.jobs.segment_results import FILES, MEASURES_FILE, SCHEMA_VERSION, dicom_file, file_name
from liverpair.measures.overlap import dice
from liverpair.measures.plausibility import describe, difference_percent, mask_warnings, pair_warnings
from liverpair.segmentation import inference
from liverpair.segmentation.inference import SegmentationResult, SideResult

READ, SEGMENTED = 0.05, 0.9
"""Fractions of the job that are done when the inputs are read and when the network is done."""


def check_choices(bundles: Sequence[Bundle], device: str, engine: str) -> None:
    """Raise what every segmentation with these choices would fail with, whatever the volumes."""
    for bundle in bundles:
        if bundle.task != "segmentation":
            raise BundleError(
                f"Model '{bundle.name}' is for {bundle.task}, not for segmentation.", "Choose another model."
            )
    make_engine(torch.nn.Identity(), engine, choose_device(device))


def segment(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Segment the liver in the volumes of `request` (see `SegmentRequest`) and write the results to its output folder.

    Writes `t1_liver.nii.gz`, `t2_liver.nii.gz` (0 and 1, each on the grid of its input), on request
    `*_probability.nii.gz` and `*_uncertainty.nii.gz`, and last of all `measures.json`. Either all of them appear or
    none.

    Returns {"t1": {"liver", "probability", "uncertainty": paths or None, "volume_ml", and what
    `measures.plausibility.describe` and `MaskQuality` tell} or None, "t2": the same, "measures": {"dice_as_scanned",
    "offset_t1_to_t2_mm", "volume_difference_percent"} (see `pair_measures`), "provenance": {…}, "notes": [sentences],
    "doubts": [those of them that say why the result may be wrong], "accepted": bool}. Raises any `LiverPairError`, and
    `Cancelled` through `progress`.
    """
    wanted = SegmentRequest.parse(request)
    bundles = wanted.models()
    with writable_folder(Path(wanted.output)):
        return _segment(wanted, bundles, progress)


def pair_measures(t1_liver: sitk.Image, t2_liver: sitk.Image) -> tuple[dict[str, Any], list[str]]:
    """How the two livers lie to each other as scanned, and what to know about it.

    "dice_as_scanned": Dice of the T1 mask and the T2 mask brought onto T1's grid (nearest neighbor) by scanner
    coordinates alone; None when a mask is empty or the volumes do not overlap. "offset_t1_to_t2_mm": centroid in T2
    minus centroid in T1, LPS mm; None when a mask is empty. "volume_difference_percent": of the mean of the two
    volumes; None likewise.
    """
    grid = Grid.of(t1_liver)
    offset = offset_t1_to_t2(t1_liver, t2_liver)
    agreement = None if offset is None else dice(t1_liver, resample(t2_liver, grid, "nearest"))
    volumes = volume_ml(t1_liver), volume_ml(t2_liver)
    notes = pair_warnings(*volumes)
    if not agreement and not _any(resample(Grid.of(t2_liver).image(1.0), grid, "nearest")):
        agreement = None
        notes.append("T1 and T2 do not overlap in scanner space; check that they are of one patient and one visit.")
    measures = {
        "dice_as_scanned": agreement,
        "offset_t1_to_t2_mm": None if offset is None else list(offset),
        "volume_difference_percent": difference_percent(*volumes),
    }
    return measures, notes


def _segment(wanted: SegmentRequest, bundles: list[Bundle], progress: Progress) -> dict[str, Any]:
    images = _read(wanted, progress)
    asked = wanted.asked(bundles)
    progress(READ, "Loading the model")
    output = wanted.folder()
    sources, without_dicom = dicom_sources(wanted)
    with staging_folder(output) as folder:
        staging = Path(folder)

        def keep(side: Side, what: str, image: sitk.Image) -> None:
            write_image(image, staging / file_name(side, what))

        notes = [f"{side.title}: {note}" for side in wanted.sides for note in notes_on(images[side])]
        doubts = all_input_doubts(wanted, {side: images[side] for side in wanted.sides})
        bodies = {side: body_centroid_mm(images[side]) for side in wanted.sides}
        report = part_of(progress, READ, SEGMENTED)
        # no name is left of the images here, so that they go when the network has seen them
        result = inference.segment(images.pop(Side.T1), images.pop(Side.T2), bundles, wanted, report, keep=keep)
        for side in wanted.sides:
            if found := getattr(result, side):
                progress(SEGMENTED, f"Writing the {side.title} liver")
                keep(side, "liver", found.liver)
        livers = {side: [liver_structure(one.liver)] for side in sources if (one := getattr(result, side))}
        author = ReportAuthor("", result.provenance["bundle"], result.provenance["version"])
        notes += without_dicom + write_results(staging, sources, livers, [], author, named=dicom_file)
        doubts += _liver_doubts(bodies, result)
        written = {path.name for path in staging.iterdir()}
        described = _described(result, doubts, notes, output, written) | {"accepted": wanted.accept}
        _write_measures(described, wanted, asked, staging / MEASURES_FILE)
        progress(1.0, "Saving the results")
        _move(staging, output, wanted.sides)
    return described


def _read(wanted: SegmentRequest, progress: Progress) -> dict[str, sitk.Image | None]:
    images: dict[Side, sitk.Image | None] = dict.fromkeys(Side)
    for side in wanted.sides:
        progress(0.0, f"Reading {side.title}")
        images[side] = read_image(getattr(wanted, side))
    return images


def _liver_doubts(bodies: Mapping[Side, Vector], result: SegmentationResult) -> list[str]:
    """Why the result may be wrong though nothing failed, in sentences; `bodies`: centroids in LPS mm."""
    doubts = []
    for side, body_mm in bodies.items():
        if found := getattr(result, side):
            doubts += liver_doubts(side.title, found.liver, body_mm, found.quality)
    if result.t1 and result.t2:
        doubts += pair_doubts(result.t1.liver, result.t2.liver)
    return doubts


def _described(
    result: SegmentationResult, doubts: list[str], notes: list[str], output: Path, written: Container[str]
) -> dict[str, Any]:
    described = {side: _side(getattr(result, side), side, output, written) for side in Side}
    doubts = list(doubts)
    measures = dict.fromkeys(("dice_as_scanned", "offset_t1_to_t2_mm", "volume_difference_percent"))
    for side, found in described.items():
        if found:
            about = (found[key] for key in ("volume_ml", "edges_cm2", "parts_percent", "holes_ml"))
            doubts += mask_warnings(side.title, *about)
    if result.t1 and result.t2:
        measures, about_the_pair = pair_measures(result.t1.liver, result.t2.liver)
        doubts += about_the_pair
    told = {"notes": [*doubts, *notes, *result.notes], "doubts": doubts}
    return {**described, "measures": measures, "provenance": result.provenance, **told}


def _side(side_result: SideResult | None, side: Side, output: Path, written: Container[str]) -> dict[str, Any] | None:
    if side_result is None:
        return None
    names = {what: file_name(side, what) for what in FILES}
    paths = {what: str(output / name) if name in written else None for what, name in names.items()}
    liver = side_result.liver
    quality = asdict(side_result.quality) if side_result.quality else {}
    return {**paths, "volume_ml": volume_ml(liver), **describe(liver, side_result.parts), **quality}


def _write_measures(
    described: dict[str, Any], wanted: SegmentRequest, asked: dict[str, Any] | None, path: Path
) -> None:
    """The result as a file that may move with its folder: result files by name, inputs by path."""
    inputs = {side: str(Path(getattr(wanted, side)).absolute()) if side in wanted.sides else None for side in Side}
    content = {"schema_version": SCHEMA_VERSION, **described, "inputs": inputs, "asked": asked}
    for side in Side:
        if described[side]:
            names = {what: described[side][what] and Path(described[side][what]).name for what in FILES}
            content[side] = {**described[side], **names}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _move(staging: Path, output: Path, sides: list[str]) -> None:
    """Put the whole set into place. `measures.json` goes first and comes last: where it stands, the set is complete."""
    (output / MEASURES_FILE).unlink(missing_ok=True)
    names = [file_name(side, what) for side in sides for what in FILES]
    for name in names:
        if (staging / name).exists():
            os.replace(staging / name, output / name)
        else:
            (output / name).unlink(missing_ok=True)
    os.replace(staging / MEASURES_FILE, output / MEASURES_FILE)


def _any(image: sitk.Image) -> bool:
    return bool(sitk.GetArrayViewFromImage(image).any())
