"""The lines of docs/scripting.md run as they stand, in one console, one after the other."""

import re
from pathlib import Path

import pytest
from deep_dream_inspector_factory import MODULE as DEEP_DREAM_INSPECTOR
from lesion_pair_detect_factory import LIVER_MULTIMODAL
from lesion_pair_detect_factory import MODULE as LESION_PAIR_DETECT
from liver_multimodal_factory import quick_phantom  # noqa: F401

from Testing.harness import start

PAGE = Path(__file__).parents[3] / "docs" / "scripting.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
STAND_INS = {
    "LiverMultimodal": ("BodyWorker", "LiverPairLib"),
    "LesionPairDetect": ("MiddleWorker", "LesionPairDetectLib"),
    "DeepDreamInspector": ("BrighterWorker", "DeepDreamInspectorLib"),
}
"""By module, what its own test uses where there is no PyTorch."""


@pytest.fixture
def console(quick_phantom, monkeypatch):  # noqa: F811
    """The three modules in a fresh application, with stand-ins for the worker and the models."""
    import importlib

    running = start()
    running.reset()
    for path in (LIVER_MULTIMODAL, LESION_PAIR_DETECT, DEEP_DREAM_INSPECTOR):
        module = running.load_module(path, show=False)
        worker, library = STAND_INS[module.name]
        selftest = importlib.import_module(f"{library}.selftest")
        loaded = importlib.import_module(module.name)
        logic = getattr(loaded, f"{module.name}Logic")
        made = getattr(selftest, worker)(), NoInstaller(), selftest.OneModelCatalogue()
        monkeypatch.setattr(loaded, logic.__name__, lambda logic=logic, made=made: logic(*made))
    yield running
    running.check()
    running.reset()


class NoInstaller:
    """Everything is installed."""

    def ensure(self):
        pass


def test_every_line_of_the_page_runs(console, capsys):
    assert len(BLOCKS) == 4
    names = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
    rows, lesion, dreamt = capsys.readouterr().out.splitlines()[-3:]
    assert int(rows) > 1
    assert lesion == "1 proposed 0.9 0.9"
    assert dreamt == "4 All iterations are done."


def test_the_page_says_what_a_script_gets_from_sample_data(console):
    import SampleData

    assert 'SampleData.SampleDataLogic().downloadSamples("LiverPairDemo")` returns an empty list' in PAGE.read_text()
    assert SampleData.SampleDataLogic().downloadSamples("LiverPairDemo") == []
