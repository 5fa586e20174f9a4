"""Diameters, contrast and burden of lesions, each against a case worked out by hand; the table they make."""

import csv
import io
import math
from dataclasses import fields, replace

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from lesion_factory import detected, drawn, lesion_of, marked, predicted

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Grid, on_grid, volume_ml
from liverpair.core.lesion_findings import PHASES
from liverpair.core.sides import Side
from liverpair.io.lesion_csv import COLUMNS, csv_text, write_csv
from liverpair.measures.boxes import turned
from liverpair.measures.burden import lesion_measures, summary
from liverpair.measures.contrast import contrast_to_liver
from liverpair.measures.lesion_rows import LesionRow, SideRow
from liverpair.measures.recist import RecistLimits, diameter_sum, longest_axial_diameter_mm
from liverpair.synthesis.scanner import oblique_direction

GRID = Grid((40, 40, 20), (2.0, 2.0, 5.0), (-40.0, -40.0, -50.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
CORONAL = (1.0, 0, 0, 0, 0, 1.0, 0, -1.0, 0)


def lesion(number, t1=None, t2=None, **changes):
    """A pair of detected boxes with these sizes at the origin, or none."""
    sizes = zip((0.0, 30.0), (t1, t2))
    boxes = [None if size is None else detected(Box((0.0, 0.0, z), size), None) for z, size in sizes]
    return replace(lesion_of(number, *boxes, uid=f"lesion-{number}"), **changes)


def proposed(pair, side):
    return marked(pair, side, origin="predicted")


# Diameters


def test_the_diameter_is_the_longer_axial_side_however_tall_the_box():
    assert longest_axial_diameter_mm(Box((0.0, 0.0, 0.0), (12.0, 18.0, 60.0)), GRID) == (18.0, 10)


def test_the_slice_is_the_one_through_the_center_of_the_box():
    for z, expected in ((-50.0, 0), (-47.6, 0), (-47.4, 1), (45.0, 19), (400.0, 19), (-400.0, 0)):
        assert longest_axial_diameter_mm(Box((0.0, 0.0, z), (9.0, 8.0, 7.0)), GRID)[1] == expected


def test_across_a_coronal_acquisition_the_axial_plane_is_still_axial():
    grid = Grid((40, 40, 20), (2.0, 2.0, 5.0), (-40.0, -50.0, 40.0), CORONAL)
    box = Box(tuple(grid.point((20, 12, 7))), (10.0, 50.0, 20.0), CORONAL)
    assert longest_axial_diameter_mm(box, grid) == (20.0, 12)


def test_a_box_along_other_axes_is_turned_to_those_of_the_image():
    permuted = turned(Box((0.0, 0.0, 0.0), (12.0, 18.0, 60.0)), CORONAL)
    assert permuted.size_mm == pytest.approx((12.0, 60.0, 18.0))
    assert longest_axial_diameter_mm(permuted, GRID)[0] == pytest.approx(18.0)


@settings(max_examples=30)
@given(
    st.tuples(*[st.floats(3, 60)] * 3),
    st.floats(-25, 25),
    st.floats(-25, 25),
    st.permutations(range(3)),
)
def test_the_diameter_does_not_depend_on_how_the_axes_of_a_box_are_named(size, about_x, about_y, order):
    direction = np.reshape(oblique_direction(about_x, about_y), (3, 3))
    grid = Grid((9, 9, 9), (2.0, 2.0, 5.0), (0.0, 0.0, 0.0), tuple(direction.ravel()))
    box = Box((3.0, 4.0, 5.0), size, grid.direction)
    renamed = Box(box.center_mm, tuple(size[i] for i in order), tuple(direction[:, order].ravel()))
    assert longest_axial_diameter_mm(box, grid)[0] == pytest.approx(max(size[:2]))
    assert longest_axial_diameter_mm(renamed, grid)[0] == pytest.approx(max(size[:2]))


# Their sum


def summed(pairs, *limits, **more):
    return diameter_sum(lesion_measures(pairs), *limits, **more)


def test_the_two_largest_lesions_of_the_liver_are_the_targets():
    pairs = [
        lesion(1, (11.0, 10.0, 10.0), (12.0, 8.0, 10.0)),
        lesion(2, (30.0, 25.0, 10.0), (28.0, 8.0, 10.0)),
        lesion(3, None, (35.0, 20.0, 10.0)),
        lesion(4, (9.9, 9.9, 40.0), None),
    ]
    assert summed(pairs) == {
        "measurable": 3,
        "sum_mm": 65.0,
        "targets": ["lesion-3", "lesion-2"],
        "t1_sum_mm": 41.0,
        "t1_targets": ["lesion-2", "lesion-1"],
        "t2_sum_mm": 63.0,
        "t2_targets": ["lesion-3", "lesion-2"],
    }


def test_limits_are_parameters():
    pairs = [lesion(n, (8.0 + n, 5.0, 5.0)) for n in range(1, 8)]
    assert summed(pairs, RecistLimits(minimum_mm=0, most=5, most_per_organ=10))["sum_mm"] == 15 + 14 + 13 + 12 + 11
    assert summed(pairs, RecistLimits(most=1))["sum_mm"] == 15
    assert summed(pairs, RecistLimits(minimum_mm=14.5))["targets"] == ["lesion-7"]
    assert summed(pairs, RecistLimits(most_per_organ=0))["sum_mm"] == 0
    with pytest.raises(InputError, match="negative"):
        RecistLimits(minimum_mm=-1.0)
    with pytest.raises(InputError, match="negative"):
        RecistLimits(minimum_slices=math.nan)


def test_in_thick_slices_a_measurable_lesion_is_two_of_them_wide():
    pairs = [lesion(1, (15.0, 5.0, 5.0), (15.0, 5.0, 5.0)), lesion(2, (17.0, 5.0, 5.0), None)]
    outcome = summed(pairs, slice_mm={Side.T1: 8.0, Side.T2: 4.0})
    assert (outcome["t1_targets"], outcome["t2_targets"]) == (["lesion-2"], ["lesion-1"])


def test_rejected_lesions_and_predicted_boxes_are_not_summed():
    pairs = [
        lesion(1, (50.0, 5.0, 5.0), None, state="rejected"),
        proposed(lesion(2, (20.0, 5.0, 5.0), (40.0, 5.0, 5.0)), Side.T2),
    ]
    assert summed(pairs)["sum_mm"] == 20.0
    assert summed([])["sum_mm"] == 0.0


def test_lesions_of_one_size_rank_by_number():
    pairs = [lesion(n, (20.0, 5.0, 5.0)) for n in (3, 1, 2)]
    assert summed(pairs)["targets"] == ["lesion-1", "lesion-2"]


# Where a lesion was seen


def test_a_box_that_was_only_predicted_was_not_seen():
    both = lesion(1, (9.0,) * 3, (9.0,) * 3)
    assert both.kind == "both"
    assert proposed(both, Side.T2).kind == "T1 only"
    assert proposed(both, Side.T1).kind == "T2 only"
    assert proposed(proposed(both, Side.T1), Side.T2).kind == "neither"
    assert lesion(1, None, (9.0,) * 3).kind == "T2 only"
    assert marked(both, Side.T2, origin="drawn").kind == "both"


# Contrast


def painted(grid=GRID, liver_value=200.0, boxes=(), shading=0.0):
    """A liver everywhere, brighter with x by `shading` per mm, with the ellipsoid of each (box, value) painted in."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = (np.stack([x, y, z], axis=-1) * grid.spacing) @ grid.axes.T + grid.origin
    values = liver_value + shading * points[..., 0]
    for box, value in boxes:
        along = (points - box.center_mm) @ np.reshape(box.direction, (3, 3)) / (np.asarray(box.size_mm) / 2)
        values[(along**2).sum(axis=-1) <= 1.0] = value
    return on_grid(values.astype(np.float32), grid), grid.image(1.0, sitk.sitkUInt8)


@pytest.mark.parametrize("direction", [GRID.direction, oblique_direction(15.0, -10.0), CORONAL])
def test_contrast_is_that_of_the_lesion_to_the_liver_around_it(direction):
    grid = replace(GRID, direction=tuple(direction))
    box = Box(tuple(grid.point((20, 20, 10))), (21.0, 17.0, 24.0), grid.direction)
    image, liver = painted(grid, boxes=[(box, 120.0)])
    assert contrast_to_liver(image, liver, box) == pytest.approx(-0.4, abs=1e-6)


def test_the_corners_of_the_box_count_neither_as_lesion_nor_as_liver():
    box = Box((0.0, 0.0, 0.0), (24.0, 24.0, 30.0))
    image, liver = painted(boxes=[(box, 300.0)])
    values = sitk.GetArrayFromImage(image)
    z, y, x = np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij")
    points = np.stack([x, y, z], axis=-1) * GRID.spacing + GRID.origin
    inside = (np.abs(points) <= np.array(box.size_mm) / 2).all(axis=-1)
    values[inside & (values == 200.0)] = 9999.0
    assert contrast_to_liver(on_grid(values, GRID), liver, box) == pytest.approx(0.5)


def test_other_lesions_nearby_are_no_liver():
    box, other = Box((0.0, 0.0, 0.0), (16.0, 16.0, 20.0)), Box((18.0, 0.0, 0.0), (16.0, 16.0, 20.0))
    image, liver = painted(boxes=[(box, 100.0), (other, 900.0)])
    assert contrast_to_liver(image, liver, box, [box, other]) == pytest.approx(-0.5)
    assert contrast_to_liver(image, liver, box) < -0.52


def test_only_liver_near_the_lesion_counts():
    box = Box((0.0, 0.0, 0.0), (16.0, 16.0, 20.0))
    image, liver = painted(boxes=[(box, 300.0)])
    values, mask = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(liver)
    mask[:, :, :20] = 0
    values[:, :, :15] = 5000.0
    values[:, :, 35:] = 5000.0
    assert contrast_to_liver(on_grid(values, GRID), on_grid(mask, GRID), box) == pytest.approx(0.5)


def test_a_liver_mask_on_another_grid_serves_as_well():
    box = Box((0.0, 0.0, 0.0), (20.0, 16.0, 25.0))
    image, _ = painted(boxes=[(box, 120.0)])
    mask = Grid((50, 50, 30), (2.5, 2.5, 6.0), (-60.0, -60.0, -90.0), GRID.direction).image(1.0, sitk.sitkUInt8)
    assert contrast_to_liver(image, mask, box) == pytest.approx(-0.4, abs=1e-6)


def test_a_box_smaller_than_a_voxel_takes_the_voxel_at_its_center():
    box = Box(tuple(GRID.point((20.3, 20.3, 10.3))), (0.5, 0.5, 0.5))
    image, liver = painted()
    values = sitk.GetArrayFromImage(image)
    values[10, 20, 20] = 100.0
    assert contrast_to_liver(on_grid(values, GRID), liver, box) == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("box", "liver_value", "mask"),
    [
        (Box((900.0, 0.0, 0.0), (20.0, 20.0, 20.0)), 200.0, 1),
        (Box((42.0, 0.0, 0.0), (0.5, 0.5, 0.5)), 200.0, 1),
        (Box((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)), 200.0, 0),
        (Box((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)), 0.0, 1),
        (Box((0.0, 0.0, 0.0), (900.0, 900.0, 900.0)), 200.0, 1),
    ],
)
def test_where_there_is_nothing_to_compare_there_is_no_contrast(box, liver_value, mask):
    image, liver = painted(liver_value=liver_value)
    assert contrast_to_liver(image, liver * mask, box) is None


# The table


@pytest.fixture(scope="module")
def study():
    """The two artificial livers with one lesion in both, one seen in T1 only and one rejected."""
    livers = dict(zip(Side, factory.livers()))
    images = {side: factory.image(mask, seed) for seed, (side, mask) in enumerate(livers.items())}
    place = np.array([-20.0, 0.0, 0.0])
    there = factory.correspondence().to_t2(place)
    box = {
        Side.T1: Box(tuple(place), (20.0, 16.0, 18.0)),
        Side.T2: Box(tuple(there), (22.0, 26.0, 21.0), factory.T2_GRID.direction),
    }
    pairs = [
        lesion_of(
            7,
            detected(box[Side.T1], 0.9),
            detected(box[Side.T2], 0.8),
            state="accepted",
            note="a, b\n“c”",
            uid="seen",
        ),
        lesion_of(
            2,
            detected(box[Side.T1].moved((0, 25, 0)), 0.7),
            predicted(box[Side.T2].moved((0, 25, 0))),
            uid="t1-only",
        ),
        lesion_of(9, drawn(box[Side.T1]), state="rejected", displacement_mm=(3.0, 4.0, 12.0), uid="no"),
    ]
    return pairs, images, livers


def test_a_row_holds_what_was_measured_and_nothing_of_what_was_not_seen(study):
    only, seen, no = lesion_measures(*study)
    assert [only.number, seen.number, no.number] == [2, 7, 9]
    assert (seen.kind, seen.state) == ("both", "accepted")
    t1, t2 = (seen.sides[side] for side in Side)
    assert (t1.score, t2.score) == (0.9, 0.8)
    assert (t1.diameter_mm, t2.diameter_mm) == pytest.approx((20.0, 26.0))
    assert (t1.volume_ml, t2.volume_ml) == pytest.approx((5.76 * math.pi / 6, 12.012 * math.pi / 6))
    assert (t1.measured_from, t1.short_axis_mm) == ("box", None)
    t1_box, t2_box = (study[0][0].box(side) for side in Side)
    assert t1.slice == round(factory.T1_GRID.index(t1_box.center_mm)[2])
    assert abs(t1.contrast) < 0.05 and abs(t2.contrast) < 0.05
    assert seen.displacement_mm == pytest.approx(math.dist(t1_box.center_mm, t2_box.center_mm))
    unseen = only.sides[Side.T2]
    assert (only.kind, unseen.diameter_mm, unseen.volume_ml, unseen.contrast) == ("T1 only", None, None, None)
    assert unseen.slice is not None
    assert no.displacement_mm == pytest.approx(13.0)


def test_without_images_there_are_diameters_and_volumes_only(study):
    row = lesion_measures(study[0])[1]
    t1, t2 = (row.sides[side] for side in Side)
    assert (t1.diameter_mm, t1.volume_ml) == pytest.approx((20.0, 5.76 * math.pi / 6))
    assert (t1.slice, t1.contrast, t2.slice, t2.contrast) == (None,) * 4
    assert lesion_measures([]) == []
    no_liver = lesion_measures(study[0], study[1], {Side.T1: None})[1]
    assert no_liver.sides[Side.T1].slice is not None
    assert no_liver.sides[Side.T1].contrast is None


def test_a_rejected_box_is_liver_to_its_neighbors():
    box, other = Box((0.0, 0.0, 0.0), (16.0, 16.0, 20.0)), Box((18.0, 0.0, 0.0), (16.0, 16.0, 20.0))
    image, liver = painted(boxes=[(box, 100.0), (other, 900.0)])
    pairs = [lesion_of(n, detected(b), uid=f"l{n}") for n, b in ((1, box), (2, other))]
    kept = lesion_measures(pairs, {Side.T1: image}, {Side.T1: liver})[0]
    dropped = lesion_measures([pairs[0], replace(pairs[1], state="rejected")], {Side.T1: image}, {Side.T1: liver})[0]
    assert kept.sides[Side.T1].contrast == pytest.approx(-0.5)
    assert dropped.sides[Side.T1].contrast < -0.52


def test_the_summary_counts_what_was_not_rejected(study):
    pairs, images, livers = study
    outcome = summary(pairs, images, livers)
    counts = {"lesions": 2, "accepted": 1, "proposed": 1, "rejected": 1, "both": 1, "t1_only": 1, "t2_only": 0}
    assert {key: outcome[key] for key in counts} == counts
    assert (outcome["t1_sum_mm"], outcome["t2_sum_mm"]) == pytest.approx((40.0, 26.0))
    assert outcome["t1_tumor_ml"] == pytest.approx(2 * 5.76 * math.pi / 6)
    assert outcome["t1_liver_ml"] == pytest.approx(volume_ml(livers[Side.T1]))
    assert outcome["t1_burden_percent"] == pytest.approx(100 * outcome["t1_tumor_ml"] / outcome["t1_liver_ml"])


def test_the_summary_knows_how_thick_the_slices_are(study):
    pairs, images, _ = study
    thick = Grid.of(images[Side.T2])
    coarse = {Side.T2: replace(thick, spacing=(2.4, 2.4, 14.0)).image()}
    assert summary(pairs, images)["t2_sum_mm"] == pytest.approx(26.0)
    assert summary(pairs, coarse)["t2_sum_mm"] == 0.0
    empty = summary([])
    assert (empty["lesions"], empty["sum_mm"], empty["t1_burden_percent"]) == (0, 0.0, None)


def test_the_csv_reads_back_with_missing_values_empty(study, tmp_path):
    rows = lesion_measures(*study)
    write_csv(tmp_path / "new" / "lesions.csv", rows)
    with (tmp_path / "new" / "lesions.csv").open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert [r["Number"] for r in records] == ["2", "7", "9"]
    assert records[0]["T2 diameter (mm)"] == ""
    assert records[1]["Note"] == "a, b\n“c”"
    assert float(records[1]["T2 diameter (mm)"]) == pytest.approx(26.0)
    assert float(records[1]["T1 contrast to liver (%)"]) == pytest.approx(
        100 * rows[1].sides[Side.T1].contrast, abs=1e-3
    )
    assert records[1]["UID"] == "seen"


def test_every_field_has_a_column_and_readers_see_rounded_values(study):
    hinted = {"predicted"}  # shown with a question mark in the columns of the box it belongs to
    drawn_lines = {"long_line", "short_line"}
    of_lesion, of_side = ({field.name for field in fields(row)} for row in (LesionRow, SideRow))
    whole = [column for column in COLUMNS if column.side is None and column.phase is None]
    assert {column.field for column in whole} == of_lesion - hinted - {"sides", "phases"}
    assert [column.phase for column in COLUMNS if column.phase is not None] == list(PHASES)
    for side in Side:
        assert {column.field for column in COLUMNS if column.side is side} == of_side - drawn_lines
    seen = lesion_measures(*study)[1]
    faint = replace(seen, sides={**seen.sides, Side.T1: replace(seen.sides[Side.T1], contrast=-0.256)})
    shown = {column.key: column.text(faint) for column in COLUMNS}
    assert (shown["t1_diameter_mm"], shown["t1_contrast"], shown["kind"]) == ("20.0", "-26", "both")
    assert {column.text(lesion_measures(study[0])[0]) for column in COLUMNS if column.key == "t2_contrast"} == {""}
    assert list(csv.reader(io.StringIO(csv_text([])))) == [[column.title for column in COLUMNS]]


def test_a_table_that_cannot_be_written_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_csv(tmp_path / "file" / "lesions.csv", [])
