"""From Apply to the result in the scene, and everything that may happen in between, with real clicks."""

import numpy as np
import pytest
import slicer
from bundle_factory import edit_manifest
from liver_multimodal_factory import PROVENANCE, liver_image, nodes_of, panel, segment_names  # noqa: F401
from mrml_factory import block_mask, shift_transform

from liverpair.core.geometry import volume_ml
from liverpair.mrml import layouts, provenance, segmentations, volumes


def test_a_pair_is_segmented_measured_and_shown(panel):
    t1, t2 = panel.add_pair()
    assert panel.worker.transport.starts == 0
    panel.apply()
    assert panel.worker.job["job"] == "segment"
    assert not panel["applyButton"].enabled and panel["cancelButton"].enabled
    panel.worker.progress(0.4, "T2: Computing")
    panel.harness.wait()
    assert (panel["progressBar"].value, panel["progressLabel"].text) == (40, "T2: Computing")
    folder = panel.folder()
    assert folder.is_dir() and (folder.stat().st_mode & 0o077) == 0
    result = panel.worker.finish()
    panel.harness.wait()
    assert panel.status == "Liver volume: 719 ml in T1, 719 ml in T2."
    assert not folder.exists()
    assert not panel["progressFrame"].isVisible()
    for side, volume in (("t1", t1), ("t2", t2)):
        segmentation = getattr(panel.parameters, f"{side}Segmentation")
        assert segmentation.GetName() == f"{volume.GetName()} liver"
        reference = segmentation.GetReferenceImageGeometryReferenceRole()
        assert segmentation.GetNodeReference(reference) is volume
        segment = segmentation.GetSegmentation().GetNthSegment(0)
        assert segment.GetName() == "Liver" and "10200004" in segment.GetTerminology()
        assert volume_ml(segmentations.liver_mask(segmentation, volume)) == pytest.approx(result[side]["volume_ml"])
        assert provenance.read(segmentation)["sha256"] == PROVENANCE["sha256"]
    table = panel.parameters.measures
    rows = [[table.GetCellText(row, column) for column in range(3)] for row in range(table.GetNumberOfRows())]
    assert rows[0] == ["Liver volume (ml)", "719", "719"]
    assert ["Dice with the liver in T1, as scanned", "", "0.25"] in rows
    assert not any(PROVENANCE["sha256"] in value for row in rows for value in row)
    assert f"Checksum (SHA-256): {PROVENANCE['sha256']}" in panel["provenanceText"].plainText
    assert panel.harness.app.layoutManager().layout == layouts.PAIR_TABLE_LAYOUT_ID
    shown = slicer.app.layoutManager().sliceWidget("T2Axial").sliceLogic().GetBackgroundLayer().GetVolumeNode()
    assert shown is t2


def test_the_voxels_of_a_volume_are_copied_once_from_the_click_to_the_mask(panel, monkeypatch):
    panel.add_pair()
    copied, copy = [], volumes.on_grid
    monkeypatch.setattr(volumes, "on_grid", lambda voxels, grid: copied.append(grid) or copy(voxels, grid))
    panel.run()
    assert panel.status.startswith("Liver volume") and len(copied) == 2  # one is T1, one T2


def test_one_volume_alone_is_segmented(panel):
    panel.add_pair()
    panel.harness.choose(panel["t1VolumeSelector"], "None")
    panel.run()
    assert "t1" not in panel.worker.request
    assert panel.status == "Liver volume: 719 ml in T2."
    assert [node.GetName() for node in nodes_of("vtkMRMLSegmentationNode")] == ["AX T2 SPIR liver"]


def test_options_reach_the_worker(panel, tmp_path):
    edit_manifest(tmp_path / "models" / "small", mirror_axes=["x"])
    panel.add_pair()
    for name in ("uncertaintyMapCheckBox", "largestComponentCheckBox", "mirroredEnsembleCheckBox"):
        panel.click(name)
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    panel.apply()
    asked = {key: panel.worker.request[key] for key in
             ("device", "probability", "uncertainty", "largest_component", "mirror")}  # fmt: skip
    assert asked == {"device": "cpu", "probability": False, "uncertainty": True, "largest_component": False,
                     "mirror": True}  # fmt: skip
    assert [path.rsplit("/", 1)[-1] for path in panel.worker.request["model"]] == ["small"]


