"""The layout of a pair: two rows of views, each for its own volume."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import slicer
from mrml_factory import DIRECTIONS, block_mask, empty_scene, new_segmentation, noise_image, shift_transform

from liverpair.core.geometry import centroid_mm
from liverpair.core.labels import LIVER
from liverpair.mrml import frames
from liverpair.mrml.layouts import (
    PAIR_LAYOUT_ID,
    PAIR_TABLE_LAYOUT_ID,
    ROWS,
    fit_pair,
    layout_xml,
    liver_center,
    register_layout,
    show_pair,
)
from liverpair.mrml.pictures import SliceView
from liverpair.mrml.segmentations import put_segment
from liverpair.mrml.volumes import node_from_image


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@pytest.fixture
def pair():
    """T1 and T2 volumes and segmentations; the T2 liver lies elsewhere."""
    nodes = []
    for name, direction, start in (("T1", "as in the scanner", (3, 4, 5)), ("T2", "oblique", (1, 2, 8))):
        image = noise_image(DIRECTIONS[direction])
        volume, segmentation = node_from_image(image, name), new_segmentation(f"{name} liver")
        put_segment(segmentation, block_mask(image, start), volume, LIVER, {"bundle": "liver-t1t2"})
        nodes.append((volume, segmentation, frames.flip(centroid_mm(block_mask(image, start)))))
    return nodes


@pytest.fixture
def views():
    opened = [[SliceView(view.name, view.orientation, (120, 100)) for view in row] for row in ROWS]
    yield opened
    for view in opened[0] + opened[1]:
        view.close()


def background(name: str) -> str | None:
    for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if node.GetLayoutName() == name:
            return node.GetBackgroundVolumeID()
    raise AssertionError(f"no composite node of view {name}")


def slice_nodes(row: int) -> list:
    return [slicer.mrmlScene.GetSingletonNode(view.name, "vtkMRMLSliceNode") for view in ROWS[row]]


def cut_at(slice_node) -> float:
    """Where the view cuts, in mm RAS along the axis it looks along."""
    axis = {"Sagittal": 0, "Coronal": 1, "Axial": 2}[slice_node.GetOrientation()]
    return slice_node.GetSliceToRAS().GetElement(axis, 3)


@pytest.mark.parametrize("with_table", [False, True])
def test_the_layout_has_t1_in_group_0_above_t2_in_group_1(with_table):
    root = ElementTree.fromstring(layout_xml(with_table))
    assert (root.tag, root.get("type")) == ("layout", "vertical")
    rows = root.findall("item")
    for group, row in enumerate(rows[:2]):
        found = [
            (view.get("singletontag"), *(p.text for p in view.findall("property") if p.get("name") == "viewgroup"))
            for view in row.iter("view")
        ]
        assert found == [(view.name, str(group)) for view in ROWS[group]]
        orientations = [p.text for p in row.iter("property") if p.get("name") == "orientation"]
        assert orientations == ["Axial", "Coronal", "Sagittal"]
    assert [view.get("class") for item in rows[2:] for view in item] == ["vtkMRMLTableViewNode"] * with_table


def test_slicer_takes_the_layout_once_and_again(scene):
    layout_node = scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    for _time in range(2):
        register_layout(layout_node)
        assert layout_node.GetLayoutDescription(PAIR_LAYOUT_ID) == layout_xml()
        assert layout_node.GetLayoutDescription(PAIR_TABLE_LAYOUT_ID) == layout_xml(with_table=True)


def test_each_row_shows_its_own_volume_and_liver(scene, pair):
    (t1, t1_liver, _), (t2, t2_liver, _) = pair
    show_pair(t1, t2, t1_liver, t2_liver)
    assert [background(view.name) for view in ROWS[0]] == [t1.GetID()] * 3
    assert [background(view.name) for view in ROWS[1]] == [t2.GetID()] * 3
    for row, (own, other) in enumerate(((t1_liver, t2_liver), (t2_liver, t1_liver))):
        for node in slice_nodes(row):
            assert node.GetViewGroup() == row
            assert own.GetDisplayNode().IsDisplayableInView(node.GetID())
            assert not other.GetDisplayNode().IsDisplayableInView(node.GetID())
    assert scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement() == PAIR_LAYOUT_ID


def test_each_row_cuts_through_its_own_liver(pair):
    (t1, t1_liver, t1_center), (t2, t2_liver, t2_center) = pair
    show_pair(t1, t2, t1_liver, t2_liver)
    for row, center in ((0, t1_center), (1, t2_center)):
        axial, coronal, sagittal = slice_nodes(row)
        assert (cut_at(sagittal), cut_at(coronal), cut_at(axial)) == pytest.approx(center, abs=1e-3)
        assert {view.GetOrientationMarkerType() for view in (axial, coronal, sagittal)} == {
            axial.OrientationMarkerTypeAxes
        }


def test_each_row_is_fitted_to_its_own_volume(views, pair):
    (t1, t1_liver, _), (t2, t2_liver, _) = pair
    t2.SetSpacing(3.0, 2.5, 8.0)
    show_pair(t1, t2)
    widths = [[view.node.GetFieldOfView()[0] for view in row] for row in views]
    assert all(above < 0.7 * below for above, below in zip(*widths))
    views[0][0].look_at((0, 0, 0), 5.0)
    fit_pair(t1, t2)
    assert views[0][0].node.GetFieldOfView()[0] == pytest.approx(widths[0][0])


def test_each_row_is_fitted_to_its_own_liver(views, pair):
    (t1, t1_liver, _), (t2, t2_liver, _) = pair
    show_pair(t1, t2)
    wide = [view.node.GetFieldOfView()[0] for view in views[1]]
    show_pair(t1, t2, t1_liver, t2_liver)
    assert all(view.node.GetFieldOfView()[0] < before for view, before in zip(views[1], wide))
    # the liver in T1: 19.5 x 13.75 x 24 mm around (-29, 28.75, 29); a view has 120 x 100 pixels
    sizes = [view.node.GetFieldOfView()[:2] for view in views[0]]
    assert np.allclose(sizes, 1.25 * np.array([[19.5, 19.5 / 1.2], [24 * 1.2, 24], [24 * 1.2, 24]]))
    axial = views[0][0].node.GetSliceToRAS()
    assert (axial.GetElement(0, 3), axial.GetElement(1, 3)) == pytest.approx((-29, 28.75))


def test_a_liver_is_drawn_in_its_own_row_only(views, pair):
    (t1, t1_liver, _), (t2, t2_liver, _) = pair
    t1_liver.GetSegmentation().GetNthSegment(0).SetColor(1, 0, 1)
    t2_liver.GetSegmentation().GetNthSegment(0).SetColor(0, 1, 1)
    show_pair(t1, t2, t1_liver, t2_liver)
    for row, (own, other) in enumerate((("magenta", "cyan"), ("cyan", "magenta"))):
        for view in views[row]:
            assert pixels_of(own, view) > 10
            assert pixels_of(other, view) == 0


def pixels_of(color: str, view: SliceView) -> int:
    """How many pixels are nothing but cyan or magenta, of which the marks of the patient's orientation have none."""
    red, green, blue = (view.grab()[..., channel].astype(int) for channel in range(3))
    strong, weak = (green, red) if color == "cyan" else (red, green)
    return int(((strong > 200) & (blue > 200) & (weak < 60)).sum())


