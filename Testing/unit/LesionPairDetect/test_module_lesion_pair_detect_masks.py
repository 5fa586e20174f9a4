"""Masks of lesions in the panel: asked of the worker, edited, measured in the table, taken back."""

import math
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from lesion_pair_detect_factory import panel  # noqa: F401

from liverpair.core.geometry import on_grid
from liverpair.core.sides import Side
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_study import LesionStudy
from liverpair.mrml.segmentations import oriented_labelmap
from liverpair.mrml.volumes import grid_of


@pytest.fixture
def reading(panel):
    """The panel with lesions, the first one chosen."""
    panel.add_pair()
    panel.add_lesions()
    panel.parameters.displayThreshold = 0.0
    panel.context.select("lesion-1")
    panel.harness.wait(seconds=0.5)
    return panel


def draw(panel, button="maskButton") -> dict:
    """Press a button and let the worker do the job itself."""
    panel.click(button)
    assert panel.worker.job["job"] == "masks", panel.status
    request = panel.worker.request
    panel.worker.work()
    panel.harness.wait(seconds=0.6)
    return request


def test_the_chosen_lesion_is_drawn_in_both_images_as_one_step(reading):
    panel = reading
    request = draw(panel)
    assert {"t1", "t2", "lesions", "output"} <= set(request) and request["model"] == "auto"
    assert all(found.mask for found in panel.study.pair("lesion-1").boxes.values())
    assert "Masks drawn: 2 by brightness in the box." in panel.status
    assert panel.study.undo_name == "Draw masks"
    for side in Side:
        assert lesion_segments.segment_of(panel.study, "lesion-1", side) is not None
    panel.study.undo()
    panel.harness.wait()
    assert lesion_segments.versions(panel.study) == {}


def test_all_lesions_without_a_mask_are_drawn_and_then_none_is_left(reading):
    panel = reading
    draw(panel)
    draw(panel, "allMasksButton")
    drawn = set(lesion_segments.versions(panel.study))
    assert ("lesion-3", Side.T1) in drawn and ("lesion-3", Side.T2) not in drawn
    assert not panel["allMasksButton"].enabled


def test_the_model_stays_a_choice_and_is_kept_with_the_scene(reading):
    panel = reading
    box = panel["maskModelComboBox"]
    assert box.currentText == "by lesion-in-box"
    panel.harness.choose(box, "by brightness in the box (no model)")
    assert panel.parameters.maskModel == "none"
    panel.widget.logic.bundles["lesions-real"] = panel.widget.logic.bundles["peaks"]
    panel.section("Masks").show()
    panel.harness.choose(box, "by lesions-real where it fills the box")
    assert panel.parameters.maskModel == "lesions-real"
    panel.click("maskButton")
    assert panel.worker.request["model"] == "lesions-real"


def test_lite_medsam_is_offered_where_its_package_is_installed(reading, monkeypatch):
    panel = reading
    section, box = panel.section("Masks"), panel["maskModelComboBox"]
    module = sys.modules[type(section).__module__]
    for installed in (False, True):
        monkeypatch.setattr(module, "lite_medsam_installed", lambda installed=installed: installed)
        section.show()
        offered = [box.itemText(row) for row in range(box.count)]
        assert ("by LiteMedSAM where it fills the box" in offered) == installed
    panel.harness.choose(box, "by LiteMedSAM where it fills the box")
    panel.click("maskButton")
    assert panel.worker.request["model"] == "lite-medsam"


