"""The section "Inputs": the volumes, their livers and the model."""

from typing import Any

from slicer.i18n import tr as _

from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.mrml import segmentations
from liverpair.mrml.lesions import lesion_folders
from LiverPairLib import inputs
from LiverPairLib.inputs import VolumeChecks
from LiverPairLib.modelandvolumes import ModelAndVolumesSection


class InputsSection(ModelAndVolumesSection):
    """Volumes, livers and model of a detection."""

    name = "Inputs"

    def onChanged(self, what: str) -> None:
        super().onChanged(what)
        if self.context.parameterNode is None:
            return
        if what == "study":
            self.logic.livers.follow(self.context.parameterNode)
        if what in ("study", "history"):
            self.show()
        elif what == "boxes":
            self.showWarning()

    def warning(self) -> str | None:
        return super().warning() or displacedBoxes(self.context.parameterNode)


def reasonNotToDetect(parameterNode: Any, bundles: dict[str, Bundle], checks: VolumeChecks) -> str | None:
    """One sentence about why lesions cannot be detected with these choices, or None. `bundles` are the installed models
    by name, `checks` a `VolumeChecks`.
    """
    given = inputs.givenVolumes(parameterNode)
    if not given:
        return _("Choose a T1 and a T2 volume.")
    missing = [side.title for side in Side if side not in given]
    if missing:
        return _("{side} is not selected: a lesion is looked for in both volumes.").format(side=missing[0])
    defect = inputs.volumeDefect(parameterNode, given, checks)
    if defect:
        return defect
    livers = [getattr(parameterNode, f"{side}Liver") for side in Side]
    if livers[0] is not None and livers[0] is livers[1]:
        return _("T1 and T2 need different liver segmentations.")
    for side, liver in zip(Side, livers):
        if liver is not None and not segmentations.has_segment(liver):
            return _("The liver segmentation of {side} has no segment called Liver.").format(side=side.title)
    return inputs.displacedLiver(parameterNode) or inputs.modelDefect(parameterNode.model, bundles, given)


def displacedBoxes(parameterNode: Any) -> str | None:
    """One sentence about boxes that do not lie where their volume does, or None."""
    for side, volume in inputs.volumesOf(parameterNode).items():
        boxes = lesion_folders.boxes_on(volume) if volume is not None else []
        count = sum(box.GetTransformNodeID() != volume.GetTransformNodeID() for box in boxes)
        if count:
            return _(
                "{side} and its boxes lie under different transforms ({count} of {all}), so that the boxes are not "
                "where the lesions are. Put all of them under the same one in the module Transforms."
            ).format(side=side.title, count=count, all=len(boxes))
    return None
