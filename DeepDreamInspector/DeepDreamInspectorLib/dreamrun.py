"""One dream in the worker: from volume nodes to files, and from what it says to the dream in the scene."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import qt
from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamfiles import RESULTS, folderOf, newFolder
from liverpair.bundle import Bundle
from liverpair.core.errors import InputError, LiverPairError
from liverpair.core.sides import Side
from liverpair.core.trajectories import MEASURES, Trajectories
from liverpair.jobs.dream_results import TRAJECTORIES_FILE, located, read_dream
from liverpair.mrml.dreams.dream_scene import DreamScene
from LiverPairLib.inputs import Segmentations, Volumes
from LiverPairLib.resultnodes import addLiver, takenBack
from LiverPairLib.workerrun import CANCELLED, DONE, FAILED, WorkerRun
from LiverPairLib.workersession import SessionWorker

AddSamples = Callable[[DreamScene, list[dict[str, Any]]], None]
"""Takes what the worker said about a dream since the last time."""
FLUSH_MS = 100
"""How long samples gather before they go into the scene."""
RATE_S = 1.0
"""Over how long the speed is measured."""


class DreamRun(WorkerRun):
    """A dream that is begun, or gone on with. Its samples go into the scene as they come.

    `dream` is the `DreamScene`, `iteration` and `rate` (iterations per second) say how it goes, None before that is
    known. What was dreamt stays when the run is paused, stopped (`cancel`) or fails; a run that ends before its first
    iteration leaves nothing.
    """

    job = "dream"
    title = _("dream")
    needsAllVolumes = True

    def __init__(self, worker: SessionWorker, volumeNodes: Volumes, addSamples: AddSamples) -> None:
        """`addSamples(dream, samples)` takes what the worker said since the last time."""
        super().__init__(worker, volumeNodes)
        self._whyCancelled = _("Stopped. What was dreamt so far is kept.")
        self.dream = None
        self.isPaused = False
        self.iteration, self.rate = None, None
        self._addSamples = addSamples
        self._pending = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(FLUSH_MS)
        self._timer.connect("timeout()", self._flush)
        self._rateSince, self._rateCount = time.monotonic(), 0

    def pause(self) -> None:
        """Stop after the present iteration; the dream can be gone on with."""
        if self.ending is None and not self.isCancelling:
            self.isPaused = True
            self._whyCancelled = _("Paused. Resume goes on where it was left.")
            self.cancel()

    def abandon(self) -> None:
        self.isPaused = True
        super().abandon()

    def takeSample(self, sample: dict[str, Any]) -> None:
        self._pending.append(sample)
        self.iteration = sample["iteration"]
        self._rateCount += 1
        now = time.monotonic()
        if now - self._rateSince > RATE_S:
            self.rate = self._rateCount / (now - self._rateSince)
            self._rateSince, self._rateCount = now, 0
        if not self._timer.isActive():
            self._timer.start()

    def takeResult(self, result: dict[str, Any]) -> str:
        self._flush()
        self._fillGaps(Path(result["folder"]))
        self.dream.finish(result)
        self.takeLivers(result)
        return " ".join([summary(result), *filter(None, [noObject(self.dream)]), *(result.get("notes") or ())])

    def takeLivers(self, result: dict[str, Any]) -> None:
        """Put the livers into the scene that were segmented on the way."""

    def settle(self) -> None:
        """Keep what was dreamt, and make it whole when the run was stopped for good."""
        self._flush()
        self._timer.stop()
        if self.dream is None or not self.dream.alive:
            return
        folder = folderOf(self.dream)
        if self.ending != DONE and folder is not None:
            self._fillGaps(folder)
        if not self.dream.kinds:
            self.dream.remove()
            self.dream = None
            if self.ending == CANCELLED:
                self.sentence = _("Cancelled before the first iteration; the scene is as it was.")
        elif self.ending == CANCELLED and not self.isPaused:
            finishWithWhatThereIs(self.dream)
        elif self.ending == FAILED and isResumable(self.dream):
            self.sentence = _("{reason} What was dreamt so far is kept; Resume goes on with it.").format(
                reason=self.sentence
            )

    def _flush(self) -> None:
        samples, self._pending = self._pending, []
        if not samples or self.dream is None:
            return
        if not self.dream.alive:
            self._stopBecause(_("The dream was deleted; it was cancelled."))
            return
        try:
            self._addSamples(self.dream, samples)
        except LiverPairError as error:
            self._stopBecause(str(error))

    def _fillGaps(self, folder: Path) -> None:
        """Take iterations that the worker has kept but nobody has heard of, such as the last ones of one that died."""
        with contextlib.suppress(LiverPairError):
            kept = Trajectories.read_csv(folder / TRAJECTORIES_FILE)
            self._addSamples(self.dream, list(missingIn(self.dream, kept)))


class NewDream(DreamRun):
    """A dream from its beginning."""

    def __init__(
        self,
        worker: SessionWorker,
        bundle: Bundle,
        volumeNodes: Volumes,
        liverNodes: Segmentations,
        options: dict[str, Any],
        side: Side,
        addSamples: AddSamples,
    ) -> None:
        """`volumeNodes` and `liverNodes` are by side; a liver may be None. `options` are those of the job "dream",
        `side` is the image that is dreamt on.
        """
        super().__init__(worker, volumeNodes, addSamples)
        self._bundle, self._livers, self._options = bundle, liverNodes, options
        self._side, self._home = side, newFolder()

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {**self._options, "model": str(self._bundle.folder), "side": self._side, "resume": False}
        request |= {"output": str(self._home / RESULTS), **self.writeVolumes(self._home, self._livers)}
        self.dream = self._newDream(request)
        return request

    def takeLivers(self, result: dict[str, Any]) -> None:
        for side, path in (result.get("livers") or {}).items():
            if path and self.isAsWritten(side):
                with contextlib.suppress(InputError), takenBack() as added:
                    liver = addLiver(
                        self.volume(side), path, self._grids[side], side, result.get("provenance") or {}, added
                    )
                    liver.SetDisplayVisibility(False)  # it would cover what was dreamt

    def start(self, onChanged: Callable[[WorkerRun], None]) -> None:
        try:
            super().start(onChanged)
        except Exception:
            if self.dream is not None:
                self.dream.remove()
            raise

    def _newDream(self, request: dict[str, Any]) -> DreamScene:
        """The dream in the scene, still empty."""
        about = {
            "request": request,
            "folder": request["output"],
            "bundle": self._bundle.name,
            "version": self._bundle.version,
            "features": request["features"],
            "ranges": dict(self._bundle.normal_ranges) or None,
        }
        node = self.volume(self._side)
        name = _("{volume} dreamt by {model}").format(volume=node.GetName(), model=self._bundle.name)
        return DreamScene.create(name, about, node)


class ResumedDream(DreamRun):
    """A dream that was paused, or that failed, from where it was left."""

    def __init__(self, worker: SessionWorker, dream: DreamScene, addSamples: AddSamples) -> None:
        super().__init__(worker, {}, addSamples)
        self.dream = dream

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        return {**self.dream.about["request"], "resume": True}


def missingIn(dream: DreamScene, trajectories: Trajectories) -> Iterator[dict[str, Any]]:
    """The iterations of `Trajectories` that a dream in the scene lacks, as samples."""
    for trajectory in trajectories:
        curves = dream.curves.get(trajectory.kind)
        for iteration in trajectory.iterations.tolist():
            if curves is None or curves.row_of(trajectory.start, iteration) is None:
                values = trajectory.rows[iteration]
                features = {name: values.get(name) for name in trajectories.features}
                place = {"run": trajectory.kind, "start": trajectory.start, "iteration": iteration}
                yield {**place, **{name: values.get(name) for name in MEASURES}, "features": features}


def isResumable(dream: DreamScene | None) -> bool:
    """Whether a dream was begun, has not ended, and its files are still there."""
    return dream is not None and dream.alive and not dream.finished and folderOf(dream) is not None


def finishWithWhatThereIs(dream: DreamScene) -> None:
    """Take what the worker has written so far as the result of a dream."""
    folder = folderOf(dream)
    part = read_dream(folder) if folder is not None else None
    nothing = {"runs": [], "readings": [], "provenance": {}, "notes": []}
    dream.finish(located(part, folder) if part is not None else nothing)


def noObject(dream: DreamScene) -> str:
    """A sentence about a dream (`DreamScene`) in which the model never saw an object; "" for any other."""
    curves = dream.curves.get("dream")
    if curves is None or not curves.rows.size or np.isfinite(curves.values[..., len(MEASURES) :]).any():
        return ""
    if np.nan_to_num(curves.values[..., MEASURES.index("voxels")]).any():
        return ""
    if (dream.about.get("request") or {}).get("direction") == "descent":
        return _(
            "The model saw no object there, so there was none to dream away, and there is nothing to plot. Begin on an "
            "object that the model sees."
        )
    return _(
        "The model saw no object at any iteration, so there is nothing to plot. Dream for more iterations, or begin "
        "at another place."
    )


def summary(result: dict[str, Any]) -> str:
    """What was dreamt, in a sentence."""
    runs = [run for run in result.get("runs") or () if run["run"] == "dream"]
    longest = max((run["iterations"] for run in runs), default=0)
    if len(runs) == 1 and runs[0].get("stopped"):
        return runs[0]["stopped"]
    return _("Dreamt from {starts} starts for up to {count} iterations.").format(starts=len(runs), count=longest)
