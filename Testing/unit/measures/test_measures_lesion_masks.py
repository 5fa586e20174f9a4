"""Diameters, volume, intensities and distances of lesions from their masks, each against shapes worked out by hand."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from lesion_factory import drawn, lesion_of, predicted

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side
from liverpair.measures.axial_lines import axial_lines
from liverpair.measures.burden import burden_percent, lesion_measures, summary
from liverpair.measures.lesion_labels import LesionLabels
from liverpair.measures.recist import RecistLimits, diameter_sum
from liverpair.synthesis.scanner import oblique_direction

AXIAL = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
CORONAL = (1.0, 0, 0, 0, 0, 1.0, 0, -1.0, 0)
GRID = Grid((60, 60, 12), (2.0, 2.0, 5.0), (-60.0, -60.0, -30.0), AXIAL)


def ball(grid, center, radius, squeeze=(1.0, 1.0, 1.0)):
    """Voxels (z, y, x) of an ellipsoid."""
    z, y, x = np.indices(grid.shape)
    points = np.stack([x, y, z], axis=-1) * grid.spacing @ grid.axes.T + grid.origin
    return np.linalg.norm((points - center) / squeeze, axis=-1) <= radius


def label_map(*masks, grid=GRID):
    labels = np.zeros(grid.shape, np.uint16)
    for number, mask in enumerate(masks, start=1):
        labels[mask] = number
    return on_grid(labels, grid)


def block(x, y, z):
    """Voxels from the first to the last index along each axis."""
    mask = np.zeros(GRID.shape, bool)
    mask[tuple(slice(a, b + 1) for a, b in (z, y, x))] = True
    return mask


# Diameters


def test_voxels_in_a_row_are_as_long_as_they_are():
    found = axial_lines(block((10, 14), (20, 20), (3, 3)), GRID)
    assert (found.slice, found.long_mm, found.short_mm) == (3, 10.0, 2.0)
    assert sorted(end[0] for end in found.long_line) == [-60 + 2 * 9.5, -60 + 2 * 14.5]
    assert {end[1:] for end in found.long_line} == {(-20.0, -15.0)}


def test_one_voxel_has_the_diameter_of_its_longer_side():
    grid = Grid((9, 9, 9), (1.0, 3.0, 5.0), (0.0, 0.0, 0.0), AXIAL)
    one = np.zeros(grid.shape, bool)
    one[4, 4, 4] = True
    found = axial_lines(one, grid)
    assert (found.slice, found.long_mm, found.short_mm) == (4, 3.0, 1.0)
    assert axial_lines(one & False, grid) is None


def test_a_rectangle_is_measured_along_its_diagonal():
    # 8 x 6 voxels of 2 mm: from the middle of the face at one corner, 8 voxels and 5 rows on: 2 * sqrt(64 + 25)
    found = axial_lines(block((10, 17), (20, 25), (2, 6)), GRID)
    assert found.long_mm == pytest.approx(2 * math.hypot(8, 5))
    assert found.slice == 2
    # at right angles: the longest line through the same outline is shorter than the diagonal and longer than the height
    assert 12.0 < found.short_mm < found.long_mm


def test_the_slice_with_the_longest_diameter_is_found():
    cone = np.zeros(GRID.shape, bool)
    for z, half in ((4, 3), (5, 6), (6, 8), (7, 5)):
        cone |= block((30 - half, 30 + half), (30, 31), (z, z))
    found = axial_lines(cone, GRID)
    assert found.slice == 6
    assert found.long_mm == pytest.approx(2 * math.hypot(17, 1))


def test_a_voxel_gone_astray_does_not_lengthen_a_lesion():
    lesion = block((10, 14), (20, 20), (3, 3)) | block((40, 40), (20, 20), (3, 3))
    assert axial_lines(lesion, GRID).long_mm == 10.0


@pytest.mark.parametrize("radius", [8.0, 15.0, 27.0, 40.0])
def test_a_ball_is_as_wide_as_it_is(radius):
    grid = Grid((90, 90, 21), (1.0, 1.0, 5.0), (-45.0, -45.0, -50.0), AXIAL)
    found = axial_lines(ball(grid, (0.3, 0.2, 0.0), radius), grid)
    assert found.slice == 10
    assert found.long_mm == pytest.approx(2 * radius, abs=1.0)
    assert found.short_mm == pytest.approx(2 * radius, abs=1.2)


def test_an_ellipsoid_has_a_long_and_a_short_axis_at_right_angles():
    grid = Grid((90, 90, 21), (1.0, 1.0, 5.0), (-45.0, -45.0, -50.0), AXIAL)
    found = axial_lines(ball(grid, (0, 0, 0), 1.0, (30.0, 12.0, 40.0)), grid)
    assert (found.long_mm, found.short_mm) == pytest.approx((60.0, 24.0), abs=1.0)
    long, short = (np.subtract(*line) for line in (found.long_line, found.short_line))
    assert np.dot(long, short) == pytest.approx(0.0, abs=1e-6)
    assert abs(long[2]) == abs(short[2]) == 0.0


def test_of_a_coronal_acquisition_axial_planes_are_measured():
    grid = Grid((40, 60, 12), (2.0, 2.0, 5.0), (-40.0, -30.0, 60.0), CORONAL)
    lesion = np.zeros(grid.shape, bool)
    lesion[4:7, 10:40, 20:24] = True  # 3 slices front to back, 30 rows head to feet, 4 columns
    found = axial_lines(lesion, grid)
    assert found.long_mm == pytest.approx(max(math.hypot(15.0, 2.0 * 3), math.hypot(10.0, 8.0)))
    assert abs(np.subtract(*found.long_line)[2]) < 1e-9


@settings(max_examples=20, deadline=None)
@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(6, 20), st.floats(0.5, 1.0))
def test_the_ends_lie_on_the_lesion_however_the_image_is_turned(about_x, about_y, radius, flat):
    grid = Grid((40, 40, 12), (1.5, 1.5, 5.0), (-30.0, -30.0, -28.0), oblique_direction(about_x, about_y))
    center = grid.point((20, 20, 6))
    found = axial_lines(ball(grid, center, radius, (1.0, flat, 1.0)), grid)
    for line, length in ((found.long_line, found.long_mm), (found.short_line, found.short_mm)):
        assert math.dist(*line) == pytest.approx(length)
        for end in line:
            assert grid.index(end)[2] == pytest.approx(found.slice)
    for end in found.long_line:
        assert np.linalg.norm((end - center) / (1.0, flat, 1.0)) <= radius + 1.5
    assert found.short_mm <= found.long_mm + 1e-9


# Volume, intensities, distances


def test_volume_mean_and_sd_are_those_of_the_voxels():
    mask = block((10, 13), (20, 24), (3, 5))
    image = np.full(GRID.shape, 7.0, np.float32)
    image[mask] = np.tile([1.0, 3.0], 30)
    found = LesionLabels(label_map(mask), on_grid(image, GRID)).measured(1)
    assert found.volume_ml == pytest.approx(60 * 20 / 1000)
    assert (found.mean, found.sd) == pytest.approx((2.0, 1.0))
    assert (found.contrast, found.capsule_mm, found.nearest_mm) == (None, None, None)


def test_contrast_is_to_the_liver_outside_every_mask():
    own, other = block((20, 25), (20, 25), (4, 6)), block((28, 33), (20, 25), (4, 6))
    image = np.full(GRID.shape, 200.0, np.float32)
    image[own], image[other] = 100.0, 900.0
    liver = on_grid(np.ones(GRID.shape, np.uint8), GRID)
    image = on_grid(image, GRID)
    assert LesionLabels(label_map(own, other), image, liver).measured(1).contrast == pytest.approx(-0.5)
    box = Box(tuple(GRID.point((30.5, 22.5, 5))), (12.0, 12.0, 15.0))
    assert LesionLabels(label_map(own), image, liver).measured(1, [box]).contrast == pytest.approx(-0.5)
    assert LesionLabels(label_map(own), image, liver).measured(1).contrast < -0.53


def test_distances_run_to_the_surface_of_the_liver_and_to_the_next_lesion():
    liver = on_grid(block((5, 50), (5, 50), (0, 11)).astype(np.uint8), GRID)
    masks = block((10, 12), (20, 22), (4, 4)), block((20, 22), (20, 22), (4, 4)), block((5, 6), (40, 42), (4, 4))
    measured = LesionLabels(label_map(*masks), None, liver)
    first, second, third = (measured.measured(number) for number in (1, 2, 3))
    assert (first.capsule_mm, second.capsule_mm, third.capsule_mm) == (2 * 5.0, 2 * 15.0, 0.0)
    assert first.nearest_mm == second.nearest_mm == 2 * 8.0
    assert third.nearest_mm == pytest.approx(2 * math.hypot(4, 18))


def test_a_lesion_that_the_liver_mask_leaves_out_makes_no_surface():
    whole, lesion = block((5, 50), (5, 50), (0, 11)), block((20, 24), (20, 24), (4, 6))
    holed = on_grid((whole & ~lesion).astype(np.uint8), GRID)
    assert LesionLabels(label_map(lesion), None, holed).measured(1).capsule_mm == 2 * 15.0


def test_a_lesion_outside_the_liver_has_no_distance_to_its_surface():
    liver = on_grid(block((5, 30), (5, 30), (0, 11)).astype(np.uint8), GRID)
    assert LesionLabels(label_map(block((40, 44), (40, 44), (4, 6))), None, liver).measured(1).capsule_mm is None


# All together


@pytest.fixture
def study():
    """Lesion 1 with a mask in T1 only, lesion 2 with masks in both, lesion 3 rejected, lesion 4 predicted in T2."""
    t1 = label_map(
        block((10, 14), (20, 20), (3, 3)), block((30, 39), (30, 31), (5, 5)), block((50, 54), (5, 9), (2, 4))
    )
    t2 = label_map(block((0, 0), (0, 0), (0, 0)) & False, block((30, 41), (30, 30), (5, 5)))
    boxes = [
        Box(tuple(GRID.point(center)), size)
        for center, size in (
            ((12, 20, 3), (10.0, 2.0, 5.0)),
            ((34.5, 30.5, 5), (20.0, 4.0, 5.0)),
            ((52, 7, 3), (10.0, 10.0, 15.0)),
            ((20, 50, 5), (16.0, 12.0, 10.0)),
        )
    ]
    pairs = [
        lesion_of(1, drawn(boxes[0]), drawn(boxes[0]), uid="one", state="accepted"),
        lesion_of(2, drawn(boxes[1]), drawn(boxes[1]), uid="two"),
        lesion_of(3, drawn(boxes[2]), uid="three", state="rejected"),
        lesion_of(4, drawn(boxes[3]), predicted(boxes[3]), uid="four"),
    ]  # fmt: skip
    return pairs, {Side.T1: t1, Side.T2: t2}


def test_what_has_no_mask_is_measured_from_its_box_and_says_so(study):
    pairs, masks = study
    rows = lesion_measures(pairs, masks=masks)
    assert [[row.sides[side].measured_from for side in Side] for row in rows] == [
        ["mask", "box"],
        ["mask", "mask"],
        ["box", None],
        ["box", None],
    ]
    one, two = rows[0].sides[Side.T1], rows[1].sides[Side.T2]
    assert (one.diameter_mm, one.volume_ml, one.slice) == (10.0, pytest.approx(0.1), 3)
    assert (two.diameter_mm, two.short_axis_mm) == (24.0, 2.0)
    assert rows[3].sides[Side.T1].volume_ml == pytest.approx(math.pi / 6 * 16 * 12 * 10 / 1000)


def test_the_burden_is_the_volume_of_the_masks_in_that_of_the_liver(study):
    pairs, masks = study
    liver = on_grid(np.ones(GRID.shape, np.uint8), GRID)
    found = summary(pairs[:3], livers={Side.T1: liver, Side.T2: None}, masks=masks)
    voxel = 20 / 1000
    assert found["t1_tumor_ml"] == pytest.approx((5 + 20) * voxel)
    assert found["t1_liver_ml"] == pytest.approx(60 * 60 * 12 * voxel)
    assert found["t1_burden_percent"] == pytest.approx(100 * 25 / (60 * 60 * 12))
    assert (found["t1_from_boxes"], found["t2_from_boxes"], found["t2_burden_percent"]) == (0, 1, None)


def test_the_published_examples_come_out():
    """Couteaux 2021, figures 1.2 and 1.3: 110 mm and 54 mm make 164 mm; 352 ml of 1850 ml are 19.0 %."""
    assert round(burden_percent(352.0, 1850.0), 1) == 19.0
    lengths = block((2, 56), (10, 10), (4, 4)), block((2, 28), (30, 30), (7, 7)), block((50, 53), (50, 50), (7, 7))
    box = Box((0.0, 0.0, 0.0), (5.0, 5.0, 5.0))
    pairs = [lesion_of(n, drawn(box), uid=str(n)) for n in (1, 2, 3)]
    found = diameter_sum(lesion_measures(pairs, masks={Side.T1: label_map(*lengths)}))
    assert found["t1_targets"] == ["1", "2"]
    assert found["t1_sum_mm"] == 110.0 + 54.0 == 164.0
    assert (
        diameter_sum(lesion_measures(pairs, masks={Side.T1: label_map(*lengths)}), RecistLimits(most=1))["sum_mm"]
        == 110
    )


def test_masks_that_do_not_fit_are_refused_in_a_sentence(study):
    pairs, masks = study
    other = Grid((60, 60, 12), (2.0, 2.0, 6.0), (-60.0, -60.0, -30.0), AXIAL).image()
    with pytest.raises(InputError, match="The lesion masks of T1 do not lie on the grid of its volume"):
        lesion_measures(pairs, {Side.T1: other}, masks=masks)
    with pytest.raises(InputError, match="The lesion masks of T2 hold fractions"):
        lesion_measures(pairs, masks={Side.T2: sitk.Cast(masks[Side.T2], sitk.sitkFloat32) * 0.3})
    whole = lesion_measures(pairs, masks={Side.T2: sitk.Cast(masks[Side.T2], sitk.sitkFloat32)})
    assert whole[1].sides[Side.T2].diameter_mm == 24.0
    empty = lesion_measures(pairs, masks={Side.T1: masks[Side.T1] * 0})
    assert {row.sides[Side.T1].measured_from for row in empty} == {"box"}
