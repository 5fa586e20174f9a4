"""A model of the catalogue, trained further by the worker on the studies in a folder."""

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from LiverPairLib.workerrun import WorkerRun
from LiverPairLib.workersession import SessionWorker


class FineTuneRun(WorkerRun):
    """A fine-tuning under way; at its end `model` is the name of the new model. It looks at no volume of the scene, so
    closing the scene does not concern it.
    """

    job = "fine_tune"
    title = _("fine-tuning")

    def __init__(self, worker: SessionWorker, request: dict[str, Any]) -> None:
        """`request` is that of the job (see `liverpair.jobs.fine_tune_request`)."""
        super().__init__(worker, {})
        self._request = request
        self.model = None
        self._whyCancelled = _("Cancelled; the same fine-tuning goes on from where it was.")

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        return dict(self._request)

    def takeResult(self, result: dict[str, Any]) -> str:
        self.model = result["model"]
        return " ".join(
            [
                _("The model '{name}' was trained on {count} studies.").format(
                    name=self.model, count=len(result["trained_on"])
                ),
                *result["notes"],
            ]
        )

    def _onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        pass
