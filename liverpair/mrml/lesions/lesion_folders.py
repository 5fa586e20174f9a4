"""The folder of a study's lesions in the subject hierarchy: one for each pair of volumes.

A folder is a `vtkMRMLFolderDisplayNode`, the node that Slicer itself gives to a folder whose eye was clicked. Every box
refers to it: references survive files and imports, places in the hierarchy and names are the user's to change. It is
never changed once it is in the scene: Slicer would then mark all boxes in it as changed, in the scene's batch state.
What is to be known of the study (its volumes, which model found its lesions) stands in a hidden node, its notes.
"""

from collections.abc import Iterable, Mapping

import slicer

from liverpair.core.sides import Side
from liverpair.mrml.lesions.lesion_boxes import PARTNER, PREFIX, ROI_CLASS, STUDY, VOLUME

FOLDER_CLASS = "vtkMRMLFolderDisplayNode"
NOTES_CLASS = "vtkMRMLScriptedModuleNode"
NOTES = "lesionPairNotes"
MARK = f"{PREFIX}Study"
HAD_VOLUMES = f"{PREFIX}HadVolumes"
"""Set once a folder has referred to a volume: its lesions are of that patient, also when the volume is deleted."""
VOLUME_ROLES = {side: f"lesionPair{side.title}Volume" for side in Side}


def all_folders(scene=None) -> list:
    """The folders of lesions in the scene, oldest first."""
    return [node for node in slicer.util.getNodesByClass(FOLDER_CLASS, scene) if node.GetAttribute(MARK)]


def boxes_of(folder) -> list:
    """The ROI nodes that belong to a folder, in the order of the scene."""
    nodes = slicer.util.getNodesByClass(ROI_CLASS, folder.GetScene())
    return [node for node in nodes if node.GetNodeReferenceID(STUDY) == folder.GetID()]


def boxes_on(volume_node) -> list:
    """The ROI nodes of the scene that are boxes in a volume."""
    nodes = slicer.util.getNodesByClass(ROI_CLASS, volume_node.GetScene())
    return [node for node in nodes if node.GetNodeReferenceID(VOLUME) == volume_node.GetID()]


def notes_of(folder):
    """The node that keeps what is to be known of a folder's study; None for a folder that version 0.1.0 made."""
    return folder.GetNodeReference(NOTES)


def volume_of(folder, side: Side):
    """The volume node of a side, None when it was never chosen or is no longer in the scene."""
    notes = notes_of(folder)
    return notes.GetNodeReference(VOLUME_ROLES[side]) if notes is not None else None


def find_or_make(t1_volume, t2_volume, name: str = ""):
    """The folder of two volumes, either of which may be None; made when there is none.

    A folder that has one of the volumes and lacks the other is completed: who began with T1 alone goes on in the same
    study when T2 is chosen, or not chosen for a while. So is a folder that never had a volume; one whose volumes were
    both deleted is not, for the next ones may be another patient's.
    """
    volumes = dict(zip(Side, (t1_volume, t2_volume)))
    wanted = [volume.GetID() if volume else None for volume in volumes.values()]
    fitting = [(_fit(folder, wanted), folder) for folder in all_folders()]
    best, folder = max(fitting, key=lambda entry: entry[0], default=(0, None))
    if best == 0:
        return make(volumes, name)
    _refer(notes_of(folder), volumes)
    return folder


def make(volumes: dict, name: str = ""):
    """A new folder of the volumes by side, called `name` or after its volumes."""
    names = [volume.GetName() for volume in volumes.values() if volume is not None]
    name = name or f"Lesions of {' and '.join(names)}".removesuffix(" of ")
    notes = slicer.mrmlScene.AddNewNodeByClass(NOTES_CLASS, f"Notes on {name}")
    _refer(notes, volumes)
    return _make(name, notes)


def make_again(folder, scene, boxes: Iterable):
    """A new folder in place of one that was deleted, or that version 0.1.0 made, around the ROI nodes `boxes`."""
    notes_id = folder.GetNodeReferenceID(NOTES)
    made = _make(folder.GetName(), (notes_id and scene.GetNodeByID(notes_id)) or _notes_from(folder, scene))
    for node in boxes:
        node.RemoveNodeReferenceIDs(STUDY)
        file_box(made, node)
    remove_item(folder)
    if scene.IsNodePresent(folder):
        scene.RemoveNode(folder)
    return made


