"""Lesions between the scene and files: `lesions.json`, CSV, DICOM. No widget is needed."""

from pathlib import Path

import numpy as np
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import overlapping
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion, read_lesions, write_lesions
from liverpair.core.sides import Side
from liverpair.io.lesion_csv import write_csv
from liverpair.measures.burden import lesion_measures
from liverpair.mrml import provenance, scanner_space
from liverpair.mrml.lesions import lesion_folders, lesion_segments
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.volumes import world_grid
from LiverPairLib.dicomsaver import Content

IMPORT_STEP = _("Import")
"""What an import is called among the steps that can be undone."""
MERGE, REPLACE, ADD = WAYS = "merge", "replace", "add"
"""What becomes of lesions that are there already: those that overlap with one of the file are the same, all go, or all
stay."""


class Exchange:
    """Files of the study of a `ReadingContext`.

    Boxes in files are in the coordinates of their image under no transform, as the image files are. Every method raises
    LiverPairError with the reason when it cannot do its work, and returns a sentence when it has.
    """

    def __init__(self, context: ReadingContext) -> None:
        self._context = context

    def pairs(self) -> list[Lesion]:
        """The lesions as a file holds them."""
        return scanner_space.to_scanner(self._require().pairs(), *self._volumes())

    def importLesions(self, path: Path | str, how: str) -> str:
        """Bring the lesions of a `lesions.json` into the study; the file is read, and refused, as a whole.

        `how` is one of `WAYS`. MERGE: of two lesions that overlap, the one that a person has judged stays, else the one
        that is there. REPLACE: those that are there go. ADD: all stay; a uid that is there takes the boxes of the file.
        """
        return self.take(self.read(path), how)

    def read(self, path: Path | str) -> list[Lesion]:
        """The lesions of a `lesions.json`, in the world of the study."""
        self._require()
        return scanner_space.to_world(read_lesions(path), *self._volumes())

    def take(self, pairs: list[Lesion], how: str) -> str:
        """Bring lesions into the study; see `importLesions`."""
        if how not in WAYS:
            raise InputError(_("Lesions cannot be imported by '{how}'.").format(how=how), f"{', '.join(WAYS)}?")
        study = self._require()
        old = study.pairs()
        uids, oldUids = (np.array([pair.uid for pair in each], dtype=object) for each in (pairs, old))
        same = overlapping(pairs, old) | (uids[:, None] == oldUids)
        taken, dropped = merged(pairs, old, same) if how == MERGE else (pairs, [])
        with study.action(IMPORT_STEP):
            if how == REPLACE:
                study.replace_all(taken)
            else:
                for pair in dropped:
                    study.remove(pair.uid)
                study.add(taken, replace=True)
        sentences = [_("Lesions imported: {count}.").format(count=len(taken))]
        if len(taken) < len(pairs):
            sentences.append(_("Already there, and left as they were: {n}.").format(n=len(pairs) - len(taken)))
        if dropped:
            sentences.append(_("Not yet reviewed, and replaced by them: {count}.").format(count=len(dropped)))
        if how == ADD and same.any():
            sentences.append(_("Overlapping with lesions that were there: {n}.").format(n=same.any(axis=1).sum()))
        for side in Side:
            outside = self._countOutside(pairs, side)
            if outside:
                sentences.append(
                    _("Boxes that lie outside {side}: {count}. Is this the file of this patient?").format(
                        count=outside, side=side.title
                    )
                )
        return " ".join(sentences)

    def exportLesions(self, path: Path | str) -> str:
        """Write `lesions.json`, which training reads and `importLesions` too."""
        pairs = self.pairs()
        write_lesions(path, pairs)
        return _("Lesions written to '{path}': {count}.").format(count=len(pairs), path=path)

    def exportTable(self, path: Path | str) -> str:
        """Write the measures of every lesion as CSV."""
        study, context = self._require(), self._context
        images = {side: context.image(side) for side in Side}
        livers = {side: context.livers(side) for side in Side}
        rows = lesion_measures(study.pairs(), images, livers, context.lesionMasks())
        write_csv(path, rows)
        return _("Lesions whose measures were written to '{path}': {count}.").format(count=len(rows), path=path)

    def dicomContent(self) -> Content:
        """What is saved as DICOM: the livers and what was not rejected of the lesions."""
        study, context = self._context.study, self._context
        notes = lesion_folders.notes_of(study.folder) if study is not None else None
        return Content(
            {side: context.volume(side) for side in Side},
            {side: context.liverSegmentation(side) for side in Side},
            study.pairs() if study is not None else [],
            self.pairs,
            lambda side: lesion_segments.label_map(study, side),
            provenance.read(notes) if notes is not None else None,
        )

    def _require(self) -> LesionStudy:
        if self._context.study is None:
            raise InputError(_("Choose a T1 or a T2 volume."))
        return self._context.study

    def _volumes(self) -> list[vtkMRMLScalarVolumeNode | None]:
        return [self._context.volume(side) for side in Side]

    def _countOutside(self, pairs: list[Lesion], side: Side) -> int:
        """How many boxes have their center outside the volume of their image."""
        volume = self._context.volume(side)
        if volume is None:
            return 0
        grid = world_grid(volume)
        boxes = [pair.box(side) for pair in pairs if side in pair.boxes]
        indices = [grid.index(box.center_mm) for box in boxes]
        inside = [np.all((index >= -0.5) & (index <= np.subtract(grid.size, 0.5))) for index in indices]
        return len(boxes) - sum(inside)


def merged(pairs: list[Lesion], old: list[Lesion], same: np.ndarray) -> tuple[list[Lesion], list[Lesion]]:
    """Which of the lesions `pairs` come to the `old` ones, and which of these go for them. `same` (n, m) says which are
    the same: then what a person has judged stays, and else what is there.
    """
    taken = [
        not known.any() or (pair.is_judged and not any(old[i].is_judged for i in np.flatnonzero(known)))
        for pair, known in zip(pairs, same)
    ]
    gone = same[taken].any(axis=0)
    new = [pair for pair, isTaken in zip(pairs, taken) if isTaken]
    return new, [pair for pair, isGone in zip(old, gone) if isGone]
