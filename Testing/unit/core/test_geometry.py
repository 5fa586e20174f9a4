"""Grids, resampling, boxes."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from liverpair.core.errors import InputError
from liverpair.core.geometry import (
    Box,
    Grid,
    centroid_mm,
    check_volume,
    like,
    on_grid,
    resample,
    to_lps,
    volume_ml,
    working_grid,
)


def rotation(degrees: tuple[float, float, float]) -> np.ndarray:
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*(math.radians(d) for d in degrees))
    return np.array(transform.GetMatrix()).reshape(3, 3)


def volume(size=(6, 5, 4), spacing=(2.0, 3.0, 5.0), origin=(-10.0, 20.0, 30.0), degrees=(0, 0, 0), flips=(1, 1, 1)):
    values = np.random.default_rng(0).normal(size=size[::-1]).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection((rotation(degrees) @ np.diag(flips).astype(float)).ravel())
    return image


def test_points_and_indices_are_those_of_simpleitk():
    image = volume(degrees=(10, -20, 30))
    grid = Grid.of(image)
    assert grid.point((1, 2, 3)) == pytest.approx(image.TransformContinuousIndexToPhysicalPoint((1, 2, 3)))
    assert grid.index(grid.point((1.5, 0.25, 2))) == pytest.approx((1.5, 0.25, 2))


def test_blank_image_lies_on_the_grid():
    grid = Grid.of(volume(degrees=(5, 0, 0)))
    blank = grid.image(7.0)
    assert Grid.of(blank).same_as(grid)
    assert set(sitk.GetArrayFromImage(blank).ravel()) == {7.0}


def test_grids_that_differ_by_a_shift_or_a_turn_are_not_the_same():
    grid = Grid.of(volume())
    assert not grid.same_as(Grid.of(volume(origin=(-10.0, 20.0, 30.01))))
    assert not grid.same_as(Grid.of(volume(degrees=(0, 0, 0.2))))
    assert not grid.same_as(Grid.of(volume(size=(6, 5, 5))))


@settings(max_examples=25, deadline=None)
@given(
    # Rounded, as ITK cannot invert a direction with denormal numbers in it.
    st.tuples(*[st.floats(-30, 30).map(lambda degrees: round(degrees, 6))] * 3),
    st.sampled_from([(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)]),
    st.permutations([0, 1, 2]),
)
def test_to_lps_keeps_every_voxel_at_its_place(degrees, flips, order):
    image = sitk.PermuteAxes(volume(degrees=degrees, flips=flips), list(order))
    turned = to_lps(image)
    axes = np.abs(np.array(turned.GetDirection()).reshape(3, 3))
    assert (axes.argmax(axis=0) == [0, 1, 2]).all() or axes.max() < 0.8
    for index in ((0, 0, 0), (1, 2, 3), (3, 2, 1)):
        if all(i < n for i, n in zip(index, turned.GetSize())):
            point = turned.TransformIndexToPhysicalPoint(index)
            assert turned[index] == image[image.TransformPhysicalPointToIndex(point)]


def test_working_grid_covers_the_volume_and_shares_its_center():
    image = volume(degrees=(12, 5, -8))
    grid = working_grid(image, (1.5, 1.5, 3.0))
    own = Grid.of(to_lps(image))
    middle = [(n - 1) / 2 for n in grid.size]
    assert grid.point(middle) == pytest.approx(own.point([(n - 1) / 2 for n in own.size]))
    for extent, wanted in zip(np.multiply(grid.size, grid.spacing), np.multiply(own.size, own.spacing)):
        assert wanted - 1e-6 <= extent < wanted + 3.0
    assert grid.direction == pytest.approx(own.direction)


def test_resampling_onto_the_own_grid_changes_nothing():
    image = volume(degrees=(3, 4, 5))
    again = resample(image, Grid.of(image))
    assert sitk.GetArrayFromImage(again) == pytest.approx(sitk.GetArrayFromImage(image), abs=1e-5)


def test_resampling_is_in_scanner_space_and_fills_outside():
    image = volume(degrees=(0, 0, 0))
    grid = Grid.of(image)
    shifted = Grid(grid.size, grid.spacing, tuple(grid.point((1, 0, 0))), grid.direction)
    values = sitk.GetArrayFromImage(resample(image, shifted, "nearest", fill=-9.0))
    assert (values[..., :-1] == sitk.GetArrayFromImage(image)[..., 1:]).all()
    assert (values[..., -1] == -9.0).all()


def test_arrays_become_images_only_where_the_shape_fits():
    image = volume()
    assert Grid.of(like(np.ones((4, 5, 6)), image)).same_as(Grid.of(image))
    assert Grid.of(on_grid(np.ones((4, 5, 6)), Grid.of(image))).same_as(Grid.of(image))
    for put in (lambda a: like(a, image), lambda a: on_grid(a, Grid.of(image))):
        with pytest.raises(ValueError):
            put(np.ones((6, 5, 4)))


def test_volume_and_centroid_by_hand():
    array = np.zeros((4, 5, 6), np.uint8)
    array[1:3, 2, 1:5] = 1
    mask = like(array, volume(degrees=(0, 90, 0)))
    assert volume_ml(mask) == pytest.approx(8 * 30 / 1000)
    assert centroid_mm(mask) == pytest.approx(mask.TransformContinuousIndexToPhysicalPoint((2.5, 2.0, 1.5)))
    assert centroid_mm(mask * 0) is None


def test_box_corners_and_displacement():
    box = Box((1.0, 2.0, 3.0), (2.0, 4.0, 6.0), tuple(rotation((0, 0, 90)).ravel()))
    corners = box.corners_mm
    assert corners.min(axis=0) == pytest.approx((-1, 1, 0)) and corners.max(axis=0) == pytest.approx((3, 3, 6))
    assert box.moved((1, 0, -1)).center_mm == (2.0, 2.0, 2.0)


def nan_volume():
    image = volume()
    image[0, 0, 0] = float("nan")
    return image


def placed(**geometry) -> sitk.Image:
    return volume(**{"size": (4, 4, 4), "spacing": (4.0, 4.0, 4.0), **geometry})


def of_values(low: float, high: float) -> sitk.Image:
    image = like(np.full((4, 5, 6), low), volume())
    image[0, 0, 0] = high
    return image


@pytest.mark.parametrize(
    "image, words",
    [
        (sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), "T2 has 3 components; LiverPair needs a scalar volume"),
        (sitk.Image([4, 4], sitk.sitkUInt8), "T2 has 2 dimensions"),
        (sitk.Image([4, 4, 4, 2], sitk.sitkUInt8), "T2 has 4 dimensions"),
        (sitk.Image([4, 4, 1], sitk.sitkUInt8), "T2 is a single slice"),
        (sitk.Image([4, 4, 4], sitk.sitkUInt8), "same value in every voxel"),
        (sitk.Image([4, 4, 4], sitk.sitkComplexFloat32), "complex"),
        (nan_volume(), "NaN"),
        (placed(spacing=(4.0, 4000.0, 4.0)), "T2 would be 16 m wide; check its voxel spacing."),
        (placed(spacing=(4.0, 4.0, 0.002)), "T2 would be 0.008 mm wide; check its voxel spacing."),
        (placed(origin=(0.0, math.nan, 0.0)), r"T2 has an invalid origin \(0.0, nan, 0.0\)\."),
        (of_values(0.0, -1.7e308), r"T2 has values beyond ±1e\+38."),
        (of_values(0.0, 1e300), r"T2 has values beyond ±1e\+38."),
        (of_values(0.0, 1e-300), "T2 has values too close to each other for single precision: 0 to 1e-300."),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(image, words):
    with pytest.raises(InputError, match=words):
        check_volume(image, "T2")


def test_a_plain_volume_is_accepted():
    check_volume(volume(degrees=(20, 10, 5)), "T1")


def test_whole_body_volumes_and_wide_value_ranges_pass():
    check_volume(volume(size=(6, 5, 4), spacing=(350.0, 2.0, 2.5)), "T1")
    check_volume(of_values(-9e37, 9e37), "T1")
