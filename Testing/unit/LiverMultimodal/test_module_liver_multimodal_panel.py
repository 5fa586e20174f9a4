"""What the panel of LiverMultimodal chooses, warns about and allows, before anything runs."""

import pytest
import slicer
import vtk
from bundle_factory import edit_manifest
from liver_multimodal_factory import MODULE, liver_image, panel  # noqa: F401


def test_an_empty_scene_asks_for_a_volume(panel):
    assert not panel["applyButton"].enabled
    assert panel.reason == "Choose a T1 or a T2 volume."
    assert "Choose a T1" in panel["applyButton"].toolTip
    assert not panel["cancelButton"].enabled
    assert not panel["progressFrame"].isVisible()


def test_t1_and_t2_are_guessed_on_entering(panel):
    t1, t2 = panel.add_pair()
    assert panel["t1VolumeSelector"].currentNode() is t1
    assert panel["t2VolumeSelector"].currentNode() is t2
    assert panel["applyButton"].enabled
    assert not panel.reason and not panel.warning


def test_dicom_tags_are_stronger_than_names(panel):
    volume = panel.add_volume("Series 7")
    volume.SetAttribute("DICOM.SeriesDescription", "sT2W_TSE_SPIR")
    panel.enter()
    assert panel["t1VolumeSelector"].currentNode() is None
    assert panel["t2VolumeSelector"].currentNode() is volume


def test_a_volume_that_the_user_took_out_is_not_put_back_but_a_new_one_is_taken(panel):
    t1, t2 = panel.add_pair()
    panel.harness.choose(panel["t2VolumeSelector"], "None")
    panel.enter()
    assert panel["t2VolumeSelector"].currentNode() is None
    slicer.mrmlScene.RemoveNode(t2)
    later = panel.add_volume("T2 again")
    panel.enter()
    assert panel["t1VolumeSelector"].currentNode() is t1
    assert panel["t2VolumeSelector"].currentNode() is later


def test_volumes_that_come_while_the_module_is_open_are_chosen(panel):
    t1, t2 = panel.add_volume("AX T1 in phase"), panel.add_volume("AX T2 SPIR")
    panel.harness.wait()
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == (t1, t2)
    slicer.mrmlScene.Clear(0)
    later = panel.add_volume("AX T2 SPIR"), panel.add_volume("AX T1 in phase")
    panel.harness.wait()
    assert (panel.parameters.t2Volume, panel.parameters.t1Volume) == later


@pytest.mark.parametrize("side", ["t1", "t2"])
def test_a_deleted_volume_is_chosen_no_more_and_no_other_in_its_place(panel, side):
    t1, t2 = panel.add_pair()
    slicer.mrmlScene.RemoveNode(t1 if side == "t1" else t2)
    panel.harness.wait()
    left = (None, t2) if side == "t1" else (t1, None)
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == left
    assert (panel["t1VolumeSelector"].currentNode(), panel["t2VolumeSelector"].currentNode()) == left


def test_a_deleted_output_is_chosen_no_more_and_no_other_in_its_place(panel):
    panel.add_pair()
    mine, other = (slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name) for name in ("Mine", "Other"))
    panel.harness.choose(panel["t1SegmentationSelector"], "Mine")
    panel.harness.choose(panel["t2SegmentationSelector"], "Other")
    slicer.mrmlScene.RemoveNode(mine)
    panel.harness.wait()
    assert (panel.parameters.t1Segmentation, panel.parameters.t2Segmentation) == (None, other)


def test_mirroring_is_offered_only_for_a_model_that_was_trained_with_it(panel, tmp_path):
    edit_manifest(tmp_path / "models" / "small", mirror_axes=["x"])
    panel.add_pair()
    assert panel["mirroredEnsembleCheckBox"].isEnabled()
    panel.parameters.mirroredEnsemble = True
    edit_manifest(tmp_path / "models" / "small", mirror_axes=[])
    panel.enter()
    assert not panel["mirroredEnsembleCheckBox"].isEnabled()
    panel.apply()
    assert panel.worker.request["mirror"] is False


def test_swapped_volumes_are_warned_about_and_swapped_with_one_click(panel):
    t1, t2 = panel.add_pair()
    panel.harness.choose(panel["t1VolumeSelector"], "AX T2 SPIR")
    panel.harness.choose(panel["t2VolumeSelector"], "AX T1 in phase")
    assert panel.warning.startswith("T1 and T2 seem swapped")
    assert panel["applyButton"].enabled
    panel.click("swapButton")
    assert (panel.parameters.t1Volume, panel.parameters.t2Volume) == (t1, t2)
    assert not panel.warning


