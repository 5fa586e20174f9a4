"""The lesions as voxels: segments over the volume, in a segmentation for each image of a study.

A box says which segment is its lesion, and which version of it: so a segment follows whatever is linked, swapped,
renumbered, undone or loaded, and is hidden, not lost, when that box is moved away, deleted or filtered out. Anybody may
edit a segment: the box follows, as one step. A segment that no box has named, of an earlier scene, belongs to the
lesion whose box overlaps its own best.
"""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, on_grid
from liverpair.core.labels import LESION
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.measures.boxes import iou_mm
from liverpair.mrml import frames, pen, provenance
from liverpair.mrml.lesions import lesion_folders
from liverpair.mrml.lesions.lesion_boxes import PREFIX, Key, new_uid
from liverpair.mrml.lesions.lesion_display import DIMMED_OPACITY, color_of
from liverpair.mrml.lesions.lesion_masks import MaskVersions, Voxels
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.segmentations import liver_mask, oriented_labelmap, terminology_entry
from liverpair.mrml.volumes import grid_of, world_grid

ROLES = {side: f"lesionPair{side.title}Masks" for side in Side}
VOXELS = f"{PREFIX}Voxels"
"""Tag of a segment: first voxel and size of its box on the grid of the volume, x, y, z each."""
CHECKSUM = f"{PREFIX}Checksum"
"""Tag of a segment that a box has named: what it held when it was looked at last."""
LEAST_OVERLAP = 0.1


def fill(node, labels: sitk.Image, volume_node, source: Mapping) -> None:
    """Put a segment for each number above 0 in a label map, which is on the volume's own grid (LPS, mm), into a new
    segmentation node. `source` is kept as its provenance.

    Raises InputError for a label map on another grid.
    """
    grid = grid_of(volume_node)
    if not Grid.of(labels).same_as(grid):
        raise InputError(f"The lesions do not lie on the grid of volume '{volume_node.GetName()}'.", "Detect again.")
    boxes = sitk.LabelShapeStatisticsImageFilter()
    boxes.Execute(sitk.Cast(labels, sitk.sitkUInt16))
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    slicer.vtkSlicerSegmentationsModuleLogic.ImportLabelmapToSegmentationNode(_oriented(labels, grid), node)
    segmentation = node.GetSegmentation()
    for number in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(number)
        segment.SetTag(VOXELS, " ".join(map(str, boxes.GetBoundingBox(segment.GetLabelValue()))))
        _code(segment)
    _style(node)
    provenance.write(node, source)


def of_study(study: LesionStudy, side: Side):
    """The segmentation node with the lesions that were drawn in an image of a study, or None."""
    notes = lesion_folders.notes_of(study.folder)
    return notes.GetNodeReference(ROLES[side]) if notes is not None else None


def keep(study: LesionStudy, nodes: Mapping[Side, object]) -> None:
    """Make these segmentation nodes, or none of a side, those of a study; of the former ones, which leave the scene,
    what boxes of the study have named comes along. Boxes name the segments that overlap them; to be called in an
    action."""
    for side in Side:
        former, node = of_study(study, side), nodes.get(side)
        named = {pair.boxes[side].mask for pair in _pairs(study, side)} - {None}
        if former is not None and node is None and named:
            node = former
        lesion_folders.notes_of(study.folder).SetNodeReferenceID(ROLES[side], node.GetID() if node else None)
        if former is not None and node is not former:
            slicer.mrmlScene.RemoveNode(former)
        if node is None:
            continue
        for version in named - set(filter(None, (_version(study, side, each) for each in _ids(node)))):
            if (voxels := study.masks.voxels(version)) is not None:
                _write(study, side, node, MaskVersions.segment_of(version), voxels)
        for segment_id, pair in _lesions(study, side, node.GetSegmentation()).items():
            if pair is not None and pair.boxes[side].mask is None:
                study.set_mask(pair.uid, side, _named(study, side, node, segment_id))
        study.masks.present[side] = set(_ids(node))


def put(study: LesionStudy, uid: str, side: Side, mask: sitk.Image, node) -> None:
    """Make a mask on the volume's own grid (LPS, mm) the voxels of a lesion, in place of those that it has; one step.
    `node`: the segmentation to put it into when the study has none of that side yet.

    Raises InputError for a lesion without a box there, a mask on another grid, or one without voxels.
    """
    volume, found = study.volume(side), study.pair(uid).boxes.get(side)
    voxels = Voxels.of(mask)
    if found is None or volume is None or not Grid.of(mask).same_as(grid_of(volume)):
        raise InputError(f"The mask does not fit the lesion in {side.title}.", "Try again.")
    if not voxels.inside.size:
        raise InputError(f"The mask of the lesion in {side.title} is empty.", "Draw it in the Segment Editor.")
    own = of_study(study, side)
    if own is None:
        own = node
        _style(own)
        own.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        own.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        lesion_folders.notes_of(study.folder).SetNodeReferenceID(ROLES[side], own.GetID())
    segment_id = MaskVersions.segment_of(found.mask) if found.mask else f"Lesion_{new_uid()[:8]}"
    version = _write(study, side, own, segment_id, voxels)
    study.masks.present[side] = set(_ids(own))
    study.set_mask(uid, side, version)


