"""Maps of a liver, probability and uncertainty: which belong to a segmentation, and how they lie over their volume."""

from collections.abc import Iterable

import slicer

from liverpair.mrml.segmentations import source_of

ROLES = {"probability": "LiverPair.Probability", "uncertainty": "LiverPair.Uncertainty"}
"""The maps by kind, and the reference from the segmentation that each was computed with."""

COLORS = "vtkMRMLColorTableNodeIron"
OPACITY = 0.5
LEAST_SHOWN = 0.05
"""Below this a map is transparent: where there is certainly no liver, the image stays as it is."""


def maps_of(segmentation_node) -> dict[str, object]:
    """The volume nodes of a segmentation's maps, by kind."""
    found = {kind: segmentation_node.GetNodeReference(role) for kind, role in ROLES.items()}
    return {kind: node for kind, node in found.items() if node is not None}


def style(map_node) -> None:
    """Colors from dark to bright for 0 to 1."""
    map_node.CreateDefaultDisplayNodes()
    display_node = map_node.GetDisplayNode()
    was_modifying = display_node.StartModify()
    display_node.SetAndObserveColorNodeID(COLORS)
    display_node.AutoWindowLevelOff()
    display_node.SetWindowLevelMinMax(0.0, 1.0)
    display_node.SetAutoThreshold(False)
    display_node.SetThreshold(LEAST_SHOWN, 1.0)
    display_node.SetApplyThreshold(True)
    display_node.EndModify(was_modifying)


def show_maps(segmentation_nodes: Iterable, kind: str) -> None:
    """Lay the maps of a kind over the volumes they belong to, in the slice views that show these; take them away where
    there is no such kind."""
    for segmentation_node in segmentation_nodes:
        source, maps = source_of(segmentation_node), maps_of(segmentation_node)
        shown, own = maps.get(kind), {node.GetID() for node in maps.values()}
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if source is None or composite.GetBackgroundVolumeID() != source.GetID():
                continue
            if shown is not None:
                composite.SetForegroundVolumeID(shown.GetID())
                composite.SetForegroundOpacity(OPACITY)
            elif composite.GetForegroundVolumeID() in own:
                composite.SetForegroundVolumeID(None)
