"""One press of Detect: from volume nodes to files for the worker, and from its answer to linked boxes in the scene."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion, read_lesions
from liverpair.core.sides import Side
from liverpair.measures.boxes import iou_mm
from liverpair.mrml import provenance
from liverpair.mrml.companions import show_over_source
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_folders import notes_of
from liverpair.mrml.lesions.lesion_study import LesionStudy
from LiverPairLib.inputs import Segmentations, Volumes
from LiverPairLib.resultnodes import addLiver, isInScene, putBeside, readOn, takenBack
from LiverPairLib.workerrun import WorkerRun
from LiverPairLib.workersession import SessionWorker

DETECTION_STEP = _("Detect lesions")
"""What a detection is called among the steps that can be undone."""
SAME_LESION_IOU = 0.1
"""Boxes of one image that overlap by more than this are of the same lesion."""


class DetectionRun(WorkerRun):
    """A detection under way in the worker. Its result comes into the scene whole or not at all.

    When it is done, beside what every `WorkerRun` has: `livers` are the segmentation nodes by side that were made,
    `displayThreshold` the score from which on the model would show a lesion at first, None when it does not say. The
    livers are not registered, which takes long: `Registrar` does it while somebody reads.
    """

    job = "detect"
    title = _("detection")
    needsAllVolumes = True

    def __init__(
        self, worker: SessionWorker, bundle: Bundle, volumeNodes: Volumes, liverNodes: Segmentations, device: str
    ) -> None:
        """`volumeNodes` and `liverNodes` are dictionaries from sides to nodes; a liver that is None is
        segmented on the way.
        """
        super().__init__(worker, volumeNodes)
        self._bundle, self._device, self._givenLivers = bundle, device, liverNodes
        self.livers = {}
        self.displayThreshold = None

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {"model": str(self._bundle.folder), "device": self._device, "correspondence": False}
        request |= {"output": str(folder / "results"), "remember": False, **self.doubts()}
        return request | self.writeVolumes(folder, self._givenLivers)

    def takeResult(self, result: dict[str, Any]) -> str:
        result = self.withAccepted(result)
        nodes = [self.volume(side) for side in Side]
        found = read_lesions(result["lesions"])
        for side in Side:
            if not self.isAsWritten(side):
                raise InputError(_("{side} was changed in the meantime.").format(side=side.title), _("Detect again."))
        with takenBack() as added:
            for side, node in zip(Side, nodes):
                if not isInScene(self._givenLivers.get(side)):
                    source = result.get("provenance") or {}
                    self.livers[side] = addLiver(node, result["livers"][side], self._grids[side], side, source, added)
            drawn = self._drawn(result, dict(zip(Side, nodes)), added)
            study = LesionStudy(*nodes)
            try:
                kept, new = merged(study.pairs(), found)
                with study.action(DETECTION_STEP):
                    study.replace_all(kept + new)
                    lesion_segments.keep(study, drawn)
                provenance.write(notes_of(study.folder), result.get("provenance") or {})
                lesion_segments.show(study)
            finally:
                study.release()
        self.displayThreshold = (result.get("provenance") or {}).get("display_threshold")
        return " ".join([summary(new, kept, self.displayThreshold), *(result.get("notes") or ())])

    def _drawn(self, result: dict[str, Any], nodes: Volumes, added: list[vtkMRMLNode]) -> Segmentations:
        """The lesions that a model has drawn, as segmentation nodes by side; they join the list `added`."""
        drawn = {}
        for side, path in (result.get("masks") or {}).items():
            node = nodes[Side(side)]
            labels = readOn(path, self._grids[side], node, Side(side))
            drawn[side] = emptyMasks(node, added)
            lesion_segments.fill(drawn[side], labels, node, result.get("provenance") or {})
            show_over_source(drawn[side])
        return drawn


def emptyMasks(volumeNode: vtkMRMLScalarVolumeNode, added: list[vtkMRMLNode]) -> vtkMRMLSegmentationNode:
    """A new segmentation node for the lesions of a volume; it joins the list `added`."""
    name = slicer.mrmlScene.GenerateUniqueName(_("{volume} lesions").format(volume=volumeNode.GetName()))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    added.append(node)
    putBeside(node, volumeNode)  # Slicer looks for a segmentation's item as soon as it gets a segment
    return node


def merged(old: list[Lesion], found: list[Lesion]) -> tuple[list[Lesion], list[Lesion]]:
    """What the reader has judged stays: lesions that were accepted, rejected, drawn or noted on. Returns these, and the
    found lesions that are not one of them.
    """
    kept = [pair for pair in old if pair.is_judged]
    new = [pair for pair, isKnown in zip(found, overlapping(found, kept).any(axis=1)) if not isKnown]
    first = 1 + max((pair.number for pair in kept), default=0)
    return kept, [replace(pair, number=number) for number, pair in enumerate(new, start=first)]


def overlapping(first: list[Lesion], second: list[Lesion]) -> np.ndarray:
    """Boolean matrix (n, m): which lesions of two lists are the same, for their boxes overlap in either image."""
    same = np.zeros((len(first), len(second)), bool)
    for side in Side:
        rows, columns = ([row for row, pair in enumerate(pairs) if side in pair.boxes] for pairs in (first, second))
        if rows and columns:
            overlaps = iou_mm([first[i].box(side) for i in rows], [second[i].box(side) for i in columns])
            same[np.ix_(rows, columns)] |= overlaps > SAME_LESION_IOU
    return same


def summary(new: list[Lesion], kept: list[Lesion], threshold: float | None = None) -> str:
    """What was found, in a few sentences; `threshold` is the score from which on lesions are shown at first: how many
    lie below stands under the table."""
    if not new:
        sentence = _("No new lesion was found.") if kept else _("No lesion was found.")
    else:
        strong = [pair for pair in new if pair.is_shown(threshold or 0.0)]
        kinds = [pair.kind for pair in strong]
        sentence = _("Lesions found: {count}; in both images {both}, in T1 only {t1}, in T2 only {t2}.").format(
            count=len(strong), both=kinds.count("both"), t1=kinds.count("T1 only"), t2=kinds.count("T2 only")
        )
    if kept:
        sentence += " " + _("Lesions that you had reviewed or drawn were kept: {count}.").format(count=len(kept))
    return sentence
