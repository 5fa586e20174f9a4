"""From a scanner's volume to the network's input and back."""

import numpy as np
import pytest
import SimpleITK as sitk
from bright_box import grid, image_and_mask

from liverpair.bundle.manifest import Postprocessing
from liverpair.core.geometry import Grid, on_grid, resample
from liverpair.measures.overlap import dice
from liverpair.segmentation.postprocessing import entropy, to_mask
from liverpair.segmentation.preparation import (
    GridPolicy,
    Normalization,
    anti_aliased,
    body_region,
    prepare,
    prepare_labels,
    reduced,
    to_image_grid,
    without_empty_slices,
)

POLICY = GridPolicy((2.0, 2.0, 6.0))


def test_thick_slices_stay_where_they_are():
    assert POLICY.grid_for(image_and_mask(grid((1.5, 1.5, 9.0)))[0]).spacing == (2.0, 2.0, 9.0)


@pytest.mark.parametrize("slices_mm", [1.5, 3.0, 12.0])
def test_thin_and_very_thick_slices_get_the_bundle_s_spacing(slices_mm):
    assert POLICY.grid_for(image_and_mask(grid((4.0, 4.0, slices_mm)))[0]).spacing == (2.0, 2.0, 6.0)


def test_percentiles_become_zero_and_one():
    values = Normalization(10, 90)(np.arange(101.0))
    assert values.min() == 0 and values.max() == 1
    assert values[50] == pytest.approx(0.5) and values[30] == pytest.approx(0.25)
    assert values.dtype == np.float32


@pytest.mark.parametrize("factor", [1e-30, 1e-6, 1e6, 1e30])
def test_the_unit_of_the_values_does_not_matter(factor):
    values = np.random.default_rng(0).gamma(2.0, 50.0, (6, 20, 20)).astype(np.float32)
    assert Normalization()(values * np.float32(factor)) == pytest.approx(Normalization()(values), abs=1e-5)
    few = (values > 400).astype(np.float32)
    assert 0 < few.mean() < 0.01
    assert (Normalization()(few * np.float32(factor)) == few).all()


def test_the_air_around_the_patient_is_cropped():
    image, _ = image_and_mask(grid(extent=360.0))
    prepared = prepare(image, POLICY, Normalization(0, 100))
    full = POLICY.grid_for(image)
    assert prepared.grid.size[2] == 28  # slices 6 mm apart that meet the ball of 170 mm
    assert all(170 <= n * 2.0 <= 230 for n in prepared.grid.size[:2])
    corner = full.index(prepared.grid.origin)
    assert corner == pytest.approx(np.round(corner), abs=1e-6)


@pytest.mark.parametrize("rim", ["zeros", "another value", "noise"])
def test_slices_beside_the_patient_change_nothing_that_a_network_sees(rim):
    image, _ = image_and_mask(grid((2.0, 2.0, 6.0), extent=360.0))
    body = sitk.GetArrayFromImage(image)[20:40] + 1.0
    empty = {"zeros": np.zeros, "another value": lambda shape: np.full(shape, -1000.0)}.get(
        rim, lambda shape: np.random.default_rng(0).rayleigh(0.01 * body.max(), shape)
    )((30, *body.shape[1:]))
    alone = prepare(sitk.GetImageFromArray(body), GridPolicy((2.0, 2.0, 1.0)), Normalization())
    padded = np.concatenate([empty, body, empty]).astype(body.dtype)
    found = prepare(sitk.GetImageFromArray(padded), GridPolicy((2.0, 2.0, 1.0)), Normalization())
    assert found.limits == alone.limits and (found.array == alone.array).all()


def test_slices_without_patient_are_left_out_only_above_and_below():
    values = np.full((9, 40, 40), 1.0, np.float32)
    values[[2, 3, 5, 6], 10:30, 10:30] = 100.0
    assert without_empty_slices(sitk.GetImageFromArray(values)).GetSize() == (40, 40, 5)
    flat = sitk.GetImageFromArray(np.zeros((9, 40, 40), np.float32))
    assert without_empty_slices(flat).GetSize() == (40, 40, 9)


def test_a_slice_with_another_background_does_not_widen_the_body():
    values = np.zeros((20, 60, 60), np.float32)
    values[:, 20:40, 25:45] = 100.0
    expected = body_region(values, (4.0, 4.0, 6.0))
    assert expected == (slice(17, 45), slice(23, 49))  # 12 mm and less than a cell of 8 mm around it
    values[0] += 40.0
    assert body_region(values, (4.0, 4.0, 6.0)) == expected