def renew() -> None:
    """Make the folders of the scene that version 0.1.0 has made again."""
    for folder in all_folders():
        if notes_of(folder) is None:
            make_again(folder, folder.GetScene(), boxes_of(folder))


def item_of(folder) -> int:
    """The item of the folder in the subject hierarchy; made when it is missing."""
    hierarchy = folder.GetScene().GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(folder)
    if item == hierarchy.GetInvalidItemID():
        item = hierarchy.CreateFolderItem(_item_above(folder, hierarchy), folder.GetName())
        hierarchy.SetItemDataNode(item, folder)
    return item


def remove_item(node) -> None:
    """Take a node that has left the scene out of the subject hierarchy, where nobody else has done it."""
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(node)
    remove_node, remove_children = False, False
    if item != hierarchy.GetInvalidItemID():
        hierarchy.RemoveItem(item, remove_node, remove_children)


def folder_of(node):
    """The folder that a ROI node belongs to, or None."""
    folder = node.GetNodeReference(STUDY)
    return folder if folder is not None and folder.GetAttribute(MARK) else None


def link(folder, nodes: Mapping[str, object]) -> None:
    """Make the boxes of one lesion (by side) refer to each other and to their volumes, and put them into the folder."""
    for side, node in nodes.items():
        partner = next((other for key, other in nodes.items() if key != side), None)
        for role, target in ((PARTNER, partner), (VOLUME, volume_of(folder, side))):
            target_id = target.GetID() if target is not None else None
            if node.GetNodeReferenceID(role) != target_id:
                node.SetNodeReferenceID(role, target_id)
        file_box(folder, node)


def file_box(folder, node) -> None:
    """Put a ROI node into the folder."""
    if node.GetNodeReferenceID(STUDY) != folder.GetID():
        node.SetNodeReferenceID(STUDY, folder.GetID())
        folder.GetScene().GetSubjectHierarchyNode().CreateItem(item_of(folder), node)


def _make(name: str, notes):
    folder = notes.GetScene().CreateNodeByClass(FOLDER_CLASS)
    folder.UnRegister(None)
    folder.SetName(name)
    folder.SetAttribute(MARK, "1")
    folder.SetNodeReferenceID(NOTES, notes.GetID())
    notes.GetScene().AddNode(folder)
    item_of(folder)
    return folder


def _notes_from(folder, scene):
    """Notes on a folder that kept by itself, and at its item in the hierarchy, what is to be known."""
    notes = scene.AddNewNodeByClass(NOTES_CLASS, f"Notes on {folder.GetName()}")
    ids = {side: folder.GetNodeReferenceID(role) for side, role in VOLUME_ROLES.items()}
    _refer(notes, {side: scene.GetNodeByID(node_id) if node_id else None for side, node_id in ids.items()})
    notes.SetAttribute(HAD_VOLUMES, folder.GetAttribute(HAD_VOLUMES))
    hierarchy = scene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(folder)
    if item != hierarchy.GetInvalidItemID():
        for name in hierarchy.GetItemAttributeNames(item):
            notes.SetAttribute(name, hierarchy.GetItemAttribute(item, name))
    return notes


def _refer(notes, volumes: Mapping[str, object]) -> None:
    for side, volume in volumes.items():
        if volume is not None:
            notes.SetNodeReferenceID(VOLUME_ROLES[side], volume.GetID())
            notes.SetAttribute(HAD_VOLUMES, "1")


def _item_above(folder, hierarchy) -> int:
    """Where the first volume lies: the study of a patient when it came from DICOM."""
    for side in Side:
        volume = volume_of(folder, side)
        item = hierarchy.GetItemByDataNode(volume) if volume is not None else hierarchy.GetInvalidItemID()
        if item != hierarchy.GetInvalidItemID():
            return hierarchy.GetItemParent(item)
    return hierarchy.GetSceneItemID()


def _fit(folder, wanted: list[str | None]) -> int:
    """How well a folder fits two volume IDs: 0 when not at all, more for each side that is the same."""
    notes = notes_of(folder)
    own = [notes.GetNodeReferenceID(VOLUME_ROLES[side]) for side in Side]
    if own == wanted:
        return 10
    if any(a and b and a != b for a, b in zip(own, wanted)):
        return 0
    shared = sum(1 for a, b in zip(own, wanted) if a and a == b)
    return shared or int(not any(own) and not notes.GetAttribute(HAD_VOLUMES))
