"""Lesions drawn in T1 and in T2, each on the voxels of its image, as linked pairs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid, like
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.lesion_masks import DrawnLesions, numbered, weighed
from liverpair.detection.pairing import Found, LinkedBoxes, link
from liverpair.detection.preparation import liver_offset
from liverpair.detection.registered import ways_between
from liverpair.detection.space import to_space, to_voxels
from liverpair.measures.boxes import centers, turned


def linked_lesions(
    images: Sequence[sitk.Image],
    drawn: Sequence[DrawnLesions],
    livers: Sequence[sitk.Image],
    settings: DetectionSettings,
    scored: Sequence[bool] = (True, True),
) -> tuple[list[Lesion], tuple[sitk.Image, sitk.Image], list[str]]:
    """Lesions drawn in T1 and T2, boxes in the voxels of each, as pairs; label maps (uint16) in which a lesion has its
    number; and sentences.

    Both are brought to the place of the other by the registration of the livers, else by their centroids, and assigned
    one to one (`pairing.link`). One without partner is completed by its moved box. `scored`: whose scores are told.
    """
    boxes = [
        to_space(own.found.boxes, Grid.of(image), image.GetDirection())
        for own, image in zip(drawn, images, strict=True)
    ]
    first = replace(Grid.of(images[0]), spacing=(1.0, 1.0, 1.0))
    moved = np.add(first.origin, liver_offset(*livers))
    grids = first, replace(first, origin=tuple(map(float, moved)))
    ways, notes = ways_between(grids, livers)
    found = []
    for own, mine, grid, way in zip(drawn, boxes, grids, ways):
        bounds = to_voxels(mine, grid)
        found.append(Found(bounds, own.found.scores, way(centers(bounds)) - centers(bounds)))
    linked = weighed(link(*found, settings.link_iou, settings.link_growth), settings.alone)
    pairs = [_lesion(number, pair, boxes, grids, images, scored) for number, pair in enumerate(linked, start=1)]
    maps = [
        like(numbered(own.labels, linked, side).astype(np.uint16), image)
        for side, (own, image) in enumerate(zip(drawn, images))
    ]
    return pairs, (maps[0], maps[1]), notes


def _lesion(
    number: int,
    pair: LinkedBoxes,
    boxes: Sequence[Sequence[Box]],
    grids: Sequence[Grid],
    images: Sequence[sitk.Image],
    scored: Sequence[bool],
) -> Lesion:
    """A link in space: a box that was marked as it was, a missing one as its partner where that should lie."""
    way = grids[1].point(pair.predicted[::-1]) - grids[0].point((0.0, 0.0, 0.0))
    sides = {}
    for index, (side, row) in enumerate(zip(Side, pair.rows)):
        if row is not None:
            score = pair.scores[index] if scored[index] else None
            sides[side] = LesionBox(boxes[index][row], "detected", score)
        else:
            partner = boxes[1 - index][pair.rows[1 - index]]
            box = turned(partner.moved(way if index else -way), images[index].GetDirection())
            sides[side] = LesionBox(box, "predicted", None)
    return Lesion(number, sides, displacement_mm=tuple(map(float, way)))
