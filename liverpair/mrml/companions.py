"""What was made of a volume stays with it: drawn over that volume and no other, and moved by what moves the volume.

T1 and T2 are not registered: the outline of the one liver over the other image would be a wrong one.
"""

import numpy as np
import slicer
import vtk
from slicer.util import VTKObservationMixin

from liverpair.mrml import layouts, provenance
from liverpair.mrml.lesions import lesion_folders
from liverpair.mrml.lesions.lesion_display import show_boxes_over_volumes
from liverpair.mrml.maps import maps_of
from liverpair.mrml.segmentations import source_of

FIRST_3D_VIEW = "vtkMRMLViewNode1"
"""Also where there is no such view yet: a display node without any view is displayed in all."""


def segmentations_made() -> list:
    """The segmentations of the scene that LiverPair has made, or written a segment into."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if provenance.read(node)]


def show_over_source(segmentation_node) -> None:
    """Draw a segmentation in the slice views that have the volume it was made of, or a map of it, in the background,
    and in 3-D views; in no other."""
    scene, source = slicer.mrmlScene, source_of(segmentation_node)
    over = {node.GetID() for node in (source, *maps_of(segmentation_node).values()) if node is not None}
    names = {name for name, background in _backgrounds() if background in over}
    slice_nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode", scene)
    views = [node.GetID() for node in slice_nodes if node.GetLayoutName() in names]
    views += [node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLViewNode", scene)]
    layouts.show_only_in(segmentation_node, sorted({*views, FIRST_3D_VIEW}))


class Companions(VTKObservationMixin):
    """Sees to it, from `start` to `stop`, whatever the user, another module or Slicer itself changes in the scene."""

    def __init__(self):
        VTKObservationMixin.__init__(self)
        self._shown = None
        self._places = {}

    def start(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAddedEvent, self._on_node_added)
        self.addObserver(scene, scene.NodeRemovedEvent, self._on_node_removed)
        self.addObserver(scene, scene.EndImportEvent, self._on_imported)
        for event in (scene.EndCloseEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._on_scene)
        for node_class in ("vtkMRMLSliceCompositeNode", "vtkMRMLScalarVolumeNode"):
            for node in slicer.util.getNodesByClass(node_class):
                self._follow(node)
        self._update()

    def stop(self) -> None:
        self.removeObservers()
        self._places.clear()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_added(self, _scene, _event, node) -> None:
        self._follow(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_removed(self, _scene, _event, node) -> None:
        for event in (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent):
            for callback in (self._on_composite, self._on_moved):
                if self.hasObserver(node, event, callback):
                    self.removeObserver(node, event, callback)
        self._places.pop(node.GetID(), None)
        if node.IsA("vtkMRMLScalarVolumeNode"):
            self._update()

    def _follow(self, node) -> None:
        if node.IsA("vtkMRMLSliceCompositeNode"):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._on_composite)
        elif node.IsA("vtkMRMLScalarVolumeNode"):
            self._places[node.GetID()] = _place(node)
            self.addObserver(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._on_moved)

    def _on_imported(self, scene, event) -> None:
        """A scene of version 0.1.0 is shown in today's views."""
        if layouts.is_pair_layout():
            for views, former in zip(layouts.ROWS, layouts.SLICER_ROWS):
                layouts.take_over(views, former)
        self._on_scene(scene, event)

    def _on_scene(self, _scene, _event) -> None:
        """What was loaded lies where it was saved."""
        self._places = {node.GetID(): _place(node) for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
        self._update()

    def _on_composite(self, _node, _event) -> None:
        self._update()

    def _update(self) -> None:
        if slicer.mrmlScene.IsBatchProcessing():
            return
        made = segmentations_made()
        shown = (_backgrounds(), [(node.GetID(), source_of(node)) for node in made])
        if shown != self._shown:
            self._shown = shown
            for node in made:
                show_over_source(node)
            show_boxes_over_volumes()

    def _on_moved(self, volume_node, _event) -> None:
        """Another parent transform for the volume is one for what was made of it, where it had the same before."""
        before, now = self._places.get(volume_node.GetID()), _place(volume_node)
        self._places[volume_node.GetID()] = now
        if before is None or before[0] == now[0] or slicer.mrmlScene.IsBatchProcessing():
            return
        is_known = before[1] is not None and now[1] is not None
        was_hardened = np.allclose(before[1], now[1], atol=1e-3) if is_known else before[2] != now[2]
        made = [node for node in segmentations_made() if source_of(node) is volume_node]
        maps = [node for segmentation_node in made for node in maps_of(segmentation_node).values()]
        for node in (*made, *maps, *lesion_folders.boxes_on(volume_node)):
            if node.GetTransformNodeID() != before[0]:
                continue
            if was_hardened:
                node.HardenTransform()
            node.SetAndObserveTransformNodeID(now[0])
        if was_hardened:
            for node in made:
                node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)


def _backgrounds() -> list[tuple[str, str]]:
    """Name of each slice view, and ID of the volume in its background."""
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return [(node.GetLayoutName(), node.GetBackgroundVolumeID()) for node in composites]


def _place(volume_node) -> tuple:
    """ID of a volume's parent transform; where its voxels lie in the world, None under a warp; when they changed."""
    transform, image = volume_node.GetParentTransformNode(), volume_node.GetImageData()
    matrix, to_world = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    world = slicer.util.arrayFromVTKMatrix(matrix)
    if transform is not None and transform.IsTransformToWorldLinear():
        transform.GetMatrixTransformToWorld(to_world)
        world = slicer.util.arrayFromVTKMatrix(to_world) @ world
    elif transform is not None:
        world = None
    return volume_node.GetTransformNodeID(), world, image.GetMTime() if image is not None else None
