"""Anchors by hand and by number; coding of boxes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from liverpair.detection.anchors import make_anchors
from liverpair.detection.coding import decode, encode

PUBLISHED_SIZES = [[3, 4, 4], [4, 6, 6], [5, 7.5, 7.5]]
numbers = st.floats(-50, 50, width=32)
sides = st.floats(0.5, 30, width=32)


def test_the_published_volume_has_the_published_number_of_anchors():
    """Couteaux (2021): 64 × 192 × 192 voxels, three anchors, levels 2, 3 and 4."""
    strides = {level: (2 ** (level - 1),) * 3 for level in (2, 3, 4)}
    assert len(make_anchors((64, 192, 192), strides, PUBLISHED_SIZES)) == 1_009_152


def test_anchors_of_a_small_image_by_hand():
    anchors = make_anchors((4, 8), {2: (2, 4), 3: (4, 8)}, [[2.0, 3.0], [4.0, 6.0]])
    assert [b.count for b in anchors.blocks] == [8, 2]
    assert [b.start for b in anchors.blocks] == [0, 8]
    expected = [
        [[0, 0.5], [2, 3.5]],
        [[-1, -1], [3, 5]],
        [[0, 4.5], [2, 7.5]],
        [[-1, 3], [3, 9]],
        [[2, 0.5], [4, 3.5]],
        [[1, -1], [5, 5]],
        [[2, 4.5], [4, 7.5]],
        [[1, 3], [5, 9]],
        [[0, 1], [4, 7]],
        [[-2, -2], [6, 10]],
    ]
    assert anchors.boxes.tolist() == expected
    assert anchors.strides.tolist() == [[2, 4]] * 8 + [[4, 8]] * 2


def test_anchors_grow_by_level_even_where_levels_are_skipped():
    boxes = make_anchors((16,) * 3, {2: (2,) * 3, 4: (8,) * 3}, [[2.0, 3.0, 4.0]], growth=2).boxes
    assert (boxes[-1, 1] - boxes[-1, 0]).tolist() == [8, 12, 16]


@pytest.mark.parametrize(
    ("shape", "strides", "sizes"),
    [((4, 6), {1: (1, 4)}, [[2, 2]]), ((4, 8), {1: (1, 4)}, [[2, 2, 2]]), ((4, 8), {1: (1, 1, 1)}, [[2, 2]])],
)
def test_what_does_not_fit_is_refused(shape, strides, sizes):
    with pytest.raises(ValueError):
        make_anchors(shape, strides, sizes)


def test_deltas_are_differences_of_bounds_in_anchor_sides():
    anchor = torch.tensor([[[0.0, 10.0], [4.0, 20.0]]])
    box = torch.tensor([[[1.0, 5.0], [6.0, 22.0]]])
    assert torch.allclose(encode(box, anchor), torch.tensor([[[0.25, -0.5], [0.5, 0.2]]]))


@given(st.lists(st.tuples(numbers, sides, numbers, sides), min_size=1, max_size=5))
def test_decoding_undoes_encoding(rows):
    anchors, boxes = (
        torch.tensor([[[row[i]], [row[i] + row[i + 1]]] for row in rows], dtype=torch.float64) for i in (0, 2)
    )
    assert torch.allclose(decode(encode(boxes, anchors), anchors), boxes, atol=1e-9)
