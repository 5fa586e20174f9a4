"""Pictures of lesions: every one in T1 above itself in T2."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import slicer

from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml import frames, pictures
from liverpair.mrml.lesions.lesion_study import LesionStudy


def picture_of_lesions(
    study: LesionStudy, pairs: Sequence[Lesion], width_mm: float = 150.0, size: tuple[int, int] = (300, 270)
) -> np.ndarray:
    """Axial slices through the middle of each lesion's boxes, T1 above T2, a column for each of `pairs`.

    Every view shows the boxes of its own image. Pixels as in `liverpair.mrml.pictures`; a side without a box is black.
    Leaves nothing in the scene and changes no display.

    Raises:
        InputError: when there is no lesion to show.
    """
    if not pairs:
        raise InputError("There is no lesion to draw a picture of.")
    rows = []
    for side in Side:
        view = pictures.SliceView(slicer.mrmlScene.GetUniqueNameByString("LiverPairLesion"), "Axial", size)
        try:
            with boxes_limited_to(study, side, view.node):
                view.show(study.volume(side))
                rows.append([_picture(view, pair, side, width_mm) for pair in pairs])
        finally:
            view.close()
    return pictures.montage(rows)


@contextmanager
def boxes_limited_to(study: LesionStudy, side: Side, view_node) -> Iterator[None]:
    """Show the boxes of one side of a study, and no other, in a view; afterwards every display is as it was."""
    before = [
        (node.GetDisplayNode(), list(node.GetDisplayNode().GetViewNodeIDs() or ()), study.side_of(node) == side)
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
        if node.GetDisplayNode() is not None
    ]
    try:
        for display_node, _views, mine in before:
            display_node.SetViewNodeIDs([view_node.GetID()] if mine else ["none"])
        yield
    finally:
        for display_node, views, _mine in before:
            display_node.SetViewNodeIDs(views)


def _picture(view: pictures.SliceView, pair: Lesion, side: Side, width_mm: float) -> np.ndarray:
    if side not in pair.boxes:
        return np.zeros((*view.size[::-1], 3), np.uint8)
    found = pair.boxes[side]
    view.look_at(frames.flip(found.box.center_mm), width_mm)
    words = "moved here" if found.score is None else f"score {found.score:.2f}"
    view.caption = f"{side.title} lesion {pair.number}, {words}"
    return view.grab()
