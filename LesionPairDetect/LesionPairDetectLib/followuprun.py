"""This visit compared with the one before: a job in the worker, and its links in the study."""

from pathlib import Path
from typing import Any

import SimpleITK as sitk
from slicer.i18n import tr as _

from LesionPairDetectLib.earliervisit import EarlierVisit, writeVisit
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesions import read_lesions
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence
from LiverPairLib.workerrun import WorkerRun

LINK_STEP = _("Link with the earlier visit")


class FollowupRun(WorkerRun):
    """A comparison of two visits under way in the worker. Afterwards `answer` is its result and `correspondences` are
    the registrations by side, from the earlier visit to this one.
    """

    job = "followup"
    title = _("comparison of visits")

    def __init__(self, context: ReadingContext, earlier: EarlierVisit) -> None:
        super().__init__(context.worker, {side: context.volume(side) for side in Side})
        self._study, self._earlier = context.study, earlier
        self._livers = {side: context.livers(side) for side in Side}
        self._most, self._minimumMm = context.parameterNode.recistTargets, context.parameterNode.recistMinimumMm
        self.answer, self.correspondences = {}, {}

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        before = self._earlier.write(folder / "earlier")
        now = writeVisit(folder / "now", self._study, {side: self.volume(side) for side in Side}, self._livers)
        return {
            "baseline": str(before),
            "visits": [str(now)],
            "output": str(folder / "results"),
            "minimum_mm": self._minimumMm,
            "most_targets": self._most,
        }

    def takeResult(self, result: dict[str, Any]) -> str:
        linked = [one for one in read_lesions(result["files"]["lesions.json"]) if one.uid in self._study]
        if not linked:
            raise InputError(_("The lesions were deleted in the meantime."))
        with self._study.action(LINK_STEP):
            for one in linked:
                if one.earlier != self._study.pair(one.uid).earlier:
                    self._study.set_earlier(one.uid, one.earlier)
        for side, name in result["transforms"].items():
            transform = sitk.ReadTransform(result["files"][name])
            self.correspondences[Side(side)] = LiverCorrespondence(transform, result["registrations"][-1][side])
        self.answer = {key: result[key] for key in ("lesions", "response", "notes")}
        told = [f"{Side(side).title}: {one['category']}" for side, one in result["response"].items()]
        return " ".join([_("Response: {told}.").format(told=", ".join(told)), *result["notes"]])
