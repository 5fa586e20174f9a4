"""The button "Save as DICOM…": livers and lesions, as somebody has left them, in the study they were found in."""

import importlib
import logging
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import SimpleITK as sitk
import slicer
from slicer.i18n import tr as _

from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion, write_lesions
from liverpair.core.sides import Side
from liverpair.io.structured_report_identity import REPORT_FILES
from liverpair.jobs.detect_results import segmentation_file
from liverpair.jobs.segment_results import dicom_file
from liverpair.mrml import dicom_files, segmentations
from LiverPairLib.inputs import Segmentations, Volumes
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.resultnodes import isInScene
from LiverPairLib.workerrun import FAILED, WorkerRun
from LiverPairLib.workersession import SessionWorker

REQUIREMENTS = Path(__file__).parent / "Resources" / "requirements-dicom.txt"


@dataclass(frozen=True)
class Content:
    """What there is to save: volumes and the segmentations of their livers by side. `lesions` are those of the scene,
    None in a module without any; `readLesions` gives them in the space of the DICOM files, `drawnIn(side)` what a model
    drew of them, and `by` is the provenance of those that a model found.
    """

    volumes: Volumes
    livers: Segmentations
    lesions: Sequence[Lesion] | None = None
    readLesions: Callable[[], list[Lesion]] = list
    drawnIn: Callable[[Side], sitk.Image | None] = lambda side: None
    by: dict[str, str] | None = None

    @property
    def sides(self) -> list[Side]:
        """Those of which there is something to save."""
        given = [side for side in Side if isInScene(self.volumes.get(side))]
        return [side for side in given if self.hasLiver(side) or self._hasLesion(side)]

    def hasLiver(self, side: Side) -> bool:
        liver = self.livers.get(side)
        return isInScene(liver) and segmentations.has_segment(liver)

    def _hasLesion(self, side: Side) -> bool:
        return any(pair.seen(side) is not None and pair.state != "rejected" for pair in self.lesions or ())

    def reasonNotToSave(self) -> str | None:
        """One sentence about why it cannot be saved, or None."""
        if not any(map(isInScene, self.volumes.values())):
            return _("Choose a T1 or a T2 volume.")
        if not self.sides:
            isOfLivers = self.lesions is None
            return _("There is no liver to save.") if isOfLivers else _("There is no liver and no lesion to save.")
        for side in self.sides:
            if not dicom_files.is_from_dicom(self.volumes[side]):
                return _(
                    "{side} was not loaded from DICOM, and DICOM segmentations and reports have to refer to its images."
                ).format(side=side.title)
        return None

    def fileNames(self) -> list[str]:
        """Names of the files that may be written."""
        if not self.lesions:
            return list(map(dicom_file, self.sides))
        return [name for side in self.sides for name in (segmentation_file(side), REPORT_FILES[side])]


class SaveDicomRun(WorkerRun):
    """The job "save_dicom", into a folder that the user has chosen."""

    job = "save_dicom"
    title = _("DICOM export")
    needsAllVolumes = True

    def __init__(self, worker: SessionWorker, content: Content, output: Path) -> None:
        super().__init__(worker, {side: content.volumes[side] for side in content.sides})
        self._content, self._output = content, output
        self._whyCancelled = _("Cancelled; nothing was saved.")

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        content = self._content
        request = {"output": str(self._output)}
        for side, node in self._volumes.items():
            files = dicom_files.files_of(node)
            if not files:
                raise InputError(
                    _("Not all DICOM files of {side} are in Slicer's DICOM database.").format(side=side.title),
                    _("Import the study anew."),
                )
            request[f"{side}_files"] = list(map(str, files))
            if content.hasLiver(side):
                mask = segmentations.liver_mask(content.livers[side], node)
                request[f"{side}_liver"] = self.write(mask, folder / f"{side}_liver.nrrd")
                request[f"{side}_liver_by"] = segmentations.made_by(content.livers[side], mask)
        if content.lesions:
            request["lesions"], request["lesions_by"] = str(folder / "lesions.json"), nameAndVersion(content.by)
            write_lesions(request["lesions"], content.readLesions())
            for side, drawn in ((side, content.drawnIn(side)) for side in self._volumes):
                if drawn is not None:
                    request[f"{side}_lesions"] = self.write(drawn, folder / f"{side}_lesions.nrrd")
        return request

    def takeResult(self, result: dict[str, Any]) -> str:
        names = ", ".join(Path(path).name for path in result["files"])
        sentence = _("Saved as DICOM in '{folder}': {names}.").format(folder=self._output, names=names)
        return " ".join([sentence, *result["notes"]])


def nameAndVersion(provenance: dict[str, str] | None) -> dict[str, str] | None:
    """The model of a provenance as the job "save_dicom" takes it."""
    told = provenance or {}
    return {"name": told["bundle"], "version": told.get("version", "")} if "bundle" in told else None


class DicomSaver:
    """Binds a button to a `SaveDicomRun` of `content()`; while it runs, the button stops it."""

    def __init__(self, button: qt.QPushButton, context: PanelContext, content: Callable[[], Content]) -> None:
        self._button, self._context, self._content = button, context, content
        self._text, self._toolTip = button.text, button.toolTip
        self._run = None
        button.connect("clicked(bool)", self.onClicked)

    @property
    def isSaving(self) -> bool:
        return self._run is not None and self._run.ending is None

    def show(self) -> None:
        """Show whether there is something to save, and why not."""
        if self.isSaving:
            self._button.text, self._button.toolTip = _("Stop saving"), _("Nothing is saved then")
            self._button.enabled = not self._run.isCancelling
            return
        try:
            reason = self._content().reasonNotToSave()
        except InputError as error:  # a box under a warping transform has no place that could be saved
            reason = str(error)
        self._button.text, self._button.toolTip = self._text, reason or self._toolTip
        self._button.enabled = reason is None

    def stop(self) -> None:
        """The panel is going away."""
        if self._run is not None:
            self._run.abandon()
            self._run = None

    def onClicked(self, checked: bool = False) -> None:
        if self.isSaving:
            self._run.cancel()
            return
        with self._context.attempt():
            content = self._content()
            folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder for the DICOM files"))
            if folder and self._mayReplace([Path(folder) / name for name in content.fileNames()]):
                offerPackages()
                run = SaveDicomRun(self._context.worker, content, Path(folder))
                run.start(self._onChanged)
                self._run = run
        self.show()

    def _mayReplace(self, paths: list[Path]) -> bool:
        there = [str(path) for path in paths if path.exists()]
        question = _("These files are replaced:\n{paths}").format(paths="\n".join(there))
        return not there or self._context.confirm(question)

    def _onChanged(self, run: SaveDicomRun) -> None:
        if run.ending is None:
            progress = _("Saving as DICOM, {percent} %: {message}.")
            self._context.say(progress.format(percent=round(100 * run.fraction), message=run.message))
        else:
            self._context.say(run.sentence, isProblem=run.ending == FAILED)
        self.show()


def offerPackages() -> None:
    """Install what DICOM needs, when the user agrees; without it, the worker says what is missing."""
    import slicer.packaging

    try:
        slicer.packaging.pip_ensure(slicer.packaging.load_requirements(REQUIREMENTS), requester="LiverPair")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        logging.info("The packages for DICOM were not installed", exc_info=error)
    importlib.invalidate_caches()
