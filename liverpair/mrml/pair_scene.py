"""A pair of volumes and what was found in it as one scene, with files and pictures of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.mrml import headless, layouts, pictures
from liverpair.mrml.segmentations import liver_mask, put_segment
from liverpair.mrml.tables import show_measures
from liverpair.mrml.volumes import node_from_image


@dataclass
class PairNodes:
    """The nodes of a pair: volume and segmentation by side (one may be missing), and the table."""

    volumes: dict = field(default_factory=dict)
    segmentations: dict = field(default_factory=dict)
    table: object = None

    def of(self, side: Side) -> tuple:
        """Volume node and segmentation node of a side, None for what is missing."""
        return self.volumes.get(side), self.segmentations.get(side)


def build_pair_scene(images: Mapping[str, sitk.Image], result: Mapping, label: Mapping) -> PairNodes:
    """A new scene with the volumes, one segmentation each and the table of measures, T1 above T2.

    The scene is emptied before. It is laid out in Slicer's own three-over-three layout, so that a saved scene opens
    like this in every Slicer, with LiverPair or without.

    Args:
        images: Volumes in LPS mm by side.
        result: What the job "segment" returned.
        label: The label that `put_segment` takes.
    """
    scene = headless.boot().scene
    scene.Clear(False)
    nodes = PairNodes()
    for side, image in images.items():
        name = side.title
        nodes.volumes[side] = node_from_image(image, name)
        if result[side]:
            nodes.segmentations[side] = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{name} segmentation")
            mask = result[side]["liver"]
            put_segment(nodes.segmentations[side], mask, nodes.volumes[side], label, result["provenance"])
    nodes.table = scene.AddNewNodeByClass("vtkMRMLTableNode", "Measures")
    show_measures(nodes.table, result)
    (t1, t1_segmentation), (t2, t2_segmentation) = nodes.of(Side.T1), nodes.of(Side.T2)
    layouts.show_pair(t1, t2, t1_segmentation, t2_segmentation, rows=layouts.SLICER_ROWS)
    _use_common_layout(scene.GetFirstNodeByClass("vtkMRMLLayoutNode"))
    return nodes


def _use_common_layout(layout_node) -> None:
    """Switch to Slicer's own three-over-three layout, known headless or not."""
    common = slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView
    if not layout_node.IsLayoutDescription(common):
        layout_node.AddLayoutDescription(common, layouts.layout_xml(views=layouts.SLICER_ROWS))
    layout_node.SetViewArrangement(common)


def save_segmentation(segmentation_node, path: str | Path) -> Path:
    """Write a segmentation as `.seg.nrrd`, codes and colors included. Returns the path.

    Raises:
        InputError: when the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    segmentation_node.AddDefaultStorageNode()
    storage_node = segmentation_node.GetStorageNode()
    storage_node.SetFileName(path.as_posix())
    if not storage_node.WriteData(segmentation_node):
        raise InputError(f"The segmentation could not be written to '{path}'.", "Check that the disk has room for it.")
    return path


def picture_of_slices(
    volume_node, segmentation_node=None, columns: int = 4, rows: int = 3, size: tuple[int, int] = (300, 240)
) -> np.ndarray:
    """Axial slices spread evenly over the liver, head first, with the outline of the segmentation.

    Without a liver they are spread over the whole volume. Pixels as in `liverpair.mrml.pictures`; each slice has `size`
    (width, height). Leaves nothing in the scene and changes no display.
    """
    box = pictures.body_box(volume_node)
    width_mm = 1.06 * max(box[1, 0] - box[0, 0], (box[1, 1] - box[0, 1]) * size[0] / size[1])
    middle = box.mean(axis=0)
    view = pictures.SliceView(slicer.mrmlScene.GetUniqueNameByString("LiverPairSheet"), "Axial", size)
    try:
        view.show(volume_node)
        with pictures.segmentations_limited_to(segmentation_node, view.node):
            drawn = []
            for height in slice_heights(volume_node, segmentation_node, columns * rows):
                view.look_at((middle[0], middle[1], height), width_mm)
                view.caption = f"S {height:.0f} mm"
                drawn.append(view.grab())
    finally:
        view.close()
    return pictures.montage([drawn[row * columns : (row + 1) * columns] for row in range(rows)])


def slice_heights(volume_node, segmentation_node, count: int) -> list[float]:
    """World S coordinates (mm) of `count` slices evenly inside the liver, else inside the volume, highest first."""
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    low, high = bounds[4:]
    if segmentation_node is not None:
        liver = liver_mask(segmentation_node, volume_node)
        if sitk.GetArrayViewFromImage(liver).any():
            (_, _, low), (_, _, high) = pictures.mask_box(liver, volume_node)
    step = (high - low) / count
    return [high - (number + 0.5) * step for number in range(count)]