def diameter_of(panel, side):
    """The ends of the line that is drawn over an image (RAS, mm), None where none is shown."""
    name = f"Longest axial diameter in {side.title}"
    nodes = [node for node in slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode") if node.GetName() == name]
    if not nodes or not nodes[0].GetDisplayNode().GetVisibility():
        return None
    assert len(nodes) == 1 and nodes[0].GetLocked() and not nodes[0].GetSaveWithScene()
    return [tuple(nodes[0].GetNthControlPointPositionWorld(end)) for end in range(2)]


def test_the_diameter_of_the_chosen_lesion_is_drawn_and_follows_its_mask(reading):
    panel = reading
    assert [diameter_of(panel, side) for side in Side] == [None, None]
    draw(panel)
    ends = {side: diameter_of(panel, side) for side in Side}
    for side in Side:
        told = panel.section("Lesions").table._filled[0].sides[side].diameter_mm
        assert math.dist(*ends[side]) == pytest.approx(told)
    shorten(panel.study)
    panel.harness.wait(seconds=1.0)
    assert diameter_of(panel, Side.T1) != ends[Side.T1] and diameter_of(panel, Side.T2) == ends[Side.T2]
    panel.context.select("lesion-2")
    assert [diameter_of(panel, side) for side in Side] == [None, None]


def test_a_chosen_lesion_is_shown_in_the_slice_of_its_diameter(reading):
    panel = reading
    panel.section("Reading").onShowPair()
    draw(panel)
    edit(panel.study, taper)
    panel.harness.wait(seconds=1.0)
    panel.context.select("lesion-2")
    panel.context.select("lesion-1")
    view = panel.harness.slice_view("T1Axial").mrmlSliceNode()
    (_x, _y, z), (_, _, other_z) = diameter_of(panel, Side.T1)
    middle = panel.study.pair("lesion-1").box(Side.T1).center_mm[2]
    assert view.GetSliceOffset() == pytest.approx((z + other_z) / 2) and abs(z - middle) > 3
    edit(panel.study, lambda labels: labels.fill(False))
    panel.harness.wait(seconds=1.0)
    panel.context.select("lesion-2")
    panel.context.select("lesion-1")
    assert view.GetSliceOffset() == pytest.approx(panel.study.pair("lesion-1").box(Side.T1).center_mm[2])


def taper(labels) -> None:
    """Leave the uppermost slice of a lesion whole, and one column in each of those below it."""
    slices, _rows, columns = labels.nonzero()
    labels[: slices.max(), :, columns.min() + 1 :] = False


def shorten(study) -> None:
    """Take two columns of voxels from the first lesion in T1."""
    edit(study, lambda labels: labels.__setitem__(np.s_[:, :, : labels.nonzero()[2].min() + 2], False))


def edit(study, change) -> None:
    """Change the voxels (z, y, x) of the first lesion in T1 in place, as the Segment Editor does."""
    node, volume = lesion_segments.of_study(study, Side.T1), study.volume(Side.T1)
    labels = sitk.GetArrayFromImage(lesion_segments.label_map(study, Side.T1)) == 1
    change(labels)
    image = on_grid(labels.astype("uint8"), grid_of(volume))
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        oriented_labelmap(image, volume, "edited"), node, lesion_segments.segment_of(study, "lesion-1", Side.T1)
    )


def test_the_table_measures_the_mask_and_follows_when_it_is_edited(reading):
    panel = reading
    draw(panel)
    before = panel.rows()[0]
    shorten(panel.study)
    panel.harness.wait(seconds=1.0)
    after = panel.rows()[0]
    assert after["T1 mm"] != before["T1 mm"] and after["ml T1"] != before["ml T1"]
    assert after["T2 mm"] == before["T2 mm"]
    assert panel.study.pair("lesion-1").boxes[Side.T1].origin == "drawn"


def test_the_segment_editor_opens_on_the_mask_and_what_is_done_there_is_one_step_here(reading):
    panel = reading
    draw(panel)
    study = LesionStudy(*(panel.context.volume(side) for side in Side))
    segment = lesion_segments.segment_of(study, "lesion-1", Side.T2)
    before = study.pair("lesion-1").box(Side.T1)
    panel.click("editT2MaskButton")
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    assert editor.segmentationNode() is lesion_segments.of_study(study, Side.T2)
    assert (editor.sourceVolumeNode(), editor.currentSegmentID()) == (study.volume(Side.T2), segment)
    shorten(study)
    study.release()
    slicer.util.selectModule("LesionPairDetect")
    panel.harness.wait(seconds=0.5)
    assert panel.study.undo_name == "Edit mask" and panel.study.pair("lesion-1").box(Side.T1) != before
    panel.study.undo()
    panel.harness.wait(seconds=0.5)
    assert np.allclose(panel.study.pair("lesion-1").box(Side.T1).center_mm, before.center_mm)
    voxels = lesion_segments.versions(panel.study)["lesion-1", Side.T1]
    assert voxels == panel.study.pair("lesion-1").boxes[Side.T1].mask


def test_masks_are_deleted_and_the_boxes_stay(reading):
    panel = reading
    draw(panel)
    for side in Side:
        segmentation = lesion_segments.of_study(panel.study, side).GetSegmentation()
        segmentation.RemoveSegment(lesion_segments.segment_of(panel.study, "lesion-1", side))
    panel.harness.wait(seconds=0.5)
    assert len(panel.study.pair("lesion-1").boxes) == 2 and lesion_segments.versions(panel.study) == {}
    assert not panel["editT1MaskButton"].enabled
    for _ in Side:
        panel.study.undo()
    panel.harness.wait()
    assert len(lesion_segments.versions(panel.study)) == 2


def test_cancelled_or_failed_it_leaves_the_scene_as_it_was(reading):
    panel = reading
    before = panel.study.undo_name
    panel.click("maskButton")
    panel.click("cancelButton")
    panel.worker.cancelled()
    assert panel.status == "Cancelled; the scene is as it was."
    panel.click("maskButton")
    panel.worker.fail("input", "No memory.")
    assert "No memory." in panel.status
    assert panel.study.undo_name == before and not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def test_without_a_chosen_lesion_nothing_can_be_drawn(reading):
    panel = reading
    panel.context.select(None)
    panel.harness.wait()
    assert not panel["maskButton"].enabled and "Choose a lesion first." in panel["maskButton"].toolTip
