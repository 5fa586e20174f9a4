"""What becomes of a box that somebody has drawn: a new lesion, or the partner of one that is there."""

from dataclasses import dataclass

import numpy as np
from slicer.i18n import tr as _

from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.measures.boxes import turned
from liverpair.mrml.lesions.lesion_boxes import same_place
from liverpair.mrml.volumes import world_grid


@dataclass(frozen=True)
class Task:
    """What is to be drawn in image `side`: the box of lesion `uid`, or of a new lesion when None."""

    side: Side
    uid: str | None = None


class Drawer:
    """Puts drawn boxes into the study of a `ReadingContext`, one undo step each.

    `proposesPartner`: whether a new lesion gets a box in the other image too, where it should be.
    """

    def __init__(self, context: ReadingContext) -> None:
        self._context = context
        self.proposesPartner = True
        self.placeSentence = ""

    def newLesion(self, side: Side) -> Task:
        """The task to draw a new lesion; raises InputError when there is no such volume."""
        self._requireVolume(side)
        return Task(side)

    def partner(self) -> Task:
        """The task to draw the box that the chosen lesion lacks, or of which there is only a prediction.

        Raises InputError when no lesion is chosen, or it was seen in both images.
        """
        side, pair = self.partnerSide(), self._chosen()
        if pair is None:
            raise InputError(_("Choose a lesion first."))
        if side is None:
            raise InputError(_("Lesion {number} has both boxes; drag or resize them.").format(number=pair.number))
        self._requireVolume(side)
        return Task(side, pair.uid)

    def partnerSide(self) -> str | None:
        """The image in which the chosen lesion waits for a box that somebody has seen, or None."""
        pair = self._chosen()
        if pair is None:
            return None
        return next((side for side in (Side.T2, Side.T1) if pair.seen(side) is None), None)

    def isOpen(self, task: Task) -> bool:
        """Whether a task can still be done: its lesion and its volume are there."""
        study = self._context.study
        if study is None or self._context.volume(task.side) is None:
            return False
        return task.uid is None or task.uid in study

    def take(self, task: Task, box: Box) -> str:
        """Put a drawn box into the study and choose its lesion; returns the lesion's uid."""
        uid = self._add(task.side, box) if task.uid is None else self._complete(task, box)
        self._context.select(uid)
        return uid

    def predictedPartner(self, side: Side, box: Box) -> tuple[Box | None, str]:
        """Where the partner of a box in image `side` should be: a `Box` of the same size along the axes of the other
        image, and in words how that is known. (None, sentence) where nothing is known.
        """
        other = side.other
        volume = self._context.volume(other)
        if volume is None:
            return None, _("{side} is not selected.").format(side=other.title)
        place = self._context.placeMap().to_other(box.center_mm, side)
        if place is None:
            return None, _(
                "Nothing is known yet about where {side} lies in {other}: draw the partner too, the next ones follow."
            ).format(side=side.title, other=other.title)
        moved = box.moved(np.subtract(place.point_mm, box.center_mm))
        return turned(moved, world_grid(volume).direction), place.sentence

    def replacePrediction(self, uid: str, side: Side, old: Box | None, new: Box, score: float | None = None) -> bool:
        """Put a better prediction in the place of box `old` (or of none) of a lesion; whether that was done: it is not
        when somebody has touched the box since."""
        study = self._context.study
        if study is None or uid not in study:
            return False
        pair = study.pair(uid)
        if pair.seen(side) is not None or not same_place(pair.box(side), old):
            return False
        with study.action(_("Propose the partner")):
            study.set_box(uid, side, new, origin="predicted", score=score)
        return True

    def _add(self, side: Side, box: Box) -> str:
        other, study = side.other, self._context.study
        partner, self.placeSentence = self.predictedPartner(side, box) if self.proposesPartner else (None, "")
        boxes = {side: LesionBox(box, "drawn")}
        if partner is not None:
            boxes[other] = LesionBox(partner, "predicted")
        number = 1 + max((pair.number for pair in study.pairs()), default=0)
        state = "accepted" if partner is None else "proposed"
        with study.action(_("Draw a lesion")):
            (uid,) = study.add([Lesion(number, boxes, state)])
        return uid

    def _complete(self, task: Task, box: Box) -> str:
        study = self._context.study
        with study.action(_("Draw the partner")):
            study.set_box(task.uid, task.side, box, origin="drawn")
            study.set_state(task.uid, "accepted")
        self.placeSentence = ""
        return task.uid

    def _chosen(self) -> Lesion | None:
        uid = self._context.selectedUid
        return self._context.study.pair(uid) if uid is not None else None

    def _requireVolume(self, side: Side) -> None:
        if self._context.study is None or self._context.volume(side) is None:
            raise InputError(_("{side} is not selected.").format(side=side.title), _("Choose a volume."))
