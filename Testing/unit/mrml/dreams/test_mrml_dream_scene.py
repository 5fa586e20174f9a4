"""A dream in the scene: its table, what is kept with it, and what becomes of it in files and under the user's hands."""

import gc
import math
import subprocess
import sys

import numpy as np
import pytest
import vtk
from mrml_dream_factory import (
    FEATURES,
    ITERATIONS,
    RANGES,
    assert_same_curves,
    new_dream,
    sample,
    samples,
    value_of,
)
from mrml_factory import empty_scene, noise_image

from liverpair.core.errors import InputError
from liverpair.mrml.dreams.dream_plot import DreamPlot
from liverpair.mrml.dreams.dream_scene import DreamScene
from liverpair.mrml.headless import load_scene_mrb, save_scene_mrb
from liverpair.mrml.volumes import node_from_image

RESULT = {
    "folder": "somewhere",
    "runs": [{"run": "dream", "start": 0, "neuron": {"kind": "point"}}],
    "ranges": RANGES,
    "readings": [{"feature": "glcm_Contrast", "sentence": "tab\t; colon: 100 % äß <&>\n"}],
    "provenance": {"bundle": "lesion-slices"},
    "notes": [],
}
BASELINES = ("dream", "random-weights", "random-direction")


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


def rows_of(dream: DreamScene) -> list[dict]:
    table = dream.table.GetTable()
    names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    return [
        {name: table.GetColumn(number).GetValue(row) for number, name in enumerate(names)}
        for row in range(table.GetNumberOfRows())
    ]


def folders(scene) -> list[str]:
    hierarchy, items = scene.GetSubjectHierarchyNode(), vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    items = [items.GetId(number) for number in range(items.GetNumberOfIds())]
    return [hierarchy.GetItemName(item) for item in items if hierarchy.GetItemLevel(item) == "Folder"]


def test_every_sample_is_a_row():
    dream = new_dream(starts=2)
    rows = rows_of(dream)
    assert len(rows) == 2 * ITERATIONS
    assert list(rows[0]) == ["run", "start", "iteration", "activation", "probability", "voxels", *FEATURES]
    last = rows[-1]
    assert (last["run"], last["start"], last["iteration"], last["voxels"]) == ("dream", 1, ITERATIONS - 1, 15)
    assert last["glcm_Contrast"] == value_of("glcm_Contrast", "dream", 1, ITERATIONS - 1)
    assert math.isnan(rows[0]["glcm_Contrast"])


def test_samples_come_with_one_event_and_an_empty_batch_with_none():
    dream, told = new_dream(), []
    dream.table.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(1))
    dream.add_samples(samples(kinds=["random-weights"]))
    assert len(told) == 1
    dream.add_samples([])
    assert len(told) == 1


def test_an_iteration_that_comes_again_is_replaced():
    dream = new_dream(starts=2)
    version = dream.version
    dream.add_samples([sample("dream", 1, 3, voxels=99)])
    assert dream.version != version
    assert len(rows_of(dream)) == 2 * ITERATIONS
    assert [row["voxels"] for row in rows_of(dream) if (row["start"], row["iteration"]) == (1, 3)] == [99]
    assert dream.curves["dream"].values[1, 3, 2] == 99


def test_a_feature_that_was_not_announced_gets_a_column():
    dream = new_dream(starts=1)
    dream.add_samples([sample("dream", 0, ITERATIONS, features={"glcm_Contrast": 1.5, "ngtdm_Busyness": 2.5})])
    assert dream.features == (*FEATURES, "ngtdm_Busyness")
    *before, last = rows_of(dream)
    assert all(math.isnan(row["ngtdm_Busyness"]) for row in before)
    assert (last["glcm_Contrast"], last["ngtdm_Busyness"]) == (1.5, 2.5)
    assert math.isnan(last["shape2D_Sphericity"])


@pytest.mark.parametrize(
    "changes", [{"run": "nightmare"}, {"start": -1}, {"iteration": 10**9}, {"iteration": "three"}, {"start": None}]
)
def test_a_sample_of_no_dream_is_refused_and_nothing_is_written(changes):
    dream = new_dream()
    before = rows_of(dream)
    with pytest.raises(InputError):
        dream.add_samples([sample("dream", 5, 0), sample("dream", 5, 1) | changes])
    np.testing.assert_equal(rows_of(dream), before)


def test_what_was_asked_and_what_came_out_are_kept():
    dream = new_dream()
    assert (dream.finished, dream.result, dream.ranges, dream.readings) == (False, {}, RANGES, [])
    dream.finish(RESULT)
    assert (dream.finished, dream.result) == (True, RESULT)
    assert (dream.readings, dream.provenance) == (RESULT["readings"], RESULT["provenance"])
    assert dream.about["features"] == list(FEATURES)


def test_the_library_gets_what_the_worker_sent():
    dream = new_dream(kinds=BASELINES, starts=2)
    dream.finish(RESULT)
    trajectories = dream.trajectories()
    assert (trajectories.features, trajectories.kinds, len(trajectories)) == (FEATURES, BASELINES, 6)
    iterations, values = trajectories.values("glcm_Contrast", "random-weights")
    expected = [[value_of("glcm_Contrast", "random-weights", s, i) for i in range(1, ITERATIONS)] for s in range(2)]
    assert iterations.tolist() == list(range(ITERATIONS))
    assert values[:, 1:].tolist() == expected
    assert trajectories.starts()[0].neuron == {"kind": "point"}


