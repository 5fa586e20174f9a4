"""Studies with a few linked boxes for the tests on real MRML."""

import pytest
import slicer
from mrml_factory import DIRECTIONS, OBLIQUE, empty_scene, noise_image

from liverpair.core.geometry import Box
from liverpair.core.lesions import LesionPair
from liverpair.mrml.lesions.lesion_boxes import ROI_CLASS
from liverpair.mrml.lesions.lesion_study import LesionStudy
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


def three_lesions() -> list[LesionPair]:
    """A detected pair (uid "a"), a lesion drawn in T1 (uid "b") and a pair of low score, its T2 predicted (uid "c")."""
    return [
        LesionPair(
            1, t1_box(), t2_box(), 0.93, 0.81, "detected", "detected", "accepted", (4.5, -7.0, -25.0), "dome", "a"
        ),
        LesionPair(2, t1=t1_box(40.0), t1_origin="drawn", uid="b"),
        LesionPair(3, t1_box(80.0), t2_box(80.0), 0.2, None, "detected", "predicted", uid="c"),
    ]


def roi_nodes() -> list:
    """All ROI nodes of the scene."""
    return slicer.util.getNodesByClass(ROI_CLASS)


def assert_same(found: list[LesionPair], wanted: list[LesionPair], tolerance: float = 1e-4) -> None:
    """Assert that lesions are equal, points, lengths and directions within a tolerance."""
    assert [_words(pair) for pair in found] == [_words(pair) for pair in wanted]
    for one, other in zip(found, wanted):
        assert _numbers(one) == pytest.approx(_numbers(other), abs=tolerance)


def _words(pair: LesionPair) -> tuple:
    origins = pair.t1_origin, pair.t2_origin, pair.t1_score, pair.t2_score
    return pair.uid, pair.number, pair.state, pair.note, *origins, pair.displacement_mm is None


def _numbers(pair: LesionPair) -> list[float]:
    numbers = list(pair.displacement_mm or ())
    for box in (pair.t1, pair.t2):
        numbers += [*box.center_mm, *box.size_mm, *box.direction] if box is not None else []
    return numbers
