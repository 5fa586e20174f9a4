"""A Slicer without windows."""

import logging
import subprocess
import sys
import zipfile

import pytest
import slicer
from mrml_factory import empty_scene

from liverpair.core.errors import InputError
from liverpair.mrml import headless


@pytest.fixture(autouse=True)
def scene():
    return empty_scene()


def test_it_is_started_once():
    assert headless.boot() is headless.boot()
    assert slicer.mrmlScene is headless.boot().scene


@pytest.mark.parametrize("name", [*headless.MODULE_LOGICS, "Colors"])
def test_every_module_has_its_logic_on_the_scene(scene, name):
    assert headless.module_logic(name).GetMRMLScene() is scene


def test_an_unknown_module_is_named():
    with pytest.raises(RuntimeError, match="no module 'Telepathy'"):
        headless.module_logic("Telepathy")


def test_the_terminologies_of_slicer_are_loaded():
    logic = headless.module_logic("Terminologies")
    assert logic.IsTerminologyContextLoaded("Segmentation category and type - 3D Slicer General Anatomy list")


def test_new_views_and_volumes_are_made_as_in_the_desktop(scene):
    slice_node = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    assert slice_node.SetOrientation("Coronal")
    assert scene.GetNodeByID("vtkMRMLColorTableNodeGrey") is not None
    assert scene.GetSubjectHierarchyNode() is not None
    assert scene.GetFirstNodeByClass("vtkMRMLCrosshairNode").GetCrosshairName() == "default"


def test_a_closed_scene_can_be_used_again(scene):
    scene.Clear(False)
    assert scene.AddNewNodeByClass("vtkMRMLSliceNode").SetOrientation("Sagittal")
    assert scene.GetFirstNodeByClass("vtkMRMLCrosshairNode") is not None


def test_vtk_errors_reach_the_log(scene, caplog):
    with caplog.at_level(logging.WARNING, logger="vtk"):
        scene.AddNewNodeByClass("vtkMRMLNoSuchNode")
    assert any("vtkMRMLNoSuchNode" in record.getMessage() for record in caplog.records)


def test_a_missing_scene_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no scene '.*gone.mrb'"):
        headless.load_scene_mrb(tmp_path / "gone.mrb")


def test_a_damaged_scene_is_refused_and_the_present_one_kept(tmp_path, scene):
    scene.AddNewNodeByClass("vtkMRMLTextNode", "Notes").SetText("hypodense")
    path = headless.save_scene_mrb(tmp_path / "scene.mrb")
    whole = path.read_bytes()
    with zipfile.ZipFile(tmp_path / "without a scene.mrb", "w") as archive:
        archive.writestr("readme.txt", "no scene")
    for number, content in enumerate((b"not a zip", whole[: len(whole) // 2], b"")):
        (tmp_path / f"damaged {number}.mrb").write_bytes(content)
    for damaged in sorted(set(tmp_path.iterdir()) - {path}):
        with pytest.raises(InputError, match="could not be read as a scene bundle"):
            headless.load_scene_mrb(damaged)
        assert scene.GetFirstNodeByName("Notes") is not None
    headless.load_scene_mrb(path)
    assert scene.GetFirstNodeByName("Notes").GetText() == "hypodense"


def test_a_scene_needs_the_extension_of_a_bundle(tmp_path):
    with pytest.raises(InputError, match="'pair.zip' is not the name of a scene bundle"):
        headless.save_scene_mrb(tmp_path / "pair.zip")


def in_new_process(program: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_it_does_not_start_inside_the_desktop():
    done = in_new_process("import slicer; slicer.app = object(); from liverpair.mrml import headless; headless.boot()")
    assert done.returncode != 0
    assert "This is the Slicer desktop" in done.stderr


def test_the_room_needs_neither_qt_nor_torch():
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('qt', 'PySide6', 'torch')));"
        "from liverpair.mrml import headless, layouts, pictures, segmentations, tables, volumes; headless.boot()"
    )
    done = in_new_process(program)
    assert done.returncode == 0, done.stderr
