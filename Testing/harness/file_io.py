"""`slicer.app.ioManager()`: what slicer.util.load… and save… call, over the real logics and storage nodes."""

import os

import slicer
import vtk

from .standins import stands_for

FILE_TYPES = {
    ".seg.nrrd": "SegmentationFile",
    ".seg.nhdr": "SegmentationFile",
    ".mrk.json": "MarkupsFile",
    ".fcsv": "MarkupsFile",
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".nii.gz": "VolumeFile",
    ".nii": "VolumeFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".mha": "VolumeFile",
    ".mhd": "VolumeFile",
    ".dcm": "VolumeFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
    ".stl": "ModelFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".txt": "TextFile",
    ".json": "TextFile",
}
NODE_CLASSES = {
    "TableFile": "vtkMRMLTableNode",
    "TransformFile": "vtkMRMLLinearTransformNode",
    "ModelFile": "vtkMRMLModelNode",
    "TextFile": "vtkMRMLTextNode",
}


def _extension(name: str) -> str:
    return next((extension for extension in FILE_TYPES if name.lower().endswith(extension)), "")


@stands_for("qSlicerCoreIOManager")
class IOManager:
    """The part of qSlicerCoreIOManager that scripts use."""

    def __init__(self, logics: dict):
        self._logics = logics

    def fileType(self, name) -> str:
        return FILE_TYPES.get(_extension(str(name)), "NoFile")

    def fileWriterFileType(self, node) -> str:
        return "SegmentationFile" if node.IsA("vtkMRMLSegmentationNode") else "NodeFile"

    def loadNodes(self, file_type: str, properties: dict, loaded, messages=None) -> bool:
        """Load a file into the scene; the new nodes are added to the collection `loaded`."""
        path = str(properties["fileName"])
        if not os.path.exists(path):
            if messages is not None:
                messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"File does not exist: {path}")
            return False
        if file_type == "SceneFile":
            return self._load_scene(path, properties.get("clear", True))
        name = properties.get("name") or os.path.basename(path)[: -len(_extension(path)) or None]
        node = self._load_node(file_type, path, name, properties)
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def loadScene(self, path: str, clear: bool = True) -> bool:
        return self.loadNodes("SceneFile", {"fileName": path, "clear": clear}, None)

    def _load_scene(self, path: str, clear: bool) -> bool:
        scene = slicer.mrmlScene
        if path.endswith(".mrb"):
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def _load_node(self, file_type: str, path: str, name: str, properties: dict):
        if file_type == "VolumeFile":
            labelmap_option = 1 if properties.get("labelmap") else 0
            return self._logics["Volumes"].AddArchetypeVolume(path, name, labelmap_option)
        if file_type == "SegmentationFile":
            return self._logics["Segmentations"].LoadSegmentationFromFile(path, True, name)
        if file_type == "MarkupsFile":
            return slicer.mrmlScene.GetNodeByID(self._logics["Markups"].LoadMarkups(path, name) or "")
        if file_type not in NODE_CLASSES:
            return None
        node = slicer.mrmlScene.AddNewNodeByClass(NODE_CLASSES[file_type], name)
        node.AddDefaultStorageNode(path)
        if node.GetStorageNode().ReadData(node):
            return node
        slicer.mrmlScene.RemoveNode(node)
        return None

    def saveNodes(self, _file_type: str, properties: dict, _messages=None) -> bool:
        """Save the node `nodeID`, or the scene when the file type is "SceneFile"."""
        path = str(properties["fileName"])
        if _file_type == "SceneFile":
            return self._save_scene(path)
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode(path)
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node))

    def saveScene(self, path: str, _image=None) -> bool:
        return self._save_scene(path)

    def _save_scene(self, path: str) -> bool:
        scene = slicer.mrmlScene
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path))
        if path.endswith(".mrml"):
            scene.SetURL(path)
            scene.SetRootDirectory(os.path.dirname(path))
            return bool(scene.Commit(path))
        os.makedirs(path, exist_ok=True)
        return bool(scene.SaveSceneToSlicerDataBundleDirectory(path))
