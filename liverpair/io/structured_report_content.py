"""What stands in a structured report of lesions: a TID 1500 document with one TID 1411 group for each. Needs
highdicom."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom import sr
from pydicom.sr.codedict import Code, codes

import liverpair
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.io.dicom_headers import Slice
from liverpair.io.dicom_references import DicomSource
from liverpair.io.structured_report_identity import ReportAuthor, tracking_uid
from liverpair.measures.lesion_rows import LesionRow, SideRow

MR_IMAGING = Code("113091000", "SCT", "Magnetic resonance imaging")
FROM_BOX = Code("box", "99LIVERPAIR", "Estimated from the box of the lesion")
SERIES_NUMBER = 8800
"""Above what scanners give; PACS sort by it."""


def report(
    pairs: Sequence[Lesion],
    side: Side,
    source: DicomSource,
    author: ReportAuthor,
    rows: Mapping[str, LesionRow],
    segmentation: Path | None = None,
) -> sr.Comprehensive3DSR:
    """The report on the lesions seen in image `side`, at least one, which is `source`.

    `rows` are the measures of the lesions by uid. A lesion that has a segment in the DICOM file `segmentation` is
    referred to as that. Raises `InputError` when a box lies outside the series.
    """
    masks = None if segmentation is None else hd.seg.segread(segmentation)
    content = sr.MeasurementReport(
        observation_context=_observation_context(author),
        procedure_reported=MR_IMAGING,
        imaging_measurements=[_lesion(pair, rows[pair.uid].sides[side], side, source, author, masks) for pair in pairs],
        title=codes.DCM.ImagingMeasurementReport,
    )
    return sr.Comprehensive3DSR(
        evidence=source.evidence() if masks is None else [*source.evidence(), masks],
        content=content[0],
        series_instance_uid=hd.UID(),
        series_number=SERIES_NUMBER + int(side.key[1]),
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="LiverPair",
        manufacturer_model_name="LiverPair",
        software_versions=liverpair.__version__,
        series_description=f"LiverPair lesions in {source.name}",
        specific_character_set="ISO_IR 192",
        is_complete=all(pair.state == "accepted" for pair in pairs),
    )


def _lesion(
    pair: Lesion,
    row: SideRow,
    side: Side,
    source: DicomSource,
    author: ReportAuthor,
    masks: hd.seg.Segmentation | None,
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    box = pair.seen(side)
    sections = source.sections(box)
    if not sections:
        raise InputError(
            f"The {source.name} box of lesion {pair.number} lies outside the DICOM series of {source.name}.",
            "Remove the transform of the volume, or move the box.",
        )
    method = FROM_BOX if row.measured_from == "box" else None
    measurements = [
        sr.Measurement(code, value, unit, method=method)
        for code, value, unit in (
            (codes.SCT.LongAxis, row.diameter_mm, codes.UCUM.Millimeter),
            (codes.SCT.ShortAxis, row.short_axis_mm, codes.UCUM.Millimeter),
            (codes.SCT.Volume, row.volume_ml, codes.UCUM.CubicCentimeter),
        )
        if value is not None
    ]
    found = pair.boxes[side]
    if found.score is not None:
        measurements.append(sr.Measurement(codes.DCM.CertaintyOfFinding, 100 * found.score, codes.UCUM.Percent))
    tracking = tracking_uid(pair.uid)
    numbers = [] if masks is None else masks.get_segment_numbers(tracking_uid=tracking)
    if numbers:
        where = {"referenced_segment": sr.ReferencedSegment.from_segmentation(masks, numbers[0])}
    else:
        where = {"referenced_regions": [_region(piece, corners, source) for piece, corners in sections]}
    algorithm = sr.AlgorithmIdentification(author.model, author.model_version) if found.origin == "detected" else None
    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(tracking, f"Lesion {pair.number}"),
        **where,
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        finding_type=codes.SCT.Lesion,
        finding_sites=[sr.FindingSite(codes.SCT.Liver)],
        geometric_purpose=codes.SCT.BoundedBy,
        algorithm_id=algorithm,
        measurements=measurements,
    )
    if pair.note.strip():
        comment = sr.TextContentItem(codes.DCM.Comment, pair.note, sr.RelationshipTypeValues.CONTAINS)
        group[0].ContentSequence.append(comment)
    return group


def _region(piece: Slice, corners: np.ndarray, source: DicomSource) -> sr.ImageRegion:
    """A rectangle in the image coordinates of a slice, closed."""
    to_image = hd.spatial.ReferenceToImageTransformer(piece.position, piece.orientation, piece.pixel_spacing)
    limits = (piece.columns, piece.rows)
    outline = np.clip(to_image(corners[[0, 1, 2, 3, 0]])[:, :2], 0.0, limits)
    return sr.ImageRegion(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=outline,
        source_image=sr.SourceImageForRegion(
            source.headers[piece.file].SOPClassUID,
            piece.instance_uid,
            None if piece.frame is None else [piece.frame + 1],
        ),
    )


def _observation_context(author: ReportAuthor) -> sr.ObservationContext:
    device = sr.ObserverContext(
        codes.DCM.Device,
        sr.DeviceObserverIdentifyingAttributes(
            uid=tracking_uid(f"LiverPair {liverpair.__version__}"), name="LiverPair", manufacturer_name="LiverPair"
        ),
    )
    if not author.observer.strip():
        return sr.ObservationContext(observer_device_context=device)
    person = sr.ObserverContext(codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(author.observer))
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)
