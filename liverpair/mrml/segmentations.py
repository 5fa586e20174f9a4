"""Masks of the library as segments of Slicer, coded with SNOMED CT, and back."""

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, on_grid
from liverpair.mrml import frames, pen
from liverpair.mrml import provenance as provenance_attributes
from liverpair.mrml.volumes import grid_of

TERMINOLOGY = "Segmentation category and type - 3D Slicer General Anatomy list"
REGIONS = "Anatomic codes - DICOM master list"
ANATOMY = {"code": "123037004", "scheme": "SCT", "meaning": "Anatomical Structure"}
CHECKSUM = "LiverPairChecksum"
"""Attribute with a checksum of the voxels that a model drew, by the name of the segment."""
FILL_OPACITY = 0.15


def put_segment(
    segmentation_node, mask: sitk.Image | str | Path, volume_node, label: Mapping, provenance: Mapping
) -> str:
    """Put a mask into a segmentation as one segment and return the segment's ID.

    A segment of the same name is replaced in its place and keeps its ID; every other segment stays as it is. The
    segmentation gets the volume as reference geometry and source, and follows its parent transform. Everything that
    can fail is checked before anything in the scene is changed.

    Args:
        mask: Image on the volume's own grid in LPS mm, or the path of one; voxels above zero are inside.
        label: `name`, `snomed` with `code`, `scheme` and `meaning`, `color` as three numbers 0 to 255, and optionally
            `category`, coded like `snomed` (an anatomical structure when absent).
        provenance: What is kept as attributes `LiverPair.*` on the segmentation node.

    Raises:
        InputError: when the mask is not on the volume's grid, the segmentation cannot take voxels, or it holds other
            segments under a warping transform that the volume does not share.
    """
    labelmap = oriented_labelmap(mask, volume_node, label["name"])
    segmentation = segmentation_node.GetSegmentation()
    old_id = _id_of_name(segmentation, label["name"])
    has_others = segmentation.GetNumberOfSegments() > (old_id is not None)
    if segmentation.GetSourceRepresentationName() != _binary_labelmap() and segmentation.GetNumberOfSegments():
        raise InputError(
            f"Segmentation '{segmentation_node.GetName()}' is made of surfaces, not voxels.",
            "Choose another segmentation for the result, or a new one.",
        )
    if has_others:
        _carry_over(labelmap, volume_node, segmentation_node)
    was_modifying = segmentation_node.StartModify()
    try:
        if not has_others:
            segmentation_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
            segmentation.SetSourceRepresentationName(_binary_labelmap())
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        segment_id = _replace_or_add(segmentation_node, old_id, labelmap, label)
        _style(segmentation_node, segment_id)
        provenance_attributes.write(segmentation_node, provenance)
        segmentation_node.SetAttribute(f"{CHECKSUM}.{label['name']}", _checksum(_array_of(labelmap)))
    finally:
        segmentation_node.EndModify(was_modifying)
    return segment_id


def has_segment(segmentation_node, segment: str = "Liver") -> bool:
    """Whether a segmentation has a segment of that name or ID."""
    return id_of_segment(segmentation_node, segment) is not None


def id_of_segment(segmentation_node, segment: str = "Liver") -> str | None:
    """ID of a segment, given by name or ID; None when there is none."""
    segmentation = segmentation_node.GetSegmentation()
    return segment if segmentation.GetSegment(segment) is not None else _id_of_name(segmentation, segment)


def source_of(segmentation_node):
    """The volume node that a segmentation was made of, or None."""
    return segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole())


def contents_state(segmentation_node) -> tuple:
    """What changes when a segment is added, removed, renamed or edited, or all of them are moved by a transform; how
    they are shown does not matter."""
    segmentation, transform = segmentation_node.GetSegmentation(), segmentation_node.GetParentTransformNode()
    source = segmentation.GetSourceRepresentationName()
    segments = [segmentation.GetNthSegment(number) for number in range(segmentation.GetNumberOfSegments())]
    voxels = [segment.GetRepresentation(source) for segment in segments]
    return (
        segmentation_node.GetID(),
        tuple((segment.GetName(), image and image.GetMTime()) for segment, image in zip(segments, voxels)),
        transform and (transform.GetID(), transform.GetTransformToWorldMTime()),
    )


