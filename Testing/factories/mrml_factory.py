"""Small images, masks and nodes for the tests on real MRML."""

import numpy as np
import SimpleITK as sitk
import slicer

from liverpair.core.geometry import like
from liverpair.mrml import headless

SHAPE = (12, 20, 24)


def empty_scene():
    """The scene of the headless Slicer with nothing of an earlier test in it."""
    scene = headless.boot().scene
    scene.Clear(False)
    return scene


def rotation(x: float, y: float, z: float) -> tuple[float, ...]:
    """Direction matrix of a rotation about x, y and z by angles in radians, row by row."""
    transform = sitk.Euler3DTransform()
    transform.SetRotation(x, y, z)
    return transform.GetMatrix()


OBLIQUE = rotation(0.2, -0.35, 0.5)
DIRECTIONS = {
    "as in the scanner": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "flipped": (-1, 0, 0, 0, 1, 0, 0, 0, -1),
    "sagittal slices": (0, 0, 1, 1, 0, 0, 0, -1, 0),
    "oblique": OBLIQUE,
    "oblique and flipped": tuple((np.reshape(OBLIQUE, (3, 3)) @ np.diag([1, -1, 1])).ravel()),
}


def noise_image(direction=OBLIQUE, pixel_type=np.float32, seed: int = 0) -> sitk.Image:
    """An image of noise with unequal sizes and spacings, so that no mix-up of axes goes unseen."""
    image = sitk.GetImageFromArray(np.random.default_rng(seed).integers(0, 200, SHAPE).astype(pixel_type))
    image.SetSpacing((1.5, 1.25, 4.0))
    image.SetOrigin((12.5, -40.0, 7.0))
    image.SetDirection([float(v) for v in direction])
    return image


def block_mask(image: sitk.Image, start=(3, 4, 5), stop=(9, 15, 18)) -> sitk.Image:
    """A lopsided solid from voxel `start` to `stop` (z, y, x) on the image's grid."""
    array = np.zeros(image.GetSize()[::-1], np.uint8)
    array[tuple(slice(a, b) for a, b in zip(start, stop))] = 1
    array[start[0], start[1] : start[1] + 3, start[2] : start[2] + 3] = 0
    return like(array, image)


def new_segmentation(name: str = "Segmentation"):
    """An empty segmentation node in the scene."""
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)


def shift_transform(x: float, y: float, z: float):
    """A transform node that rotates a little and shifts by (x, y, z) mm RAS."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(rotation(0.0, 0.1, -0.2), (3, 3))
    matrix[:3, 3] = (x, y, z)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node
