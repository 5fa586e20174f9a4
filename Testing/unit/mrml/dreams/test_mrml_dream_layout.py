"""The layout in which a dream is watched."""

from xml.etree import ElementTree

import numpy as np
import pytest
import slicer
from mrml_dream_factory import new_dream, write_frames
from mrml_factory import DIRECTIONS, empty_scene, noise_image

from liverpair.mrml import frames
from liverpair.mrml.dreams import dream_layout
from liverpair.mrml.dreams.dream_frames import DreamFrames
from liverpair.mrml.dreams.dream_layout import DREAMT, ORIGINAL, PLANES_LAYOUT_ID, PLOT_VIEW, SLICE_LAYOUT_ID
from liverpair.mrml.dreams.dream_plot import DreamPlot
from liverpair.mrml.layouts import composite_node_of, slice_node_of, the_layout_node
from liverpair.mrml.pictures import SliceView
from liverpair.mrml.volumes import node_from_image


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


@pytest.fixture
def views():
    """The two views of the layout of one slice, drawn off screen."""
    made = [SliceView(view.name, "Axial", (200, 160)) for view in (ORIGINAL[0], DREAMT[0])]
    yield made
    for view in made:
        view.close()


def dreamt(tmp_path, image, one_slice: bool):
    """The volume, and the frames of a dream in it, of all slices or of the fourth."""
    volume = node_from_image(image, "T1")
    loaded = DreamFrames(new_dream(volume=volume))
    loaded.load(write_frames(tmp_path, image[:, :, 3:4] if one_slice else image))
    return volume, loaded


def shown_in(view) -> tuple:
    """IDs of what a view shows: background and label."""
    composite = composite_node_of(slicer.mrmlScene, view)
    return composite.GetBackgroundVolumeID(), composite.GetLabelVolumeID()


def arrangement() -> int:
    return the_layout_node(slicer.mrmlScene).GetViewArrangement()


@pytest.mark.parametrize(("planes", "count"), [(False, 1), (True, 3)])
def test_the_layout_has_original_dreamt_image_and_plot(planes, count):
    root = ElementTree.fromstring(dream_layout.layout_xml(planes))
    names = [view.get("singletontag") for view in root.iter("view")]
    assert names == [view.name for view in (*ORIGINAL[:count], *DREAMT[:count])] + [PLOT_VIEW]
    groups = {p.text for p in root.iter("property") if p.get("name") == "viewgroup"}
    assert groups == {"0"}


def test_slicer_takes_the_layouts_once_and_again(scene):
    layout_node = the_layout_node(scene)
    for _time in range(2):
        dream_layout.register_layout(layout_node)
        assert layout_node.GetLayoutDescription(SLICE_LAYOUT_ID) == dream_layout.layout_xml()
        assert layout_node.GetLayoutDescription(PLANES_LAYOUT_ID) == dream_layout.layout_xml(planes=True)


def test_each_view_shows_its_own(tmp_path, scene):
    volume, loaded = dreamt(tmp_path, noise_image(), one_slice=False)
    chart = DreamPlot(loaded.dream).show()
    dream_layout.show_dream(volume, loaded.proxy_image, loaded.proxy_mask, chart)
    assert arrangement() == PLANES_LAYOUT_ID
    assert [shown_in(view) for view in ORIGINAL] == [(volume.GetID(), None)] * 3
    assert [shown_in(view) for view in DREAMT] == [(loaded.proxy_image.GetID(), loaded.proxy_mask.GetID())] * 3
    assert scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode").GetPlotChartNodeID() == chart.GetID()
    for view in (*ORIGINAL, *DREAMT):
        assert slice_node_of(scene, view).GetViewGroup() == 0
        assert composite_node_of(scene, view).GetLinkedControl()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_single_slice_is_seen_in_its_own_plane_whatever_that_is(tmp_path, views, direction):
    volume, loaded = dreamt(tmp_path, noise_image(DIRECTIONS[direction]), one_slice=True)
    dream_layout.show_dream(volume, loaded.proxy_image, loaded.proxy_mask)
    assert arrangement() == SLICE_LAYOUT_ID
    normal = [0.0] * 3
    loaded.proxy_image.GetKToRASDirection(normal)
    for view in views:
        to_ras = slicer.util.arrayFromVTKMatrix(view.node.GetSliceToRAS())
        assert abs(np.dot(to_ras[:3, 2], normal)) == pytest.approx(1, abs=1e-6)
        assert view.grab().max() > 100
    original, dream = (view.grab().astype(int) for view in views)
    same = (np.abs(original - dream).max(axis=2) < 12).mean()
    assert 0.8 < same < 1


def test_three_planes_go_through_the_object(tmp_path, scene):
    image = noise_image(DIRECTIONS["as in the scanner"])
    volume, loaded = dreamt(tmp_path, image, one_slice=False)
    dream_layout.show_dream(volume, loaded.proxy_image, loaded.proxy_mask)
    middle = (image.GetSize()[2] - 1) / 2
    center = frames.flip(image.TransformContinuousIndexToPhysicalPoint((8.0, 7.0, middle)))
    for view, axis in zip(DREAMT, (2, 1, 0)):
        assert slice_node_of(scene, view).GetSliceToRAS().GetElement(axis, 3) == pytest.approx(center[axis], abs=1e-3)


def test_fitting_again_leaves_the_slices_where_they_are(tmp_path, scene, views):
    volume, loaded = dreamt(tmp_path, noise_image(DIRECTIONS["as in the scanner"]), one_slice=False)
    dream_layout.show_dream(volume, loaded.proxy_image, loaded.proxy_mask)
    axial = slice_node_of(scene, DREAMT[0])
    axial.JumpSliceByOffsetting(0.0, 0.0, 15.0)
    dream_layout.fit_dream(loaded.proxy_image, planes=True)
    assert axial.GetSliceOffset() == pytest.approx(15.0)
    axial.JumpSliceByOffsetting(0.0, 0.0, 999.0)
    dream_layout.fit_dream(loaded.proxy_image, planes=True)
    assert abs(axial.GetSliceOffset()) < 100


def test_before_there_is_a_frame_the_original_is_shown_alone(scene):
    volume = node_from_image(noise_image(), "T1")
    dream_layout.show_dream(volume)
    assert arrangement() == SLICE_LAYOUT_ID
    assert [shown_in(view) for view in (ORIGINAL[0], DREAMT[0])] == [(volume.GetID(), None), (None, None)]


def test_with_nothing_at_all_the_views_are_empty():
    dream_layout.show_dream(None)
    assert [shown_in(view) for view in (ORIGINAL[0], DREAMT[0])] == [(None, None)] * 2


def test_a_chart_is_shown_and_taken_away(scene):
    chart = DreamPlot(new_dream()).show()
    dream_layout.show_chart(chart)
    dream_layout.show_chart(None)
    assert scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode").GetPlotChartNodeID() is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotViewNode") == 1
