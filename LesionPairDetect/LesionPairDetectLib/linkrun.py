"""Lesions that were segmented in each image, by whatever tool, linked by the worker and brought into the scene."""

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import DetectionRun
from liverpair.core.sides import Side
from liverpair.mrml import segmentations
from LiverPairLib import inputs
from LiverPairLib.inputs import Segmentations, VolumeChecks, Volumes
from LiverPairLib.workersession import SessionWorker


class LinkRun(DetectionRun):
    """A linking under way in the worker. Its result comes into the scene as that of a detection."""

    job = "link"
    title = _("linking")

    def __init__(
        self,
        worker: SessionWorker,
        volumeNodes: Volumes,
        lesionNodes: Segmentations,
        liverNodes: Segmentations,
        device: str,
    ) -> None:
        """`lesionNodes` are the segmentations by side of which every segment but the liver holds lesions."""
        super().__init__(worker, None, volumeNodes, liverNodes, device)
        self._lesions = lesionNodes

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {"device": self._device, "correspondence": False, "remember": False, **self.doubts()}
        request |= {"output": str(folder / "results")} | self.writeVolumes(folder, self._givenLivers)
        for side in Side:
            labels = segmentations.label_map(self._lesions[side], self.volume(side))
            labels.CopyInformation(self.worldImage(side))
            request[f"{side}_lesions"] = self.write(labels, folder / f"{side}_lesions.nrrd")
        return request


def reasonNotToLink(parameterNode: Any, checks: VolumeChecks) -> str | None:
    """One sentence about why what is segmented cannot be linked with these choices, or None."""
    given = inputs.givenVolumes(parameterNode)
    if len(given) < len(Side):
        return _("Choose a T1 and a T2 volume.")
    lesions = [getattr(parameterNode, f"{side}Lesions") for side in Side]
    missing = [side.title for side, node in zip(Side, lesions) if node is None]
    if missing:
        return _("Choose the segmentation of the lesions in {side}.").format(side=" and ".join(missing))
    for side, node in zip(Side, lesions):
        if not segmentations.segments_besides(node):
            return _("The segmentation of the lesions in {side} has no segment but the liver.").format(side=side.title)
    defect = inputs.volumeDefect(parameterNode, given, checks)
    return defect or inputs.displacedLiver(parameterNode) or inputs.displacedLiver(parameterNode, "Lesions")
