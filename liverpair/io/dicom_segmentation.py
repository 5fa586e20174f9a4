"""Masks as a DICOM Segmentation (PS3.3 A.51): livers and lesions in a new series of the study they were found in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

import liverpair
from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError, MissingPackageError
from liverpair.core.geometry import Box, Grid, on_grid, resample
from liverpair.io.dicom_references import DicomSource, plane_axes, read_source
from liverpair.io.structured_report_identity import tracking_uid
from liverpair.measures.boxes import turned

SERIES_NUMBER = 8700
"""Above what scanners give and below the reports; PACS sort by it."""

_LARGEST_LOSS = 0.01


@dataclass(frozen=True)
class Structure:
    """One segment.

    Parameters
    ----------
    mask
        0 and 1 on any grid in LPS mm whose voxels are those of the series, however they are ordered.
    label
        What people read.
    category, type
        SNOMED CT code and meaning, as ("123037004", "Anatomical structure") and ("10200004", "Liver").
    region
        Code and meaning of the organ that a finding lies in; None for an organ.
    color
        Red, green, blue, 0 to 255.
    tracking
        UID and name by which reports know the structure; None where there is no report.
    model
        Name and version of the model that drew it, where that is another than the file's.
    made
        "AUTOMATIC" by a model, "SEMIAUTOMATIC" where a person has corrected what it drew, "MANUAL" without any.
    """

    mask: sitk.Image
    label: str
    category: tuple[str, str]
    type: tuple[str, str]
    region: tuple[str, str] | None = None
    color: tuple[int, int, int] = (221, 130, 101)
    tracking: tuple[str, str] | None = None
    model: tuple[str, str] | None = None
    made: str = "AUTOMATIC"


def liver_structure(mask: sitk.Image, model: tuple[str, str] | None = None, made: str = "AUTOMATIC") -> Structure:
    """The liver as one segment."""
    kind = ("123037004", "Anatomical structure"), ("10200004", "Liver")
    return Structure(mask, "Liver", *kind, model=model, made=made)


def lesion_structure(mask: sitk.Image, label: str, number: int, uid: str, made: str = "AUTOMATIC") -> Structure:
    """A lesion as one segment, by the UID and name that reports know it by."""
    return Structure(
        mask,
        label,
        ("49755003", "Morphologically abnormal structure"),
        ("52988006", "Lesion"),
        region=("10200004", "Liver"),
        color=(255, 221, 0),
        tracking=(tracking_uid(uid), f"Lesion {number}"),
        made=made,
    )


def box_mask(box: Box, grid: Grid) -> sitk.Image:
    """The voxels of a grid in a box, uint8 (0, 1): at least one wide, and none where the box lies outside."""
    center, half = grid.index(box.center_mm), np.divide(turned(box, grid.direction).size_mm, grid.spacing) / 2
    first = np.minimum(np.ceil(center - half), np.rint(center)).astype(int)
    last = np.maximum(np.floor(center + half), np.rint(center)).astype(int)
    array = np.zeros(grid.shape, np.uint8)
    array[tuple(slice(max(0, a), max(0, b + 1)) for a, b in zip(first[::-1], last[::-1]))] = 1
    return on_grid(array, grid)


def write_dicom_segmentation(
    path: str | Path,
    structures: Sequence[Structure],
    dicom_files: Sequence[str | Path],
    name: str,
    model: tuple[str, str],
) -> Path:
    """Write masks of one DICOM series as a Segmentation that refers to each of its slices, whole or not at all.

    Patient, study and frame of reference are those of the series.

    Parameters
    ----------
    structures
        At least one that is not empty; empty ones are left out.
    dicom_files
        The files of the slices, or the multi-frame file, that the volume was read from, in any order.
    name
        "T1" or "T2", for the description of the series.
    model
        Name and version of the model that drew the masks that name none.

    Raises
    ------
    InputError
        There is no mask to write, a mask lies outside the series, the files hold several series or name no frame of
        reference, or the file cannot be written.
    MissingPackageError
        highdicom is not installed.
    """
    try:
        import highdicom as hd
    except ImportError as error:
        raise MissingPackageError("Writing DICOM needs the package 'highdicom'.", "Install it with pip.") from error
    source = read_source(dicom_files, name)
    if not source.header.get("FrameOfReferenceUID"):
        raise InputError(
            f"{name}'s DICOM files name no frame of reference, which a segmentation has to share.",
            "Use the files as the scanner or the archive gave them.",
        )
    grid = grid_of(source)
    masks = [(structure, _on_series(structure, grid, name)) for structure in structures]
    kept = [(structure, array) for structure, array in masks if array.any()]
    if not kept:
        raise InputError(f"There is no mask to write for {name}: all are empty.")
    segmentation = hd.seg.Segmentation(
        source_images=source.evidence(),
        pixel_array=hd.Volume(
            np.stack([array for _, array in kept], axis=-1).astype(np.uint8),
            affine=affine_of(grid),
            coordinate_system="PATIENT",
            channels={"SegmentNumber": list(range(1, len(kept) + 1))},
        ),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(hd, n, structure, model) for n, (structure, _) in enumerate(kept, 1)],
        series_instance_uid=hd.UID(),
        series_number=SERIES_NUMBER + int(name[-1] if name[-1:].isdecimal() else 0),
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="LiverPair",
        manufacturer_model_name="LiverPair",
        software_versions=liverpair.__version__,
        device_serial_number="0",
        content_label="LIVERPAIR",
        content_description=f"LiverPair masks in {name}",
        series_description=f"LiverPair masks in {name}",
    )
    path = Path(path)
    with written_whole(path) as draft:
        segmentation.save_as(draft, enforce_file_format=True)
    return path


def grid_of(source: DicomSource) -> Grid:
    """The grid of a series: columns, rows and slices in ascending order along their normal, LPS mm."""
    first = source.slices[0]
    row_spacing, column_spacing = first.pixel_spacing
    return Grid(
        (first.columns, first.rows, len(source.slices)),
        (column_spacing, row_spacing, source.gap_mm),
        tuple(first.position),
        tuple(plane_axes(first).ravel().tolist()),
    )


def affine_of(grid: Grid) -> np.ndarray:
    """Matrix (4, 4) from indices (slice, row, column) to LPS mm."""
    axes = np.reshape(grid.direction, (3, 3)) * np.asarray(grid.spacing)
    matrix = np.eye(4)
    matrix[:3, :3] = axes[:, ::-1]
    matrix[:3, 3] = grid.origin
    return matrix


def _on_series(structure: Structure, grid: Grid, name: str) -> np.ndarray:
    own = sitk.GetArrayViewFromImage(structure.mask) != 0
    moved = sitk.GetArrayFromImage(resample(structure.mask, grid, "nearest")) != 0
    volumes = own.sum() * np.prod(structure.mask.GetSpacing()), moved.sum() * np.prod(grid.spacing)
    if abs(volumes[0] - volumes[1]) > _LARGEST_LOSS * volumes[0]:
        raise InputError(
            f"The mask '{structure.label}' does not lie in the DICOM series of {name}.",
            "Remove the transform of the volume, or name the series it was read from.",
        )
    return moved


def _described(hd, number: int, structure: Structure, model: tuple[str, str]):
    code = hd.sr.CodedConcept
    uid, identifier = structure.tracking or (None, None)
    algorithm = None
    if structure.made != "MANUAL":
        name, version = structure.model or model
        family = code("123109", "DCM", "Artificial Intelligence")
        algorithm = hd.AlgorithmIdentificationSequence(name=name, version=version, family=family)
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.label,
        segmented_property_category=code(structure.category[0], "SCT", structure.category[1]),
        segmented_property_type=code(structure.type[0], "SCT", structure.type[1]),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues[structure.made],
        algorithm_identification=algorithm,
        tracking_uid=uid,
        tracking_id=identifier,
        anatomic_regions=[code(structure.region[0], "SCT", structure.region[1])] if structure.region else None,
        display_color=hd.color.CIELabColor.from_rgb(*structure.color),
    )
