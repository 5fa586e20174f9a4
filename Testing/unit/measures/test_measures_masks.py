"""Dice, surface distances and volumes against values worked out by hand, and against MONAI where it is installed."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from liverpair.core.errors import InputError
from liverpair.core.geometry import offset_t1_to_t2
from liverpair.measures.masks import structure_mask
from liverpair.measures.overlap import dice, label_dice, soft_dice, volume_error_percent
from liverpair.measures.summary import segmentation_measures
from liverpair.measures.surface import hd95_and_assd_mm, surface_distances_mm

SPACING = (1.5, 2.0, 4.5)
TILTED = (math.cos(0.5), -math.sin(0.5), 0.0, math.sin(0.5), math.cos(0.5), 0.0, 0.0, 0.0, 1.0)


def mask(array: np.ndarray, spacing=SPACING, origin=(0.0, 0.0, 0.0), direction=None) -> sitk.Image:
    image = sitk.GetImageFromArray(np.asarray(array, np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction:
        image.SetDirection(direction)
    return image


def cuboid(z: slice, y: slice, x: slice, shape=(10, 12, 14), **geometry) -> sitk.Image:
    array = np.zeros(shape, np.uint8)
    array[z, y, x] = 1
    return mask(array, **geometry)


CUBE = cuboid(slice(2, 6), slice(2, 6), slice(2, 6))
EMPTY = cuboid(slice(0), slice(0), slice(0))


def test_every_label_is_compared_with_every_one_that_it_meets():
    first = mask(np.array([[[1, 1, 1, 1, 0, 2, 2, 0, 200]]]))
    second = mask(np.array([[[7, 7, 5, 5, 5, 5, 0, 0, 0]]]))
    assert label_dice(first, second) == pytest.approx({(1, 7): 4 / 6, (1, 5): 4 / 8, (2, 5): 2 / 6})
    with pytest.raises(InputError):
        label_dice(first, mask(np.zeros((1, 1, 8))))


def test_dice_of_shifted_cubes():
    # 4³ voxels each; shifted by one voxel they share 3·4·4 = 48 of 64.
    assert dice(CUBE, cuboid(slice(3, 7), slice(2, 6), slice(2, 6))) == 48 / 64
    assert dice(CUBE, cuboid(slice(3, 7), slice(3, 7), slice(3, 7))) == 27 / 64
    assert dice(CUBE, cuboid(slice(6, 10), slice(2, 6), slice(2, 6))) == 0
    assert dice(CUBE, CUBE) == 1


def test_soft_dice_is_what_the_probabilities_promise():
    probability, inside = np.array([[0.9, 0.7, 0.4, 0.0]]), np.array([[1, 1, 0, 0]])
    assert soft_dice(probability, inside) == pytest.approx(2 * 1.6 / (2 + 2.0))
    assert soft_dice(inside.astype(float), inside) == 1
    assert math.isnan(soft_dice(probability, np.zeros((1, 4))))


@pytest.mark.parametrize(
    "bad, words",
    [
        (sitk.Cast(CUBE, sitk.sitkComplexFloat32), "A mask cannot hold complex numbers."),
        (sitk.Cast(CUBE, sitk.sitkFloat32) * float("nan"), "A mask has voxels that are not a number"),
        (sitk.Compose(CUBE, CUBE), "scalar 3-D images only"),
    ],
)
def test_what_is_no_mask_is_refused_in_words(bad, words):
    for measure in (
        lambda: dice(CUBE, bad),
        lambda: segmentation_measures(bad, CUBE),
        lambda: structure_mask(bad, 1, "It"),
    ):
        with pytest.raises(InputError, match=words):
            measure()


def test_a_label_is_the_voxels_of_its_value_and_no_others():
    labels = CUBE * 3 + cuboid(slice(7, 9), slice(2, 6), slice(2, 6))
    for label in (3, "3"):
        found, notes = structure_mask(labels, label, "The map")
        assert dice(found, CUBE) == 1 and not notes
    for value in (3 + 256, -253, 2):
        with pytest.raises(InputError, match=f"The map has no voxel of label {value}; it holds 1, 3."):
            structure_mask(labels, value, "The map")


def test_a_map_of_several_labels_needs_a_choice():
    labels = CUBE * 3 + cuboid(slice(7, 9), slice(2, 6), slice(2, 6))
    with pytest.raises(InputError, match="The map holds several labels: 1, 3. Name one with --label"):
        structure_mask(labels, None, "The map", "--label")
    assert dice(structure_mask(CUBE * 255, None, "The map")[0], CUBE) == 1


@pytest.mark.parametrize(
    "values, label",
    [((1, 5, 2), "TotalSegmentator"), ((1, 6, 2), "amos"), ((126, 63, 252), "CHAOS"), ((3, 1, 4), "chaos")],
)
def test_the_liver_of_well_known_label_maps_is_known_by_name(values, label):
    labels = sitk.Cast(CUBE, sitk.sitkUInt16) * values[1]
    labels[0:2, 0:2, 0:2], labels[8:9, 8:9, 8:9] = values[0], values[2]
    assert dice(structure_mask(labels, label, "The map")[0], CUBE) == 1


def test_a_probability_map_is_cut_at_a_half_and_says_so():
    map_ = sitk.Cast(CUBE, sitk.sitkFloat32) * 0.9 + 0.01
    found, notes = structure_mask(map_, None, "The map")
    assert dice(found, CUBE) == 1 and "probability map" in notes[0]
    for bad, words in ((map_ * 0.5, "stays below 0.5"), (map_ * 7, "neither a mask nor a map"), (EMPTY, "is empty")):
        with pytest.raises(InputError, match=words):
            structure_mask(bad, None, "The map")


def test_a_label_that_is_no_number_is_refused_with_the_names_that_are_known():
    with pytest.raises(InputError, match="'kidney' is not a label. Give a number, or totalsegmentator, amos, chaos."):
        structure_mask(CUBE, "kidney", "The map")


def test_dice_of_unequal_sizes():
    # 64 and 4·4·8 = 128 voxels, 64 shared.
    assert dice(CUBE, cuboid(slice(2, 6), slice(2, 6), slice(2, 10))) == pytest.approx(2 * 64 / (64 + 128))


@pytest.mark.parametrize("axis, step", [(0, 4.5), (1, 2.0), (2, 1.5)])
def test_distances_between_parallel_plates(axis, step):
    # Two one-voxel plates, three voxels apart: every distance is three spacings.
    where = [slice(2, 8)] * 3
    a, b = (cuboid(*[slice(n, n + 1) if i == axis else s for i, s in enumerate(where)]) for n in (1, 4))
    assert hd95_and_assd_mm(a, b) == pytest.approx((3 * step, 3 * step))


def test_distances_between_two_points_are_euclidean():
    a, b = cuboid(slice(1, 2), slice(1, 2), slice(1, 2)), cuboid(slice(2, 3), slice(4, 5), slice(3, 4))
    assert hd95_and_assd_mm(a, b) == pytest.approx([math.sqrt(4.5**2 + 6.0**2 + 3.0**2)] * 2)


def test_distances_of_a_line_and_a_longer_line():
    # 20 voxels along x inside 25: the longer sees 20 distances of 0 and 1.5, 3, 4.5, 6, 7.5 mm; the shorter sees zeros.
    a, b = (cuboid(slice(1, 2), slice(1, 2), slice(0, n), shape=(3, 3, 26)) for n in (20, 25))
    to_b, to_a = surface_distances_mm(a, b)
    assert not to_b.any() and sorted(to_a)[-6:] == pytest.approx([0, 1.5, 3, 4.5, 6, 7.5])
    # Position 0.95·24 = 22.8 between the 23rd (4.5 mm) and the 24th (6 mm) of 25 sorted distances.
    assert hd95_and_assd_mm(a, b) == pytest.approx((4.5 + 0.8 * 1.5, 22.5 / 45))


def test_cubes_shifted_by_one_slice():
    # Surface of a 4³ cube: 64 − 8 = 56 voxels. Seen from either cube, its far cap (16 voxels) lies one slice (4.5 mm)
    # outside the other; of its near cap, inside the other, the 4 inner voxels lie 1.5 mm from that one's shell, and all
    # else lies on it.
    other = cuboid(slice(3, 7), slice(2, 6), slice(2, 6))
    for distances in surface_distances_mm(CUBE, other):
        assert sorted(distances) == pytest.approx(36 * [0] + 4 * [1.5] + 16 * [4.5])
    assert hd95_and_assd_mm(CUBE, other) == pytest.approx((4.5, (16 * 4.5 + 4 * 1.5) / 56))


def test_edge_of_the_volume_is_a_surface():
    full = mask(np.ones((5, 5, 5)))
    assert len(surface_distances_mm(full, full)[0]) == 5**3 - 3**3


def test_distances_do_not_depend_on_where_the_grid_lies():
    here = [cuboid(slice(2, 6), slice(2, 6), slice(n, n + 5)) for n in (2, 5)]
    there = [
        cuboid(slice(2, 6), slice(2, 6), slice(n, n + 5), origin=(-250.0, 31.0, 900.0), direction=TILTED)
        for n in (2, 5)
    ]
    assert hd95_and_assd_mm(*there) == pytest.approx(hd95_and_assd_mm(*here))


def test_empty_masks():
    assert (dice(EMPTY, EMPTY), volume_error_percent(EMPTY, EMPTY)) == (1, 0)
    assert hd95_and_assd_mm(EMPTY, EMPTY) == (0, 0)
    for a, b in ((CUBE, EMPTY), (EMPTY, CUBE)):
        assert dice(a, b) == 0
        assert all(map(math.isnan, hd95_and_assd_mm(a, b)))
        assert offset_t1_to_t2(a, b) is None
    assert volume_error_percent(EMPTY, CUBE) == -100
    assert math.isnan(volume_error_percent(CUBE, EMPTY))


def test_volume_error_has_a_sign():
    assert volume_error_percent(cuboid(slice(2, 6), slice(2, 6), slice(2, 7)), CUBE) == pytest.approx(25)
    assert volume_error_percent(cuboid(slice(2, 5), slice(2, 6), slice(2, 6)), CUBE) == pytest.approx(-25)


def test_the_offset_from_t1_to_t2_crosses_grids():
    a = cuboid(slice(2, 6), slice(2, 6), slice(2, 6), origin=(100.0, 0.0, 0.0))
    b = cuboid(slice(0, 2), slice(0, 2), slice(0, 2), spacing=(1.0, 1.0, 1.0))
    # Centers: index 3.5 · (1.5, 2, 4.5) + (100, 0, 0) and index 0.5 · (1, 1, 1).
    assert offset_t1_to_t2(b, a) == pytest.approx((105.25 - 0.5, 7.0 - 0.5, 15.75 - 0.5))


@pytest.mark.parametrize(
    "geometry",
    [{"spacing": (1.5, 2.0, 4.6)}, {"origin": (0.1, 0.0, 0.0)}, {"direction": TILTED}, {"shape": (10, 12, 15)}],
)
def test_other_grids_are_refused(geometry):
    other = cuboid(slice(2, 6), slice(2, 6), slice(2, 6), **geometry)
    for measure in (dice, hd95_and_assd_mm, segmentation_measures):
        with pytest.raises(InputError, match="different grids"):
            measure(CUBE, other)


def test_other_images_are_refused():
    color = sitk.Compose([CUBE, CUBE])
    for wrong in (color, CUBE[:, :, 3]):
        with pytest.raises(InputError, match="scalar 3-D"):
            dice(wrong, wrong)


def test_any_nonzero_label_counts():
    assert dice(sitk.Cast(CUBE, sitk.sitkFloat32) * 0.25, CUBE * 7) == 1


def test_all_measures_of_a_case():
    other = cuboid(slice(3, 7), slice(2, 6), slice(2, 6))
    measures = segmentation_measures(other, CUBE)
    assert measures == {
        "dice": 0.75,
        "hd95_mm": pytest.approx(4.5),
        "assd_mm": pytest.approx(78 / 56),
        "volume_ml": pytest.approx(64 * 13.5 / 1000),
        "reference_ml": pytest.approx(64 * 13.5 / 1000),
        "volume_error_percent": 0,
        "centroid_distance_mm": pytest.approx(4.5),
    }


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.uint8, (4, 5, 6), elements=st.integers(0, 1)),
    hnp.arrays(np.uint8, (4, 5, 6), elements=st.integers(0, 1)),
)
def test_measures_are_symmetric_and_zero_only_for_equal_masks(first, second):
    a, b = mask(first), mask(second)
    assert dice(a, b) == dice(b, a)
    np.testing.assert_allclose(hd95_and_assd_mm(a, b), hd95_and_assd_mm(b, a))
    assert hd95_and_assd_mm(a, a) == (0, 0)
    assert (dice(a, b) == 1) == bool((first == second).all())


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_monai(seed):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    noise = np.random.default_rng(seed).normal(size=(2, 14, 24, 22))
    arrays = [sum(np.roll(n, s, a) for s in range(-2, 3) for a in range(3)) > 2 for n in noise]
    a, b = (mask(array) for array in arrays)
    x, y = (torch.tensor(array[None, None]) for array in arrays)
    spacing = SPACING[::-1]
    hd95 = metrics.compute_hausdorff_distance(x, y, include_background=True, percentile=95, spacing=spacing)
    assd = metrics.compute_average_surface_distance(x, y, include_background=True, symmetric=True, spacing=spacing)
    assert hd95_and_assd_mm(a, b) == pytest.approx((float(hd95), float(assd)), rel=1e-5)
    assert dice(a, b) == pytest.approx(float(metrics.compute_dice(x, y, include_background=True)), rel=1e-5)
