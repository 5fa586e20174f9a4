"""What LiverMultimodal shows in the views: how large they are, where they look, and what is drawn over what."""

import pytest
import slicer
from liver_multimodal_factory import panel  # noqa: F401
from mrml_factory import shift_transform

from liverpair.mrml import layouts

ROW_NAMES = [[view.name for view in row] for row in layouts.ROWS]


def views_share() -> float:
    """The part of the layout's height that both rows of slice views have."""
    manager = slicer.app.layoutManager()
    return sum(manager.sliceWidget(row[0]).height for row in ROW_NAMES) / manager.viewport().height


def test_the_views_of_a_result_have_four_fifths_of_the_height(panel):
    panel.add_pair()
    panel.run()
    panel.settle()
    table = slicer.app.layoutManager().tableWidget(0)
    assert table.isVisible() and views_share() >= 0.8
    view = table.tableView()
    panel.harness.wait(until=lambda: view.horizontalHeader().length() == view.viewport().width, seconds=5)
    assert view.verticalScrollBar().maximum == 0 and not view.verticalHeader().isVisible()
    assert view.viewport().height - view.verticalHeader().length() < 10
    assert view.horizontalHeader().length() == view.viewport().width


def test_the_table_keeps_its_height_when_the_window_is_resized(panel):
    panel.add_pair()
    panel.run()
    panel.settle()
    window = panel.harness.main_window
    before, table = window.size, slicer.app.layoutManager().tableWidget(0)
    window.resize(before.width(), 1500)
    panel.harness.wait(seconds=0.5)
    first = table.height
    window.resize(before.width(), 2000)
    panel.harness.wait(seconds=0.5)
    assert abs(table.height - first) <= 2 and table.tableView().verticalScrollBar().maximum == 0
    window.resize(before)


def test_the_views_keep_their_height_when_the_scene_is_loaded_again(panel, tmp_path):
    panel.add_pair()
    panel.run()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    panel.harness.wait()
    slicer.util.loadScene(path)
    panel.harness.wait(seconds=0.5)
    assert slicer.app.layoutManager().layout == layouts.PAIR_TABLE_LAYOUT_ID
    assert views_share() >= 0.8


def test_segmentations_keep_their_place_in_the_hierarchy_through_save_and_load(panel, tmp_path):
    def places() -> list[int]:
        hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
        nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        return [hierarchy.GetItemByDataNode(node) for node in nodes]

    panel.add_pair()
    panel.run()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    assert len(set(places())) == 2 and all(places())
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(path)
    panel.harness.wait()
    assert len(set(places())) == 2 and all(places())
    assert panel.harness.problems() == []


def test_every_view_says_what_it_shows_and_slicer_s_own_stay_as_they_were(panel):
    manager = slicer.app.layoutManager()
    own = {name: view_of(name).GetLayoutLabel() for name in manager.sliceViewNames()}
    shown = {name: manager.sliceWidget(name).mrmlSliceCompositeNode().GetBackgroundVolumeID() for name in own}
    panel.add_pair()
    panel.run()
    panel.settle()
    labels = [[view_of(name).GetLayoutLabel() for name in row] for row in ROW_NAMES]
    assert labels == [[f"{side} {plane}" for plane in ("axial", "coronal", "sagittal")] for side in ("T1", "T2")]
    assert {"Red", "Green", "Yellow"} <= set(own)
    for name, label in own.items():
        assert view_of(name).GetLayoutLabel() == label
        assert manager.sliceWidget(name).mrmlSliceCompositeNode().GetBackgroundVolumeID() == shown[name]


def test_a_scene_of_an_earlier_version_is_shown_in_the_views_of_today(panel, tmp_path):
    volumes = panel.add_pair()
    layouts.show_pair(*volumes, rows=layouts.SLICER_ROWS)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(path)
    panel.harness.wait(seconds=0.3)
    assert slicer.app.layoutManager().layout == layouts.PAIR_LAYOUT_ID
    names = [slicer.app.layoutManager().sliceWidget(row[0]).sliceLogic() for row in ROW_NAMES]
    assert [logic.GetBackgroundLayer().GetVolumeNode().GetName() for logic in names] == ["AX T1 in phase", "AX T2 SPIR"]


def view_of(name: str):
    return slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()


