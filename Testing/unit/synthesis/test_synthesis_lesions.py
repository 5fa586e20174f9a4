"""Lesions: shape in millimeters, rendering on any grid, placement."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.core.sides import Side
from liverpair.synthesis.lesion_shapes import KINDS, LOOKS, LesionShape, random_lesions, render_lesion
from liverpair.synthesis.scanner import oblique_direction


def _liver(value: float = 100.0, direction: tuple[float, ...] | None = None) -> sitk.Image:
    image = sitk.Image([60, 60, 30], sitk.sitkFloat32) + value
    image.SetSpacing((2.0, 2.0, 4.0))
    image.SetOrigin((-60.0, -60.0, -60.0))
    if direction:
        image.SetDirection(direction)
    return image


def _ball(**changes) -> LesionShape:
    radii, center = (15.0, 15.0, 15.0), (0.0, 0.0, 0.0)
    plain = LesionShape(number=1, kind="cyst", center_mm=center, radii_mm=radii, irregularity=0.0, seed=5)
    return dataclasses.replace(plain, **changes)


def test_depth_of_a_ball_is_the_distance_inside_its_surface():
    offsets = np.array([[0.0, 0, 0], [9.0, 0, 0], [0, 12.0, 16.0]])
    assert np.allclose(_ball().depth(offsets), [15.0, 6.0, -5.0])


def test_rotation_turns_the_long_axis():
    lesion = _ball(radii_mm=(20.0, 8.0, 8.0), rotation=(0.0, 0.0, np.pi / 2))
    inside = lesion.depth(np.array([[0.0, 18.0, 0.0], [18.0, 0.0, 0.0]])) > 0
    assert inside.tolist() == [True, False]


def test_volume_of_the_rendered_mask_is_that_of_the_ball():
    _, mask = render_lesion(_liver(), _ball(), Side.T2, 100.0, slice_samples=5)
    volume = sitk.GetArrayViewFromImage(mask).sum() * 2 * 2 * 4
    assert volume == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.05)


def test_a_lesion_is_the_same_object_on_an_oblique_grid():
    volumes = []
    for direction in (None, oblique_direction(20.0, 15.0)):
        image = _liver(direction=direction)
        place = image.TransformContinuousIndexToPhysicalPoint((30.0, 28.0, 15.0))
        _, mask = render_lesion(image, _ball(center_mm=place, irregularity=0.1), Side.T1, 100.0, slice_samples=5)
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(mask)
        volumes.append(shape.GetPhysicalSize(1))
        assert np.linalg.norm(np.subtract(shape.GetCentroid(1), place)) < 3.0
    assert volumes[0] == pytest.approx(volumes[1], rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sequence", list(Side))
def test_inner_intensity_follows_the_table(kind, sequence):
    image, mask = render_lesion(_liver(), _ball(kind=kind), sequence, 100.0)
    values = sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(mask) > 0]
    low, high = LOOKS[kind][sequence].ratio
    assert 0.85 * low <= np.median(values) / 100.0 <= 1.15 * high
    if sequence == Side.T2:
        assert np.median(values) > 115.0
    elif kind != "hcc":
        assert np.median(values) < 90.0


def test_liver_away_from_the_lesion_is_untouched_and_input_unchanged():
    liver = _liver()
    image, mask = render_lesion(liver, _ball(), Side.T2, 100.0)
    far = np.ones(image.GetSize()[::-1], dtype=bool)
    far[9:21, 19:42, 19:42] = False
    assert (sitk.GetArrayFromImage(image)[far] == 100.0).all() and (sitk.GetArrayFromImage(liver) == 100.0).all()


def test_a_lesion_hidden_in_one_sequence_keeps_its_mask_there():
    lesion = _ball(visible=(Side.T2,))
    image, mask = render_lesion(_liver(), lesion, Side.T1, 100.0)
    assert (sitk.GetArrayFromImage(image) == 100.0).all() and sitk.GetArrayFromImage(mask).any()


def test_thick_slices_average_the_lesion():
    sharp, _ = render_lesion(_liver(), _ball(center_mm=(0.0, 0.0, -2.0), radii_mm=(12.0, 12.0, 3.0)), Side.T2, 100.0)
    thick, _ = render_lesion(
        _liver(), _ball(center_mm=(0.0, 0.0, -2.0), radii_mm=(12.0, 12.0, 3.0)), Side.T2, 100.0, slice_samples=8
    )
    contrast = [sitk.GetArrayFromImage(i).sum() - 100.0 * 60 * 60 * 30 for i in (sharp, thick)]
    assert contrast[0] > 0 and contrast[1] > 0 and contrast[0] != contrast[1]
    expected = (_ball(radii_mm=(12.0, 12.0, 3.0)).intensity(np.zeros((1, 3)), np.array([3.0]), Side.T2)[0] - 1) * 100.0
    volume_in_voxels = 4 / 3 * np.pi * 12 * 12 * 3 / 16
    assert contrast[1] == pytest.approx(expected * volume_in_voxels, rel=0.15)


def test_a_lesion_outside_the_image_changes_nothing():
    image, mask = render_lesion(_liver(), _ball(center_mm=(500.0, 0.0, 0.0)), Side.T1, 100.0)
    assert not sitk.GetArrayFromImage(mask).any() and (sitk.GetArrayFromImage(image) == 100.0).all()


def test_random_lesions_lie_inside_and_apart():
    liver = sitk.Cast(_liver(1.0), sitk.sitkUInt8)
    lesions = random_lesions(liver, np.random.default_rng(1), 8, median_mm=14.0)
    assert [lesion.number for lesion in lesions] == list(range(1, len(lesions) + 1)) and len(lesions) >= 5
    again = random_lesions(liver, np.random.default_rng(1), 8, median_mm=14.0)
    assert lesions == again
    seen = np.zeros((30, 60, 60), dtype=int)
    for lesion in lesions:
        _, mask = render_lesion(_liver(), lesion, Side.T2, 100.0)
        mask = sitk.GetArrayFromImage(mask)
        assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any() and not mask[:, :, [0, -1]].any()
        seen += mask
    assert seen.max() == 1


def test_no_lesions_without_liver_or_count():
    empty = sitk.Cast(_liver(0.0), sitk.sitkUInt8)
    assert random_lesions(empty, np.random.default_rng(0), 5) == []
    assert random_lesions(sitk.Cast(_liver(1.0), sitk.sitkUInt8), np.random.default_rng(0), 0) == []
