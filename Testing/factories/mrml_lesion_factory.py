"""Studies with a few linked boxes, and the views of both rows, for the tests on real MRML."""

import pytest
import slicer
from lesion_factory import detected, drawn, lesion_of, predicted
from mrml_factory import DIRECTIONS, OBLIQUE, empty_scene, noise_image

from liverpair.core.geometry import Box
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.mrml import layouts
from liverpair.mrml.lesions.lesion_boxes import ROI_CLASS
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.pictures import SliceView
from liverpair.mrml.volumes import node_from_image

MIRRORED = tuple(float(v) for v in DIRECTIONS["oblique and flipped"])


@pytest.fixture
def scene():
    return empty_scene()


@pytest.fixture
def study(scene) -> LesionStudy:
    """A study of an oblique T1 and a mirrored T2 volume with three lesions: a pair, one seen in T1 only, a pair."""
    opened = new_study()
    opened.add(three_lesions())
    yield opened
    opened.release()


def new_study() -> LesionStudy:
    """An empty study of two new volumes."""
    return LesionStudy(node_from_image(noise_image(OBLIQUE), "T1"), node_from_image(noise_image(MIRRORED), "T2"))


def t1_box(x: float = 0.0) -> Box:
    """A box along the axes of the T1 volume."""
    return Box((10.0 + x, -20.5, 30.25), (11.0, 22.0, 33.0), OBLIQUE)


def t2_box(x: float = 0.0) -> Box:
    """A box along the axes of the T2 volume."""
    return Box((14.0 + x, -28.0, 5.0), (10.0, 21.0, 32.0), MIRRORED)


def three_lesions() -> list[Lesion]:
    """A detected pair (uid "a"), a lesion drawn in T1 (uid "b") and a pair of low score, its T2 predicted (uid "c")."""
    found = {Side.T1: detected(t1_box(), 0.93), Side.T2: detected(t2_box(), 0.81)}
    return [
        Lesion(1, found, "accepted", (4.5, -7.0, -25.0), "dome", "a"),
        lesion_of(2, drawn(t1_box(40.0)), uid="b"),
        lesion_of(3, detected(t1_box(80.0), 0.2), predicted(t2_box(80.0)), uid="c"),
    ]


def roi_nodes() -> list:
    """All ROI nodes of the scene."""
    return slicer.util.getNodesByClass(ROI_CLASS)


def assert_same(found: list[Lesion], wanted: list[Lesion], tolerance: float = 1e-4) -> None:
    """Assert that lesions are equal, points, lengths and directions within a tolerance."""
    assert [_words(pair) for pair in found] == [_words(pair) for pair in wanted]
    for one, other in zip(found, wanted):
        assert _numbers(one) == pytest.approx(_numbers(other), abs=tolerance)


def _words(pair: Lesion) -> tuple:
    marks = [(side, found.origin, found.score) for side, found in pair.boxes.items()]
    return pair.uid, pair.number, pair.state, pair.note, marks, pair.displacement_mm is None


def _numbers(pair: Lesion) -> list[float]:
    numbers = list(pair.displacement_mm or ())
    for found in pair.boxes.values():
        numbers += [*found.box.center_mm, *found.box.size_mm, *found.box.direction]
    return numbers


def display_of(study, uid: str, side: str):
    node = study.node(uid, side)
    return node.GetDisplayNode() if node is not None else None


@pytest.fixture
def rows(study):
    opened = [SliceView(row[0].name, "Axial", (160, 120)) for row in layouts.ROWS]
    layouts.show_pair(None, None)
    yield opened
    for view in opened:
        view.close()