def follow(study: LesionStudy) -> None:
    """Take over what others have done to the segments: an edited one moves the box of its lesion, a deleted one leaves
    it its box, a new one becomes the lesion's that has none and lies there; one step each. After a step was taken back,
    the segments are as they were."""
    for side in Side:
        volume, node = study.volume(side), of_study(study, side)
        if volume is None:
            continue
        ids, masks = _ids(node) if node is not None else [], study.masks
        for pair in _pairs(study, side):
            version = pair.boxes[side].mask
            if version is None:
                continue
            segment_id = MaskVersions.segment_of(version)
            if segment_id in ids:
                _follow_segment(study, pair, side, node, segment_id)
            elif segment_id not in masks.present[side] and node is not None and masks.voxels(version) is not None:
                _write(study, side, node, segment_id, masks.voxels(version))
            else:
                study.set_mask(pair.uid, side, None)
        if node is not None:
            _adopt(study, side, node)
            masks.present[side] = set(_ids(node))


def show(study: LesionStudy) -> None:
    """Show each segment as the lesion is shown that it belongs to, in that lesion's color, and those without a lesion
    not at all. The box of a lesion that was drawn steps back behind its section."""
    follow(study)
    drawn: set[Key] = set()
    for side in Side:
        node = of_study(study, side)
        if node is not None and study.volume(side) is not None:
            drawn |= _show(study, side, node)
    study.mark_drawn(drawn)


def segment_of(study: LesionStudy, uid: str, side: Side) -> str | None:
    """The ID of the segment that is a lesion in an image, None for a lesion without one."""
    node = of_study(study, side)
    if node is None or study.volume(side) is None:
        return None
    owners = _lesions(study, side, node.GetSegmentation())
    return next((each for each, pair in owners.items() if pair is not None and pair.uid == uid), None)


def versions(study: LesionStudy) -> dict[tuple[str, Side], str]:
    """What changes when the voxels of a lesion do, by uid and side; nothing for a lesion without voxels."""
    told = {}
    for side in Side:
        node = of_study(study, side)
        if node is not None and study.volume(side) is not None:
            for segment_id, pair in _lesions(study, side, node.GetSegmentation()).items():
                if pair is not None:
                    told[pair.uid, side] = f"{segment_id} {_contents(study, side, node, segment_id).checksum}"
    return told


def label_map(study: LesionStudy, side: Side) -> sitk.Image | None:
    """What was drawn in an image of a study, on the volume's own grid (LPS, mm), uint16: in each voxel the number of
    its lesion. None where nothing was drawn.
    """
    node, volume = of_study(study, side), study.volume(side)
    if node is None or volume is None:
        return None
    grid = grid_of(volume)
    labels = np.zeros(grid.shape, np.uint16)
    for segment_id, pair in _lesions(study, side, node.GetSegmentation()).items():
        if pair is not None:
            voxels = _contents(study, side, node, segment_id)
            labels[voxels.part][voxels.inside] = pair.number
    return on_grid(labels, grid)


def _show(study: LesionStudy, side: Side, node) -> set[Key]:
    segmentation, display, drawn = node.GetSegmentation(), node.GetDisplayNode(), set()
    was_modifying = display.StartModify()
    try:
        for segment_id, pair in _lesions(study, side, segmentation).items():
            display.SetSegmentVisibility(segment_id, pair is not None and study.is_shown(pair))
            if pair is None:
                continue
            drawn.add((pair.uid, side))
            segment, name = segmentation.GetSegment(segment_id), f"Lesion {pair.number}"
            if (segment.GetName(), segment.GetColor()) != (name, color_of(pair.number)):
                segment.SetName(name)
                segment.SetColor(*color_of(pair.number))
            faint = study.selected not in (None, pair.uid)
            display.SetSegmentOpacity2DOutline(segment_id, DIMMED_OPACITY if faint else 1.0)
    finally:
        display.EndModify(was_modifying)
    return drawn


def _lesions(study: LesionStudy, side: Side, segmentation) -> dict[str, Lesion | None]:
    """By the ID of each segment, the lesion that it belongs to, or None."""
    pairs, grid = _pairs(study, side), world_grid(study.volume(side))
    named = {MaskVersions.segment_of(pair.boxes[side].mask): pair for pair in pairs if pair.boxes[side].mask}
    others = [pair for pair in pairs if not pair.boxes[side].mask]
    found: dict[str, Lesion | None] = {}
    for number in range(segmentation.GetNumberOfSegments()):
        segment_id, segment = segmentation.GetNthSegmentID(number), segmentation.GetNthSegment(number)
        placed = _tag(segment, VOXELS)
        candidates, least = ([named[segment_id]], 0.0) if segment_id in named else (others, LEAST_OVERLAP)
        if not placed or not candidates or (segment_id not in named and _tag(segment, CHECKSUM)):
            found[segment_id] = None
            continue
        first, size = np.array(placed.split(), int).reshape(2, 3)
        box = Voxels(tuple(first.tolist()), np.zeros(size[::-1], bool)).box(grid)
        overlaps = iou_mm([box], [pair.box(side) for pair in candidates])[0]
        found[segment_id] = candidates[int(overlaps.argmax())] if overlaps.max() > least else None
    return found


