"""What the sections of the panel share: the dream on the screen, the one beside it, and the run that makes one."""

import weakref
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer import vtkMRMLNode
from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamfiles import folderOf
from DeepDreamInspectorLib.dreamrun import DreamRun
from liverpair.core.errors import InputError
from liverpair.mrml.dreams.dream_scene import MARK, DreamScene
from LiverPairLib.panelcontext import Bundles, PanelContext, Say
from LiverPairLib.workersession import SessionWorker


class DreamContext(PanelContext):
    """Listeners are called with what changed:

    - "dream": another dream, or none, is shown, or another is shown beside it; with the former `plot` and `frames` were
      forgotten;
    - "samples": the shown dream has new rows, and perhaps new `frameFiles`;
    - "run": a run began, is being stopped, or ended, well or not;
    - "frame": another `iteration` is looked at;
    - "parameters": a choice of the user;
    - "neuron": a point was placed, moved or deleted, or the box was changed.

    Attributes:
        dream: `DreamScene` on the screen, or None.
        second: `DreamScene` that is compared with it, or None.
        plot: `DreamPlot` of `dream`; set by the section that shows it.
        frames: `DreamFrames` of `dream`; set by the section that shows them.
        run: the current or last `DreamRun`, or None.
        iteration: the iteration that is looked at, or None.
    """

    title = _("DeepDream Inspector")

    def __init__(self, worker: SessionWorker | None = None, say: Say | None = None, bundles: Bundles = dict) -> None:
        super().__init__(worker, say, bundles)
        self.dream = self.second = None
        self.plot = self.frames = None
        self.run = None
        self.iteration = None
        self._streamed = weakref.WeakKeyDictionary()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._onNodeRemoved)

    @property
    def running(self) -> bool:
        """Whether a dream is being dreamt."""
        return self.run is not None and self.run.ending is None

    @property
    def folder(self) -> Path | None:
        """The folder with the files of the shown dream; None when it is gone, as in a scene that was loaded."""
        return self.folderOf(self.dream)

    def folderOf(self, dream: DreamScene | None) -> Path | None:
        """The folder with the files of a dream; None when it is gone, and for None."""
        return folderOf(dream) if dream is not None else None

    @property
    def frameFiles(self) -> list[dict[str, Any]]:
        """The pictures of the shown dream that there are as files, oldest first: dictionaries with "run", "start",
        "iteration", "image" and "mask"."""
        if self.dream is None:
            return []
        files = [
            {"run": run["run"], "start": run["start"], **frame}
            for run in self.dream.result.get("runs") or ()
            for frame in run["frames"]
        ] or self._streamed.get(self.dream, {}).values()
        return [file for file in files if Path(file["image"]).is_file()]

    def dreams(self) -> list[DreamScene]:
        """The dreams in the scene, oldest first."""
        return DreamScene.all_in_scene()

    def provenances(self) -> dict[str, dict[str, Any]]:
        """How the dreams on the screen were made, by name."""
        return {dream.name: dream.provenance for dream in (self.dream, self.second) if dream is not None}

    def show(self, dream: DreamScene | None) -> None:
        """Put a dream, or none, on the screen."""
        self.parameterNode.dreamTable = dream.table if dream is not None else None

    def compare(self, second: DreamScene | None) -> None:
        """Show another dream, or none, beside the one on the screen."""
        self.parameterNode.secondTable = second.table if second is not None else None

    def setRun(self, run: DreamRun) -> None:
        """Follow another run; "run" is told, as by `tellRun` later."""
        self.run = run
        self.tell("run")

    def addSamples(self, dream: DreamScene, samples: list[dict[str, Any]]) -> None:
        """Take what the worker said about a dream since the last time.

        Raises InputError when the dream is no longer in the scene.
        """
        dream.add_samples(samples)
        files = self._streamed.setdefault(dream, {})
        for sample in samples:
            if sample.get("frame"):
                place = {name: sample[name] for name in ("run", "start", "iteration")}
                files[tuple(place.values())] = {**place, **sample["frame"]}
        if dream is self.dream:
            self.tell("samples")

    def goTo(self, iteration: int) -> None:
        """Look at an iteration: the plot marks it, the pictures jump to the nearest that was kept."""
        if iteration != self.iteration:
            self.iteration = iteration
            self.tell("frame")

    def onParametersChanged(self) -> None:
        self._follow()
        super().onParametersChanged()

    def _follow(self) -> None:
        """Show the dreams that the parameter node names."""
        wanted = [self._dreamOf("dreamTable"), self._dreamOf("secondTable")]
        if wanted == [self.dream, self.second]:
            return
        if wanted[0] is not self.dream:
            self.plot = self.frames = self.iteration = None
        self.dream, self.second = wanted
        self.tell("dream")

    def _dreamOf(self, name: str) -> DreamScene | None:
        table = getattr(self.parameterNode, name) if self.parameterNode is not None else None
        if table is None or not table.GetAttribute(MARK) or not slicer.mrmlScene.IsNodePresent(table):
            return None
        try:
            return DreamScene.of(table)
        except InputError as error:
            self.say(str(error), isProblem=True)
            return None

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller: Any, event: Any, node: vtkMRMLNode) -> None:
        if node in [dream.table for dream in (self.dream, self.second) if dream is not None]:
            self._follow()