def test_one_volume_chosen_twice_cannot_be_run(panel):
    panel.add_pair()
    panel.harness.choose(panel["t2VolumeSelector"], "AX T1 in phase")
    assert "the same volume" in panel.warning
    assert panel.reason == panel.warning
    assert not panel["applyButton"].enabled


def test_renaming_a_volume_is_seen_at_the_next_look(panel):
    t1, _ = panel.add_pair()
    t1.SetName("T2 after all")
    panel.enter()
    assert "T2-weighted" in panel.warning


@pytest.mark.parametrize(("defect", "sentence"), [
    ("color", "T1 has 3 components; LiverPair needs a scalar volume."),
    ("empty", "T1 holds no image."),
    ("nan", "T1"),
    ("one slice", "T1"),
])  # fmt: skip
def test_a_volume_that_cannot_be_used_is_refused_in_words(panel, defect, sentence):
    volume = panel.add_volume("T1 broken", liver_image()[:, :, :1] if defect == "one slice" else None)
    if defect == "color":
        image = vtk.vtkImageData()
        image.SetDimensions(8, 8, 8)
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
        volume.SetAndObserveImageData(image)
    elif defect == "empty":
        volume.SetAndObserveImageData(None)
    elif defect == "nan":
        slicer.util.arrayFromVolume(volume)[3, 4, 5] = float("nan")
        slicer.util.arrayFromVolumeModified(volume)
    panel.enter()
    assert panel.parameters.t1Volume is volume
    assert panel.reason.startswith(sentence)
    assert not panel["applyButton"].enabled


def test_a_repaired_volume_can_be_used(panel):
    volume = panel.add_volume("T1")
    values = slicer.util.arrayFromVolume(volume)
    values[0, 0, 0] = float("inf")
    slicer.util.arrayFromVolumeModified(volume)
    panel.enter()
    assert not panel["applyButton"].enabled
    values[0, 0, 0] = 0
    slicer.util.arrayFromVolumeModified(volume)
    panel.enter()
    assert panel["applyButton"].enabled


def test_both_results_cannot_go_into_one_segmentation(panel):
    panel.add_pair()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    panel.harness.choose(panel["t1SegmentationSelector"], "Mine")
    assert panel["applyButton"].enabled
    panel.harness.choose(panel["t2SegmentationSelector"], "Mine")
    assert panel.reason == "T1 and T2 need different output segmentations."


def test_choices_are_kept_in_the_scene_and_shown_again(panel, tmp_path):
    t1, t2 = panel.add_pair()
    panel.click("uncertaintyMapCheckBox")
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    panel.harness.choose(panel["t2SegmentationSelector"], "Mine")
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel["t1VolumeSelector"].currentNode() is None
    slicer.util.loadScene(path)
    panel.enter()
    assert panel["t1VolumeSelector"].currentNode().GetName() == "AX T1 in phase"
    assert panel["t2VolumeSelector"].currentNode().GetName() == "AX T2 SPIR"
    assert panel["t2SegmentationSelector"].currentNode().GetName() == "Mine"
    assert panel["uncertaintyMapCheckBox"].checked
    assert panel["deviceComboBox"].currentText == "CPU"
    assert panel["modelComboBox"].currentText == "small 1.0"
    assert panel["applyButton"].enabled


def test_a_device_that_a_script_has_set_is_shown_as_it_is(panel):
    panel.parameters.device = "cuda:1"
    panel.harness.wait()
    assert panel["deviceComboBox"].currentText == "cuda:1"


def test_the_panel_fits_its_column(panel, tmp_path):
    panel.add_pair()
    panel.harness.choose(panel["t1VolumeSelector"], "AX T2 SPIR")
    panel.harness.choose(panel["t2VolumeSelector"], "AX T1 in phase")
    picture = panel.harness.screenshot(tmp_path / "panel.png")
    assert picture.std() > 0
    parent = panel.widget.parent
    assert parent.minimumSizeHint().width() <= parent.width <= 420
    for name in ("applyButton", "cancelButton", "swapButton", "deleteModelButton", "t1SegmentationSelector"):
        widget = panel[name]
        right = widget.mapTo(parent, widget.rect.topRight()).x()
        assert right <= parent.width, name
