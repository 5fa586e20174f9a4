"""Lesions between the scene and files: `lesions.json`, CSV, DICOM structured reports. No widget is needed."""

import importlib
import logging
import subprocess
from pathlib import Path

import numpy as np
from slicer.i18n import tr as _

from LiverMultimodalLib.inputs import SIDES
from liverpair.errors import InputError
from liverpair.lesion_table import write_csv
from liverpair.lesions import read_lesions, write_lesions
from liverpair.measures.burden import lesion_measures
from liverpair.measures.findings import seen_box
from liverpair.mrml import dicom_files, scanner_space
from liverpair.mrml.box_drawing import world_grid
from liverpair.structured_report import ReportAuthor, write_structured_reports

REQUIREMENTS = Path(__file__).parents[1] / "Resources" / "requirements-reports.txt"


class Exchange:
    """Files of the study of a `ReadingContext`.

    Boxes in files are in the coordinates of their image under no transform, as the image files are. Every method raises
    LiverPairError with the reason when it cannot do its work, and returns a sentence when it has.
    """

    def __init__(self, context):
        self._context = context

    def pairs(self):
        """The lesions as a file holds them."""
        return scanner_space.to_scanner(self._require().pairs(), *self._volumes())

    def importLesions(self, path, replace=False):
        """Add the lesions of a `lesions.json` to the study, or put them in the place of those that are there.

        A lesion that the study has already is replaced, not doubled. The file is read, and refused, as a whole.
        """
        study = self._require()
        pairs = scanner_space.to_world(read_lesions(path), *self._volumes())
        with study.action(_("Import")):
            if replace:
                study.replace_all(pairs)
            else:
                study.add(pairs, replace=True)
        sentences = [_("{count} lesions were imported.").format(count=len(pairs))]
        for side in SIDES:
            outside = self._countOutside(pairs, side)
            if outside:
                sentences.append(
                    _("{count} boxes lie outside {side}: is this the file of this patient?").format(
                        count=outside, side=side.upper()
                    )
                )
        return " ".join(sentences)

    def exportLesions(self, path):
        """Write `lesions.json`, which training reads and `importLesions` too."""
        pairs = self.pairs()
        write_lesions(path, pairs)
        return _("{count} lesions were written to '{path}'.").format(count=len(pairs), path=path)

    def exportTable(self, path):
        """Write the measures of every lesion as CSV."""
        study, context = self._require(), self._context
        images = {side: context.image(side) for side in SIDES}
        livers = {side: context.livers(side) for side in SIDES}
        rows = lesion_measures(study.pairs(), images, livers)
        write_csv(path, rows)
        return _("The measures of {count} lesions were written to '{path}'.").format(count=len(rows), path=path)

    def requireDicom(self):
        """Raise InputError when a volume in which a lesion was seen is not from DICOM, before a folder is asked for."""
        kept = [pair for pair in self._require().pairs() if pair.state != "rejected"]
        for side, node in zip(SIDES, self._volumes()):
            wasSeen = any(seen_box(pair, side) is not None for pair in kept)
            if wasSeen and (node is None or not dicom_files.files_of(node)):
                raise InputError(
                    _("{side} was not loaded from DICOM, and a structured report has to refer to its images.").format(
                        side=side.upper()
                    ),
                    _("Export lesions.json or CSV instead."),
                )

    def exportReports(self, folder, observer=""):
        """Write one DICOM structured report per series (TID 1500); refused when a volume is not from DICOM."""
        self.requireDicom()
        offerPackages()
        files = [dicom_files.files_of(node) if node is not None else [] for node in self._volumes()]
        model = self._context.parameterNode.model if self._context.parameterNode is not None else ""
        author = ReportAuthor(observer=observer, model=model) if model else ReportAuthor(observer=observer)
        written = write_structured_reports(folder, self.pairs(), *files, author)
        sentence = _("{count} structured reports were written to '{folder}'.").format(
            count=len(written.paths), folder=folder
        )
        return " ".join([sentence, *written.notes])

    def _require(self):
        if self._context.study is None:
            raise InputError(_("Choose a T1 or a T2 volume."))
        return self._context.study

    def _volumes(self):
        return [self._context.volume(side) for side in SIDES]

    def _countOutside(self, pairs, side):
        """How many boxes have their center outside the volume of their image."""
        volume = self._context.volume(side)
        if volume is None:
            return 0
        grid = world_grid(volume)
        boxes = [getattr(pair, side) for pair in pairs if getattr(pair, side) is not None]
        indices = [grid.index(box.centre_mm) for box in boxes]
        inside = [np.all((index >= -0.5) & (index <= np.subtract(grid.size, 0.5))) for index in indices]
        return len(boxes) - sum(inside)


def offerPackages():
    """Install what reports need, when the user agrees; without it, writing them says what is missing."""
    import slicer.packaging

    try:
        slicer.packaging.pip_ensure(slicer.packaging.load_requirements(REQUIREMENTS), requester="LiverPair")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        logging.info("The packages for reports were not installed", exc_info=error)
    importlib.invalidate_caches()
