"""The section "Watch": the dreamt images of a run, scrubbed and played beside the original."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import slicer
import vtk
from slicer import vtkMRMLSequenceBrowserNode
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.views import areViewsShown, showViews, viewsOf
from liverpair.core.errors import InputError
from liverpair.core.trajectories import RUN_KINDS
from liverpair.jobs.dream_results import ORIGINAL_FILE
from liverpair.mrml.dreams.dream_frames import DreamFrames
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.section import Section

Run = tuple[str, int]
"""Kind and start."""
MEASURES = {
    "activation": _("activation {:.2f}"),
    "probability": _("probability {:.0%}"),
    "voxels": _("object of {:.0f} voxels"),
}
"""What is said of the picture on the screen."""
KIND_NAMES = dict(zip(RUN_KINDS, (_("Dream"), _("Random weights"), _("Random direction"))))


class WatchSection(Section, VTKObservationMixin):
    """Slider and buttons over the `DreamFrames` of the context, one run (kind and start) at a time."""

    name = "Watch"
    caption = _("Pictures")

    def __init__(self, context: DreamContext) -> None:
        VTKObservationMixin.__init__(self)
        super().__init__(context)
        self._frames = None
        self._browser = None
        self._isShowing = False
        self._unreadable = set()
        self._runs = KeyComboBox(self.ui.runSelector, self.onRunChosen)
        self.ui.outlineCheckBox.connect("clicked(bool)", self.onOutline)
        self.ui.differenceCheckBox.connect("clicked(bool)", self.onDifference)
        self.show()

    def enter(self) -> None:
        self._followDream()

    def exit(self) -> None:
        self._observe(None)

    def cleanup(self) -> None:
        super().cleanup()
        if self._frames is not None:
            self._frames.release()

    def onChanged(self, what: str) -> None:
        if what == "dream":
            self._followDream()
        elif what in ("samples", "run"):
            self._followFiles()
            if what == "run" and self.context.running and self._frames is not None and not areViewsShown():
                self._showViews()
        elif what == "frame":
            self._goTo(self.context.iteration)
        elif what == "parameters":
            self.show()

    def onRunChosen(self, run: Run) -> None:
        """Watch another run."""
        self._load(run)
        self.show()

    def onOutline(self, checked: bool) -> None:
        """Outline the object in the dreamt image, or no longer."""
        self._requireViews()
        mask = self._frames.proxy_mask
        for composite in viewsOf(self._frames.proxy_image):
            composite.SetLabelVolumeID(mask.GetID() if checked and mask is not None else None)
        self.show()

    def onDifference(self, checked: bool) -> None:
        """Show what was added to the original and taken from it, or no longer."""
        self._requireViews()
        with self.context.attempt(), slicer.util.WaitCursor(), self._showing():
            self._frames.show_difference(checked)
        self.show()

    def show(self) -> None:
        """Show which run is watched, what can be done, and what is on the screen."""
        frames, ui = self._frames, self.ui
        hasFrames = frames is not None and bool(frames.iterations)
        runs = self._watchable()
        self._runs.setEntries({run: runTitle(*run) for run in runs}, none=_("No run"))
        self._runs.setCurrent(frames.run if hasFrames else None)
        ui.runSelector.enabled = bool(runs)
        ui.outlineCheckBox.enabled = ui.differenceCheckBox.enabled = hasFrames
        ui.outlineCheckBox.checked = hasFrames and self._isOutlined()
        ui.differenceCheckBox.checked = hasFrames and frames.difference_shown
        ui.watchLabel.text = self._sentence(hasFrames)

    def _sentence(self, hasFrames: bool) -> str:
        if not hasFrames:
            return _("The pictures that a dream keeps can be watched here.")
        frames, dream = self._frames, self.context.dream
        kind, start = frames.run
        curves, iteration = dream.curves.get(kind), frames.iteration
        parts = [_("Iteration {number}").format(number=iteration)]
        if curves is not None and curves.row_of(start, iteration) is not None:
            values = dict(zip(dream.columns, curves.values[start, iteration].tolist()))
            parts += [text.format(values[name]) for name, text in MEASURES.items() if math.isfinite(values[name])]
        wanted = self.context.iteration
        if wanted is not None and wanted != iteration:
            parts.append(_("the picture nearest to iteration {number}").format(number=wanted))
        return ", ".join(parts) + "."

    def _followDream(self) -> None:
        """Watch the dream of the context: what of it is in the scene, else the first run that has pictures."""
        dream = self.context.dream
        if self._frames is not None and self._frames.dream is not dream:
            self._frames.release()
            self._frames = None
        isNew = dream is not None and self._frames is None
        if isNew:
            self._frames = DreamFrames(dream)
        self.context.frames = self._frames
        self._followFiles()
        if isNew and areViewsShown():
            self._showViews()

    def _followFiles(self) -> None:
        """Take the pictures that were written since the last time."""
        frames = self._frames
        if frames is not None and frames.dream.alive:
            runs = self._filesByRun()
            if not frames.iterations and runs:
                self._load(next(iter(runs)))
            elif frames.run in runs:
                known = set(frames.iterations)
                new = [file for file in runs[frames.run] if file["iteration"] not in known]
                for file in new:
                    with self._taking([file]):
                        frames.add(file)
        self._observe(frames.browser if frames is not None and frames.dream.alive else None)
        self.show()

    def _load(self, run: Run) -> None:
        """Take all pictures of a run in place of those that are there."""
        folder = self.context.folder
        original = folder / ORIGINAL_FILE if folder is not None else None
        files = self._filesByRun()[run]
        with self._taking(files), slicer.util.WaitCursor():
            self._frames.load(files, *run, original=original)
            if areViewsShown() and not viewsOf(self._frames.proxy_image):
                showViews(self.context)
        self._observe(self._frames.browser)

    def _filesByRun(self) -> dict[Run, list[dict[str, Any]]]:
        """The pictures that there are as files, by run, the dream's own first."""
        runs = {}
        for file in self.context.frameFiles:
            if file["image"] not in self._unreadable:
                runs.setdefault((file["run"], file["start"]), []).append(file)
        return {run: runs[run] for run in sorted(runs, key=lambda run: (RUN_KINDS.index(run[0]), run[1]))}

    def _watchable(self) -> list[Run]:
        """The runs that can be chosen: those with files, and the one that is in the scene."""
        own = self._frames.run if self._frames is not None and self._frames.iterations else None
        runs = list(self._filesByRun())
        return runs if own is None or own in runs else [own, *runs]

    def _goTo(self, iteration: int | None) -> None:
        if self._frames is not None and iteration is not None and not self._isShowing:
            with self._showing():
                self._frames.go_to(iteration)
        self.show()

    def _observe(self, browser: vtkMRMLSequenceBrowserNode | None) -> None:
        """Let slider and buttons move a browser, and hear of it."""
        if browser is self._browser:
            return
        if self._browser is not None:
            self.removeObserver(self._browser, vtk.vtkCommand.ModifiedEvent, self._onBrowserModified)
        self._browser = browser
        if browser is not None:
            self.addObserver(browser, vtk.vtkCommand.ModifiedEvent, self._onBrowserModified)
        self.ui.seekWidget.setMRMLSequenceBrowserNode(browser)
        self.ui.playWidget.setMRMLSequenceBrowserNode(browser)

    def _onBrowserModified(self, caller: Any, event: Any) -> None:
        """Somebody moved the slider, or plays: look at that iteration."""
        if self._isShowing or self._frames.iteration is None:
            return
        with self._showing():
            self.context.goTo(self._frames.iteration)
        self.show()

    @contextlib.contextmanager
    def _showing(self) -> Iterator[None]:
        """While it lasts, another frame of the browser is not the user's doing."""
        before, self._isShowing = self._isShowing, True
        try:
            yield
        finally:
            self._isShowing = before

    @contextlib.contextmanager
    def _taking(self, files: list[dict[str, Any]]) -> Iterator[None]:
        """While pictures are read; those that cannot be are not tried again."""
        with self.context.attempt(), self._showing():
            try:
                yield
            except InputError:
                self._unreadable.update(file["image"] for file in files)
                raise

    def _requireViews(self) -> None:
        """Show the dreamt image when no view does."""
        if not viewsOf(self._frames.proxy_image):
            self._showViews()

    def _showViews(self) -> None:
        with self.context.attempt():
            showViews(self.context)

    def _isOutlined(self) -> bool:
        mask = self._frames.proxy_mask
        views = viewsOf(self._frames.proxy_image)
        return mask is not None and any(view.GetLabelVolumeID() == mask.GetID() for view in views)


def runTitle(kind: str, start: int) -> str:
    """What a run is called."""
    return _("{kind}, start {number}").format(kind=KIND_NAMES[kind], number=start + 1)
