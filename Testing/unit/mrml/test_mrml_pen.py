"""Outlines and texts that are as large as the views need them, and what a user has set, which stays."""

import pytest
import slicer
from mrml_factory import block_mask, empty_scene, new_segmentation, noise_image

from liverpair.core.labels import LIVER
from liverpair.mrml import pen
from liverpair.mrml.lesions.lesion_marker import PlaceMarker
from liverpair.mrml.segmentations import put_segment
from liverpair.mrml.volumes import node_from_image


@pytest.fixture
def display():
    """A function that makes a segmentation of ours and returns its display node."""
    empty_scene()
    pen.adapt(lines=1, texts=1)
    image = noise_image()
    volume = node_from_image(image, "T1")

    def make():
        node = new_segmentation()
        put_segment(node, block_mask(image), volume, LIVER, {})
        return node.GetDisplayNode()

    yield make
    pen.adapt(lines=1, texts=1)


def test_outlines_become_thicker_with_the_views_and_thinner_again(display):
    before = display()
    assert before.GetSliceIntersectionThickness() == 2
    pen.adapt(lines=2.1, texts=1)
    assert [node.GetSliceIntersectionThickness() for node in (before, display())] == [4, 4]
    pen.adapt(lines=1, texts=1)
    assert before.GetSliceIntersectionThickness() == 2


def test_a_thickness_that_a_user_has_chosen_stays(display):
    chosen, foreign = display(), slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationDisplayNode")
    chosen.SetSliceIntersectionThickness(5)
    foreign.SetSliceIntersectionThickness(2)
    pen.adapt(lines=2, texts=1)
    assert [node.GetSliceIntersectionThickness() for node in (chosen, foreign)] == [5, 2]


def test_texts_that_slicer_would_draw_twice_as_large_are_halved(display):
    marker = PlaceMarker(0)
    marker.show((0, 0, 0), "±3 mm")
    (node,) = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    assert node.GetDisplayNode().GetTextScale() == 3
    pen.adapt(lines=2, texts=0.5)
    assert node.GetDisplayNode().GetTextScale() == 1.5
    marker.remove()