def assert_row_shows_all_of(group: int, volume) -> None:
    """Every view of the row cuts through the middle of the volume and holds its whole extent, without much around."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    middle = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    for view in layouts.ROWS[group]:
        node = view_of(view.name)
        across, up, through = {"Axial": (0, 1, 2), "Coronal": (0, 2, 1), "Sagittal": (1, 2, 0)}[view.orientation]
        assert node.GetSliceToRAS().GetElement(through, 3) == pytest.approx(middle[through], abs=1)
        sizes = [bounds[2 * axis + 1] - bounds[2 * axis] for axis in (across, up)]
        ratios = [field / size for field, size in zip(node.GetFieldOfView(), sizes)]
        assert 0.99 < min(ratios) < 1.3, (view.name, ratios)


def test_both_rows_of_the_demo_pair_are_fitted_once_the_views_are_there(panel):
    from LiverPairLib import sampledata

    nodes = sampledata.loadDemoPair()
    panel.settle()
    for group, node in enumerate(nodes):
        assert_row_shows_all_of(group, node)


def test_both_rows_of_a_result_go_through_their_livers_once_the_views_are_there(panel):
    nodes = panel.add_pair()
    panel.run()
    panel.settle()
    for group, (volume, side) in enumerate(zip(nodes, ("t1", "t2"))):
        center = layouts.liver_center(volume, getattr(panel.parameters, f"{side}Segmentation"))
        for view, axis in zip(layouts.ROWS[group], (2, 1, 0)):
            assert view_of(view.name).GetSliceToRAS().GetElement(axis, 3) == pytest.approx(center[axis], abs=0.5)


@pytest.mark.parametrize("side", ["t1", "t2"])
def test_a_liver_is_edited_over_its_own_volume_and_nothing_is_lost_on_the_way_back(panel, side):
    assert not panel[f"{side}EditButton"].enabled
    assert "There is no liver" in panel[f"{side}EditButton"].toolTip
    nodes = dict(zip(("t1", "t2"), panel.add_pair()))
    panel.run()
    panel.settle()
    before = panel.status, panel.parameters.model, panel.parameters.measures
    segmentation = getattr(panel.parameters, f"{side}Segmentation")
    panel.click(f"{side}EditButton")
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    assert slicer.app.mainWindow().moduleSelector().selectedModule == "SegmentEditor"
    assert (editor.segmentationNode(), editor.sourceVolumeNode()) == (segmentation, nodes[side])
    assert segmentation.GetSegmentation().GetSegment(editor.currentSegmentID()).GetName() == "Liver"
    assert slicer.app.layoutManager().layout == layouts.PAIR_TABLE_LAYOUT_ID
    panel.harness.select("LiverMultimodal")
    assert getattr(panel.parameters, f"{side}Segmentation") is segmentation
    assert (panel.status, panel.parameters.model, panel.parameters.measures) == before
    assert views_share() >= 0.8


def drawn_over(segmentation) -> set[str]:
    """Names of the volumes that lie behind the outline of a segmentation in some slice view."""
    display = segmentation.GetDisplayNode()
    found = set()
    for name in slicer.app.layoutManager().sliceViewNames():
        logic = slicer.app.layoutManager().sliceWidget(name).sliceLogic()
        background = logic.GetBackgroundLayer().GetVolumeNode()
        if background is not None and display.IsDisplayableInView(logic.GetSliceNode().GetID()):
            found.add(background.GetName())
    return found


@pytest.fixture
def pair_result(panel):
    """Both segmentations of a pair in the pair layout."""
    panel.add_pair()
    panel.run()
    panel.settle()
    return panel.parameters.t1Segmentation, panel.parameters.t2Segmentation


def test_each_outline_is_drawn_over_its_own_volume(panel, pair_result):
    t1, t2 = pair_result
    assert (drawn_over(t1), drawn_over(t2)) == ({"AX T1 in phase"}, {"AX T2 SPIR"})


def test_the_outline_of_t1_does_not_stay_when_t2_is_segmented_alone(panel, pair_result):
    t1, t2 = pair_result
    panel.harness.choose(panel["t1VolumeSelector"], "None")
    panel.run()
    panel.harness.wait()
    assert drawn_over(t1) <= {"AX T1 in phase"}
    assert drawn_over(t2) == {"AX T2 SPIR"}


def test_the_outline_of_t1_goes_with_t1(panel, pair_result):
    t1, t2 = pair_result
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("AX T1 in phase"))
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("AX T2 SPIR"))
    panel.harness.wait()
    assert drawn_over(t1) == set()
    assert drawn_over(t2) == {"AX T2 SPIR"}


def test_a_third_volume_in_all_views_has_no_outline_of_another_on_it(panel, pair_result):
    t1, t2 = pair_result
    slicer.util.setSliceViewerLayers(background=panel.add_volume("CT of the abdomen"))
    assert drawn_over(t1) == drawn_over(t2) == set()
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("AX T1 in phase"))
    assert drawn_over(t1) == {"AX T1 in phase"}


def test_a_result_follows_its_volume_under_a_transform_and_out_of_it(panel, pair_result):
    t1, _ = pair_result
    volume = slicer.util.getNode("AX T1 in phase")
    transform = shift_transform(10, 20, 30)
    before = layouts.liver_center(volume, t1)
    moved = tuple((slicer.util.arrayFromTransformMatrix(transform) @ [*before, 1])[:3])
    for transform_id, center in ((transform.GetID(), moved), (None, before), (transform.GetID(), moved)):
        volume.SetAndObserveTransformNodeID(transform_id)
        assert t1.GetTransformNodeID() == transform_id
        assert layouts.liver_center(volume, t1) == pytest.approx(center)
    volume.HardenTransform()
    assert t1.GetTransformNodeID() is None
    assert layouts.liver_center(volume, t1) == pytest.approx(moved)


def test_a_segmentation_that_the_user_put_elsewhere_stays_there(panel, pair_result):
    t1, _ = pair_result
    t1.SetAndObserveTransformNodeID(shift_transform(1, 2, 3).GetID())
    mine = t1.GetTransformNodeID()
    slicer.util.getNode("AX T1 in phase").SetAndObserveTransformNodeID(shift_transform(10, 20, 30).GetID())
    assert t1.GetTransformNodeID() == mine


def test_a_segmentation_under_another_transform_than_its_volume_is_told_of_at_once(panel, pair_result):
    t1, _ = pair_result
    transform = shift_transform(1, 2, 3)
    t1.SetAndObserveTransformNodeID(transform.GetID())
    panel.harness.wait()
    assert "T1 and its liver segmentation lie under different transforms" in panel["warningLabel"].text
    assert panel["warningFrame"].isVisible() and panel["applyButton"].isEnabled()
    slicer.util.getNode("AX T1 in phase").SetAndObserveTransformNodeID(transform.GetID())
    panel.harness.wait()
    assert not panel["warningFrame"].isVisible()
    panel["t1SegmentationSelector"].setCurrentNode(None)
    t1.SetAndObserveTransformNodeID(None)
    panel.harness.wait()
    assert not panel["warningFrame"].isVisible()


def foreground_of(name: str) -> str:
    """Name of the volume that lies over the background in a view; "" for none."""
    node = slicer.app.layoutManager().sliceWidget(name).sliceLogic().GetForegroundLayer().GetVolumeNode()
    return node.GetName() if node is not None else ""


def test_maps_that_were_asked_for_are_seen_named_and_switched(panel):
    panel.add_pair()
    assert not panel["shownMapComboBox"].isEnabled()
    panel.click("probabilityMapCheckBox")
    panel.click("uncertaintyMapCheckBox")
    panel.run()
    panel.settle()
    assert [foreground_of(name) for name in ("T1Axial", "T2Axial")] == [
        "AX T1 in phase liver probability", "AX T2 SPIR liver probability"]  # fmt: skip
    assert "over the images: AX T1 in phase liver probability, " in panel.status
    table = panel.parameters.measures
    rows = {table.GetCellText(row, 0): table.GetCellText(row, 2) for row in range(table.GetNumberOfRows())}
    assert rows["Uncertainty map"] == "AX T2 SPIR liver uncertainty"
    panel.harness.choose(panel["shownMapComboBox"], "Uncertainty")
    assert foreground_of("T2Coronal") == "AX T2 SPIR liver uncertainty"
    assert drawn_over(panel.parameters.t2Segmentation) == {"AX T2 SPIR"}
    panel.harness.choose(panel["shownMapComboBox"], "None")
    assert foreground_of("T1Axial") == foreground_of("T2Axial") == ""


def test_a_map_is_colored_where_there_may_be_liver(panel):
    panel.add_pair()
    panel.click("probabilityMapCheckBox")
    panel.run()
    panel.settle()
    picture = panel.harness.slice_view("T1Axial")._draw()
    colored = (picture.max(axis=2).astype(int) - picture.min(axis=2)) > 60
    assert 0.05 < colored.mean() < 0.9
