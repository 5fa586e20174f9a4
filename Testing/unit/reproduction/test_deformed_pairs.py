"""A deformed T2 image and what is known of it stay together."""

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.core.geometry import Grid, centroid_mm
from liverpair.core.lesions import Lesion, LesionBox
from liverpair.core.sides import Side
from liverpair.measures.boxes import label_boxes
from liverpair.synthesis.paired_lesions_rendering import SyntheticPair
from reproduction.chapter4.deformed_pairs import deformed_pair

OBLIQUE = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, 1.0)


def studied(direction: tuple[float, ...]) -> tuple[SyntheticPair, sitk.Image]:
    """Two balls of 15 mm radius in an image of 200 mm; the second is not seen in T2."""
    grid = Grid((100, 100, 50), (2.0, 2.0, 4.0), (-90.0, -120.0, 30.0), direction)
    places = [grid.point((30, 35, 20)), grid.point((65, 60, 30))]
    points = np.stack(np.meshgrid(*(range(n) for n in grid.size[::-1]), indexing="ij"), axis=-1)[..., ::-1]
    world = points * grid.spacing @ grid.axes.T + grid.origin
    labels = np.zeros(grid.shape, np.uint8)
    for number, place in enumerate(places, start=1):
        labels[np.linalg.norm(world - place, axis=-1) <= 15] = number
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(grid.image())
    boxes = label_boxes(image)
    pairs = [
        Lesion(
            1, {Side.T1: LesionBox(boxes[1], "drawn"), Side.T2: LesionBox(boxes[1], "drawn")}, displacement_mm=(0, 0, 0)
        ),
        Lesion(2, {Side.T1: LesionBox(boxes[2], "drawn")}, displacement_mm=(0, 0, 0)),
    ]
    bright = sitk.Cast(image, sitk.sitkFloat32)
    return SyntheticPair(bright, bright, image, image, pairs, (), {}, {}), sitk.Cast(image > 0, sitk.sitkUInt8)


@pytest.mark.parametrize("direction", [(1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), OBLIQUE])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_boxes_and_ways_go_with_the_image(direction, seed):
    pair, liver = studied(direction)
    changed, moved_liver = deformed_pair(pair, liver, seed)
    assert changed.t1 is pair.t1 and changed.t1_labels is pair.t1_labels
    seen = label_boxes(changed.t2_labels)
    for lesion in changed.pairs:
        place = lesion.box_or_moved(Side.T2)
        middle = centroid_mm(changed.t2_labels == lesion.number)
        assert np.linalg.norm(np.subtract(place.center_mm, middle)) < 1.5
        if Side.T2 in lesion.boxes:
            differences = np.abs(np.subtract(place.size_mm, seen[lesion.number].size_mm))
            assert (differences < (4.0, 4.0, 6.0)).all()  # voxels of 2, 2 and 4 mm
        way = np.subtract(place.center_mm, lesion.box(Side.T1).center_mm)
        assert lesion.displacement_mm == pytest.approx(way, abs=1e-6)
    assert max(np.linalg.norm(lesion.displacement_mm) for lesion in changed.pairs) > 3.0
    assert Side.T2 not in changed.pairs[1].boxes
    assert np.array_equal(sitk.GetArrayFromImage(moved_liver) > 0, sitk.GetArrayFromImage(changed.t2_labels) > 0)


def test_another_seed_is_another_deformation_and_the_same_the_same():
    pair, liver = studied(OBLIQUE)
    first, again, other = (deformed_pair(pair, liver, seed)[0].pairs[0].displacement_mm for seed in (4, 4, 5))
    assert first == again != other
