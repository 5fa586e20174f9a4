"""The harness drives a template-style module with real mouse and key events over real MRML."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import numpy as np  # noqa: E402
import slicer  # noqa: E402
from clean_harness import harness  # noqa: E402, F401

EXAMPLE = Path(__file__).parents[2] / "harness" / "example" / "HarnessExample" / "HarnessExample.py"


@pytest.fixture
def example(harness):
    """The example module, selected, with its one data set loaded."""
    harness.load_module(EXAMPLE)
    import SampleData

    SampleData.press_button("HarnessExampleBlob")
    return harness.panel("HarnessExample")


def test_module_is_loaded_with_what_it_says_about_itself(harness, example):
    module = slicer.modules.harnessexample
    assert module.title == "Harness example"
    assert slicer.util.selectedModule() == "HarnessExample"
    assert slicer.util.getModuleLogic("HarnessExample") is example.logic
    assert slicer.util.modulePath("HarnessExample") == str(EXAMPLE)


def test_apply_is_pressed_and_results_are_shown(harness, example, tmp_path):
    apply = harness.widget("applyButton")
    assert not apply.enabled
    with pytest.raises(AssertionError, match="disabled"):
        harness.click(apply)
    harness.choose(harness.widget("inputSelector"), "Blob")
    assert apply.enabled
    harness.click(apply)
    harness.wait(until=lambda: "done" in harness.widget("log").plainText)
    assert harness.widget("progressBar").value == 100
    assert harness.widget("segments").segmentCount == 1
    shown = harness.widget("results").model().index(0, 0).data()
    volume = slicer.util.arrayFromVolume(slicer.util.getNode("Blob"))
    assert int(shown) == (volume > 100).sum()


def test_parameters_are_bound_both_ways(harness, example):
    node = example._parameterNode
    harness.type_text(harness.widget("fractionSlider"), "0.25")
    harness.type_text(harness.widget("repeatsSpinBox"), "4")
    harness.type_text(harness.widget("labelEdit"), "liver")
    harness.type_text(harness.widget("folderEdit"), "elsewhere")
    harness.choose(harness.widget("sideComboBox"), "Darker")
    harness.choose(harness.widget("unitComboBox"), "voxels")
    harness.click(harness.widget("outlineCheckBox"))
    assert (node.fraction, node.repeats, node.label, node.folder) == (0.25, 4, "liver", Path("elsewhere"))
    assert (node.side.name, node.unit, node.showOutline) == ("Darker", "voxels", False)

    node.fraction, node.repeats, node.unit, node.showOutline = 0.75, 2, "mL", True
    node.maskVolume = slicer.util.getNode("Blob")
    assert harness.widget("fractionSlider").value == 0.75
    assert harness.widget("repeatsSpinBox").value == 2
    assert harness.widget("unitComboBox").currentText == "mL"
    assert harness.widget("outlineCheckBox").checked
    assert harness.widget("maskSelector").currentNode() is node.maskVolume


def test_parameter_node_refuses_what_does_not_fit(example):
    node = example._parameterNode
    with pytest.raises(ValueError, match="range"):
        node.fraction = 2.0
    with pytest.raises(TypeError):
        node.repeats = "three"
    with pytest.raises(ValueError):
        node.unit = "liters"
    with pytest.raises(TypeError):
        node.inputVolume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    assert (node.fraction, node.repeats, node.unit, node.inputVolume) == (0.5, 1, "mL", None)


def test_panel_lets_go_of_the_scene_when_another_module_is_selected(harness, example, tmp_path):
    node = example._parameterNode
    other = tmp_path / "OtherModule.py"
    other.write_text(EXAMPLE.read_text().replace("HarnessExample", "OtherModule"))
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    ui = EXAMPLE.parent / "Resources" / "UI" / "HarnessExample.ui"
    (tmp_path / "Resources" / "UI" / "OtherModule.ui").write_text(
        ui.read_text().replace("HarnessExample", "OtherModule")
    )
    harness.load_module(other)
    assert example._parameterNode is None
    node.fraction = 0.9
    assert example.ui.fractionSlider.value == 0.5
    harness.select("HarnessExample")
    assert example.ui.fractionSlider.value == 0.9


def test_scene_close_leaves_a_working_panel(harness, example):
    harness.choose(harness.widget("inputSelector"), "Blob")
    slicer.mrmlScene.Clear(0)
    assert harness.widget("inputSelector").currentNode() is None
    assert not harness.widget("applyButton").enabled
    example._parameterNode.fraction = 0.1
    assert harness.widget("fractionSlider").value == 0.1


def test_reload_gives_a_new_panel(harness, example):
    harness.choose(harness.widget("inputSelector"), "Blob")
    example.onReload()
    harness.wait()
    fresh = harness.panel("HarnessExample")
    assert fresh is not example
    assert fresh.ui.inputSelector.currentNode().GetName() == "Blob"
    harness.click(fresh.ui.applyButton)
    assert fresh.ui.segments.segmentCount == 1
    harness.wait(until=lambda: "done" in fresh.ui.log.plainText)


def test_layout_is_made_from_its_xml(harness, example):
    manager = slicer.app.layoutManager()
    assert manager.layout == 8471
    names = manager.sliceViewNames()
    assert {"ExampleAxial", "ExampleCoronal", "Red"} < set(names), "views of the former layout are among them"
    assert {name for name in names if manager.sliceWidget(name).visible} == {"ExampleAxial", "ExampleCoronal"}
    assert (manager.tableViewCount, manager.plotViewCount, manager.threeDViewCount) == (1, 1, 1)
    assert not manager.threeDWidget(0).visible
    node = manager.sliceWidget("ExampleCoronal").mrmlSliceNode()
    assert (node.GetOrientation(), node.GetViewGroup(), node.GetLayoutLabel()) == ("Coronal", 7, "C")
    assert node.IsMappedInLayout()
    axial, coronal = (harness.slice_view(name) for name in ("ExampleAxial", "ExampleCoronal"))
    assert axial.width > 200 and axial.height > manager.tableWidget(0).height
    assert axial.mapToGlobal(axial.rect.topLeft()).x() < coronal.mapToGlobal(coronal.rect.topLeft()).x()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    harness.wait()
    assert manager.sliceWidget("Red").visible and not manager.sliceWidget("ExampleAxial").visible
    assert not node.IsMappedInLayout()


def test_screenshot_shows_panel_and_slices(harness, example, tmp_path):
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("Blob"), fit=True)
    pixels = harness.screenshot(tmp_path / "window.png")
    assert (tmp_path / "window.png").stat().st_size > 5000
    across, up = harness.slice_position("ExampleAxial", (48, 40, 36))
    view = harness.slice_view("ExampleAxial")
    corner = view.mapTo(harness.main_window, view.rect.topLeft())
    middle = pixels[corner.y() + round(up), corner.x() + round(across)]
    assert middle.min() > 200, "the bright blob"
    assert pixels[corner.y() + 5, corner.x() + 5].max() < 60, "outside the volume"
    panel = pixels[:, : corner.x() - 10]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 50


def test_plot_view_draws_its_chart(harness, example, tmp_path):
    steps = np.arange(10.0)
    chart = slicer.util.plot(np.stack([steps, steps**2], 1), 0, ["step", "value"], "Curve", show=False)
    widget = slicer.app.layoutManager().plotWidget(0)
    empty = harness.screenshot(tmp_path / "empty.png", widget)
    widget.mrmlPlotViewNode().SetPlotChartNodeID(chart.GetID())
    drawn = harness.screenshot(tmp_path / "drawn.png", widget)
    assert (empty != drawn).any(axis=2).sum() > 500


def test_box_is_dragged_in_a_slice_view(harness, example):
    volume = slicer.util.getNode("Blob")
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    roi.CreateDefaultDisplayNodes()
    roi.SetCenter(48, 40, 36)
    roi.SetSize(30, 30, 30)
    roi.GetDisplayNode().SetHandlesInteractive(True)
    roi.GetDisplayNode().SetTranslationHandleVisibility(True)
    harness.wait(seconds=0.2)
    view = harness.slice_view("ExampleAxial")
    begin = harness.slice_position("ExampleAxial", (48, 40, 36))
    harness.drag(view, begin, harness.slice_position("ExampleAxial", (60, 30, 36)))
    moved = np.array(roi.GetCenter()) - (48, 40, 36)
    assert moved[0] > 5 and moved[1] < -5
    assert abs(moved[2]) < 1e-6


def test_scrolling_moves_through_the_slices(harness, example):
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("Blob"), fit=True)
    widget = slicer.app.layoutManager().sliceWidget("ExampleAxial")
    before = widget.sliceLogic().GetSliceOffset()
    harness.type_text(widget.sliceController().sliceOffsetSlider(), str(before + 6))
    assert widget.sliceLogic().GetSliceOffset() == pytest.approx(before + 6)
    harness.scroll(widget.sliceView(), -2)
    assert widget.sliceLogic().GetSliceOffset() == pytest.approx(before)
    assert widget.sliceController().sliceOffsetSlider().value == pytest.approx(before)


def test_scene_survives_saving_and_loading(harness, example, tmp_path):
    harness.choose(harness.widget("inputSelector"), "Blob")
    harness.type_text(harness.widget("fractionSlider"), "0.4")
    volume = slicer.util.arrayFromVolume(slicer.util.getNode("Blob")).copy()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(slicer.util.getNode("Blob")), volume)
    harness.select("HarnessExample")
    assert example.logic.getParameterNode().fraction == 0.4
    assert example.logic.getParameterNode().inputVolume.GetName() == "Blob"


def test_nodes_are_saved_and_loaded(harness, example, tmp_path):
    harness.choose(harness.widget("inputSelector"), "Blob")
    harness.click(harness.widget("applyButton"))
    harness.wait(until=lambda: "done" in harness.widget("log").plainText)
    assert slicer.util.saveNode(slicer.util.getNode("Blob"), str(tmp_path / "blob.nrrd"))
    assert slicer.util.saveNode(harness.widget("segments").segmentationNode(), str(tmp_path / "blob.seg.nrrd"))
    assert slicer.util.saveNode(harness.widget("results").mrmlTableNode(), str(tmp_path / "measures.tsv"))
    assert slicer.util.loadVolume(str(tmp_path / "blob.nrrd"), {"name": "Again"}).GetSpacing() == (2.0, 2.0, 3.0)
    loaded = slicer.util.loadSegmentation(str(tmp_path / "blob.seg.nrrd"))
    assert loaded.GetSegmentation().GetNumberOfSegments() == 1
    assert slicer.util.loadTable(str(tmp_path / "measures.tsv")).GetNumberOfColumns() == 1
    with pytest.raises(RuntimeError, match="does not exist"):
        slicer.util.loadVolume(str(tmp_path / "absent.nrrd"))


def test_question_gets_the_answer_the_test_gives(harness, example):
    harness.choose(harness.widget("inputSelector"), "Blob")
    harness.click(harness.widget("applyButton"))
    harness.wait(until=lambda: "done" in harness.widget("log").plainText)
    harness.answer("No", "Yes")
    harness.click(harness.widget("removeButton"))
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    harness.click(harness.widget("removeButton"))
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert [dialog.answer for dialog in harness.dialogs()] == ["No", "Yes"]
    assert "Remove the segmentation?" in harness.dialogs()[0].text


def test_shortcut_reaches_the_panel(harness, example):
    harness.press("Ctrl+J")
    assert "shortcut" in harness.widget("log").plainText


def test_failure_is_shown_and_recorded(harness, example):
    harness.choose(harness.widget("inputSelector"), "Blob")
    slicer.util.getNode("Blob").SetAndObserveImageData(None)
    with harness.expecting("Traceback"):
        harness.click(harness.widget("applyButton"))
    assert "Failed to compute results." in harness.dialogs()[0].text


def test_modules_own_test_runs(harness, example):
    slicer.selfTests["HarnessExample"]()


@pytest.mark.parametrize(
    ("outcome", "error"), [("refused", RuntimeError), ("no network", subprocess.CalledProcessError)]
)
def test_installation_meets_what_the_test_chooses(harness, outcome, error):
    harness.packaging.set_outcome(outcome, missing=("numpy",))
    with pytest.raises(error):
        slicer.packaging.pip_ensure(["numpy", "pytest"], requester="Example")
    assert harness.packaging.requests[-1].missing == ("numpy",)
    harness.packaging.set_outcome("installed", missing=("numpy",))
    slicer.packaging.pip_ensure("numpy")
    assert slicer.packaging.pip_check("numpy")


def test_calls_without_a_value_do_not_use_up_none(harness):
    import qt

    before = sys.getrefcount(None)
    timer = qt.QTimer()
    for _ in range(100):
        timer.stop()
    assert sys.getrefcount(None) > max(before - 200, 1_000_000)
