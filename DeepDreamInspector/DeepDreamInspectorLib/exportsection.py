"""The section "Export": trajectories, plot and report of the dream as files."""

import json
import shutil
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamcontext import DreamContext
from liverpair.core.atomic import written_whole
from liverpair.core.errors import InputError
from liverpair.io.study import write_image
from liverpair.jobs.dream_results import DREAM_FILE, FRAMES_FOLDER, ORIGINAL_FILE, TRAJECTORIES_FILE, frame_file
from liverpair.mrml import volumes
from liverpair.mrml.dreams.dream_frames import IMAGE, MASK, DreamFrames
from liverpair.mrml.dreams.dream_scene import DreamScene
from LiverPairLib.section import Section
from LiverPairLib.workerrun import DONE, FAILED, WorkerRun

KINDS = {
    "html": (_("Export the report"), _("Web pages (*.html)")),
    "png": (_("Export the plot"), _("Pictures (*.png)")),
    "svg": (_("Export the plot"), _("Drawings (*.svg)")),
}
"""What the worker draws, the title of the dialog that asks where it goes, and the filter of that dialog."""
UNNAMED = "dream"


class ReportRun(WorkerRun):
    """The job "dream_report" for a dream, and another beside it or None; one of its files (see `KINDS`) goes to `path`.

    Of a dream whose own folder is gone, what the scene knows is drawn.
    """

    job = "dream_report"
    title = _("report")

    def __init__(self, context: DreamContext, kind: str, path: str) -> None:
        super().__init__(context.worker, {})
        self._context = context
        self.kind, self.path = kind, Path(path)
        self._whyCancelled = _("Cancelled; nothing was written.")

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        dream, second = self._context.dream, self._context.second
        return {
            "folder": self._folderOf(dream, folder / "first"),
            "second": self._folderOf(second, folder / "second") if second is not None else None,
            "output": str(folder / "report"),
        }

    def _folderOf(self, dream: DreamScene, ownFolder: Path) -> str:
        """Where the files of a dream lie, as text; they are written to `ownFolder` when they are gone."""
        folder = self._context.folderOf(dream)
        if folder is None:
            frames = self._context.frames if dream is self._context.dream else None
            writeDream(dream, frames, ownFolder)
        return str(folder or ownFolder)

    def takeResult(self, result: dict[str, Any]) -> str:
        with written_whole(self.path) as draft:
            shutil.copyfile(result[self.kind], draft)
        what = _("The report") if self.kind == "html" else _("The plot")
        return _("{what} was written to '{path}'.").format(what=what, path=self.path)


