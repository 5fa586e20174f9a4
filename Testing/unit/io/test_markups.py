"""Boxes as markups files, and what real MRML makes of them."""

import json

import numpy as np
import pytest
import slicer
from lesion_factory import drawn, lesion_of
from mrml_factory import DIRECTIONS, empty_scene

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.io.markups import boxes_to_markups, write_markups
from liverpair.mrml import headless
from liverpair.mrml.lesions import lesion_boxes

CENTER, SIZE = (12.5, -40.25, 7.0), (10.0, 20.0, 30.0)


def pairs_along(direction) -> list[Lesion]:
    """A lesion seen in both images and one that T1 alone shows."""
    axes = tuple(float(v) for v in direction)
    first, second = Box(CENTER, SIZE, axes), Box((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), axes)
    return [
        lesion_of(1, drawn(first), drawn(second), uid="Läsion 100% 肝"),
        lesion_of(2, drawn(second), uid="alone"),
    ]


def loaded(path) -> list:
    """The ROI nodes that Slicer's own logic makes of a file."""
    scene = empty_scene()
    assert headless.module_logic("Markups").LoadMarkups(str(path), "boxes")
    return slicer.util.getNodesByClass(lesion_boxes.ROI_CLASS, scene)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_slicer_loads_every_box_of_a_file_as_it_was(tmp_path, direction):
    pairs = pairs_along(direction)
    write_markups(tmp_path / "t1.mrk.json", pairs, Side.T1)
    nodes = loaded(tmp_path / "t1.mrk.json")
    assert [lesion_boxes.uid_of(node) for node in nodes] == ["Läsion 100% 肝", "alone"]
    assert [node.GetName() for node in nodes] == ["1 T1", "2 T1"]
    for node, pair in zip(nodes, pairs):
        assert lesion_boxes.is_box(node)
        box = lesion_boxes.box_of(node)
        assert box.center_mm == pytest.approx(pair.box(Side.T1).center_mm, abs=1e-4)
        assert box.size_mm == pytest.approx(pair.box(Side.T1).size_mm, abs=1e-4)
        assert np.reshape(box.direction, 9) == pytest.approx(pair.box(Side.T1).direction, abs=1e-5)


def test_pairs_without_a_box_on_that_side_are_left_out(tmp_path):
    pairs = pairs_along(DIRECTIONS["oblique"])
    assert [m["controlPoints"][0]["position"] for m in boxes_to_markups(pairs, Side.T2)["markups"]] == [[1.0, 2.0, 3.0]]
    write_markups(tmp_path / "none.mrk.json", pairs[1:], Side.T2)
    assert json.loads((tmp_path / "none.mrk.json").read_text())["markups"] == []


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"file/boxes.mrk.json' cannot be written"):
        write_markups(tmp_path / "file" / "boxes.mrk.json", [], Side.T1)
