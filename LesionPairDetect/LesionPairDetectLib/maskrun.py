"""Masks of lesions from their boxes: a job in the worker, and its answer as segments in the scene."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk
from slicer.i18n import tr as _

from LesionPairDetectLib.detectionrun import emptyMasks
from LesionPairDetectLib.readingcontext import ReadingContext
from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion, write_lesions
from liverpair.core.sides import Side
from liverpair.mrml import provenance
from liverpair.mrml.companions import show_over_source
from liverpair.mrml.lesions import lesion_segments
from LiverPairLib.resultnodes import readOn, takenBack
from LiverPairLib.workerrun import WorkerRun

MASKS_STEP = _("Draw masks")
"""What it is called among the steps that can be undone."""


class MaskRun(WorkerRun):
    """A drawing of masks under way in the worker. They come into the scene together, as one step, or not at all."""

    job = "masks"
    title = _("drawing of masks")

    def __init__(self, context: ReadingContext, wanted: list[Lesion]) -> None:
        """`wanted` are lesions with the boxes, and no others, in which to draw."""
        sides = [side for side in Side if any(side in pair.boxes for pair in wanted)]
        super().__init__(context.worker, {side: context.volume(side) for side in sides})
        self._context, self._study, self._wanted = context, context.study, wanted
        self._livers = {side: context.liverSegmentation(side) for side in sides}
        self._device, self._model = context.parameterNode.device, context.parameterNode.maskModel

    def writeRequest(self, folder: Path) -> dict[str, Any]:
        request = {
            "device": self._device,
            "model": self._model,
            "output": str(folder / "results"),
            "lesions": str(folder / "lesions.json"),
        }
        write_lesions(folder / "lesions.json", self._wanted)
        return request | self.writeVolumes(folder, self._livers)

    def takeResult(self, result: dict[str, Any]) -> str:
        study, made = self._study, Counter()
        with takenBack() as added, study.action(MASKS_STEP):
            for side in Side:
                path = (result["masks"] or {}).get(side)
                if path is None:
                    continue
                if not self.isAsWritten(side):
                    raise InputError(_("{side} was changed in the meantime.").format(side=side.title), _("Draw again."))
                labels = readOn(path, self._grids[side], self.volume(side), side)
                made += self._put(side, labels, result["made_by"][side], result.get("model"), added)
            lesion_segments.show(study)
        return " ".join([told(made), *result.get("notes", ())])

    def _put(
        self, side: Side, labels: sitk.Image, madeBy: Mapping[str, str], model: str | None, added: list
    ) -> Counter:
        """How many masks of an image were made by what."""
        made, node = Counter(), lesion_segments.of_study(self._study, side)
        for pair in self._wanted:
            who = madeBy.get(str(pair.number))
            if who is None or pair.uid not in self._study or side not in self._study.pair(pair.uid).boxes:
                continue
            if node is None:
                node = emptyMasks(self.volume(side), added)
                provenance.write(node, {"bundle": model or who})
            lesion_segments.put(self._study, pair.uid, side, labels == pair.number, node)
            made[who] += 1
        if node is not None:
            show_over_source(node)
        return made


def told(made: Counter) -> str:
    """How many masks were made by what, as a sentence."""
    if not made:
        return _("No mask was drawn.")
    by = ", ".join(_("{count} by {who}").format(count=count, who=who) for who, count in sorted(made.items()))
    return _("Masks drawn: {by}. Correct them with Edit.").format(by=by)


def withoutMasks(context: ReadingContext, uids: list[str]) -> list[Lesion]:
    """Of these lesions, those that were not rejected, with the boxes that were seen and have no mask."""
    drawn, wanted = lesion_segments.versions(context.study), []
    for pair in map(context.study.pair, uids):
        boxes = {s: found for s, found in pair.boxes.items() if pair.seen(s) is not None and (pair.uid, s) not in drawn}
        if boxes and pair.state != "rejected":
            wanted.append(only(pair, boxes))
    return wanted


def only(pair: Lesion, boxes: Mapping[Side, Any]) -> Lesion:
    """A lesion with these of its boxes."""
    for side in Side:
        if side in pair.boxes and side not in boxes:
            pair = pair.with_box(side, None)
    return pair