def liver_mask(segmentation_node, volume_node, segment: str = "Liver") -> sitk.Image:
    """A segment, given by name or ID, as a mask (uint8, 0 and 1) on the volume's own grid in LPS mm.

    Works whatever grid the segmentation is kept on and whatever parent transforms the two nodes have; also from
    surfaces, which are filled.

    Raises:
        InputError: when there is no such segment.
    """
    segment_id = id_of_segment(segmentation_node, segment)
    if segment_id is None:
        raise InputError(
            f"Segmentation '{segmentation_node.GetName()}' has no segment '{segment}'.", "Segment it first."
        )
    kept = _voxels(segmentation_node, segment_id)
    grid = grid_of(volume_node)
    if kept.IsEmpty():
        return on_grid(np.zeros(grid.shape, np.uint8), grid)
    linear, pad = False, False
    on_volume = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        kept, _blank_labelmap(grid), on_volume, linear, pad, _transform_between(segmentation_node, volume_node)
    )
    array = _array_of(on_volume).reshape(grid.shape)
    return on_grid((array > 0).astype(np.uint8), grid)


def segments_besides(segmentation_node, name: str = "Liver") -> list[str]:
    """The IDs of all segments but the one of that name."""
    segmentation = segmentation_node.GetSegmentation()
    numbers = range(segmentation.GetNumberOfSegments())
    return [segmentation.GetNthSegmentID(n) for n in numbers if segmentation.GetNthSegment(n).GetName() != name]


def label_map(segmentation_node, volume_node, besides: str = "Liver") -> sitk.Image:
    """All segments but the one called `besides` as a label map (uint16, numbered from 1 in their order) on the volume's
    own grid in LPS mm; where segments overlap, of the last of them."""
    grid = grid_of(volume_node)
    labels = np.zeros(grid.shape, np.uint16)
    for number, segment in enumerate(segments_besides(segmentation_node, besides), start=1):
        mask = liver_mask(segmentation_node, volume_node, segment)
        labels[sitk.GetArrayViewFromImage(mask) != 0] = number
    return on_grid(labels, grid)


def made_by(segmentation_node, mask: sitk.Image, segment: str = "Liver") -> dict[str, str | bool] | None:
    """The model that drew a segment, of which `mask` is the `liver_mask`: its "name" and "version", and whether the
    segment was "edited" since; None where no model did."""
    told = provenance_attributes.read(segmentation_node)
    if "bundle" not in told:
        return None
    edited = segmentation_node.GetAttribute(f"{CHECKSUM}.{segment}") != _checksum(sitk.GetArrayViewFromImage(mask))
    return {"name": told["bundle"], "version": told.get("version", ""), "edited": edited}


def terminology_entry(label: Mapping) -> str:
    """The label's codes as Slicer serializes them in a segment's terminology tag; what a DICOM SEG export reads."""
    category, kind = label.get("category", ANATOMY), label["snomed"]
    codes = [code[part] for code in (category, kind) for part in ("code", "scheme", "meaning")]
    nothing = [""] * 3
    return slicer.vtkSlicerTerminologiesModuleLogic.SerializeTerminologyEntry(
        TERMINOLOGY, *codes, *nothing, REGIONS, *nothing, *nothing
    )


def _checksum(voxels: np.ndarray) -> str:
    return f"{zlib.crc32(np.packbits(voxels != 0)):08x}"


def _array_of(labelmap) -> np.ndarray:
    return vtk_to_numpy(labelmap.GetPointData().GetScalars())


