"""What is drawn of a box in a slice view: its outline, its number, its handles."""

import numpy as np
import pytest
from lesion_factory import detected, lesion_of
from mrml_lesion_factory import (  # noqa: F401
    display_of,
    rows,
    scene,
    study,
    t1_box,
    t2_box,
)

from liverpair.core.geometry import Box
from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.mrml.lesions.lesion_display import color_of
from liverpair.mrml.pictures import SliceView


def colored(view, number: int) -> int:
    """How many pixels have the color of a lesion."""
    wanted = np.array(color_of(number)) * 255
    return int((np.abs(view.grab().astype(float) - wanted).max(axis=-1) < 25).sum())


def test_boxes_are_drawn_in_their_row_and_vanish_with_the_filter(rows, study):
    for view, box in zip(rows, (t1_box(), t2_box())):
        view.look_at(frames.flip(box.center_mm), 150.0)
    assert all(colored(view, 1) > 20 for view in rows)
    study.set_state("a", "proposed")
    study.filter(display_threshold=1.0)
    assert all(colored(view, 1) == 0 for view in rows)
    study.filter()
    study.remove_side("a", Side.T2)
    assert [colored(view, 1) > 20 for view in rows] == [True, False]


def test_a_box_steps_back_while_another_lesion_is_selected(rows, study):
    for view, box in zip(rows, (t1_box(), t2_box())):
        view.look_at(frames.flip(box.center_mm), 150.0)
    study.select("a")
    bright = colored(rows[0], 1)
    study.select("b")
    assert colored(rows[0], 1) < bright / 2, "its number alone stays as bright"


USUAL_WIDTH_MM = 380.0
"""What a view of the whole belly shows from left to right."""
WIDTH = 480


@pytest.fixture(params=[16.0, 60.0])
def usual(study, request):
    """A view at the usual zoom, a box in its middle of lesion "d" along the view's axes, and the box's side (mm)."""
    view = SliceView("Usual", "Axial", (WIDTH, 360))
    layouts.show_pair(None, None)
    box = Box((0.0, 0.0, 200.0), (request.param,) * 3)
    study.add([lesion_of(4, detected(box, 0.5), uid="d")])
    display_of(study, "d", Side.T1).AddViewNodeID(view.node.GetID())
    view.look_at(frames.flip(box.center_mm), USUAL_WIDTH_MM)
    yield view, request.param
    view.close()


def changed(view, what) -> np.ndarray:
    """The pixels that differ after `what()`, as (right, up) from the middle of the view in mm."""
    before = view.grab().astype(int)
    what()
    rows, columns = np.nonzero((view.grab().astype(int) != before).any(axis=-1))
    return np.stack([columns - WIDTH / 2, 180 - rows], axis=-1) * USUAL_WIDTH_MM / WIDTH


def test_the_number_stands_beside_the_box_on_a_dark_ground(usual, study):
    view, side = usual
    number = changed(view, lambda: display_of(study, "d", Side.T1).SetPointLabelsVisibility(False))
    assert len(number) > 50
    assert (number.max(axis=-1) > side / 2).all()
    assert np.abs(number).max() < side / 2 + 25
    text = display_of(study, "d", Side.T1).GetTextProperty()
    assert text.GetBackgroundOpacity() > 0.7 and max(text.GetBackgroundColor()) == 0


def test_nothing_is_drawn_inside_a_box_that_nobody_points_at(usual, study):
    view, side = usual
    study.select("d")
    drawn = changed(view, lambda: display_of(study, "d", Side.T1).SetVisibility(False))
    assert len(drawn) > 50
    assert np.abs(drawn).max(axis=-1).min() > side / 2 - 4


def test_handles_are_small_beside_the_box_and_leave_its_lesion_free(usual, study):
    view, side = usual
    study.select("d")
    display_of(study, "d", Side.T1).SetPointLabelsVisibility(False)
    handles = changed(view, study.show_handles)
    pixel = USUAL_WIDTH_MM / WIDTH
    covered = (np.abs(handles).max(axis=-1) < side / 2 - 2).sum() * pixel**2
    assert 0 < covered < 0.15 * side**2
    faces = [(side / 2, 0), (-side / 2, 0), (0, side / 2), (0, -side / 2), (0, 0)]
    nearest = np.linalg.norm(handles[:, None] - faces, axis=-1)
    assert nearest.min(axis=-1).max() < 5
    assert set(nearest.argmin(axis=-1)) == set(range(5))


def test_the_number_follows_the_size_of_the_box(usual, study):
    view, side = usual
    study.node("d", Side.T1).SetSize(90, 90, 90)
    display_of(study, "d", Side.T1).AddViewNodeID(view.node.GetID())
    number = changed(view, lambda: display_of(study, "d", Side.T1).SetPointLabelsVisibility(False))
    assert len(number) > 50 and (number.max(axis=-1) > 45).all()
