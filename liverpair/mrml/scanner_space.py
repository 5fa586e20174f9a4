"""Lesions between the world and the scanner: image files know nothing of the transforms above a volume's node."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml.lesions.lesion_boxes import from_world, world_matrix
from liverpair.mrml.lesions.lesion_pairs import same_boxes


def to_scanner(pairs: Iterable[Lesion], t1_volume, t2_volume) -> list[Lesion]:
    """Pairs in world LPS mm as a file holds them: each box in the coordinates of its volume under no transform.

    Either volume may be None: the boxes of that side stay where they are. A displacement leads from the moved T1
    center to where its end is moved.

    Raises:
        InputError: when a volume lies under a transform that warps or skews.
    """
    return _carried(pairs, {side: np.linalg.inv(m) for side, m in _matrices(t1_volume, t2_volume).items()})


def to_world(pairs: Iterable[Lesion], t1_volume, t2_volume) -> list[Lesion]:
    """The inverse of `to_scanner`.

    Raises:
        InputError: as `to_scanner`.
    """
    return _carried(pairs, _matrices(t1_volume, t2_volume))


def same_lesions(first: Sequence[Lesion], second: Sequence[Lesion]) -> bool:
    """Whether two lists hold the same lesions, in any order: boxes as near as nodes and scene files keep them."""
    one, other = ({pair.uid: pair for pair in pairs} for pairs in (first, second))
    if one.keys() != other.keys():
        return False
    return all(
        (pair.state, pair.note) == (other[uid].state, other[uid].note) and same_boxes(pair, other[uid])
        for uid, pair in one.items()
    )


def _matrices(t1_volume, t2_volume) -> dict[str, np.ndarray]:
    """By side, (4, 4) from the volume's own RAS to the world's; nothing for a volume under no transform."""
    return {
        side: world_matrix(node.GetParentTransformNode(), side.title)
        for side, node in zip(Side, (t1_volume, t2_volume))
        if node is not None and node.GetParentTransformNode() is not None
    }


def _carried(pairs: Iterable[Lesion], matrices: dict[str, np.ndarray]) -> list[Lesion]:
    return [_carry(pair, matrices) for pair in pairs] if matrices else list(pairs)


def _carry(pair: Lesion, matrices: dict[str, np.ndarray]) -> Lesion:
    boxes = {side: replace(found, box=_moved(found.box, matrices.get(side))) for side, found in pair.boxes.items()}
    displacement = pair.displacement_mm
    if displacement is not None:
        start = pair.box_or_moved(Side.T1).center_mm
        end = np.add(start, displacement)
        moved = np.subtract(_point(end, matrices.get(Side.T2)), _point(start, matrices.get(Side.T1)))
        displacement = tuple(float(component) for component in moved)
    return replace(pair, boxes=boxes, displacement_mm=displacement)


def _point(point_mm, matrix: np.ndarray | None) -> np.ndarray:
    if matrix is None:
        return np.asarray(point_mm, float)
    return np.array(frames.flip(matrix[:3, :3] @ frames.flip(point_mm) + matrix[:3, 3]))


def _moved(box: Box, matrix: np.ndarray | None) -> Box:
    if matrix is None:
        return box
    center, size, axes = from_world(box, np.linalg.inv(matrix))
    return Box(frames.flip(center), size, tuple((frames.LPS_TO_RAS @ np.reshape(axes, (3, 3))).ravel().tolist()))
