"""Linked boxes through files: scenes that are saved, closed, loaded and imported, and boxes that travel alone."""

import zipfile
from dataclasses import replace

import pytest
import slicer
from lesion_factory import drawn, lesion_of
from mrml_factory import empty_scene
from mrml_lesion_factory import (  # noqa: F401
    assert_same,
    new_study,
    roi_nodes,
    scene,
    study,
    t1_box,
    t2_box,
    three_lesions,
)

from liverpair.core.errors import InputError
from liverpair.core.lesions import Lesion
from liverpair.core.sides import Side
from liverpair.io.markups import write_markups
from liverpair.mrml.headless import load_scene_mrb, module_logic, save_scene_mrb
from liverpair.mrml.lesions.lesion_marker import PlaceMarker
from liverpair.mrml.lesions.lesion_study import LesionStudy, adopt_scene


def only_study() -> LesionStudy:
    (found,) = LesionStudy.all_in_scene()
    return found


def uids(opened: LesionStudy) -> list[str]:
    return [pair.uid for pair in opened.pairs()]


def assert_linked(opened: LesionStudy) -> None:
    """Partners refer to each other, and boxes to their own volumes and their folder."""
    for pair in opened.pairs():
        nodes = {side: opened.node(pair.uid, side) for side in Side}
        for side, node in nodes.items():
            if node is not None:
                assert node.GetNodeReference("lesionPairPartner") is nodes[side.other]
                assert node.GetNodeReference("lesionPairVolume") is opened.volume(side)
                assert node.GetNodeReference("lesionPairStudy") is opened.folder


