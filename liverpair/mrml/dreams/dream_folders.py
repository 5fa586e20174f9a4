"""What belongs to a dream: its folder in the subject hierarchy, and the nodes that refer to its table."""

import slicer

from liverpair.mrml.lesions.lesion_folders import remove_item

OWNER = "liverPairDream"
"""The role in which every node of a dream refers to the dream's table."""


def make(table_node, volume_node=None) -> int:
    """A folder named after the table, with the table in it, beside the volume; returns its item."""
    hierarchy = table_node.GetScene().GetSubjectHierarchyNode()
    above = hierarchy.GetSceneItemID()
    item = hierarchy.GetItemByDataNode(volume_node) if volume_node is not None else hierarchy.GetInvalidItemID()
    if item != hierarchy.GetInvalidItemID():
        above = hierarchy.GetItemParent(item)
    folder = hierarchy.CreateFolderItem(above, table_node.GetName())
    _file(hierarchy, folder, table_node)
    return folder


def folder_of(table_node) -> int | None:
    """The item of the folder in which the table of a dream lies; None when it lies in none."""
    hierarchy = table_node.GetScene().GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(table_node)
    if item == hierarchy.GetInvalidItemID():
        return None
    folder = hierarchy.GetItemParent(item)
    is_folder = (
        hierarchy.GetItemLevel(folder) == slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyLevelFolder()
    )
    return folder if is_folder else None


def own(table_node, node, filed: bool = True) -> None:
    """Make a node one of the dream's; `filed` puts it into the dream's folder, too."""
    if node.GetNodeReferenceID(OWNER) != table_node.GetID():
        node.SetNodeReferenceID(OWNER, table_node.GetID())
    folder = folder_of(table_node)
    if filed and folder is not None:
        _file(table_node.GetScene().GetSubjectHierarchyNode(), folder, node)


def nodes_of(table_node, class_name: str = "vtkMRMLNode") -> list:
    """The nodes of a dream, without its table, in the order of the scene."""
    nodes = slicer.util.getNodesByClass(class_name, table_node.GetScene())
    return [node for node in nodes if node.GetNodeReferenceID(OWNER) == table_node.GetID()]


def remove(table_node) -> None:
    """Take a dream's nodes and its table out of the scene, and its folder when nothing else is in it."""
    scene = table_node.GetScene()
    if scene is None or not scene.IsNodePresent(table_node):
        return
    folder, hierarchy = folder_of(table_node), scene.GetSubjectHierarchyNode()
    browsers = nodes_of(table_node, "vtkMRMLSequenceBrowserNode")  # else they make anew what is taken from them
    for node in [*browsers, *nodes_of(table_node), table_node]:
        if scene.IsNodePresent(node):
            remove_node(node)
    if folder is not None and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def remove_node(node) -> None:
    """Take a node out of the scene and out of the subject hierarchy, and with it what its file was written by."""
    scene = node.GetScene()
    count = node.GetNumberOfStorageNodes() if node.IsA("vtkMRMLStorableNode") else 0
    writers = [node.GetNthStorageNode(number) for number in range(count)]
    scene.RemoveNode(node)
    remove_item(node)
    for writer in filter(None, writers):
        scene.RemoveNode(writer)


def _file(hierarchy, folder: int, node) -> None:
    item = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(folder, node)
    elif hierarchy.GetItemParent(item) != folder:
        hierarchy.SetItemParent(item, folder)
