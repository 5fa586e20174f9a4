"""What makes a liver mask suspicious, on masks counted by hand and on the livers drawn in real MRI."""

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.core.geometry import volume_ml
from liverpair.measures.plausibility import (
    difference_percent,
    edges_cm2,
    holes_ml,
    mask_warnings,
    pair_warnings,
    parts,
)

SPACING = (4.0, 5.0, 10.0)
LPS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def block(z, y, x, shape=(10, 20, 25), spacing=SPACING, direction=LPS) -> sitk.Image:
    """A mask that is 1 in a block."""
    array = np.zeros(shape, np.uint8)
    array[slice(*z), slice(*y), slice(*x)] = 1
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    return image


INSIDE = ((3, 6), (5, 15), (5, 20))
EDGES = {
    # An inner block of 3 x 10 x 15 voxels of 10 x 5 x 4 mm: 30 x 50 x 60 mm. It is moved to each edge in turn.
    "bottom": (((0, 3), *INSIDE[1:]), 50 * 60),
    "top": (((7, 10), *INSIDE[1:]), 50 * 60),
    "front": ((INSIDE[0], (0, 10), INSIDE[2]), 30 * 60),
    "back": ((INSIDE[0], (10, 20), INSIDE[2]), 30 * 60),
    "right": ((*INSIDE[:2], (0, 15)), 30 * 50),
    "left": ((*INSIDE[:2], (10, 25)), 30 * 50),
}


@pytest.mark.parametrize("edge", EDGES)
def test_the_edge_is_named_as_the_patient_has_it_with_the_area_on_it(edge):
    where, area_mm2 = EDGES[edge]
    assert edges_cm2(block(*where)) == {edge: pytest.approx(area_mm2 / 100)}


def test_a_mask_within_its_volume_touches_no_edge():
    assert edges_cm2(block(*INSIDE)) == {} and edges_cm2(block((0, 0), (0, 0), (0, 0))) == {}


def test_several_edges_are_told_together():
    assert edges_cm2(block((0, 10), (0, 3), INSIDE[2])) == pytest.approx(
        {"front": 60.0, "bottom": 15 * 60 / 100, "top": 15 * 60 / 100}
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True), (True, True, True)])
def test_the_order_of_the_voxels_does_not_matter(order, flips):
    image = sitk.Flip(sitk.PermuteAxes(block(*EDGES["top"][0]), order), flips)  # every voxel stays where it is
    assert edges_cm2(image) == {"top": pytest.approx(30.0)}


def test_an_oblique_volume_has_the_edge_that_lies_nearest():
    tilt = np.radians(20)
    turned = (1.0, 0.0, 0.0, 0.0, np.cos(tilt), -np.sin(tilt), 0.0, np.sin(tilt), np.cos(tilt))
    assert edges_cm2(block(*EDGES["top"][0], direction=turned)) == {"top": pytest.approx(30.0)}


@pytest.mark.parametrize(("voxels", "told"), [(4, {}), (5, {"top": pytest.approx(1.0)})])
def test_less_than_a_square_centimeter_on_an_edge_is_not_told(voxels, told):
    # A voxel's face is 4 x 5 mm = 0.2 cm².
    assert edges_cm2(block((9, 10), (5, 6), (5, 5 + voxels))) == told


def test_parts_are_counted_where_faces_touch_and_crumbs_are_not():
    array = np.zeros((6, 20, 20), np.uint8)
    array[1:5, 1:11, 1:11] = 1  # 400 voxels
    array[1:3, 12:17, 12:16] = 1  # 40 voxels
    array[3, 17, 16] = 1  # touches the second with a corner alone: 1 of 441 voxels, 0.2 %
    numbered, percents = parts(sitk.GetImageFromArray(array))
    assert percents == pytest.approx([40000 / 441, 4000 / 441])
    counted = np.bincount(sitk.GetArrayFromImage(numbered).ravel())
    assert list(counted) == [2400 - 441, 400, 40, 1]
    assert parts(sitk.Image(3, 3, 3, sitk.sitkUInt8))[1] == []


def test_a_hole_is_closed_on_all_sides():
    array = np.zeros((10, 20, 25), np.uint8)
    array[2:8, 4:16, 4:20] = 1
    array[3:6, 6:9, 6:11] = 0  # 45 voxels of 4 x 5 x 10 mm = 0.2 ml
    array[5, 12, 12:20] = 0  # reaches the surface
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    assert holes_ml(image) == pytest.approx(9.0)
    assert mask_warnings("T2", 1500, {}, [100.0], 9.0) == [
        "The liver mask of T2 has holes of 9.0 ml: a lesion or vessel in it may be left out."
    ]
    assert mask_warnings("T2", 1500, {}, [100.0], 0.4) == []


def test_the_difference_of_two_volumes_is_in_percent_of_their_mean():
    assert difference_percent(1100, 900) == difference_percent(900, 1100) == pytest.approx(20.0)
    assert difference_percent(0, 900) is None and difference_percent(0, 0) is None


def test_a_whole_mask_of_a_piece_needs_no_words():
    assert mask_warnings("T1", 1500, {}, [100.0]) == [] and pair_warnings(1024, 975) == []


def test_each_suspicion_is_one_sentence():
    assert mask_warnings("T2", 0.0, {}, []) == ["No liver was found in T2."]
    edge, pieces = mask_warnings("T1", 1500, {"top": 209.4, "left": 12.0, "back": 3.1}, [92.8, 5.6, 1.6])
    assert edge == (
        "The liver in T1 reaches the edge of its volume at the top (209 cm²), left (12 cm²) and back (3 cm²): what "
        "lies beyond is missing from the mask and its volume."
    )
    assert pieces == (
        "The liver mask of T1 was in 3 parts (93 %, 6 % and 2 % of it) before clean-up: check whether a piece of the "
        "liver is missing, or something else was taken for liver."
    )
    assert pair_warnings(1430, 1258) == [  # 172 of 1344
        "The volumes of the liver in T1 and T2 differ by 13 %: it is one liver, so look at both masks."
    ]


def test_of_the_livers_drawn_in_real_mri_those_that_are_cut_are_told_and_no_other(data_folder):
    cut = {("01", "t1"), ("01", "t2"), ("15", "t1"), ("15", "t2"), ("34", "t1"), ("36", "t2")}
    cases = sorted(path.name for path in (data_folder / "chaos_mr").iterdir() if path.is_dir())
    told = {}
    for case in cases:
        for side in ("t1", "t2"):
            organs = sitk.ReadImage(str(data_folder / "chaos_mr" / case / f"{side}_organs.nii.gz"))
            liver = organs == 1
            edges = edges_cm2(liver)
            if mask_warnings(side.upper(), volume_ml(liver), edges, parts(liver)[1]):
                told[case, side] = list(edges)
    assert told == {who: ["top"] for who in cut if who[0] in cases}
