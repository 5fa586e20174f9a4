"""Between the library's LPS and MRML's RAS, both in millimeters; the one place where the flip is written down."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
RIGID_TOLERANCE = 1e-4


def flip(vector: Sequence[float]) -> tuple[float, float, float]:
    """An LPS point or displacement as RAS, or a RAS one as LPS."""
    return (-vector[0], -vector[1], vector[2])


def ijk_to_ras(image: sitk.Image) -> vtk.vtkMatrix4x4:
    """The matrix from voxel index (x, y, z) to RAS mm of a 3-D image."""
    grid = Grid.of(image)
    matrix = np.eye(4)
    matrix[:3, :3] = LPS_TO_RAS @ grid.axes * grid.spacing
    matrix[:3, 3] = LPS_TO_RAS @ grid.origin
    return slicer.util.vtkMatrixFromArray(matrix)


def set_frame(image: sitk.Image, volume_node) -> None:
    """Give a 3-D image the spacing, origin and direction (LPS) that the volume node has in its own coordinates."""
    ras_axes = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASDirectionMatrix(ras_axes)
    axes = LPS_TO_RAS @ slicer.util.arrayFromVTKMatrix(ras_axes)[:3, :3]
    image.SetSpacing(volume_node.GetSpacing())
    image.SetOrigin(flip(volume_node.GetOrigin()))
    image.SetDirection(axes.ravel().tolist())


def to_world(node, ras: Sequence[float]) -> tuple[float, float, float]:
    """A point in the node's own coordinates (RAS, mm) as a world point: the node's parent transforms applied."""
    world = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(list(ras), world)
    return tuple(world)


def move_frame(image: sitk.Image, node) -> None:
    """Move a 3-D image (LPS) from the node's own coordinates to world, by the node's parent transforms.

    Raises:
        InputError: when they do more than rotate and shift.
    """
    matrix = vtk.vtkMatrix4x4()
    is_linear = node.GetParentTransformNode().IsTransformToWorldLinear()
    if is_linear:
        node.GetParentTransformNode().GetMatrixTransformToWorld(matrix)
    ras = slicer.util.arrayFromVTKMatrix(matrix)
    rotation = LPS_TO_RAS @ ras[:3, :3] @ LPS_TO_RAS
    if not is_linear or not np.allclose(rotation.T @ rotation, np.eye(3), atol=RIGID_TOLERANCE):
        raise InputError(
            f"'{node.GetName()}' is under a transform that does more than rotate and shift.",
            "Harden the transform in the module Transforms.",
        )
    image.SetOrigin((rotation @ image.GetOrigin() + LPS_TO_RAS @ ras[:3, 3]).tolist())
    image.SetDirection((rotation @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
