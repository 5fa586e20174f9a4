"""One press of Apply: from volume nodes to files for the worker, and from its answer to nodes again."""

import logging
import tempfile
import time
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LiverMultimodalLib.results import ResultNodes, isInScene
from liverpair.errors import LiverPairError
from liverpair.mrml import volumes
from liverpair.worker.failures import failure_of
from liverpair.worker.protocol import CancelledEvent, ErrorEvent, ProgressEvent, ResultEvent

DONE, FAILED, CANCELLED = "done", "failed", "cancelled"


class SegmentationRun(VTKObservationMixin):
    """A segmentation under way in the worker. The scene may change meanwhile; what is gone at the end is left out.

    `volumeNodes` and `segmentationNodes` are dictionaries from "t1" and "t2" to nodes; a segmentation that is None or
    gone is made anew, and so is `tableNode`. `options` are those of the worker's job "segment". `onChanged(run)` is
    called whenever the attributes below change:

    - `message`, `fraction`: what is being done, and how much of it is (0 to 1);
    - `ending`: None while it runs, then DONE, FAILED or CANCELLED;
    - `sentence`: at the end, what to tell the user;
    - `nodes`: at the end, the `ResultNodes` in the scene, or None.
    """

    def __init__(self, worker, bundle, volumeNodes, segmentationNodes, tableNode, options, onChanged):
        VTKObservationMixin.__init__(self)
        self._worker, self._bundle, self._options, self._onChanged = worker, bundle, options, onChanged
        self._volumes = dict(volumeNodes)
        self._names = {side: node.GetName() for side, node in volumeNodes.items()}
        self._outputs = ResultNodes(segmentationNodes, tableNode)
        self._folder = None
        self._started = time.monotonic()
        self._seconds = None
        self._whyCancelled = _("Cancelled; the scene is as it was.")
        self.isCancelling = False
        self.message, self.fraction = _("Preparing"), 0.0
        self.ending, self.sentence, self.nodes = None, "", None

    @property
    def seconds(self):
        """How long it has been running, or ran."""
        return time.monotonic() - self._started if self._seconds is None else self._seconds

    def volume(self, side):
        """The volume node of "t1" or "t2" when it took part and is still in the scene, else None."""
        node = self._volumes.get(side)
        return node if isInScene(node) else None

    def start(self):
        """Write the volumes and start the job; raises LiverPairError, and leaves nothing behind then."""
        self._folder = tempfile.TemporaryDirectory(prefix="liverpair-", ignore_cleanup_errors=True)
        scene = slicer.mrmlScene
        try:
            request = self._writeRequest(Path(self._folder.name))
            self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
            self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
            self._worker.run("segment", request, self._onEvent)
        except Exception:
            self.removeObservers()
            self._folder.cleanup()
            raise

    def _writeRequest(self, folder):
        """Write the volumes into the folder; the job's request."""
        request = {**self._options, "bundle": [str(self._bundle.folder)], "output": str(folder / "results")}
        for side, node in self._volumes.items():
            volumes.check_node(node, side.upper())
            request[side] = str(volumes.write_volume(node, folder / f"{side}.nrrd"))
        return request

    def cancel(self):
        """Ask the worker to stop; the end is CANCELLED."""
        if self.ending is None and not self.isCancelling:
            self.isCancelling = True
            self.message = _("Cancelling")
            self._worker.cancel(self._onEvent)
            self._onChanged(self)

    def abandon(self):
        """Cancel without another word to `onChanged`, whose owner is going away."""
        if self.ending is None:
            self._onChanged = lambda run: None
            self._worker.abandon(self._onEvent)
            self._end(CANCELLED, self._whyCancelled)

    def _onEvent(self, event):
        if isinstance(event, ProgressEvent):
            self.message, self.fraction = event.message, event.fraction
            self._onChanged(self)
        elif isinstance(event, CancelledEvent):
            self._end(CANCELLED, self._whyCancelled)
        elif isinstance(event, ErrorEvent):
            self._end(FAILED, f"{event.message} {event.hint}".strip())
        elif isinstance(event, ResultEvent):
            self._take(event.result)

    def _take(self, result):
        left = {side: node for side, node in self._volumes.items() if self.volume(side) is not None}
        try:
            notes = self._outputs.put(left, result, self._bundle.labels[0])
        except LiverPairError as error:
            self._end(FAILED, str(error))
        except Exception as error:
            logging.exception("LiverPair could not take its result")
            self._end(FAILED, str(failure_of(error)))
        else:
            self.nodes = self._outputs
            dropped = [
                _("{side} ('{name}') was deleted in the meantime; its result was dropped.").format(
                    side=side.upper(), name=name
                )
                for side, name in self._names.items()
                if side not in left
            ]
            sentences = [self._outputs.summary(result), *dropped, *notes, *(result.get("notes") or ())]
            self._end(DONE, " ".join(sentences))

    def _end(self, ending, sentence):
        self.removeObservers()
        self._folder.cleanup()
        self._seconds = self.seconds
        self.ending, self.sentence = ending, sentence
        self._onChanged(self)

    def _onSceneStartClose(self, caller=None, event=None):
        self._stopBecause(_("The scene was closed; the segmentation was cancelled."))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller, event, node):
        if node in self._volumes.values() and not any(self.volume(side) for side in self._volumes):
            self._stopBecause(_("The volume was deleted; its segmentation was cancelled."))

    def _stopBecause(self, why):
        if not self.isCancelling:
            self._whyCancelled = why
            self.cancel()