def _follow_segment(study: LesionStudy, pair: Lesion, side: Side, node, segment_id: str) -> None:
    """The segment that a box has named: edited, or to be as it was before."""
    segment, masks = node.GetSegmentation().GetSegment(segment_id), study.masks
    voxels, known = _contents(study, side, node, segment_id), _tag(segment, CHECKSUM)
    version = masks.keep(segment_id, voxels)
    if voxels.checksum != known:
        _mark(segment, voxels)
        box = voxels.box(world_grid(study.volume(side))) if voxels.inside.size else pair.box(side)
        study.set_mask(pair.uid, side, version, box)
    elif pair.boxes[side].mask != version and (before := masks.voxels(pair.boxes[side].mask)) is not None:
        _write(study, side, node, segment_id, before)


def _adopt(study: LesionStudy, side: Side, node) -> None:
    """A segment that a person has added belongs to the lesion that lies there and has none."""
    segmentation = node.GetSegmentation()
    for segment_id in _ids(node):
        segment = segmentation.GetSegment(segment_id)
        if _tag(segment, VOXELS):
            continue
        voxels = _contents(study, side, node, segment_id)
        if not voxels.inside.size:
            continue
        _place(segment, voxels)
        pair = _lesions(study, side, segmentation)[segment_id]
        if pair is None:
            segment.RemoveTag(VOXELS)
        else:
            _code(segment)
            version = _named(study, side, node, segment_id)
            study.set_mask(pair.uid, side, version, voxels.box(world_grid(study.volume(side))))


def _named(study: LesionStudy, side: Side, node, segment_id: str) -> str:
    """The version that a segment is now, once it is marked as one that a box has named."""
    voxels = _contents(study, side, node, segment_id)
    _mark(node.GetSegmentation().GetSegment(segment_id), voxels)
    return study.masks.keep(segment_id, voxels)


def _version(study: LesionStudy, side: Side, segment_id: str) -> str | None:
    node = of_study(study, side)
    return f"{segment_id} {_contents(study, side, node, segment_id).checksum}" if node is not None else None


def _write(study: LesionStudy, side: Side, node, segment_id: str, voxels: Voxels) -> str:
    """Make a segment, new or old, hold these voxels; returns the version."""
    volume, segmentation = study.volume(side), node.GetSegmentation()
    labelmap = oriented_labelmap(voxels.on(grid_of(volume)), volume, segment_id)
    if segmentation.GetSegment(segment_id) is None:
        segment = slicer.vtkSegment()
        segment.AddRepresentation(segmentation.GetSourceRepresentationName(), labelmap)
        segmentation.AddSegment(segment, segment_id)
        _code(segment)
    else:
        segmentation.SeparateSegmentLabelmap(segment_id)
        slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(labelmap, node, segment_id)
    _mark(segmentation.GetSegment(segment_id), voxels)
    return study.masks.keep(segment_id, voxels)


def _contents(study: LesionStudy, side: Side, node, segment_id: str) -> Voxels:
    """What a segment holds now; read again only when it has changed."""
    segmentation = node.GetSegmentation()
    image = segmentation.GetSegment(segment_id).GetRepresentation(segmentation.GetSourceRepresentationName())
    time = image.GetMTime() if image is not None else 0
    voxels = study.masks.last((side, segment_id), time)
    if voxels is None:
        voxels = Voxels.of(liver_mask(node, study.volume(side), segment_id))
        study.masks.read((side, segment_id), time, voxels)
    return voxels


def _pairs(study: LesionStudy, side: Side) -> list[Lesion]:
    return [pair for pair in study.pairs() if side in pair.boxes]


def _ids(node) -> list[str]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegmentID(number) for number in range(segmentation.GetNumberOfSegments())]


def _code(segment) -> None:
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminology_entry(LESION))
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)


def _style(node) -> None:
    """Outlines without fill."""
    node.CreateDefaultDisplayNodes()
    pen.draw(node.GetDisplayNode())
    node.GetDisplayNode().SetVisibility2DFill(False)


def _mark(segment, voxels: Voxels) -> None:
    """The segment holds these voxels, and everybody knows."""
    _place(segment, voxels)
    segment.SetTag(CHECKSUM, voxels.checksum)


def _place(segment, voxels: Voxels) -> None:
    segment.SetTag(VOXELS, " ".join(map(str, (*voxels.first, *voxels.size))))


def _tag(segment, name: str) -> str:
    text = vtk.reference("")
    return str(text) if segment.GetTag(name, text) else ""


def _oriented(labels: sitk.Image, grid: Grid):
    """A label map as Slicer's segmentations take it."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(grid.size)
    image.AllocateScalars(vtk.VTK_UNSIGNED_SHORT, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = sitk.GetArrayViewFromImage(labels).ravel()
    image.SetGeometryFromImageToWorldMatrix(frames.ijk_to_ras(grid))
    return image
