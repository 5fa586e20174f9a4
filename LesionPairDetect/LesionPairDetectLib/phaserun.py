"""The lesions measured in further series: a job in the worker, and its answer in the study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _

from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesion_findings import PHASES
from liverpair.core.lesions import read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.mrml import volumes
from LiverPairLib.workerrun import WorkerRun

PHASES_STEP = _("Measure phases")
"""What it is called among the steps that can be undone."""


class PhaseRun(WorkerRun):
    """A measuring of phases under way in the worker; what comes of it is one step."""

    job = "phases"
    title = _("measuring of phases")

    def __init__(self, context: ReadingContext, phases: Mapping[str, vtkMRMLScalarVolumeNode]) -> None:
        """`phases` are the further series by phase."""
        super().__init__(context.worker, {side: context.volume(side) for side in Side})
        self._study, self._phases, self._pairs = context.study, dict(phases), context.study.pairs()
        self._masks = context.lesionMasks()
        self._liverNodes = {side: context.liverSegmentation(side) for side in Side}
        self._device = context.parameterNode.device

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {"device": self._device, "output": str(folder / "results"), "lesions": str(folder / "lesions.json")}
        write_lesions(folder / "lesions.json", self._pairs)
        request |= self.writeVolumes(folder, self._liverNodes)
        for side, labels in self._masks.items():
            request[f"{side}_lesions"] = self.write(labels, folder / f"{side}_lesions.nrrd")
        request["phases"] = {}
        for key, node in self._phases.items():
            volumes.check_node(node, _("The {phase} series").format(phase=PHASES[key]))
            request["phases"][key] = self.write(volumes.world_image(node), folder / f"phase_{key}.nrrd")
        return request

    def takeResult(self, result: dict[str, Any]) -> str:
        measured = [one for one in read_lesions(result["lesions_file"]) if one.uid in self._study]
        if not measured:
            raise InputError(_("The lesions were deleted in the meantime."))
        with self._study.action(PHASES_STEP):
            for one in measured:
                if dict(one.phases) != dict(self._study.pair(one.uid).phases):
                    self._study.set_phases(one.uid, one.phases)
        said = _("Phases measured: {phases}.").format(phases=", ".join(PHASES[key] for key in result["phases"]))
        return " ".join([said, *result.get("notes", ())])
