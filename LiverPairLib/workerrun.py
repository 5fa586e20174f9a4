"""One job in the worker on volumes of the scene: files in a private folder, and what happens to the scene meanwhile."""

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import slicer
import vtk
from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from liverpair.core.errors import InputError, LiverPairError
from liverpair.core.failures import failure_of
from liverpair.core.geometry import Grid
from liverpair.core.notifying import notify
from liverpair.core.sides import Side
from liverpair.mrml import segmentations, volumes
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, Event, ProgressEvent, ResultEvent, SampleEvent
from LiverPairLib import inputs
from LiverPairLib.inputs import Segmentations, Volumes
from LiverPairLib.resultnodes import isInScene
from LiverPairLib.workersession import SessionWorker

DONE, FAILED, CANCELLED = "done", "failed", "cancelled"


class WorkerRun(VTKObservationMixin):
    """A job under way, once it was started; whoever did so hears whenever these attributes change:

    - `message`, `fraction`: what is being done, and how much of it is (0 to 1);
    - `ending`: None while it runs, then DONE, FAILED or CANCELLED;
    - `sentence`: at the end, what to tell the user.

    A subclass says which `job` it is, what the user calls it (`title`), whether it `needsAllVolumes` or goes on while
    one of them is left, and whether it runs `inBackground`: then it makes room for any other job. `accepted` are the
    doubts about its volumes in spite of which the user has started it. It overrides
    `writeRequest` and `takeResult`, `takeSample` where the job says something before its end, and `settle` where
    something is left to do at any end.
    """

    job = ""
    title = ""
    needsAllVolumes = False
    inBackground = False

    def __init__(self, worker: SessionWorker, volumeNodes: Volumes) -> None:
        """`volumeNodes` is a dictionary from sides to the volume nodes that take part, or None."""
        VTKObservationMixin.__init__(self)
        self._worker, self._onChanged = worker, lambda run: None
        self._volumes = {side: node for side, node in volumeNodes.items() if node is not None}
        self._names = {side: node.GetName() for side, node in self._volumes.items()}
        self._folder, self._grids = None, {}
        self._started = time.monotonic()
        self._seconds = None
        self._whyCancelled = _("Cancelled; the scene is as it was.")
        self.isCancelling = False
        self.accepted: list[str] = []
        self.message, self.fraction = _("Preparing"), 0.0
        self.ending, self.sentence = None, ""

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        """Write the job's input into `folder`, which goes away with the run; the job's request."""
        raise NotImplementedError

    def takeResult(self, result: dict[str, Any]) -> str:
        """Put the job's result into the scene; what to tell the user. Raises LiverPairError when that cannot be done,
        with the scene as it was.
        """
        raise NotImplementedError

    def writeVolumes(self, folder: Path, liverNodes: Segmentations) -> dict[str, str]:
        """Write the volumes, and their livers where there are some, as they lie in the world; what the request says
        about them.
        """
        request = {}
        for side, node in self._volumes.items():
            volumes.check_node(node, side.title)
            image, liver = volumes.world_image(node), liverNodes.get(side)
            self._grids[side] = Grid.of(image)
            request[side] = self.write(image, folder / f"{side}.nrrd")
            if isInScene(liver):
                mask = segmentations.liver_mask(liver, node)
                mask.CopyInformation(image)
                request[f"{side}_liver"] = self.write(mask, folder / f"{side}_liver.nrrd")
        return request

    def worldImage(self, side: Side) -> sitk.Image:
        """The volume of a side as it lies in the world."""
        return volumes.world_image(self.volume(side))

    def doubts(self) -> dict[str, Any]:
        """What a request says of doubts about the volumes."""
        doubts = inputs.doubts(self._volumes)
        return {"doubts": doubts, "accept": bool(doubts) and set(doubts) <= set(self.accepted)}

    def withAccepted(self, result: dict[str, Any]) -> dict[str, Any]:
        """A result of which the provenance, which stays in the scene, says what doubts were accepted."""
        if not result.get("accepted"):
            return result
        return {**result, "provenance": {**(result.get("provenance") or {}), "accepted": " ".join(self.accepted)}}

    def isAsWritten(self, side: Side) -> bool:
        """Whether the volume of "t1" or "t2" is still in the scene, and where it was when it was written."""
        node = self.volume(side)
        return node is not None and volumes.world_grid(node).same_as(self._grids[side])

    @staticmethod
    def write(image: sitk.Image, path: Path) -> str:
        """Write an image for the worker, as quickly as can be. Returns the path as text.

        Raises InputError when it cannot be written.
        """
        try:
            sitk.WriteImage(image, str(path))
        except RuntimeError as error:
            raise InputError(_("The input could not be written to '{path}'.").format(path=path), str(error)) from error
        return str(path)

    def takeSample(self, sample: dict[str, Any]) -> None:
        """Take what the job says before its end, as a dictionary."""

    def settle(self) -> None:
        """The job has ended, as `ending` says; `sentence` may be changed."""

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        return time.monotonic() - self._started if self._seconds is None else self._seconds

    def volume(self, side: Side) -> vtkMRMLScalarVolumeNode | None:
        """The volume node of a side when it took part and is still in the scene, else None."""
        node = self._volumes.get(side)
        return node if isInScene(node) else None

    def start(self, onChanged: Callable[["WorkerRun"], None]) -> None:
        """Write the request and start the job, which tells `onChanged(run)` how it goes; raises LiverPairError, and
        leaves nothing behind then.
        """
        self._onChanged = onChanged
        self._folder = tempfile.TemporaryDirectory(prefix="liverpair-", ignore_cleanup_errors=True)
        scene = slicer.mrmlScene
        try:
            request = self.writeRequest(Path(self._folder.name))
            self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
            self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
            self._worker.run(self.job, request, self._onEvent, self.inBackground)
        except Exception:
            self.removeObservers()
            self._folder.cleanup()
            raise

    def cancel(self) -> None:
        """Ask the worker to stop; the end is CANCELLED."""
        if self.ending is None and not self.isCancelling:
            self.isCancelling = True
            self.message = _("Cancelling")
            self._worker.cancel(self._onEvent)
            self._onChanged(self)

    def abandon(self) -> None:
        """Cancel without another word to whoever started it, who is going away."""
        if self.ending is None:
            self._onChanged = lambda run: None
            self._worker.abandon(self._onEvent)
            self._end(CANCELLED, self._whyCancelled)

    def _onEvent(self, event: Event) -> None:
        if isinstance(event, ProgressEvent):
            self.message, self.fraction = event.message, event.fraction
            self._onChanged(self)
        elif isinstance(event, SampleEvent):
            self.takeSample(event.sample)
        elif isinstance(event, CancelledEvent):
            self._end(CANCELLED, self._whyCancelled)
        elif isinstance(event, ErrorEvent):
            self._end(FAILED, f"{event.message} {event.hint}".strip())
        elif isinstance(event, ResultEvent):
            self._take(event.result)

    def _take(self, result: dict[str, Any]) -> None:
        try:
            sentence = self.takeResult(result)
        except LiverPairError as error:
            self._end(FAILED, str(error))
        except Exception as error:
            logging.exception("LiverPair could not take its result")
            self._end(FAILED, str(failure_of(error)))
        else:
            self._end(DONE, sentence)

    def _end(self, ending: str, sentence: str) -> None:
        self.removeObservers()
        self._folder.cleanup()
        self._seconds = self.seconds
        self.ending, self.sentence = ending, sentence
        notify([self.settle], report=self._failToSettle)
        notify([self._onChanged], self)

    def _failToSettle(self, error: Exception) -> None:
        self.ending, self.sentence = FAILED, str(failure_of(error))

    def _onSceneStartClose(self, caller: Any = None, event: Any = None) -> None:
        self._stopBecause(_("The scene was closed; the {what} was cancelled.").format(what=self.title))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: Any, event: Any, node: vtkMRMLNode) -> None:
        if node not in self._volumes.values():
            return
        left = [self.volume(side) is not None for side in self._volumes]
        if self.needsAllVolumes or not any(left):
            self._stopBecause(_("The volume was deleted; its {what} was cancelled.").format(what=self.title))

    def _stopBecause(self, why: str) -> None:
        if not self.isCancelling:
            self._whyCancelled = why
            self.cancel()
