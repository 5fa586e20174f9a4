"""What holds for every module: what it says of itself, how it opens and is reloaded, and that its own test passes."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import slicer
from liver_multimodal_factory import liver_image

from liverpair.core.errors import InputError
from Testing.harness import start

ROOT = Path(__file__).parents[2]
CATEGORIES = {
    "LiverMultimodal": ("Liver Multimodal", "Segmentation"),
    "LesionPairDetect": ("Lesion Pair Detect", "Quantification"),
    "DeepDreamInspector": ("DeepDream Inspector", "Quantification"),
}
"""Title and category of every module."""


@pytest.fixture(params=CATEGORIES)
def name(request):
    """A module in a fresh application that is under test."""
    running = start()
    running.reset()
    running.app.harness_set_testing(True)
    yield request.param
    running.app.harness_set_testing(False)
    running.check()
    running.reset()


@pytest.fixture
def opened(name):
    """A module that is open."""
    start().app.harness_set_testing(False)
    start().load_module(ROOT / name / f"{name}.py")
    return name


def test_every_folder_with_a_module_file_is_known_here():
    assert sorted(CATEGORIES) == sorted(path.stem for path in ROOT.glob("*/*.py") if path.stem == path.parent.name)


def test_a_module_says_what_it_is_and_its_help_leads_to_its_part_of_the_documentation(opened):
    module = getattr(slicer.modules, opened.lower())
    assert (module.title, module.categories) == (CATEGORIES[opened][0], [CATEGORIES[opened][1]])
    assert not module.icon.isNull()
    assert f'docs/using.md#{opened.lower()}"' in module.helpText and 'docs/scripting.md"' in module.helpText
    assert f'docs/tutorial/{opened.lower()}.md"' in module.helpText
    assert (ROOT / "docs" / "tutorial" / f"{opened.lower()}.md").is_file()
    headings = (ROOT / "docs" / "using.md").read_text(encoding="utf-8").splitlines()
    assert f"## {opened}" in headings and (ROOT / "docs" / "scripting.md").is_file()


def test_every_panel_has_the_same_parts_in_the_same_order(opened):
    panel = start().panel(opened)
    parts = [start().widget(f"{part}Button") for part in ("inputs", "run", "result", "details")]
    assert [part.text for part in parts] == ["Inputs", "Run", "Result", "Details"]
    assert [part.collapsed for part in parts] == [False, False, False, True]
    start().wait()
    top = [part.mapTo(panel.parent, part.rect.topLeft()).y() for part in (*parts[:2], panel.ui.statusFrame, *parts[2:])]
    assert top == sorted(top)
    for section in panel.sections:
        part = panel.ui.__dict__.get(f"{section.part}Button", parts[0].parentWidget())  # on top: in none of them
        assert section.widget.parentWidget() is part
    assert start().widget("applyButton").text == "Apply" and start().widget("tryButton").isVisible()


def test_the_line_of_a_panel_says_what_happened_last(opened):
    panel = start().panel(opened)
    line = start().widget("statusLabel")
    panel.logic.fail(InputError("T2 has one slice."))
    panel.exit()
    panel.enter()
    assert line.text == "T2 has one slice." and line.styleSheet
    panel.say("Undone.")
    assert line.text == "Undone." and not line.styleSheet
    panel.say("")
    assert line.text == "T2 has one slice."
    panel.logic.fail(InputError("T1 has one slice."))
    panel.say("Undone.")
    panel.exit()
    panel.enter()
    assert line.text == "T1 has one slice."


def test_a_built_extension_has_every_file_of_a_module_and_none_takes_the_place_of_another():
    resources = []
    for name in CATEGORIES:
        listed = (ROOT / name / "CMakeLists.txt").read_text().replace("${MODULE_NAME}", name).split()
        files = [path for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".ui", ".png")]
        assert sorted(str(path.relative_to(ROOT / name)) for path in files) == sorted(
            line for line in listed if line.endswith((".py", ".ui", ".png"))
        )
        resources += [line for line in listed if line.startswith("Resources/")]
    assert len(set(resources)) == len(resources)


def test_a_module_is_made_in_testing_mode_without_a_window_being_shown(name):
    start().load_module(ROOT / name / f"{name}.py", show=False)
    assert getattr(slicer.modules, name.lower()).createNewWidgetRepresentation() is not None


def test_the_own_test_of_a_module_runs_without_torch_radiomics_and_models(name, monkeypatch):
    start().load_module(ROOT / name / f"{name}.py")
    monkeypatch.setattr("LiverPairLib.installer.Installer.hasTorch", lambda self: False)
    if name == "DeepDreamInspector":
        monkeypatch.setattr("DeepDreamInspectorLib.radiomicsinstaller.DreamInstaller.hasRadiomics", lambda self: False)
    pair = SimpleNamespace(t1=liver_image(), t2=liver_image(6))
    monkeypatch.setattr("LiverPairLib.sampledata._demoPair", lambda: pair)
    slicer.selfTests[name]()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") >= 1


def test_reload_reads_the_files_of_the_lib_folders_anew_and_keeps_the_worker(opened):
    panel = start().panel(opened)
    section = type(panel.sections[0])
    session = sys.modules["LiverPairLib.workersession"]
    for library in (section.__module__, "LiverPairLib.runsection"):
        sys.modules[library].LEFT_OVER = True
    panel.onReload()
    start().wait()
    again = start().panel(opened)
    assert again is not panel and again.context.parameterNode is not None
    assert type(again.sections[0]) is not section
    assert type(again.sections[0]) is getattr(sys.modules[section.__module__], section.__name__)
    for library in (section.__module__, "LiverPairLib.runsection"):
        assert not hasattr(sys.modules[library], "LEFT_OVER")
    assert sys.modules["LiverPairLib.workersession"] is session
    assert again.logic.worker is session.sessionWorker()