def test_without_a_body_everything_is_kept():
    noise = np.zeros((5, 40, 40), np.float32)
    assert body_region(noise, (2.0, 2.0, 6.0)) == (slice(0, 40), slice(0, 40))


@pytest.mark.parametrize("degrees", [(0, 0, 0), (12, -9, 20)])
@pytest.mark.parametrize("order, flips", [((0, 1, 2), (1, 1, 1)), ((0, 2, 1), (1, -1, 1)), ((2, 0, 1), (-1, 1, -1))])
def test_labels_come_back_onto_the_own_grid(degrees, order, flips):
    image, mask = image_and_mask(grid((2.0, 2.0, 5.5), degrees, order, flips))
    prepared = prepare(image, POLICY, Normalization(0, 100))
    soft = prepare_labels(mask, prepared.grid, [1])
    back, _ = to_mask(to_image_grid(soft[0], prepared.grid, Grid.of(image)), Postprocessing(0.5))
    assert Grid.of(back).same_as(Grid.of(image))
    assert dice(back, mask) > 0.97


@pytest.mark.parametrize("spacing", [(0.9, 0.7, 1.1), (2.0, 2.0, 5.5), (0.8, 2.5, 2.0)])
def test_a_few_slices_at_a_time_give_the_same_as_all_at_once(spacing):
    image, _ = image_and_mask(grid(spacing, (12, -9, 20), (2, 0, 1), (-1, 1, -1), extent=60.0))
    working = GridPolicy((2.0, 2.0, 3.0)).grid_for(image)
    at_once = sitk.GetArrayFromImage(resample(anti_aliased(image, working), working))
    assert sitk.GetArrayFromImage(reduced(image, working)) == pytest.approx(at_once, abs=1e-4 * float(at_once.max()))


def test_thin_slices_are_averaged_not_skipped():
    values = np.zeros((60, 20, 20), np.float32)
    values[::2] = 1.0
    thin = on_grid(values, Grid((20, 20, 60), (2.0, 2.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)))
    prepared = prepare(thin, GridPolicy((2.0, 2.0, 6.0), crop_to_body=False), Normalization(0, 100))
    raw = sitk.GetArrayFromImage(to_image_grid(prepared.array, prepared.grid, Grid.of(thin)))
    assert prepared.array.shape[0] == 10
    assert np.isfinite(raw).all()
    on = prepare_labels(thin > 0.5, prepared.grid, [1])[0][2:-2]
    assert on == pytest.approx(np.full_like(on, 0.5), abs=0.05)


def test_post_processing_keeps_the_largest_piece_and_fills_holes():
    array = np.zeros((8, 8, 8), np.float32)
    array[1:6, 1:6, 1:6] = 0.9
    array[3, 3, 3] = 0.1
    array[7, 7, 7] = 0.9
    image = sitk.GetImageFromArray(array)
    count = {
        name: int(sitk.GetArrayFromImage(to_mask(image, rules, largest)[0]).sum())
        for name, rules, largest in (
            ("plain", Postprocessing(0.5), None),
            ("largest", Postprocessing(0.5, largest_component=True), None),
            ("filled", Postprocessing(0.5, largest_component=True, fill_holes=True), None),
            ("overridden", Postprocessing(0.5, largest_component=True), False),
            ("strict", Postprocessing(0.95), None),
        )
    }
    assert count == {"plain": 125, "largest": 124, "filled": 125, "overridden": 125, "strict": 0}


@pytest.mark.parametrize("keep_largest", [True, False])
def test_the_parts_of_a_mask_are_those_before_clean_up(keep_largest):
    array = np.zeros((8, 8, 8), np.float32)
    array[:3, :4, :5] = 0.9  # 60 voxels
    array[5:, 5:, 5:7] = 0.9  # 18 voxels; 78 in all
    found = to_mask(sitk.GetImageFromArray(array), Postprocessing(0.5), keep_largest)[1]
    assert found == pytest.approx([6000 / 78, 1800 / 78])


def test_entropy_is_one_bit_at_a_half():
    values = sitk.GetArrayFromImage(entropy(sitk.GetImageFromArray(np.array([[[0.0, 0.5, 1.0, 0.25]]], np.float32))))
    assert values.ravel() == pytest.approx([0, 1, 0, 0.811278], abs=1e-4)
