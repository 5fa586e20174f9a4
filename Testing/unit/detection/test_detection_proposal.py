"""The partner of a drawn box against anchors whose answer is written by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from bright_box import grid
from hypothesis import given
from hypothesis import strategies as st

from liverpair.detection.anchors import make_anchors
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.detection.preparation import PreparedPair
from liverpair.detection.proposal import NEAREST_ANCHORS, AnsweredPair
from liverpair.detection.space import to_space
from liverpair.networks.retina import RetinaOutput

SHAPE = (8, 16, 16)
STRIDE = (2, 4, 4)
SETTINGS = DetectionSettings(((2.0, 4.0, 4.0),), score_floor=0.5)
ON = grid((2.0, 2.0, 3.0), extent=48.0)
OBLIQUE = grid((2.0, 2.0, 3.0), degrees=(10.0, -20.0, 35.0), extent=48.0)
ONE_CELL = np.array([[[2.0, 4.0, 8.0], [4.0, 8.0, 12.0]]])
"""Exactly the anchor at position (1, 1, 2): row 22 of 4 × 4 × 4."""


def answered(grids=(ON, ON), settings=SETTINGS) -> AnsweredPair:
    """Nothing found and nothing moved, with anchors side by side."""
    anchors = make_anchors(SHAPE, {1: STRIDE}, settings.anchor_sizes)
    count = len(anchors)
    output = RetinaOutput(torch.full((2, count, 1), -9.0), torch.zeros(2, count, 2, 3), torch.zeros(2, count, 3))
    prepared = PreparedPair(np.zeros((2, *SHAPE)), np.zeros((2, *SHAPE), bool), grids)
    return AnsweredPair(prepared, output, anchors, settings, (grids[0].direction, grids[1].direction))


def drawn(bounds, on=ON):
    (box,) = to_space(np.asarray(bounds, float), on, on.direction)
    return box


def test_one_anchor_says_where_and_in_which_direction():
    pair = answered()
    pair.output.displacement[0, 22] = torch.tensor([1.0, -0.5, 2.0])
    found = pair.propose(0, drawn(ONE_CELL))
    # Of a level voxel of 2 x 4 x 4 image voxels (z, y, x) of 3 x 2 x 2 mm.
    assert found.displacement_mm == pytest.approx((2.0 * 4 * 2, -0.5 * 4 * 2, 1.0 * 2 * 3))
    assert found.box.size_mm == pytest.approx((8, 8, 6)) and found.score is None
    pair.output.displacement[1, 22] = torch.tensor([1.0, -0.5, 2.0])
    assert pair.propose(1, drawn(ONE_CELL)).displacement_mm == pytest.approx((-16.0, 4.0, -6.0))


def test_where_the_livers_are_registered_that_says_where():
    ways = (lambda points: points + [1.0, 2.0, -3.0], lambda points: points - [1.0, 2.0, -3.0])
    pair = replace(answered(), ways=ways)
    pair.output.displacement[:, 22] = torch.tensor([1.0, -0.5, 2.0])  # the network says otherwise
    assert pair.propose(0, drawn(ONE_CELL)).displacement_mm == pytest.approx((-6.0, 4.0, 3.0))
    assert pair.propose(1, drawn(ONE_CELL)).displacement_mm == pytest.approx((-6.0, 4.0, 3.0))


def test_anchors_count_by_their_overlap():
    """Half a cell to the right: anchors 22 and 23 overlap alike; three quarters: 1 to 3 of the shares of IoU."""
    pair = answered()
    pair.output.displacement[0, 23] = torch.tensor([0.0, 0.0, 1.0])
    half = pair.propose(0, drawn(ONE_CELL + [0, 0, 2.0])).displacement_mm
    assert half == pytest.approx((4.0, 0, 0), abs=1e-5)
    quarter = pair.propose(0, drawn(ONE_CELL + [0, 0, 1.0])).displacement_mm
    near, far = 0.75 / 1.25, 0.25 / 1.75
    assert quarter == pytest.approx((8.0 * far / (near + far), 0, 0), abs=1e-5)


def test_no_more_anchors_are_asked_than_a_few():
    pair = answered()
    pair.output.displacement[0] = torch.tensor([0.0, 0.0, 1.0])
    everything = drawn([[[0, 0, 0], SHAPE]])
    rows = torch.arange(len(pair.anchors))
    assert pair.propose(0, everything).displacement_mm == pytest.approx((8.0, 0, 0), abs=1e-5)
    assert len(rows) > NEAREST_ANCHORS


def test_a_box_found_at_that_place_gives_its_score():
    pair = answered()
    pair.output.logits[1, 22] = 2.0
    pair.output.logits[1, 40] = 3.0
    score = torch.tensor(2.0).sigmoid().item()
    assert pair.propose(0, drawn(ONE_CELL)).score == pytest.approx(score)
    assert pair.propose(1, drawn(ONE_CELL)).score is None


def test_a_box_that_no_anchor_overlaps_has_no_partner():
    pair = answered()
    assert pair.propose(0, drawn(ONE_CELL + 100)) is None
    assert answered(settings=replace(SETTINGS, images=(1,))).propose(0, drawn(ONE_CELL)) is None
    pair.output.displacement[0] = float("nan")
    assert pair.propose(0, drawn(ONE_CELL)) is None


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.sampled_from([0, 1]))
def test_the_partner_lies_along_the_axes_of_its_image_and_leads_back(shift, image):
    pair = answered((ON, OBLIQUE) if image == 0 else (OBLIQUE, ON))
    moves = torch.tensor(shift, dtype=torch.float32)
    pair.output.displacement[image], pair.output.displacement[1 - image] = moves, -moves
    box = drawn(ONE_CELL, ON)
    found = pair.propose(image, box)
    assert found.box.direction == pytest.approx(OBLIQUE.direction)
    sign = 1 if image == 0 else -1
    assert np.subtract(found.box.center_mm, box.center_mm) == pytest.approx(sign * np.array(found.displacement_mm))
    voxels = OBLIQUE.index(found.box.center_mm) - ON.index(box.center_mm)
    assert voxels == pytest.approx(np.array(shift)[::-1] * STRIDE[::-1], abs=1e-4)
