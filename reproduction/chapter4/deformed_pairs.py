"""A T2 image with lesions, deformed at random: the way from T1 to T2 is then known and is no registration's."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from liverpair.core.geometry import Box, Grid, Vector
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence
from liverpair.synthesis.deformation import displacement_transform, smooth_displacement
from liverpair.synthesis.paired_lesions_rendering import SyntheticPair

COARSE_MM = 10.0
"""Grid of the displacements; they are far smoother."""


def deformed_pair(
    pair: SyntheticPair, t2_liver: sitk.Image, seed: int, amplitude_mm: float = 8.0, smoothness_mm: float = 40.0
) -> tuple[SyntheticPair, sitk.Image]:
    """The pair with its T2 image, labels and boxes deformed, and the T2 liver mask likewise.

    Parameters
    ----------
    t2_liver
        On the grid of the T2 image.
    amplitude_mm, smoothness_mm
        Standard deviation of the displacement along each axis, and of the Gaussian that smooths it.
    """
    field = smooth_displacement(_around(pair.t2), np.random.default_rng(seed), amplitude_mm, smoothness_mm)
    transform = displacement_transform(field, _around(pair.t2))
    back = LiverCorrespondence(transform, 1.0)
    changed = replace(
        pair,
        t2=_resampled(pair.t2, transform, sitk.sitkLinear),
        t2_labels=_resampled(pair.t2_labels, transform, sitk.sitkNearestNeighbor),
        pairs=[_deformed_lesion(lesion, back) for lesion in pair.pairs],
    )
    return changed, _resampled(t2_liver, transform, sitk.sitkNearestNeighbor)


def _deformed_lesion(lesion: Lesion, back: LiverCorrespondence) -> Lesion:
    """The lesion with its T2 box, and its place there when it is not seen, where the deformation takes it."""
    place = lesion.box_or_moved(Side.T2)
    moved = _deformed_box(place, back)
    shift = np.subtract(moved.center_mm, place.center_mm)
    boxes = {side: replace(own, box=moved) if side is Side.T2 else own for side, own in lesion.boxes.items()}
    return replace(lesion, boxes=boxes, displacement_mm=_vector(np.add(lesion.displacement_mm, shift)))


def _deformed_box(box: Box, back: LiverCorrespondence) -> Box:
    """The box of the ellipsoid that the ellipsoid in the box becomes; the sides stay along the axes of the image."""
    axes = np.array(box.direction).reshape(3, 3)
    half = (axes * box.size_mm / 2).T  # row by row the way from the center to the middle of a face
    faces = back.to_t1(np.stack([box.center_mm - half, box.center_mm + half]))
    reach = (faces[1] - faces[0]) / 2 @ axes
    return Box(_vector(faces.mean(axis=(0, 1))), _vector(2 * np.linalg.norm(reach, axis=0)), box.direction)


def _around(image: sitk.Image) -> sitk.Image:
    """An empty image on a coarse grid that reaches beyond all of `image`."""
    grid = Grid.of(image)
    extent = np.multiply(grid.size, grid.spacing)
    size = tuple(int(n) for n in np.ceil(extent / COARSE_MM) + 2)
    origin = grid.point(-0.5 - COARSE_MM / 2 / np.array(grid.spacing))
    return Grid(size, (COARSE_MM,) * 3, _vector(origin), grid.direction).image()


def _resampled(image: sitk.Image, transform: sitk.Transform, interpolator: int) -> sitk.Image:
    return sitk.Resample(image, image, transform, interpolator, 0.0, image.GetPixelID())


def _vector(values: np.ndarray) -> Vector:
    return tuple(map(float, values))
