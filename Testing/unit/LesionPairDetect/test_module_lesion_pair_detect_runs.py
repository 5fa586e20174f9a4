"""LesionPairDetect from Detect to linked boxes in the scene, and everything that may happen in between."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from lesion_pair_detect_factory import BRIGHT, MODULE, PROVENANCE, found, panel  # noqa: F401
from lesion_sections_factory import DRAWN, lesion
from liver_multimodal_factory import nodes_of, segment_names
from mrml_factory import shift_transform

from liverpair.core.geometry import Grid, on_grid, volume_ml
from liverpair.core.sides import Side
from liverpair.mrml import layouts, provenance, segmentations
from liverpair.mrml.lesions import lesion_segments
from liverpair.mrml.lesions.lesion_display import color_of
from liverpair.mrml.lesions.lesion_folders import notes_of
from liverpair.mrml.segmentations import source_of


def boxes(study) -> dict:
    """Centers of the boxes by number and side."""
    return {
        (pair.number, side): np.round(pair.box(side).center_mm, 3).tolist()
        for pair in study.pairs()
        for side in Side
        if side in pair.boxes
    }


def test_what_is_missing_is_said(panel):
    assert panel.reason == "Choose a T1 and a T2 volume."
    window = panel.harness.main_window.harness_panel()
    for button in slicer.util.findChildren(window, className="ctkCollapsibleButton"):
        button.collapsed = False
    shown = [label for label in slicer.util.findChildren(window, className="QLabel") if label.isVisible()]
    assert sum("Choose a T1" in label.text for label in shown) == 1
    panel.add_pair()
    assert not panel.reason and panel["applyButton"].enabled
    panel.harness.choose(panel["t2VolumeSelector"], "None")
    assert panel.reason == "T2 is not selected: a lesion is looked for in both volumes."
    panel.harness.choose(panel["t2VolumeSelector"], "AX T1 in phase")
    assert "the same volume" in panel.reason


def test_a_pair_is_detected_listed_and_shown(panel):
    t1, t2 = panel.add_pair()
    panel.apply()
    assert panel.worker.job["job"] == "detect"
    assert panel.worker.request["model"].endswith("peaks")
    assert "t1_liver" not in panel.worker.request
    assert not panel["applyButton"].enabled and panel["cancelButton"].enabled
    panel.worker.progress(0.4, "Looking for lesions")
    panel.harness.wait()
    assert (panel["progressBar"].value, panel["progressLabel"].text) == (40, "Looking for lesions")
    folder = panel.folder()
    panel.worker.finish(notes=["The GPU had too little memory."])
    panel.settle()
    assert panel.status == (
        "Lesions found: 4; in both images 2, in T1 only 1, in T2 only 1. The GPU had too little memory."
    )
    assert not folder.exists() and not panel["progressFrame"].isVisible()
    assert panel["inputsButton"].collapsed and panel["applyButton"].isVisible(), "the lesions have the room"
    expected = {
        (pair.number, side): list(pair.box(side).center_mm) for pair in found() for side in Side if side in pair.boxes
    }
    assert boxes(panel.study) == expected
    assert [panel.study.volume(side) for side in Side] == [t1, t2]
    assert provenance.read(notes_of(panel.study.folder))["bundle"] == "peaks"
    assert "Model: peaks\nVersion: 1.0" in panel["provenanceText"].plainText
    for side, volume in ((Side.T1, t1), (Side.T2, t2)):
        liver = getattr(panel.parameters, f"{side}Liver")
        assert liver.GetName() == f"{volume.GetName()} liver"
        assert volume_ml(segmentations.liver_mask(liver, volume)) == pytest.approx(719, abs=1)
    assert panel.harness.app.layoutManager().layout == layouts.PAIR_LAYOUT_ID
    assert panel.context.selectedUid == "lesion-1" and panel.chosen_row() == "1"


def index_range(box, grid) -> np.ndarray:
    """First and last voxel (x, y, z) of a box along the axes of a grid."""
    half = np.divide(box.size_mm, 2) / grid.spacing
    return np.array([grid.index(box.center_mm) + 0.5 - half, grid.index(box.center_mm) + 0.5 + half])


def test_lesions_that_a_model_draws_are_segments_with_the_number_and_color_of_their_boxes(panel):
    t1, _t2 = panel.add_pair()
    panel.apply()
    masks = {}
    for side in Side:
        image = sitk.ReadImage(panel.worker.request[side])
        labels = np.zeros(image.GetSize()[::-1], np.uint16)
        for pair in found():
            if side in pair.boxes:
                first, last = np.round(index_range(pair.box(side), Grid.of(image))).astype(int).clip(0)
                labels[tuple(slice(low, high) for low, high in zip(first[::-1], last[::-1]))] = pair.number
        masks[side] = str(panel.folder() / f"{side}_lesions.nii.gz")
        sitk.WriteImage(on_grid(labels, Grid.of(image)), masks[side])
    panel.worker.finish(masks=masks)
    panel.settle()
    node = lesion_segments.of_study(panel.study, Side.T1)
    assert source_of(node) is t1 and node.GetName() == f"{t1.GetName()} lesions"
    assert segment_names(node) == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert node.GetSegmentation().GetNthSegment(0).GetColor() == color_of(1)
    display, ids = node.GetDisplayNode(), [node.GetSegmentation().GetNthSegmentID(row) for row in range(3)]
    assert [display.GetSegmentVisibility(each) for each in ids] == [True, False, True], "the second has a low score"
    panel.harness.type_text(panel["displayThresholdSlider"], "0.1")
    panel.harness.wait()
    assert display.GetSegmentVisibility(ids[1])
    box = panel.study.node("lesion-1", Side.T1).GetDisplayNode()
    assert box.GetOutlineOpacity() < 0.5 < display.GetSegmentOpacity2DOutline(ids[0])
    panel.run(masks=None)
    assert lesion_segments.of_study(panel.study, Side.T1) is None
    assert [each.GetName() for each in nodes_of("vtkMRMLSegmentationNode") if "lesions" in each.GetName()] == []


def test_the_first_lesion_is_chosen_at_once_and_another_one_stays_chosen_when_the_views_have_settled(panel):
    from LiverPairLib import sourcedisplay as display

    panel.add_pair()
    panel.apply()
    panel.worker.finish()
    panel.harness.wait(until=lambda: len(panel.numbers()) == 3, seconds=30)
    assert panel.context.selectedUid == "lesion-1" and panel.chosen_row() == "1"
    assert display._waiting is not None
    panel.context.select("lesion-3")
    panel.settle()
    assert panel.context.selectedUid == "lesion-3" and panel.chosen_row() == "3"
    assert panel.context.jumpedTo[Side.T1] == pytest.approx((0, -10, 80))
    panel.context.select(None)
    panel.run(provenance={**PROVENANCE, "display_threshold": 0.95})
    assert panel.numbers() == [] and panel.context.selectedUid is None


def test_the_slider_starts_where_the_model_says_and_stays_where_the_user_put_it(panel):
    panel.add_pair()
    panel.run()
    assert panel.parameters.displayThreshold == 0.5 and panel.numbers() == ["1", "3", "4"]
    assert "threshold" not in panel.status
    panel.run(provenance={**PROVENANCE, "display_threshold": 0.254})
    assert panel["displayThresholdSlider"].value == pytest.approx(0.25)
    assert panel.status.endswith("Score threshold 0.50 → 0.25, the model's own.")
    assert panel.numbers() == ["1", "2", "3", "4"]
    assert panel.study.is_shown(panel.study.pair("lesion-2"))
    panel.run(provenance={**PROVENANCE, "display_threshold": 0.65})
    assert panel.numbers() == ["1", "3"]
    panel.harness.type_text(panel["displayThresholdSlider"], "0.8")
    panel.run(provenance={**PROVENANCE, "display_threshold": 0.25})
    assert panel.parameters.displayThreshold == pytest.approx(0.8) and panel.numbers() == ["1"]


def test_livers_that_are_there_are_used_and_not_made_anew(panel):
    panel.add_pair()
    livers = panel.add_livers()
    panel.enter()
    assert [panel.parameters.t1Liver, panel.parameters.t2Liver] == [livers[Side.T1], livers[Side.T2]]
    panel.run()
    assert panel.worker.request["t1_liver"].endswith("t1_liver.nrrd")
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2
    panel["inputsButton"].collapsed = False  # folded by the detection
    panel.harness.choose(panel["t1LiverSelector"], "Segment it when detecting")
    panel.enter()
    assert panel.parameters.t1Liver is None
    panel.harness.choose(panel["t1LiverSelector"], "AX T2 SPIR liver")
    assert panel.reason == "T1 and T2 need different liver segmentations."


def test_a_segmentation_without_a_liver_is_refused(panel):
    panel.add_pair()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Spleen only")
    panel.harness.choose(panel["t2LiverSelector"], "Spleen only")
    assert panel.reason == "The liver segmentation of T2 has no segment called Liver."


def test_swap_takes_the_livers_along(panel):
    t1, t2 = panel.add_pair()
    livers = panel.add_livers()
    panel.enter()
    panel.parameters.t1Volume, panel.parameters.t2Volume = t2, t1
    panel.enter()
    assert panel.warning.startswith("T1 and T2 seem swapped")
    panel.click("swapButton")
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == (t1, t2)
    assert (panel.parameters.t1Liver, panel.parameters.t2Liver) == (livers[Side.T1], livers[Side.T2])


def test_a_detection_in_swapped_volumes_is_asked_about_and_recorded(panel):
    t1, t2 = panel.add_pair()
    panel.parameters.t1Volume, panel.parameters.t2Volume = t2, t1
    panel.harness.wait()
    panel.harness.answer("Cancel")
    panel.click("applyButton")
    assert not panel.worker.transport.commands
    panel.harness.answer("Run anyway")
    panel.apply()
    (swapped,) = panel.worker.request["doubts"]
    assert swapped == panel.warning and panel.worker.request["accept"] is True
    panel.worker.finish(doubts=[swapped], notes=[swapped], accepted=True)
    panel.settle()
    assert provenance.read(notes_of(panel.study.folder))["accepted"] == swapped and swapped in panel.status


def test_detecting_again_replaces_proposals_and_keeps_what_somebody_has_judged(panel):
    panel.add_pair()
    panel.run()
    panel.study.set_state("lesion-1", "accepted")
    panel.study.add([lesion(9, (60, 60, 60), t1=DRAWN, t2=DRAWN)])
    panel.worker.pairs = [lesion(1, (-38, -30, 60)), lesion(2, (0, 0, 40))]
    panel.run()
    assert sorted(boxes(panel.study)) == [
        (1, Side.T1),
        (1, Side.T2),
        (9, Side.T1),
        (9, Side.T2),
        (10, Side.T1),
        (10, Side.T2),
    ]
    assert panel.study.pair("lesion-1").state == "accepted"
    assert panel.status == (
        "Lesions found: 1; in both images 1, in T1 only 0, in T2 only 0. "
        "Lesions that you had reviewed or drawn were kept: 2."
    )
    assert panel.study.undo() == "Detect lesions"
    assert len(panel.study) == 5


def test_no_lesion_is_a_result_too(panel):
    panel.add_pair()
    panel.worker.pairs = []
    panel.run()
    assert panel.status == "No lesion was found." and len(panel.study) == 0


def test_cancel_leaves_the_scene_as_it_was(panel):
    panel.add_pair()
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.apply()
    folder = panel.folder()
    panel.click("cancelButton")
    assert panel.worker.was_cancelled
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "Cancelled; the scene is as it was."
    assert slicer.mrmlScene.GetNumberOfNodes() == before and not folder.exists()
    panel.run()
    assert len(panel.study) == 4


def test_an_error_of_the_worker_is_shown_in_its_words(panel):
    panel.add_pair()
    panel.apply()
    panel.worker.fail("input", "The liver in T2 is empty.", "Segment it first.")
    panel.harness.wait()
    assert panel.status == "The liver in T2 is empty. Segment it first."
    assert panel["applyButton"].enabled and len(panel.study) == 0


def test_the_scene_may_be_closed_while_it_runs(panel):
    panel.add_pair()
    panel.apply()
    slicer.mrmlScene.Clear(0)
    assert panel.worker.was_cancelled
    panel.worker.finish()
    panel.harness.wait()
    assert panel.status == "The scene was closed; the detection was cancelled."
    assert nodes_of("vtkMRMLMarkupsROINode") == [] and nodes_of("vtkMRMLSegmentationNode") == []
    panel.add_pair()
    panel.run()
    assert len(panel.study) == 4


def test_a_detection_with_one_volume_left_is_cancelled(panel):
    _, t2 = panel.add_pair()
    panel.apply()
    slicer.mrmlScene.RemoveNode(t2)
    assert panel.worker.was_cancelled
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "The volume was deleted; its detection was cancelled."
    assert nodes_of("vtkMRMLSegmentationNode") == []


@pytest.mark.parametrize("what", ["changed volume", "damaged lesions", "liver on another grid"])
def test_a_result_that_does_not_fit_changes_nothing(panel, what):
    t1, _ = panel.add_pair()
    panel.add_lesions([lesion(7)])
    panel.settle()
    panel.harness.wait(until=lambda: panel.parameters.lesionTable is not None)  # made a moment after the lesions
    panel.apply()
    before = slicer.mrmlScene.GetNumberOfNodes()
    changes = {}
    if what == "changed volume":
        t1.SetSpacing(1, 1, 1)
    elif what == "damaged lesions":
        damaged = panel.folder() / "damaged.json"
        damaged.write_text("{}")
        changes["lesions"] = str(damaged)
    else:
        changes["livers"] = {Side.T1: panel.worker.request[Side.T1], Side.T2: panel.worker.request[Side.T1]}
    panel.worker.finish(**changes)
    panel.harness.wait()
    assert panel.status and slicer.mrmlScene.GetNumberOfNodes() == before
    assert [pair.number for pair in panel.study.pairs()] == [7]
    assert panel.parameters.t1Liver is None


def test_other_volumes_chosen_meanwhile_do_not_get_the_boxes(panel):
    t1, t2 = panel.add_pair()
    other = panel.add_volume("T1 later")
    panel.apply()
    panel.harness.choose(panel["t1VolumeSelector"], "T1 later")
    panel.worker.finish()
    panel.harness.wait()
    assert panel.parameters.t1Volume is other and panel.parameters.t1Liver is None
    assert len(panel.study) == 0
    panel.harness.choose(panel["t1VolumeSelector"], "AX T1 in phase")
    assert len(panel.study) == 4 and panel.study.volume(Side.T1) is t1


def test_boxes_and_liver_follow_a_volume_under_a_transform(panel):
    t1, _ = panel.add_pair()
    t1.SetAndObserveTransformNodeID(shift_transform(10, 20, 30).GetID())
    panel.run()
    sent = panel.context.image(Side.T1)
    assert boxes(panel.study)[1, Side.T1] == pytest.approx(found()[0].box(Side.T1).center_mm, abs=1e-3)
    liver = panel.parameters.t1Liver
    assert liver.GetTransformNodeID() == t1.GetTransformNodeID()
    bright = slicer.util.arrayFromVolume(t1) > BRIGHT
    mask = segmentations.liver_mask(liver, t1)
    assert np.array_equal(np.asarray(mask.GetSize())[::-1], bright.shape)
    assert volume_ml(mask) == pytest.approx(bright.sum() * np.prod(t1.GetSpacing()) / 1000)
    assert sent.GetOrigin() != pytest.approx((-110.0, -120.0, 30.0))


def test_lesions_and_choices_are_saved_and_loaded(panel, tmp_path):
    panel.add_pair()
    panel.run()
    panel.study.set_state("lesion-3", "accepted")
    panel.study.set_note("lesion-4", "cyst?")
    panel.parameters.displayThreshold = 0.65
    before = boxes(panel.study)
    panel.harness.wait(seconds=0.5)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.numbers() == [] and panel.study is None
    slicer.util.loadScene(path)
    panel.harness.wait()
    assert panel["t1VolumeSelector"].currentNode().GetName() == "AX T1 in phase"
    assert panel["t2LiverSelector"].currentNode().GetName() == "AX T2 SPIR liver"
    assert panel["displayThresholdSlider"].value == pytest.approx(0.65)
    assert boxes(panel.study) == before
    assert panel.study.pair("lesion-3").state == "accepted" and panel.study.pair("lesion-4").note == "cyst?"
    assert panel.numbers() == ["1", "3"]
    assert PROVENANCE["sha256"] == provenance.read(notes_of(panel.study.folder))["sha256"]


def test_a_run_is_abandoned_when_the_module_goes_away(panel):
    panel.add_pair()
    panel.apply()
    folder = panel.folder()
    panel.widget.cleanup()
    assert panel.worker.was_cancelled and not folder.exists()
    panel.worker.cancelled()
    panel.harness.wait()
    assert nodes_of("vtkMRMLMarkupsROINode") == []
