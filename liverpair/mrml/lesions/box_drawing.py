"""From a rectangle dragged in a slice view to a box around a lesion."""

import numpy as np
import slicer

from liverpair.core.geometry import Box
from liverpair.measures.boxes import turned
from liverpair.mrml import frames
from liverpair.mrml.volumes import world_grid


def box_from_rectangle(slice_node, volume_node, first_xy, second_xy, depth_mm: float | None = None) -> Box:
    """The box, along the axes of the volume, around what a rectangle in a slice view encloses.

    Args:
        slice_node: vtkMRMLSliceNode of the view.
        volume_node: the volume that is shown in it; its axes are those of the box.
        first_xy: a corner of the rectangle in pixels of the view, from its lower left corner.
        second_xy: the opposite corner.
        depth_mm: extent across the slice; by default the mean of the rectangle's sides: most lesions are round.

    Returns:
        A box in world LPS mm. No side is shorter than the volume's voxel.

    Raises:
        InputError: when the volume is under a transform that does more than rotate and shift.
    """
    to_ras = slicer.util.arrayFromVTKMatrix(slice_node.GetXYToRAS())
    first, second = (to_ras @ (x, y, 0.0, 1.0) for x, y in (first_xy, second_xy))
    slice_axes = slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())[:3, :3]
    slice_axes = slice_axes / np.linalg.norm(slice_axes, axis=0)
    width, height = np.abs(slice_axes.T @ (second - first)[:3])[:2]
    center = frames.flip(((first + second) / 2)[:3])
    depth = (width + height) / 2 if depth_mm is None else depth_mm
    drawn = Box(
        tuple(float(c) for c in center), (float(width), float(height), float(depth)),
        tuple((frames.LPS_TO_RAS @ slice_axes).ravel()),
    )  # fmt: skip
    box = turned(drawn, world_grid(volume_node).direction)
    size = tuple(max(side, float(spacing)) for side, spacing in zip(box.size_mm, volume_node.GetSpacing()))
    return Box(box.center_mm, size, box.direction)


def slice_views_of(volume_node) -> list[str]:
    """Names of the slice views that show a volume as their background, in the layout or not."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return [node.GetLayoutName() for node in composites if node.GetBackgroundVolumeID() == volume_node.GetID()]