def oriented_labelmap(mask: sitk.Image | str | Path, volume_node, name: str):
    """A mask on the volume's own grid as Slicer's segmentations take it: 0 and 1 on exactly the volume's IJKToRAS
    matrix. Raises `InputError` for one on another grid; `name` is whose it is."""
    grid = grid_of(volume_node)
    if not isinstance(mask, sitk.Image):
        try:
            mask = sitk.ReadImage(str(mask))
        except RuntimeError as error:
            raise InputError(f"The mask of '{name}' could not be read from '{mask}'.", "Run it again.") from error
    if mask.GetDimension() != 3 or not Grid.of(mask).same_as(grid):
        raise InputError(
            f"The mask of '{name}' does not lie on the grid that volume '{volume_node.GetName()}' has now.",
            "If the volume was changed in the meantime, run it again.",
        )
    labelmap = _blank_labelmap(grid)
    voxels = _array_of(labelmap)
    voxels[:] = (sitk.GetArrayViewFromImage(mask) > 0).ravel()
    return labelmap


def _blank_labelmap(grid: Grid):
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetDimensions(grid.size)
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    labelmap.GetPointData().GetScalars().Fill(0)
    labelmap.SetGeometryFromImageToWorldMatrix(frames.ijk_to_ras(grid))
    return labelmap


def _carry_over(labelmap, volume_node, segmentation_node) -> None:
    """Put a labelmap from the volume's coordinates into those of a segmentation whose transform must stay as it is."""
    matrix = vtk.vtkMatrix4x4()
    if not slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(
        volume_node.GetParentTransformNode(), segmentation_node.GetParentTransformNode(), matrix
    ):
        raise InputError(
            f"Segmentation '{segmentation_node.GetName()}' and volume '{volume_node.GetName()}' "
            "are under different warps.",
            "Choose a new segmentation for the result.",
        )
    image_to_volume = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(image_to_volume)
    vtk.vtkMatrix4x4.Multiply4x4(matrix, image_to_volume, image_to_volume)
    labelmap.SetGeometryFromImageToWorldMatrix(image_to_volume)


def _voxels(segmentation_node, segment_id: str):
    """One segment as a labelmap in the segmentation's own coordinates, whatever it is kept as."""
    voxels = slicer.vtkOrientedImageData()
    if segmentation_node.GetSegmentation().GetSegment(segment_id).GetRepresentation(_binary_labelmap()):
        read = segmentation_node.GetBinaryLabelmapRepresentation(segment_id, voxels)
    else:
        convert = slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentBinaryLabelmapRepresentation
        read = convert(segmentation_node, segment_id, voxels, False)
    if not read:
        raise InputError(f"A segment of '{segmentation_node.GetName()}' cannot be read as voxels.")
    return voxels


def _transform_between(source_node, target_node):
    """From the source's own coordinates to the target's; None when both hang under the same transform."""
    source, target = source_node.GetParentTransformNode(), target_node.GetParentTransformNode()
    if source is target:
        return None
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    return transform


def _replace_or_add(segmentation_node, old_id: str | None, labelmap, label: Mapping) -> str:
    if old_id is None:
        segment_id = segmentation_node.AddSegmentFromBinaryLabelmapRepresentation(labelmap, label["name"])
    else:
        segment_id = old_id
        # Segments that share its labelmap would otherwise be resampled onto the new grid.
        segmentation_node.GetSegmentation().SeparateSegmentLabelmap(segment_id)
        slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(labelmap, segmentation_node, segment_id)
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    segment.SetColor(*(channel / 255 for channel in label["color"]))
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminology_entry(label))
    return segment_id


def _style(segmentation_node, segment_id: str) -> None:
    """A clear outline with a hint of fill; a display that somebody has set up before keeps its thickness."""
    if segmentation_node.GetDisplayNode() is None:
        segmentation_node.CreateDefaultDisplayNodes()
        pen.draw(segmentation_node.GetDisplayNode())
    display_node = segmentation_node.GetDisplayNode()
    display_node.SetSegmentOpacity2DOutline(segment_id, 1.0)
    display_node.SetSegmentOpacity2DFill(segment_id, FILL_OPACITY)
    display_node.SetSegmentVisibility(segment_id, True)


def _id_of_name(segmentation, name: str) -> str | None:
    """ID of the segment called exactly so; Slicer's own search takes "liver" for "Liver"."""
    for number in range(segmentation.GetNumberOfSegments()):
        if segmentation.GetNthSegment(number).GetName() == name:
            return segmentation.GetNthSegmentID(number)
    return None


def _binary_labelmap() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
