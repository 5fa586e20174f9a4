"""What the module files say about themselves, and what Slicer's button Reload reads anew."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

import slicer

from Testing.harness import start

ROOT = Path(__file__).parents[3]
MODULES = ("LiverMultimodal", "LesionPairDetect", "DeepDreamInspector")


@pytest.fixture(params=MODULES)
def name(request):
    """A module that is open in a fresh application."""
    running = start()
    running.reset()
    running.load_module(ROOT / request.param / f"{request.param}.py")
    yield request.param
    running.check()
    running.reset()


def test_the_help_of_a_module_leads_to_its_part_of_the_documentation(name):
    help_text = getattr(slicer.modules, name.lower()).helpText
    assert f'docs/using.md#{name.lower()}"' in help_text and 'docs/scripting.md"' in help_text
    headings = (ROOT / "docs" / "using.md").read_text(encoding="utf-8").splitlines()
    assert f"## {name}" in headings and (ROOT / "docs" / "scripting.md").is_file()


def test_reload_reads_the_files_of_the_lib_folders_anew_and_keeps_the_worker(name):
    panel = start().panel(name)
    section = type(panel.sections[0])
    session = sys.modules["LiverPairLib.workersession"]
    for library in (section.__module__, "LiverPairLib.runpanel"):
        sys.modules[library].LEFT_OVER = True
    panel.onReload()
    start().wait()
    again = start().panel(name)
    assert again is not panel and again.context.parameterNode is not None
    assert type(again.sections[0]) is not section
    assert type(again.sections[0]) is getattr(sys.modules[section.__module__], section.__name__)
    for library in (section.__module__, "LiverPairLib.runpanel"):
        assert not hasattr(sys.modules[library], "LEFT_OVER")
    assert sys.modules["LiverPairLib.workersession"] is session
    assert again.logic.worker is session.sessionWorker()
