"""Boxes and livers stay with their images: under the same transform, and over no other volume."""

import gc

import numpy as np
import pytest
import slicer
from lesion_pair_detect_factory import MODULE, found, panel  # noqa: F401
from mrml_factory import shift_transform
from slicer.util import VTKObservationMixin

from liverpair.core.sides import Side
from liverpair.mrml import frames, layouts
from liverpair.mrml.lesions.lesion_notices import Notices
from liverpair.mrml.lesions.lesion_store import BoxStore
from liverpair.mrml.lesions.lesion_watch import BoxWatch

UNDER_OTHERS = "lie under different transforms"


@pytest.fixture
def placed(panel):
    """The panel with four lesions and both livers, in the two rows of views."""
    t1, t2 = panel.add_pair()
    livers = panel.add_livers()
    panel.parameters.t1Liver, panel.parameters.t2Liver = livers[Side.T1], livers[Side.T2]
    panel.parameters.model = "peaks"
    panel.add_lesions()
    panel.click("showPairButton")
    panel.settle()
    return panel


def boxes(panel, side: str) -> list:
    nodes = [panel.study.node(pair.uid, side) for pair in panel.study.pairs()]
    return [node for node in nodes if node is not None]


def in_image(panel, side: str) -> np.ndarray:
    """The centers of the boxes of a side in the coordinates of its volume (RAS, mm)."""
    volume, centers = panel.context.volume(side), []
    for pair in panel.study.pairs():
        box = pair.box(side)
        if box is not None:
            local = [0.0, 0.0, 0.0]
            volume.TransformPointFromWorld(frames.flip(box.center_mm), local)
            centers.append(local)
    return np.array(centers)


def views_of(panel, side: str) -> set[str]:
    """Names of the slice views in which every box of a side is drawn; asserts that all are drawn in the same."""
    slice_nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    found_in = {
        frozenset(v.GetLayoutName() for v in slice_nodes if node.GetDisplayNode().IsDisplayableInView(v.GetID()))
        for node in boxes(panel, side)
    }
    assert len(found_in) == 1
    return set(*found_in)


def show(panel, view: str, volume) -> None:
    """Choose what a slice view shows, as in its controller."""
    composite = slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()
    composite.SetBackgroundVolumeID(volume.GetID() if volume is not None else None)
    panel.harness.wait()


def test_boxes_and_liver_go_with_their_volume_under_a_transform_and_out_of_it(placed):
    volume, other = placed.context.volume(Side.T1), in_image(placed, Side.T2)
    before, world = in_image(placed, Side.T1), placed.study.pair("lesion-1").box(Side.T1).center_mm
    transform = shift_transform(30.0, -20.0, 10.0)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    placed.harness.wait()
    assert in_image(placed, Side.T1) == pytest.approx(before, abs=0.01)
    assert np.linalg.norm(np.subtract(placed.study.pair("lesion-1").box(Side.T1).center_mm, world)) > 20
    assert placed.parameters.t1Liver.GetParentTransformNode() is transform
    assert in_image(placed, Side.T2) == pytest.approx(other, abs=0.01)
    assert placed.parameters.t2Liver.GetParentTransformNode() is None
    assert placed.study.pair("lesion-1").boxes[Side.T1].origin == "detected"
    assert UNDER_OTHERS not in placed["warningLabel"].text and placed["applyButton"].isEnabled()
    volume.SetAndObserveTransformNodeID(None)
    placed.harness.wait()
    assert placed.study.pair("lesion-1").box(Side.T1).center_mm == pytest.approx(world, abs=0.01)
    assert placed.parameters.t1Liver.GetParentTransformNode() is None


def test_they_go_with_it_also_while_another_module_is_shown(placed):
    before = in_image(placed, Side.T1)
    placed.harness.select("LiverMultimodal")
    volume = slicer.util.getNode("AX T1 in phase")
    volume.SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.harness.select("LesionPairDetect")
    assert in_image(placed, Side.T1) == pytest.approx(before, abs=0.01)


def test_hardening_the_transform_on_the_volume_leaves_boxes_on_it(placed):
    volume = placed.context.volume(Side.T1)
    volume.SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.harness.wait()
    world = placed.study.pair("lesion-1").box(Side.T1).center_mm
    volume.HardenTransform()
    placed.harness.wait()
    pair = placed.study.pair("lesion-1")
    assert pair.box(Side.T1).center_mm == pytest.approx(world, abs=0.01)
    assert (pair.boxes[Side.T1].origin, pair.boxes[Side.T1].score) == ("detected", found()[0].boxes[Side.T1].score)
    assert {node.GetTransformNodeID() for node in boxes(placed, Side.T1)} == {None}


def test_a_deleted_box_comes_back_where_its_volume_is(placed):
    before = in_image(placed, Side.T1)
    placed.study.remove("lesion-1")
    placed.context.volume(Side.T1).SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.harness.wait()
    placed.study.undo()
    assert in_image(placed, Side.T1) == pytest.approx(before, abs=0.01)


def test_a_liver_that_lies_elsewhere_than_its_volume_is_not_detected_in(placed):
    placed.parameters.t1Liver.SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.harness.wait()
    assert "T1 and its liver segmentation " + UNDER_OTHERS in placed["warningLabel"].text
    assert UNDER_OTHERS in placed["applyButton"].toolTip and not placed["applyButton"].isEnabled()
    placed.parameters.t1Liver = None
    assert placed["applyButton"].isEnabled()


