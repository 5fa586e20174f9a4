"""What the sections of the panel share: the dream on the screen, the one beside it, and the run that makes one."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from LiverMultimodalLib.inputs import volumeOf
from LiverMultimodalLib.panelcontext import PanelContext
from liverpair.mrml.dream_scene import DreamScene

KINDS = ("dream", "samples", "parameters", "run", "frame")


class DreamContext(PanelContext):
    """Listeners are called with what changed:

    - "dream": another dream, or none, is shown or is shown beside it; `plot` and `frames` were forgotten;
    - "samples": the shown dream has new rows, and perhaps new `frameFiles`;
    - "run": a run began, went on, or ended, well or not;
    - "frame": another `iteration` is looked at;
    - "parameters": a choice of the user.

    Attributes:
        dream: `DreamScene` on the screen, or None.
        second: `DreamScene` that is compared with it, or None.
        plot: `DreamPlot` of `dream`; set by the section that shows it.
        frames: `DreamFrames` of `dream`; set by the section that shows them.
        frameFiles: pictures of `dream` that the worker has written so far, oldest first: dictionaries with "run",
            "start", "iteration", "image" and "mask".
        run: the current or last `DreamRun`, or None.
        iteration: the iteration that is looked at, or None.
    """

    title = _("DeepDream Inspector")

    def __init__(self, worker=None, say=None, bundles=dict):
        super().__init__(worker, say, bundles)
        self.dream = self.second = None
        self.plot = self.frames = None
        self.frameFiles = []
        self.run = None
        self.iteration = None

    @property
    def running(self):
        """Whether a dream is being dreamt."""
        return self.run is not None and self.run.ending is None

    @property
    def folder(self):
        """The folder with the files of the shown dream; None when it is gone, as in a scene that was loaded."""
        path = Path(self.dream.about.get("folder") or "") if self.dream is not None else None
        return path if path is not None and (path / "dream.json").is_file() else None

    def volume(self, side):
        """The volume node chosen for "t1" or "t2", or None."""
        return volumeOf(self.parameterNode, side) if self.parameterNode is not None else None

    def dreams(self):
        """The dreams in the scene, oldest first. The one that is shown is itself among them, not a copy."""
        known = {dream.table.GetID(): dream for dream in (self.dream, self.second) if dream is not None}
        return [known.get(dream.table.GetID(), dream) for dream in DreamScene.all_in_scene()]

    def show(self, dream):
        """Put a dream, or none, on the screen."""
        if self.parameterNode is not None:
            self.parameterNode.dreamTable = dream.table if dream is not None else None
        self._follow()

    def compare(self, second):
        """Show another dream, or none, beside the one on the screen."""
        if self.parameterNode is not None:
            self.parameterNode.secondTable = second.table if second is not None else None
        self._follow()

    def addSamples(self, samples):
        """Take what the worker said about the shown dream since the last time."""
        self.dream.add_samples(samples)
        self.frameFiles += [
            {name: sample[name] for name in ("run", "start", "iteration")} | sample["frame"]
            for sample in samples
            if sample.get("frame")
        ]
        self.tell("samples")

    def goTo(self, iteration):
        """Look at an iteration: the plot marks it, the pictures jump to the nearest that was kept."""
        if iteration != self.iteration:
            self.iteration = iteration
            self.tell("frame")

    def onParametersChanged(self):
        self._follow()
        super().onParametersChanged()

    def _follow(self):
        """Show the dreams that the parameter node names."""
        wanted = [self._dreamOf("dreamTable"), self._dreamOf("secondTable")]
        if wanted == [self.dream, self.second]:
            return
        if wanted[0] is not self.dream:
            self.plot = self.frames = self.iteration = None
            self.frameFiles = []
        self.dream, self.second = wanted
        self.tell("dream")

    def _dreamOf(self, name):
        table = getattr(self.parameterNode, name) if self.parameterNode is not None else None
        if table is None or table.GetScene() is not slicer.mrmlScene:
            return None
        return next((dream for dream in self.dreams() if dream.table is table), None)