def test_there_is_one_object_for_one_dream():
    dream = new_dream()
    assert DreamScene.of(dream.table) is dream
    assert DreamScene.all_in_scene() == [dream]
    table = dream.table
    del dream
    gc.collect()
    assert DreamScene.of(table).starts() == 3


def test_a_table_that_is_no_dream_is_refused(scene):
    with pytest.raises(InputError, match="holds no dream"):
        DreamScene(scene.AddNewNodeByClass("vtkMRMLTableNode", "Measures"))


def test_a_damaged_dream_is_passed_over(scene):
    healthy, damaged = new_dream("Healthy"), new_dream("Damaged")
    damaged.table.GetTable().RemoveColumnByName("start")
    table = damaged.table
    del damaged
    gc.collect()
    with pytest.raises(InputError, match="'Damaged' is damaged"):
        DreamScene.of(table)
    assert DreamScene.all_in_scene() == [healthy]


def test_saved_closed_and_loaded_a_dream_is_the_same(tmp_path, scene):
    volume = node_from_image(noise_image(), "T1")
    dream = new_dream("Dream ä <1>", kinds=BASELINES, volume=volume)
    dream.finish(RESULT)
    path = save_scene_mrb(tmp_path / "dream.mrb")
    scene.Clear(False)
    assert (dream.alive, DreamScene.all_in_scene()) == (False, [])
    load_scene_mrb(path)
    (loaded,) = DreamScene.all_in_scene()
    assert_same_curves(loaded, dream)
    assert (loaded.name, loaded.result, loaded.about) == (dream.name, RESULT, dream.about)
    assert loaded.volume is scene.GetFirstNodeByName("T1")
    assert folders(scene) == ["Dream ä <1>"]


def test_a_loaded_dream_goes_on(tmp_path):
    new_dream(starts=1)
    load_scene_mrb(save_scene_mrb(tmp_path / "dream.mrb"))
    (loaded,) = DreamScene.all_in_scene()
    loaded.add_samples([sample("dream", 0, 2, voxels=77), sample("dream", 1, 0), sample("random-weights", 0, 0)])
    assert [row["voxels"] for row in rows_of(loaded)][2] == 77
    assert (len(rows_of(loaded)), loaded.starts(), loaded.kinds) == (ITERATIONS + 2, 2, ("dream", "random-weights"))


def test_imported_twice_there_are_two_dreams_that_do_not_mix(tmp_path, scene):
    dream = new_dream()
    path = save_scene_mrb(tmp_path / "dream.mrb")
    load_scene_mrb(path, clear=False)
    first, second = DreamScene.all_in_scene()
    assert first is dream
    assert_same_curves(first, second)
    second.add_samples([sample("dream", 7, 0)])
    assert (first.starts(), second.starts()) == (3, 8)
    assert len(folders(scene)) == 2
    second.remove()
    assert (DreamScene.all_in_scene(), len(folders(scene))) == ([first], 1)


def test_two_dreams_of_one_name_are_told_apart():
    assert new_dream("Dream").name != new_dream("Dream").name


def test_a_dream_whose_table_is_deleted_is_gone(scene):
    dream = new_dream()
    scene.RemoveNode(dream.table)
    assert not dream.alive
    assert DreamScene.all_in_scene() == []
    with pytest.raises(InputError, match="'Dream' was deleted"):
        dream.add_samples(samples())
    dream.finish(RESULT)
    dream.remove()


def test_a_deleted_volume_leaves_the_dream(scene):
    volume = node_from_image(noise_image(), "T1")
    dream = new_dream(volume=volume)
    assert dream.volume is volume
    scene.RemoveNode(volume)
    assert (dream.volume, dream.alive, dream.starts()) == (None, True, 3)


def test_rows_that_others_delete_are_gone_and_the_dream_goes_on():
    dream = new_dream(starts=2)
    for _row in range(ITERATIONS):
        dream.table.GetTable().RemoveRow(dream.table.GetNumberOfRows() - 1)
    dream.add_samples([sample("dream", 1, ITERATIONS - 1, voxels=5)])
    assert [row["voxels"] for row in rows_of(dream)][-1] == 5
    assert (len(rows_of(dream)), dream.starts()) == (ITERATIONS + 1, 2)


def test_removed_a_dream_leaves_nothing_but_the_volume(scene):
    volume = node_from_image(noise_image(), "T1")
    scene.GetSubjectHierarchyNode()
    before = scene.GetNumberOfNodes()
    dream = new_dream(volume=volume)
    DreamPlot(dream).show()
    dream.remove()
    assert scene.GetNumberOfNodes() == before
    assert folders(scene) == []
    assert scene.GetFirstNodeByName("T1") is volume


def test_a_folder_with_something_of_the_users_stays(scene):
    dream, note = new_dream(), scene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    hierarchy = scene.GetSubjectHierarchyNode()
    hierarchy.CreateItem(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(dream.table)), note)
    dream.remove()
    assert folders(scene) == ["Dream"]


def test_dreams_need_neither_qt_nor_torch_nor_radiomics():
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('qt', 'PySide6', 'torch', 'radiomics', 'matplotlib')));"
        "from liverpair.mrml import headless; headless.boot();"
        "from liverpair.mrml.dreams import dream_frames, dream_layout, dream_plot, dream_scene;"
        "dream_plot.DreamPlot(dream_scene.DreamScene.create('Dream', {})).show()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