class ExportSection(Section):
    """A button for each kind of file. What takes the worker a while can be cancelled."""

    name = "Export"
    caption = _("Export")

    def __init__(self, context: DreamContext) -> None:
        super().__init__(context)
        self.run = None
        self._report, self._said = None, ""
        buttons = {
            "exportTableButton": self.onExportTable,
            "exportReportButton": lambda checked=False: self.onExportDrawn("html"),
            "exportPngButton": lambda checked=False: self.onExportDrawn("png"),
            "exportSvgButton": lambda checked=False: self.onExportDrawn("svg"),
            "openReportButton": self.onOpenReport,
            "cancelExportButton": self.onCancel,
        }
        for name, slot in buttons.items():
            getattr(self.ui, name).connect("clicked(bool)", slot)
        self.show()

    def cleanup(self) -> None:
        if self.run is not None:
            self.run.abandon()
        super().cleanup()

    def onChanged(self, what: str) -> None:
        if what == "dream":
            self._said = ""
        if what in ("dream", "run") or (what == "samples" and not self.ui.exportTableButton.enabled):
            self.show()

    def onExportTable(self, checked: bool = False) -> None:
        """Write the trajectories as the scene has them."""
        path = self._askWhere(_("Export the trajectories"), "csv", _("Tables (*.csv)"))
        if path:
            with self.context.attempt():
                self.context.dream.trajectories().write_csv(path)
                self._say(_("The trajectories were written to '{path}'.").format(path=path))

    def onExportDrawn(self, kind: str) -> None:
        """Let the worker draw, and put what it drew where the user wants it."""
        with self.context.attempt():
            path = self._askWhere(KINDS[kind][0], kind, KINDS[kind][1])
            if path:
                run = ReportRun(self.context, kind, path)
                run.start(self._onRun)
                self.run = run
        self.show()

    def onOpenReport(self, checked: bool = False) -> None:
        """Show the report that was written last."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report)))

    def onCancel(self, checked: bool = False) -> None:
        self.run.cancel()

    def show(self) -> None:
        """Show what can be done."""
        dream = self.context.dream
        hasSamples = dream is not None and bool(dream.kinds)
        isBusy = self.run is not None and self.run.ending is None
        self.ui.exportTableButton.enabled = hasSamples
        for name in ("exportReportButton", "exportPngButton", "exportSvgButton"):
            getattr(self.ui, name).enabled = hasSamples and not isBusy and not self.context.running
        self.ui.cancelExportButton.visible = isBusy
        self.ui.openReportButton.visible = self._report is not None and self._report.is_file() and not isBusy
        self.ui.exportLabel.text = self._sentence(hasSamples, isBusy)
        self.ui.exportLabel.visible = bool(self.ui.exportLabel.text)

    def _sentence(self, hasSamples: bool, isBusy: bool) -> str:
        if isBusy:
            return self.run.message
        if not hasSamples:
            return _("There is nothing to export before a dream.")
        if self.context.running:
            return _("Plot and report can be exported when the dream has ended.")
        return self._said

    def _onRun(self, run: WorkerRun) -> None:
        if run.ending == DONE and run.kind == "html":
            self._report = run.path
        if run.ending is not None:
            self._say(run.sentence, run.ending == FAILED)
        self.show()

    def _say(self, sentence: str, isProblem: bool = False) -> None:
        self._said = "" if isProblem else sentence
        self.context.say(sentence, isProblem)
        self.show()

    def _askWhere(self, title: str, suffix: str, kind: str) -> str:
        name = f"{self.context.dream.name or UNNAMED}.{suffix}"
        return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name, kind)


def writeDream(dream: DreamScene, frames: DreamFrames | None, folder: Path) -> None:
    """Write what the scene knows of a run into a folder, as the job "dream" does: a `DreamScene`, and the pictures of
    its `DreamFrames` or None.

    Raises InputError for a dream that did not come to its end.
    """
    if not dream.finished:
        raise InputError(
            _("'{name}' did not come to its end, and its files are gone.").format(name=dream.name),
            _("Export the trajectories, or run the dream again."),
        )
    result = dream.result
    kept = {frames.run: writeFrames(frames, folder)} if frames is not None and frames.iterations else {}
    runs = [{**run, "frames": kept.get((run["run"], run["start"]), [])} for run in result.get("runs") or ()]
    content = {**result, "runs": runs, "original": ORIGINAL_FILE, "trajectories": TRAJECTORIES_FILE}
    dream.trajectories().write_csv(folder / TRAJECTORIES_FILE)
    (folder / DREAM_FILE).write_text(json.dumps(content), encoding="utf-8")


def writeFrames(frames: DreamFrames | None, folder: Path) -> list[dict[str, Any]]:
    """Write the pictures of a `DreamFrames`; what `dream.json` says of them."""
    written = []
    (folder / FRAMES_FOLDER).mkdir(parents=True)
    for iteration in frames.iterations:
        names = {what: frame_file(*frames.run, iteration, what) for what in (IMAGE, MASK)}
        for what, name in names.items():
            node = frames.sequence(what).GetDataNodeAtValue(str(iteration))
            write_image(volumes.image_from_node(node), folder / name)
        written.append({"iteration": iteration, **names})
    return written
