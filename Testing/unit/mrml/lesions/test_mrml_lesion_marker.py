"""The marker of a place in the other image."""

import slicer
from mrml_lesion_factory import (  # noqa: F401
    rows,
    scene,
    study,
)

from liverpair.mrml.lesions.lesion_marker import PlaceMarker


def white(view) -> int:
    return int((view.grab().min(axis=-1) > 200).sum())


def test_the_marker_is_drawn_in_its_own_row_only(rows):
    for view in rows:
        view.look_at((1.0, 2.0, 3.0), 100.0)
    before = [white(view) for view in rows]
    marker = PlaceMarker(1)
    marker.show((1.0, 2.0, 3.0), "about 6 mm")
    assert marker.visible
    first = [white(view) - count for view, count in zip(rows, before)]
    assert first[0] == 0 and first[1] > 20
    marker.hide()
    assert not marker.visible
    assert [white(view) for view in rows] == before


def test_the_marker_is_one_point_that_nobody_grabs_and_no_file_keeps(scene):
    marker = PlaceMarker(0)
    marker.hide()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    for place in ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)):
        marker.show(place, "here")
    (node,) = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    position = [0.0] * 3
    node.GetNthControlPointPositionWorld(0, position)
    assert (node.GetNumberOfControlPoints(), position, node.GetNthControlPointLabel(0)) == (1, [4.0, 5.0, 6.0], "here")
    assert node.GetLocked() and not node.GetSaveWithScene()
    marker.remove()
    marker.remove()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0


def test_the_marker_survives_a_closed_scene(scene):
    marker = PlaceMarker(0)
    marker.show((1.0, 2.0, 3.0))
    scene.Clear(False)
    assert not marker.visible
    marker.show((1.0, 2.0, 3.0))
    assert marker.visible
    marker.remove()