def save_scene(path, form: str):
    if form == "mrb":
        return save_scene_mrb(path / "scene.mrb")
    folder = path / "scene"
    folder.mkdir()
    slicer.mrmlScene.SetRootDirectory(folder.as_posix())
    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        if node.GetSaveWithScene() and node.AddDefaultStorageNode():
            storage = node.GetStorageNode()
            storage.SetFileName((folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}").as_posix())
            assert storage.WriteData(node)
    slicer.mrmlScene.SetURL((folder / "scene.mrml").as_posix())
    assert slicer.mrmlScene.Commit()
    return folder / "scene.mrml"


def load_scene(path, clear: bool = True) -> None:
    if path.suffix == ".mrb":
        load_scene_mrb(path, clear=clear)
    else:
        slicer.mrmlScene.SetURL(path.as_posix())
        assert slicer.mrmlScene.Connect() if clear else slicer.mrmlScene.Import()


@pytest.mark.parametrize("form", ["mrb", "mrml"])
def test_saved_closed_and_loaded_a_scene_has_the_same_pairs(tmp_path, study, form):
    study.set_note("b", "tab\tline\nümlaut & <tag> 100 %")
    before = study.pairs()
    path = save_scene(tmp_path, form)
    empty_scene()
    assert LesionStudy.all_in_scene() == []
    load_scene(path)
    assert adopt_scene() == []
    loaded = only_study()
    assert_same(loaded.pairs(), before)
    assert_linked(loaded)
    assert (loaded.name, loaded.volume(Side.T1).GetName(), loaded.volume(Side.T2).GetName()) == (
        "Lesions of T1 and T2",
        "T1",
        "T2",
    )
    assert (loaded.undo_name, loaded.redo_name, loaded.selected) == (None, None, None)


def test_a_loaded_study_is_found_by_its_volumes_and_goes_on(tmp_path, study):
    path = save_scene(tmp_path, "mrb")
    empty_scene()
    load_scene(path)
    volumes = [slicer.mrmlScene.GetFirstNodeByName(name) for name in ("T1", "T2")]
    loaded = LesionStudy(*volumes)
    assert_same(loaded.pairs(), three_lesions())
    loaded.split("a")
    loaded.node("b", Side.T1).SetSize(1, 2, 3)
    assert (loaded.undo(), loaded.undo()) == ("Resize box", "Split pair")
    assert_same(loaded.pairs(), three_lesions())
    assert_linked(loaded)


def test_saved_twice_a_scene_still_has_the_same_pairs(tmp_path, study):
    for number in (1, 2):
        path = save_scene_mrb(tmp_path / f"{number}.mrb")
        empty_scene()
        load_scene(path)
        assert_same(only_study().pairs(), three_lesions())


def test_a_closed_scene_leaves_an_empty_study_without_steps(study):
    told = []
    study.observe(told.append)
    study.select("a")
    told.clear()
    empty_scene()
    assert (study.pairs(), study.undo_name, study.selected) == ([], None, None)
    assert (study.volume(Side.T1), study.volume(Side.T2)) == (None, None)
    assert told == ["boxes", "selection", "history"]
    assert study.undo() is None
    with pytest.raises(InputError, match="The scene of these lesions was closed"):
        study.add(three_lesions())
    assert (roi_nodes(), LesionStudy.all_in_scene()) == ([], [])


@pytest.mark.parametrize("form", ["mrb", "mrml"])
def test_a_scene_imported_into_itself_has_two_studies_and_no_uid_twice(tmp_path, study, form):
    path = save_scene(tmp_path, form)
    study.set_state("c", "rejected")
    load_scene(path, clear=False)
    assert study.undo_name is None
    assert adopt_scene() == [
        "3 lesions of 'Lesions of T1 and T2' have got a new uid: another lesion of the scene has the old one."
    ]
    assert adopt_scene() == []
    old, new = LesionStudy.all_in_scene()
    assert old.folder is study.folder
    assert uids(study) == ["a", "b", "c"]
    assert study.pair("c").state == "rejected"
    assert set(uids(study)).isdisjoint(uids(new))
    assert [pair.number for pair in new.pairs()] == [1, 2, 3]
    assert_same([replace(pair, uid=uid) for pair, uid in zip(new.pairs(), "abc")], three_lesions())
    assert new.volume(Side.T1) is not study.volume(Side.T1)
    for opened in (study, new):
        assert_linked(opened)
    new.remove(uids(new)[0])
    assert len(study) == 3


def test_imported_three_times_no_uid_is_there_twice(tmp_path, study):
    path = save_scene_mrb(tmp_path / "scene.mrb")
    for _time in range(3):
        load_scene(path, clear=False)
    adopt_scene()
    studies = LesionStudy.all_in_scene()
    found = [uid for opened in studies for uid in uids(opened)]
    assert (len(studies), len(found), len(set(found))) == (4, 12, 12)


def test_two_pairs_with_one_uid_in_one_study_become_two_pairs(scene, study):
    with_old_uid = []
    study.release()
    for side in Side:
        copy = slicer.vtkMRMLMarkupsROINode()
        copy.Copy(study.node("a", side))
        with_old_uid.append(scene.AddNode(copy))
    first, second = with_old_uid
    first.SetNodeReferenceID("lesionPairPartner", second.GetID())
    second.SetNodeReferenceID("lesionPairPartner", first.GetID())
    said = adopt_scene()
    assert said == [
        "1 lesion of 'Lesions of T1 and T2' has got a new uid: another lesion of the scene has the old one.",
        "1 lesion of 'Lesions of T1 and T2' got a number that was free.",
    ]
    opened = only_study()
    assert len(opened) == 4
    assert_linked(opened)
    (new,) = set(uids(opened)) - {"a", "b", "c"}
    assert (opened.uid_of(first), opened.uid_of(second)) == (new, new)
    assert opened.pair(new).number == 4


def write_alone(node, path) -> str:
    storage = node.CreateDefaultStorageNode()
    storage.UnRegister(None)
    storage.SetFileName(path.as_posix())
    assert storage.WriteData(node)
    return path.as_posix()


def read_alone(path, name: str):
    return slicer.mrmlScene.GetNodeByID(module_logic("Markups").LoadMarkups(path, name))


def test_lone_boxes_keep_the_uid_of_their_lesion_and_find_each_other(tmp_path, study):
    uid = "6d1f2c1e-1f8e-4f7b-9f5e-3a6f1c9f7b11"
    study.add([lesion_of(17, drawn(t1_box(3.0)), drawn(t2_box(3.0)), uid=uid)])
    files = [write_alone(study.node(uid, side), tmp_path / f"{side}.mrk.json") for side in Side]
    before = study.pair(uid)
    empty_scene()
    for path, name in zip(files, ("Lesion 17 T1", "boxes")):
        read_alone(path, name)
    assert adopt_scene() == ["2 boxes joined 'Lesions'."]
    assert adopt_scene() == []
    opened = only_study()
    assert_same(opened.pairs(), [Lesion(17, before.boxes, uid=uid)])
    assert_linked(opened)


def test_a_lone_box_comes_back_to_its_partner(tmp_path, study):
    path = write_alone(study.node("a", Side.T1), tmp_path / "box.mrk.json")
    study.remove_side("a", Side.T1)
    node = read_alone(path, "box")
    assert adopt_scene() == ["1 box joined 'Lesions of T1 and T2'."]
    assert study.node("a", Side.T1) is node
    pair = study.pair("a")
    assert pair.box(Side.T1).center_mm == pytest.approx(t1_box().center_mm, abs=1e-4)
    assert (pair.number, pair.note, pair.boxes[Side.T2].score) == (1, "dome", 0.81)
    assert_linked(study)


def test_boxes_that_a_detection_has_written_become_a_study(tmp_path, scene):
    ids = [f"{n}d1f2c1e-1f8e-4f7b-9f5e-3a6f1c9f7b11" for n in (1, 2)]
    pairs = [
        lesion_of(4, drawn(t1_box()), drawn(t2_box()), uid=ids[0]),
        lesion_of(7, drawn(t1_box(30.0)), uid=ids[1]),
    ]
    for side in Side:
        write_markups(tmp_path / f"{side}.mrk.json", pairs, side)
        assert module_logic("Markups").LoadMarkups((tmp_path / f"{side}.mrk.json").as_posix())
    assert adopt_scene() == ["3 boxes joined 'Lesions'."]
    assert_same(only_study().pairs(), pairs)
    assert_linked(only_study())


def test_a_lone_box_that_says_neither_t1_nor_t2_is_left_and_named(tmp_path, study):
    uid = "0d1f2c1e-1f8e-4f7b-9f5e-3a6f1c9f7b11"
    study.add([lesion_of(4, drawn(t1_box(3.0)), uid=uid)])
    path = write_alone(study.node(uid, Side.T1), tmp_path / "box.mrk.json")
    empty_scene()
    node = read_alone(path, "somewhere")
    assert adopt_scene() == ["Box 'somewhere' does not say whether it lies in T1 or T2 and was left as it is."]
    assert node.GetAttribute("LesionPair.UID") is None
    assert LesionStudy.all_in_scene() == []


def test_rois_of_others_are_left_alone(scene, study):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Crop T1")
    node.SetCenter(1, 2, 3)
    node.SetSize(1, 2, 3)
    node.SetNthControlPointDescription(0, "a cyst")
    assert adopt_scene() == []
    assert len(study) == 3


def test_boxes_of_a_scene_without_their_folder_find_one_by_their_volumes(tmp_path, study):
    for node in roi_nodes():
        node.RemoveNodeReferenceIDs("lesionPairStudy")
    study.release()
    slicer.mrmlScene.RemoveNode(study.folder)
    path = save_scene(tmp_path, "mrb")
    empty_scene()
    load_scene(path)
    (said,) = adopt_scene()
    assert said == "5 boxes joined 'Lesions of T1 and T2'."
    opened = only_study()
    assert_same(opened.pairs(), three_lesions())
    assert_linked(opened)


def test_disagreeing_and_missing_values_are_brought_in_order(study):
    study.release()
    study.node("a", Side.T2).SetAttribute("LesionPair.State", "rejected")
    study.node("b", Side.T1).RemoveAttribute("LesionPair.Number")
    study.node("c", Side.T1).SetAttribute("LesionPair.Number", "1")
    study.node("c", Side.T2).SetAttribute("LesionPair.Number", "1")
    study.node("a", Side.T1).RemoveNodeReferenceIDs("lesionPairPartner")
    assert adopt_scene() == ["2 lesions of 'Lesions of T1 and T2' got a number that was free."]
    opened = only_study()
    assert sorted((pair.uid, pair.number, pair.state) for pair in opened.pairs()) == [
        ("a", 1, "accepted"),
        ("b", 2, "proposed"),
        ("c", 3, "proposed"),
    ]
    assert_linked(opened)
    assert adopt_scene() == []


def test_an_open_study_follows_what_was_repaired(study):
    told = []
    study.observe(told.append)
    with study._store.quiet():
        study.node("b", Side.T1).SetAttribute("LesionPair.Number", "3")
    assert adopt_scene() == ["1 lesion of 'Lesions of T1 and T2' got a number that was free."]
    assert [pair.number for pair in study.pairs()] == [1, 3, 4]
    assert "boxes" in told


def test_nothing_of_a_marker_or_a_filter_is_in_the_file(tmp_path, study):
    marker = PlaceMarker(1)
    marker.show((1, 2, 3), "about 6 mm")
    study.filter(display_threshold=0.99)
    path = save_scene_mrb(tmp_path / "scene.mrb")
    with zipfile.ZipFile(path) as archive:
        assert not any("Corresponding" in name for name in archive.namelist())
    empty_scene()
    load_scene(path)
    opened = only_study()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0
    assert all(opened.node(uid, Side.T1).GetDisplayNode().GetVisibility() for uid in uids(opened))
