"""The visit before: its study in the scene, read from a folder or chosen, and both visits written for the worker."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import emptyMasks
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid, on_grid, resample
from liverpair.core.labels import LIVER
from liverpair.core.lesions import write_lesions
from liverpair.core.sides import Side
from liverpair.io.study import Study
from liverpair.mrml import provenance, segmentations, volumes
from liverpair.mrml.companions import show_over_source
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_study import LesionStudy
from LiverPairLib.resultnodes import isInScene, putBeside, takenBack

FIELDS = {Side.T1: "earlierT1Volume", Side.T2: "earlierT2Volume"}


class EarlierVisit:
    """The visit before of a `ReadingContext`: the volumes that its parameter node names, their livers and lesions."""

    def __init__(self, context: ReadingContext) -> None:
        self._context = context

    def volume(self, side: Side) -> vtkMRMLScalarVolumeNode | None:
        """The earlier volume of a side, or None."""
        parameterNode = self._context.parameterNode
        node = getattr(parameterNode, FIELDS[side]) if parameterNode is not None else None
        return node if isInScene(node) else None

    def liver(self, side: Side) -> vtkMRMLSegmentationNode | None:
        """The last segmentation of the scene with a liver that was made of the earlier volume, or None."""
        node = self.volume(side)
        found = slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node is not None else []
        own = [s for s in found if segmentations.source_of(s) is node and segmentations.has_segment(s)]
        return own[-1] if own else None

    def liverMask(self, side: Side) -> sitk.Image | None:
        """The earlier liver in the world, or None."""
        node, liver = self.volume(side), self.liver(side)
        if liver is None:
            return None
        mask = segmentations.liver_mask(liver, node)
        mask.CopyInformation(volumes.world_image(node))
        return mask if np.any(sitk.GetArrayViewFromImage(mask)) else None

    @property
    def isChosen(self) -> bool:
        return any(self.volume(side) is not None for side in Side)

    def doubts(self) -> list[str]:
        """Sentences on what the DICOM tags of both visits say against comparing them."""
        said = {key: ([], []) for key in ("PatientID", "PatientBirthDate", "StudyDate")}
        for side in Side:
            for place, node in enumerate((self.volume(side), self._context.volume(side))):
                tags = volumes.describe(node)["tags"] if node is not None else {}
                for key in said:
                    said[key][place].extend([tags[key]] if key in tags else [])
        found = []
        for key, what in (("PatientID", _("patient ID")), ("PatientBirthDate", _("birth date"))):
            before, now = (dict.fromkeys(values) for values in said[key])
            if before and now and before != now:
                text = _("The visits seem to be of different patients: {what} {before} and {now}.")
                found.append(text.format(what=what, before=", ".join(before), now=", ".join(now)))
        before, now = said["StudyDate"]
        if before and now and max(before) > min(now):
            found.append(_("The earlier visit is of {before}, after this one.").format(before=max(before)))
        return found

    def study(self) -> LesionStudy | None:
        """The earlier lesions; to be released by whoever asks."""
        return LesionStudy(*(self.volume(side) for side in Side)) if self.isChosen else None

    def open(self, folder: Path | str) -> str:
        """Read a study folder into the scene and choose it. Raises LiverPairError, with the scene as it was."""
        study = Study.open(folder)
        if not any(study.has(side) for side in Side):
            raise InputError(
                _("'{folder}' holds neither t1 nor t2.").format(folder=folder), _("Choose the folder of a study.")
            )
        name = Path(folder).resolve().name
        with takenBack() as added:
            nodes = {side: self._addVolume(study, side, name, added) for side in Side if study.has(side)}
            opened = LesionStudy(nodes.get(Side.T1), nodes.get(Side.T2))
            try:
                if study.has("lesions"):
                    opened.replace_all(study.lesions)
                masks = {side: self._masks(study, side, node, added) for side, node in nodes.items()}
                with opened.action(_("Open the earlier visit")):
                    lesion_segments.keep(opened, {side: node for side, node in masks.items() if node is not None})
                lesion_segments.show(opened)
                count = len(opened)
            finally:
                opened.release()
            for made in added:
                if made.IsA("vtkMRMLSegmentationNode"):
                    show_over_source(made)
        with slicer.util.NodeModify(self._context.parameterNode):
            for side, field in FIELDS.items():
                setattr(self._context.parameterNode, field, nodes.get(side))
        return _("Opened the earlier visit '{name}'. Lesions in it: {count}.").format(name=name, count=count)

    def write(self, folder: Path) -> Path:
        """Write the earlier visit as a study folder."""
        study = self.study()
        try:
            return writeVisit(folder, study, {s: self.volume(s) for s in Side}, {s: self.liverMask(s) for s in Side})
        finally:
            study.release()

    def _addVolume(self, study: Study, side: Side, name: str, added: list) -> vtkMRMLScalarVolumeNode:
        image = study.need(side)
        node = volumes.node_from_image(image, slicer.mrmlScene.GenerateUniqueName(f"{name} {side.title}"))
        added.append(node)
        node.CreateDefaultDisplayNodes()
        if study.has(f"{side}_liver"):
            mask = resample(study.need(f"{side}_liver") != 0, Grid.of(image), "nearest")
            liver = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{node.GetName()} liver")
            added.append(liver)
            putBeside(liver, node)
            segmentations.put_segment(liver, mask, node, LIVER, {"bundle": name})
        return node

    def _masks(
        self, study: Study, side: Side, node: vtkMRMLScalarVolumeNode, added: list
    ) -> vtkMRMLSegmentationNode | None:
        if not study.has(f"{side}_lesions"):
            return None
        labels = study.need(f"{side}_lesions")
        made = emptyMasks(node, added)
        lesion_segments.fill(made, on_grid(sitk.GetArrayFromImage(labels), Grid.of(labels)), node, {})
        provenance.write(made, {"bundle": study.name})
        return made


def writeVisit(folder: Path, study: LesionStudy, volumeNodes: dict, livers: dict) -> Path:
    """Write a visit of the scene, as it lies in the world, as a study folder; `livers` are masks by side, or None."""
    folder.mkdir(parents=True)
    for side, node in volumeNodes.items():
        if node is None:
            continue
        image = volumes.world_image(node)
        sitk.WriteImage(image, str(folder / f"{side}.nrrd"))
        if livers.get(side) is not None:
            sitk.WriteImage(livers[side], str(folder / f"{side}_liver.nrrd"))
        labels = lesion_segments.label_map(study, side)
        if labels is not None:
            labels.CopyInformation(image)
            sitk.WriteImage(labels, str(folder / f"{side}_lesions.nrrd"))
    write_lesions(folder / "lesions.json", study.pairs())
    return folder