def test_boxes_that_lie_elsewhere_than_their_volume_are_told_of(placed):
    placed.study.node("lesion-1", Side.T2).SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.harness.wait()
    assert "T2 and its boxes " + UNDER_OTHERS + " (1 of 3)" in placed["warningLabel"].text


def test_boxes_are_drawn_over_their_own_volume_only(placed):
    t1, t2 = (placed.context.volume(side) for side in Side)
    rows = [{view.name for view in row} for row in layouts.ROWS]
    assert [views_of(placed, Side.T1), views_of(placed, Side.T2)] == rows
    show(placed, "T1Axial", t2)
    assert views_of(placed, Side.T1) == {"T1Coronal", "T1Sagittal"} and views_of(placed, Side.T2) == {
        "T1Axial",
        *rows[1],
    }
    show(placed, "T1Axial", placed.add_volume("Another T1"))
    assert views_of(placed, Side.T1) == {"T1Coronal", "T1Sagittal"} and views_of(placed, Side.T2) == rows[1]
    show(placed, "T1Axial", t1)
    assert [views_of(placed, Side.T1), views_of(placed, Side.T2)] == rows


def test_boxes_of_a_deleted_volume_are_not_drawn_over_another(placed):
    t2 = placed.context.volume(Side.T2)
    kept = boxes(placed, Side.T1)
    slicer.mrmlScene.RemoveNode(placed.context.volume(Side.T1))
    for view in ("T1Axial", "T1Coronal", "T1Sagittal"):
        show(placed, view, t2)
    ids = [view.GetID() for view in slicer.util.getNodesByClass("vtkMRMLSliceNode")]
    assert not any(node.GetDisplayNode().IsDisplayableInView(view) for node in kept for view in ids)


def test_a_click_into_a_view_of_another_volume_chooses_no_lesion(placed):
    center = frames.flip(found()[0].box(Side.T1).center_mm)
    placed.context.jump(Side.T1, found()[0].box(Side.T1).center_mm)
    show(placed, "T1Axial", placed.add_volume("Another T1"))
    placed.harness.click_slice("T1Axial", center)
    assert placed.context.selectedUid is None
    show(placed, "T1Axial", placed.context.volume(Side.T1))
    placed.harness.click_slice("T1Axial", center)
    assert placed.context.selectedUid == "lesion-1"


def observers() -> dict[str, int]:
    """How many observers each node of the scene and the mouse in each slice view have."""
    manager = slicer.app.layoutManager()
    observed = {node.GetID(): node for node in slicer.util.getNodes().values()}
    for name in manager.sliceViewNames():
        observed[f"{name} mouse"] = manager.sliceWidget(name).sliceView().interactor()
    return {name: str(each).count("vtkObserver (") for name, each in observed.items()}


def observing() -> list:
    """What of the module still observes something."""
    everything = gc.get_objects()
    mixins = [each for each in everything if issubclass(type(each), VTKObservationMixin)]
    ours = [each for each in mixins if type(each).__module__.startswith("Lesion") and list(each.Observations)]
    return ours + [each for each in everything if type(each) is BoxWatch and each._tags]


def open_read_and_close(panel) -> None:
    """Load the module, read with it, close the scene and take the module away."""
    panel.harness.load_module(MODULE)
    panel.connect()
    panel["detailsButton"].collapsed = False
    panel.add_pair()
    panel.add_lesions()
    panel.click("showPairButton")
    panel.settle()
    panel.choose_row(3)
    panel.harness.move_in_slice("T1Axial", frames.flip(found()[2].box(Side.T1).center_mm))
    panel.click("drawT1Button")
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    panel.harness.app.moduleManager().harness_unload("LesionPairDetect")
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode"))
    panel.harness.wait(seconds=0.2)


def test_nothing_is_left_when_the_scene_is_closed_and_the_module_goes(panel):
    open_read_and_close(panel)
    before = observers()
    open_read_and_close(panel)
    assert {name: number for name, number in observers().items() if before.get(name, number) != number} == {}
    assert observing() == []
    assert BoxStore.living() == [] and Notices.defer is None
    for kind in ("vtkMRMLMarkupsNode", "vtkMRMLFolderDisplayNode", "vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
        assert [node.GetName() for node in slicer.util.getNodesByClass(kind)] == []


def test_a_pair_that_is_loaded_while_the_module_is_open_is_proposed(panel):
    panel.add_pair()
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.context.study is None
    pair = panel.add_volume("AX T1 in phase"), panel.add_volume("AX T2 SPIR")
    panel.harness.wait()
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == pair
    assert [panel.study.volume(side) for side in Side] == list(pair)


def test_a_deleted_volume_is_chosen_no_more_and_no_other_in_its_place(panel):
    t1, t2 = panel.add_pair()
    slicer.mrmlScene.RemoveNode(t1)
    panel.harness.wait()
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == (None, t2)
    assert panel.study.volume(Side.T1) is None
    assert "T1 is not selected" in panel["applyButton"].toolTip
    later = panel.add_volume("AX T1 out of phase")
    panel.harness.wait()
    assert panel.parameters.t1Volume is later
