"""The report on this visit, and on what became of the lesions since the one before: a job in the worker."""

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from LesionPairDetectLib.earliervisit import EarlierVisit, writeVisit
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.sides import Side
from LiverPairLib.workerrun import WorkerRun


class ReportRun(WorkerRun):
    """A report under way in the worker; it is written to `folder`, beside the study itself."""

    job = "report"
    title = _("report")

    def __init__(self, context: ReadingContext, earlier: EarlierVisit, folder: Path) -> None:
        super().__init__(context.worker, {side: context.volume(side) for side in Side})
        self._study, self._earlier, self._output = context.study, earlier, folder
        self._livers = {side: context.livers(side) for side in Side}
        self._most, self._minimumMm = context.parameterNode.recistTargets, context.parameterNode.recistMinimumMm

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        volumeNodes = {side: self.volume(side) for side in Side}
        request = {
            "study": str(
                writeVisit(folder / self._study.name.replace("/", " "), self._study, volumeNodes, self._livers)
            ),
            "output": str(self._output),
            "minimum_mm": self._minimumMm,
            "most_targets": self._most,
        }
        if self._earlier.isChosen:
            request["earlier"] = [str(self._earlier.write(folder / "earlier"))]
        return request

    def takeResult(self, result: dict[str, Any]) -> str:
        return _("The report is in '{folder}': {files}.").format(
            folder=result["folder"], files=", ".join(name for name in result["files"] if name.startswith("report"))
        )
