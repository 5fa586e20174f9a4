"""Where boxes of one image lie in the other by the registration of the livers, in voxels of two grids."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid
from liverpair.detection.pairing import Found
from liverpair.measures.boxes import centers
from liverpair.registration.livers import registered

Points = np.ndarray
Way = Callable[[Points], Points]


def moved_by(way: Way, found: Found) -> Found:
    """Boxes that `way` leads to the other image, from their centers."""
    places = centers(found.boxes)
    return replace(found, displacements=way(places) - places)


def ways_between(grids: Sequence[Grid], livers: Sequence[sitk.Image]) -> tuple[tuple[Way, Way], list[str]]:
    """For T1 and T2: from voxel centers (n, 3) of their grid to those of the same places in the other image's, by the
    registration of the livers; where that fails, to themselves, as the livers lie on each other by their centroids in
    these grids. And a sentence then."""
    try:
        found = registered(*livers)
    except InputError:
        note = "The livers could not be registered: lesions were linked by the centroids of the livers."
        return (lambda points: points, lambda points: points), [note]

    def between(there: Way, own: Grid, other: Grid) -> Way:
        def way(points: Points) -> Points:
            places = np.array([own.point(point[::-1] - 0.5) for point in points]).reshape(-1, 3)
            return np.array([other.index(place)[::-1] + 0.5 for place in there(places)]).reshape(-1, 3)

        return way

    first, second = grids
    return (between(found.to_t2, first, second), between(found.to_t1, second, first)), []
