"""Boxes and livers stay with their images: under the same transform, and over no other volume."""

import gc

import pytest
import slicer
from lesion_pair_detect_factory import MODULE, found, panel  # noqa: F401
from mrml_factory import shift_transform
from slicer.util import VTKObservationMixin

from liverpair.mrml import frames
from liverpair.mrml.lesion_notices import Notices
from liverpair.mrml.lesion_store import BoxStore
from liverpair.mrml.lesion_watch import BoxWatch

UNDER_OTHERS = "lie under different transforms"


@pytest.fixture
def placed(panel):
    """The panel with four lesions and both livers, in the two rows of views."""
    t1, t2 = panel.add_pair()
    livers = panel.add_livers()
    panel.parameters.t1Liver, panel.parameters.t2Liver = livers["t1"], livers["t2"]
    panel.parameters.model = "peaks"
    panel.add_lesions()
    panel.click("showPairButton")
    panel.settle()
    return panel


def show(panel, view: str, volume) -> None:
    """Choose what a slice view shows, as in its controller."""
    composite = slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()
    composite.SetBackgroundVolumeID(volume.GetID() if volume is not None else None)
    panel.harness.wait()


def test_a_liver_that_lies_elsewhere_than_its_volume_is_not_detected_in(placed):
    placed.parameters.t1Liver.SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.enter()
    assert "T1 and its liver segmentation " + UNDER_OTHERS in placed["warningLabel"].text
    assert UNDER_OTHERS in placed["applyButton"].toolTip and not placed["applyButton"].isEnabled()
    placed.parameters.t1Liver = None
    assert placed["applyButton"].isEnabled()


def test_boxes_that_lie_elsewhere_than_their_volume_are_told_of(placed):
    placed.study.node("lesion-1", "t2").SetAndObserveTransformNodeID(shift_transform(30.0, -20.0, 10.0).GetID())
    placed.enter()
    assert "T2 and its boxes " + UNDER_OTHERS + " (1 of 3)" in placed["warningLabel"].text


def test_a_click_into_a_view_of_another_volume_chooses_no_lesion(placed):
    center = frames.flip(found()[0].t1.centre_mm)
    placed.context.jump("t1", found()[0].t1.centre_mm)
    show(placed, "Red", placed.add_volume("Another T1"))
    placed.harness.click_slice("Red", center)
    assert placed.context.selectedUid is None
    show(placed, "Red", placed.context.volume("t1"))
    placed.harness.click_slice("Red", center)
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
    mixins = [each for each in everything if isinstance(each, VTKObservationMixin)]
    ours = [each for each in mixins if type(each).__module__.startswith("LesionPair") and list(each.Observations)]
    return ours + [each for each in everything if isinstance(each, BoxWatch) and each._tags]


def open_read_and_close(panel) -> None:
    """Load the module, read with it, close the scene and take the module away."""
    panel.harness.load_module(MODULE)
    panel.connect()
    panel.add_pair()
    panel.add_lesions()
    panel.click("showPairButton")
    panel.settle()
    panel.choose_row(3)
    panel.harness.move_in_slice("Red", frames.flip(found()[2].t1.centre_mm))
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