def test_one_volume_alone_leaves_the_other_row_empty(pair):
    (t1, t1_liver, center), _ = pair
    show_pair(t1, None, t1_liver)
    assert [background(view.name) for view in ROWS[0]] == [t1.GetID()] * 3
    assert [background(view.name) for view in ROWS[1]] == [None] * 3


def test_the_table_is_shown_on_request(scene, pair):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "Measures")
    show_pair(pair[0][0], pair[1][0], table_node=table)
    assert scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement() == PAIR_TABLE_LAYOUT_ID
    assert scene.GetFirstNodeByClass("vtkMRMLTableViewNode").GetTableNode() is table


def test_showing_twice_makes_no_second_set_of_views(scene, pair):
    counted = ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode", "vtkMRMLLayoutNode")
    show_pair(pair[0][0], pair[1][0], pair[0][1], pair[1][1])
    once = [scene.GetNumberOfNodesByClass(name) for name in counted]  # other tests may have left views of their own
    show_pair(pair[0][0], pair[1][0], pair[0][1], pair[1][1])
    assert [scene.GetNumberOfNodesByClass(name) for name in counted] == once
    assert min(once) == 1 and once[0] >= 6
    shown_in = list(pair[0][1].GetDisplayNode().GetViewNodeIDs())
    views_3d = [node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLViewNode")]
    assert sorted(shown_in) == sorted([node.GetID() for node in slice_nodes(0)] + views_3d)


def test_the_middle_of_a_liver_is_a_world_point(pair):
    volume, segmentation, center = pair[0]
    transform = shift_transform(10, 20, 30)
    for node in (volume, segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    matrix = slicer.util.arrayFromTransformMatrix(transform)
    assert liver_center(volume, segmentation) == pytest.approx(tuple((matrix @ [*center, 1])[:3]))


def test_without_a_liver_the_middle_of_the_volume_is_taken():
    image = noise_image(DIRECTIONS["flipped"])
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    volume = node_from_image(image, "T1")
    assert liver_center(volume) == pytest.approx(frames.flip(middle))
    assert liver_center(volume, new_segmentation()) == pytest.approx(frames.flip(middle))
