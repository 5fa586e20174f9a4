"""The subject hierarchy as the plugins of Slicer keep it: volumes and segmentations have their items at once.

A real Slicer said once, while a scene was saved, that it was "unable to find subject hierarchy item for segmentation
node". No order of ours that leads there was found, neither at a save nor at a load; whoever changes a segmentation of
the scene that has no item is told so here.
"""

import slicer
import vtk

from . import problems

NODE_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")


class SubjectHierarchyPlugins:
    """qSlicerSubjectHierarchyPluginLogic, and what its plugin for segmentations says about one without an item."""

    def __init__(self, scene):
        scene.AddObserver(scene.NodeAddedEvent, self._on_node_added)
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._on_node_about_to_be_removed)
        scene.AddObserver(scene.EndImportEvent, lambda scene, _event: self._add_missing(scene), -100.0)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_added(self, scene, _event, node) -> None:
        if node.IsA("vtkMRMLSegmentationNode"):
            segmentation = slicer.vtkSegmentation
            for event in (segmentation.SegmentAdded, segmentation.SegmentModified, node.SegmentationChangedEvent):
                node.AddObserver(event, self._on_segment)
        if not scene.IsImporting():
            self._add(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_about_to_be_removed(self, scene, _event, node) -> None:
        if scene.IsImporting() or scene.IsClosing():
            return
        item = _hierarchy().GetItemByDataNode(node)
        if item:
            _hierarchy().RemoveItem(item, False, False)

    def _add_missing(self, scene) -> None:
        for node_class in NODE_CLASSES:
            for node in slicer.util.getNodesByClass(node_class, scene):
                self._add(node)

    def _add(self, node) -> None:
        """Hidden nodes get no item."""
        hierarchy = _hierarchy()
        if any(map(node.IsA, NODE_CLASSES)) and not node.GetHideFromEditors() and not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _on_segment(self, node, _event) -> None:
        scene = node.GetScene()
        if scene is None or scene.IsImporting() or node.GetHideFromEditors() or _hierarchy().GetItemByDataNode(node):
            return
        problems.record("mrml", f"Unable to find subject hierarchy item for segmentation node {node.GetName()}")


def _hierarchy():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
