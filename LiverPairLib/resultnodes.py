"""The worker's files as nodes of the scene: segmentations, maps and the table of measures."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import SimpleITK as sitk
import slicer
from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, on_grid
from liverpair.core.labels import LIVER
from liverpair.core.sides import Side
from liverpair.mrml import maps, segmentations, tables, volumes
from liverpair.mrml.companions import show_over_source
from LiverPairLib.inputs import Segmentations, Volumes

MAP_NAMES = {"probability": _("liver probability"), "uncertainty": _("liver uncertainty")}
MAP_TITLES = {"probability": _("Probability map"), "uncertainty": _("Uncertainty map")}


def isInScene(node: vtkMRMLNode | None) -> bool:
    """Whether a node is there and has not been removed from its scene."""
    return node is not None and node.GetScene() is not None


class ResultNodes:
    """Where results go: `segmentations` by side, `maps` by side and kind, `table`. `put` makes what is
    missing; `taken` are the sides that it could take."""

    def __init__(self, segmentationNodes: Segmentations, tableNode: vtkMRMLTableNode | None) -> None:
        self.segmentations = dict(segmentationNodes)
        self.maps = {}
        self.table = tableNode
        self.taken = ()
        self._added = []

    def put(self, volumeNodes: Volumes, result: dict[str, Any], label: dict[str, Any]) -> list[str]:
        """Put the worker's result of the job "segment" into the scene, for these volumes by side.

        Returns sentences about what did not go as asked. Raises InputError when no side could be taken; then, as after
        any other exception, nothing that was added stays.
        """
        self._added = []
        try:
            return self._put(volumeNodes, result, label)
        except Exception:
            for node in self._added:
                slicer.mrmlScene.RemoveNode(node)
            raise

    def summary(self, result: dict[str, Any]) -> str:
        """The volumes of the livers that were taken, as one sentence."""
        found = [
            _("{volume:.0f} ml in {side}").format(volume=result[side]["volume_ml"], side=side.title)
            for side in Side
            if side in self.taken
        ]
        return _("Liver volume: {volumes}.").format(volumes=", ".join(found))

    def _put(self, volumeNodes: Volumes, result: dict[str, Any], label: dict[str, Any]) -> list[str]:
        images = {
            (side, kind): readMap(result[side][kind])
            for side in volumeNodes
            for kind in maps.ROLES
            if result.get(side) and result[side].get(kind)
        }
        notes, refusals = [], []
        taken = {}
        for side, volumeNode in volumeNodes.items():
            if not result.get(side):
                continue
            try:
                notes += self._putSegment(side, volumeNode, result, label)
                taken[side] = volumeNode
            except InputError as error:
                logging.warning("%s", error)
                refusals.append(str(error))
        if not taken:
            raise InputError(" ".join(refusals) or _("There is no result to show."))
        for (side, kind), image in images.items():
            if side in taken:
                self._putMap(side, kind, taken[side], image, result["provenance"])
        self.taken = tuple(taken)
        self._putTable({**result, **{side: None for side in Side if side not in taken}})
        return notes + refusals

    def _putSegment(
        self, side: Side, volumeNode: vtkMRMLScalarVolumeNode, result: dict[str, Any], label: dict[str, Any]
    ) -> list[str]:
        """Into the chosen segmentation; into a new one when the chosen one cannot take it."""
        chosen = self.segmentations.pop(side, None)
        notes = []
        if isInScene(chosen):
            try:
                segmentations.put_segment(chosen, result[side]["liver"], volumeNode, label, result["provenance"])
                self.segmentations[side] = chosen
                return notes
            except InputError as error:
                notes.append(_("{reason} The result is in a new segmentation.").format(reason=error.message))
        node = self._add("vtkMRMLSegmentationNode", _("{volume} liver").format(volume=volumeNode.GetName()))
        putBeside(node, volumeNode)  # Slicer looks for a segmentation's item as soon as it gets a segment
        try:
            segmentations.put_segment(node, result[side]["liver"], volumeNode, label, result["provenance"])
        except InputError:
            self._added.remove(node)
            slicer.mrmlScene.RemoveNode(node)
            raise
        self.segmentations[side] = node
        return notes

    def _putMap(
        self, side: Side, kind: str, volumeNode: vtkMRMLScalarVolumeNode, image: sitk.Image, provenance: dict[str, Any]
    ) -> None:
        """A map belongs to its segmentation: the next run into the same segmentation replaces it."""
        name, role = f"{volumeNode.GetName()} {MAP_NAMES[kind]}", maps.ROLES[kind]
        node = volumes.node_from_image(image, name, provenance)
        self._added.append(node)
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        maps.style(node)
        putBeside(node, volumeNode)
        former = self.segmentations[side].GetNodeReference(role)
        if former is not None:
            slicer.mrmlScene.RemoveNode(former)
        self.segmentations[side].SetNodeReferenceID(role, node.GetID())
        self.maps[side, kind] = node

    def _putTable(self, result: dict[str, Any]) -> None:
        if not (result[Side.T1] and result[Side.T2]):
            result["measures"] = None
        if not isInScene(self.table):
            self.table = self._add("vtkMRMLTableNode", _("Liver measures"))
        named = {(MAP_TITLES[kind], side): node.GetName() for (side, kind), node in self.maps.items()}
        tables.show_measures(self.table, {**result, "maps": named})

    def _add(self, className: str, name: str) -> vtkMRMLNode:
        node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
        self._added.append(node)
        return node


def readMap(path: str) -> sitk.Image:
    """The image of a map; raises InputError when the file cannot be read."""
    try:
        return sitk.ReadImage(path)
    except RuntimeError as error:
        raise InputError(_("The result could not be read."), _("Run it again.")) from error


def readOn(path: str, grid: Grid, volumeNode: vtkMRMLScalarVolumeNode, side: Side) -> sitk.Image:
    """A map that lies on `grid`, which is that of the volume in the world, on the volume's own grid.

    Raises InputError when it cannot be read, or lies on another grid.
    """
    found = readMap(path)
    if not Grid.of(found).same_as(grid):
        raise InputError(_("The result in {side} lies on another grid.").format(side=side.title), _("Run it again."))
    return on_grid(sitk.GetArrayViewFromImage(found), volumes.grid_of(volumeNode))


@contextlib.contextmanager
def takenBack() -> Iterator[list[vtkMRMLNode]]:
    """A list of nodes that are removed from the scene again when the block raises."""
    added = []
    try:
        yield added
    except Exception:
        for node in added:
            slicer.mrmlScene.RemoveNode(node)
        raise


def addLiver(
    volumeNode: vtkMRMLScalarVolumeNode,
    path: str,
    grid: Grid,
    side: Side,
    source: dict[str, Any],
    added: list[vtkMRMLNode],
) -> vtkMRMLSegmentationNode:
    """A new segmentation node with the liver mask in a file, which lies on the volume's `grid` in the world. The node
    joins the list `added` before anything can go wrong.

    Raises InputError when the mask cannot be read, or lies on another grid.
    """
    mask = readOn(path, grid, volumeNode, side)
    name = slicer.mrmlScene.GenerateUniqueName(_("{volume} liver").format(volume=volumeNode.GetName()))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    added.append(node)
    putBeside(node, volumeNode)  # Slicer looks for a segmentation's item as soon as it gets a segment
    segmentations.put_segment(node, mask, volumeNode, LIVER, source)
    show_over_source(node)
    return node


def putBeside(node: vtkMRMLNode, volumeNode: vtkMRMLScalarVolumeNode) -> None:
    """Put a node where the volume is in the subject hierarchy: with its patient and study."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item, volumeItem = (hierarchy.GetItemByDataNode(one) for one in (node, volumeNode))
    parent = hierarchy.GetItemParent(volumeItem) if volumeItem else hierarchy.GetSceneItemID()
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)
