"""Between the library's LPS and MRML's RAS, both in millimeters; the one place where the flip is written down."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import slicer
import vtk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
RIGID_TOLERANCE = 1e-4


def flip(vector: Sequence[float]) -> tuple[float, float, float]:
    """An LPS point or displacement as RAS, or a RAS one as LPS."""
    return (-vector[0], -vector[1], vector[2])


def ijk_to_ras(grid: Grid) -> vtk.vtkMatrix4x4:
    """The matrix from voxel index (x, y, z) to RAS mm of a grid."""
    matrix = np.eye(4)
    matrix[:3, :3] = LPS_TO_RAS @ grid.axes * grid.spacing
    matrix[:3, 3] = LPS_TO_RAS @ grid.origin
    return slicer.util.vtkMatrixFromArray(matrix)


def to_world(node, ras: Sequence[float]) -> tuple[float, float, float]:
    """A point in the node's own coordinates (RAS, mm) as a world point: the node's parent transforms applied."""
    world = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(list(ras), world)
    return tuple(world)


def grid_in_world(grid: Grid, node) -> Grid:
    """A grid in the node's own coordinates, moved to world by the node's parent transforms.

    Raises:
        InputError: when they do more than rotate and shift.
    """
    transform_node = node.GetParentTransformNode()
    if transform_node is None:
        return grid
    matrix = vtk.vtkMatrix4x4()
    is_linear = transform_node.IsTransformToWorldLinear()
    if is_linear:
        transform_node.GetMatrixTransformToWorld(matrix)
    ras = slicer.util.arrayFromVTKMatrix(matrix)
    rotation = LPS_TO_RAS @ ras[:3, :3] @ LPS_TO_RAS
    if not is_linear or not np.allclose(rotation.T @ rotation, np.eye(3), atol=RIGID_TOLERANCE):
        raise InputError(
            f"'{node.GetName()}' is under a transform that does more than rotate and shift.",
            "Harden the transform in the module Transforms.",
        )
    origin = rotation @ grid.origin + LPS_TO_RAS @ ras[:3, 3]
    return replace(grid, origin=tuple(origin.tolist()), direction=tuple((rotation @ grid.axes).ravel().tolist()))