def test_the_liver_in_an_existing_segmentation_is_replaced_and_other_segments_are_kept(panel):
    t1, _ = panel.add_pair()
    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    mask = block_mask(liver_image(), (1, 2, 3), (4, 9, 9))
    for name in ("Spleen", "Liver"):
        label = {"name": name, "snomed": {"code": "1", "scheme": "SCT", "meaning": name}, "color": [9, 9, 9]}
        segmentations.put_segment(mine, mask, t1, label, {})
    panel.harness.choose(panel["t1SegmentationSelector"], "Mine")
    result = panel.run()
    assert panel.parameters.t1Segmentation is mine
    assert segment_names(mine) == ["Spleen", "Liver"]
    assert volume_ml(segmentations.liver_mask(mine, t1)) == pytest.approx(result["t1"]["volume_ml"])
    assert volume_ml(segmentations.liver_mask(mine, t1, "Spleen")) == pytest.approx(volume_ml(mask))


def test_running_again_updates_the_same_nodes(panel):
    panel.add_pair()
    panel.click("probabilityMapCheckBox")
    panel.run()
    first = {kind: len(nodes_of(kind)) for kind in
             ("vtkMRMLSegmentationNode", "vtkMRMLScalarVolumeNode", "vtkMRMLTableNode")}  # fmt: skip
    assert first == {"vtkMRMLSegmentationNode": 2, "vtkMRMLScalarVolumeNode": 4, "vtkMRMLTableNode": 1}
    panel.run()
    assert {kind: len(nodes_of(kind)) for kind in first} == first


def test_maps_lie_on_the_volume_and_carry_their_provenance(panel):
    t1, _ = panel.add_pair()
    t1.SetAndObserveTransformNodeID(shift_transform(10, 20, 30).GetID())
    panel.click("probabilityMapCheckBox")
    panel.click("uncertaintyMapCheckBox")
    panel.run()
    found = slicer.util.getNode("AX T1 in phase liver probability")
    assert found.GetTransformNodeID() == t1.GetTransformNodeID()
    assert np.allclose(slicer.util.arrayFromVolume(found), slicer.util.arrayFromVolume(t1) > 50)
    assert np.allclose(found.GetOrigin(), t1.GetOrigin())
    assert provenance.read(found)["bundle"] == "small"
    assert slicer.util.getNode("AX T2 SPIR liver uncertainty") is not None
    panel.enter()
    assert panel.parameters.t1Volume is t1


def test_parent_transforms_move_the_result_with_its_volume(panel):
    t1, t2 = panel.add_pair()
    t2.SetAndObserveTransformNodeID(shift_transform(30, -10, 5).GetID())
    result = panel.run()
    segmentation = panel.parameters.t2Segmentation
    assert segmentation.GetTransformNodeID() == t2.GetTransformNodeID()
    assert volume_ml(segmentations.liver_mask(segmentation, t2)) == pytest.approx(result["t2"]["volume_ml"])


def test_the_result_of_one_volume_is_not_overwritten_by_that_of_another(panel):
    panel.add_pair()
    panel.run()
    first = panel.parameters.t1Segmentation
    panel.add_volume("T1 of another patient", liver_image(3))
    panel.harness.choose(panel["t1VolumeSelector"], "T1 of another patient")
    assert panel["t1SegmentationSelector"].currentNode() is None
    panel.run()
    assert panel.parameters.t1Segmentation is not first


def test_cancel_leaves_the_scene_as_it_was(panel):
    panel.add_pair()
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.apply()
    folder = panel.folder()
    panel.click("cancelButton")
    assert panel.worker.was_cancelled
    assert not panel["cancelButton"].enabled and not panel["applyButton"].enabled
    assert panel["progressLabel"].text == "Cancelling"
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "Cancelled; the scene is as it was."
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert not folder.exists()
    panel.run()
    assert panel.status.startswith("Liver volume")


def test_a_worker_that_does_not_answer_a_cancel_is_replaced(panel):
    panel.add_pair()
    panel.apply()
    panel.click("cancelButton")
    panel.harness.wait(until=lambda: panel.status == "Cancelled; the scene is as it was.", seconds=30)
    assert panel.worker.transport.kills == 1
    panel.run()
    assert panel.worker.transport.starts == 2


def test_the_scene_may_be_closed_while_it_runs(panel):
    panel.add_pair()
    panel.apply()
    folder = panel.folder()
    slicer.mrmlScene.Clear(0)
    assert panel.worker.was_cancelled
    panel.worker.finish()
    panel.harness.wait()
    assert panel.status == "The scene was closed; the segmentation was cancelled."
    assert not folder.exists()
    assert nodes_of("vtkMRMLSegmentationNode") == [] and panel.harness.dialogs() == []
    panel.add_pair()
    panel.run()
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2


def test_volumes_of_livers_are_not_said_any_more_when_the_scene_is_closed(panel):
    panel.add_pair()
    panel.run()
    assert panel.status.startswith("Liver volume:")
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.status == ""


def test_the_result_of_a_volume_deleted_meanwhile_is_dropped_and_the_other_is_kept(panel):
    t1, t2 = panel.add_pair()
    panel.apply()
    slicer.mrmlScene.RemoveNode(t2)
    panel.worker.progress(0.5, "T2: Computing")
    panel.worker.finish()
    panel.harness.wait()
    assert panel.status == (
        "Liver volume: 719 ml in T1. T2 ('AX T2 SPIR') was deleted in the meantime; its result was dropped."
    )
    assert [node.GetName() for node in nodes_of("vtkMRMLSegmentationNode")] == ["AX T1 in phase liver"]
    table = panel.parameters.measures
    assert [[table.GetCellText(row, column) for column in range(3)] for row in range(table.GetNumberOfRows())] == [
        ["Liver volume (ml)", "719", ""]
    ]
    assert panel.harness.dialogs() == []


def test_a_run_without_any_volume_left_is_cancelled(panel):
    t1, t2 = panel.add_pair()
    panel.apply()
    slicer.mrmlScene.RemoveNode(t1)
    assert not panel.worker.was_cancelled
    slicer.mrmlScene.RemoveNode(t2)
    assert panel.worker.was_cancelled
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "The volume was deleted; its segmentation was cancelled."
    assert nodes_of("vtkMRMLSegmentationNode") == []


def test_an_output_deleted_meanwhile_is_made_anew(panel):
    panel.add_pair()
    mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    panel.harness.choose(panel["t1SegmentationSelector"], "Mine")
    panel.apply()
    slicer.mrmlScene.RemoveNode(mine)
    panel.worker.finish()
    panel.harness.wait()
    assert panel.parameters.t1Segmentation.GetName() == "AX T1 in phase liver"


def test_other_choices_made_meanwhile_are_left_alone(panel):
    panel.add_pair()
    other = panel.add_volume("T1 later", liver_image(2))
    panel.apply()
    panel.harness.choose(panel["t1VolumeSelector"], "T1 later")
    panel.worker.finish()
    panel.harness.wait()
    assert panel.parameters.t1Volume is other and panel.parameters.t1Segmentation is None
    assert panel.parameters.t2Segmentation.GetName() == "AX T2 SPIR liver"
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2


def test_a_volume_changed_meanwhile_does_not_get_a_mask_that_does_not_fit(panel):
    t1, t2 = panel.add_pair()
    panel.apply()
    t1.SetSpacing(1, 1, 1)
    panel.worker.finish()
    panel.harness.wait()
    assert "does not lie on the grid" in panel.status
    assert panel.status.startswith("Liver volume: 719 ml in T2.")
    assert [node.GetName() for node in nodes_of("vtkMRMLSegmentationNode")] == ["AX T2 SPIR liver"]


def test_a_segmentation_made_of_surfaces_is_left_as_it_is(panel):
    panel.add_pair()
    surfaces = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Surfaces")
    surfaces.SetSourceRepresentationToClosedSurface()
    surfaces.GetSegmentation().AddEmptySegment("a", "Tumor")
    panel.harness.choose(panel["t1SegmentationSelector"], "Surfaces")
    panel.run()
    assert "made of surfaces" in panel.status and "in a new segmentation" in panel.status
    assert segment_names(surfaces) == ["Tumor"]
    assert panel.parameters.t1Segmentation.GetName() == "AX T1 in phase liver"


def test_notes_of_the_worker_are_shown(panel):
    panel.add_pair()
    panel.run(notes=["The GPU had too little memory: the CPU was used."])
    assert panel.status.endswith("The GPU had too little memory: the CPU was used.")


def test_the_sentence_about_a_result_goes_with_its_volumes(panel):
    panel.add_pair()
    panel.run()
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    assert panel.status.startswith("Liver volume")
    panel.harness.choose(panel["t1VolumeSelector"], "None")
    assert panel.status == ""
    panel.run()
    assert panel.status == "Liver volume: 719 ml in T2."
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.status == ""


def test_a_failure_is_forgotten_once_something_else_is_chosen(panel):
    panel.add_pair()
    panel.apply()
    panel.worker.fail("memory", "There is too little memory.")
    panel.harness.wait()
    panel.enter()
    assert panel.status == "There is too little memory."
    panel.harness.choose(panel["deviceComboBox"], "CPU")
    assert panel.status == ""


def test_a_segmentation_is_in_the_subject_hierarchy_before_it_gets_a_segment(panel, monkeypatch):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    put, items = segmentations.put_segment, []

    def put_segment(node, *args):
        items.append(hierarchy.GetItemByDataNode(node))
        return put(node, *args)

    monkeypatch.setattr(segmentations, "put_segment", put_segment)
    panel.add_pair()
    panel.run()
    assert len(items) == 2 and all(items)
