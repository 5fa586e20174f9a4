"""The lines of docs/scripting.md run as they stand, one after the other: some in Slicer's console, some outside."""

import re
import shlex
from pathlib import Path

import pytest
from deep_dream_inspector_factory import MODULE as DEEP_DREAM_INSPECTOR
from lesion_pair_detect_factory import LIVER_MULTIMODAL
from lesion_pair_detect_factory import MODULE as LESION_PAIR_DETECT
from liver_multimodal_factory import quick_phantom  # noqa: F401

from Testing.harness import start

PAGE = Path(__file__).parents[3] / "docs" / "scripting.md"
IN_SLICER, OUTSIDE = (
    re.findall(r"```(python|sh)\n(.*?)```", part, re.DOTALL)
    for part in PAGE.read_text(encoding="utf-8").split("## Outside Slicer")
)


@pytest.fixture
def console(quick_phantom, monkeypatch):  # noqa: F811
    """The three modules in a fresh application, with stand-ins for the worker and the models."""
    import importlib

    running = start()
    running.reset()
    for path in (LIVER_MULTIMODAL, LESION_PAIR_DETECT, DEEP_DREAM_INSPECTOR):
        module = running.load_module(path, show=False)
        from LiverPairLib.standins import NoInstaller, StandInCatalogue, StandInWorker

        loaded = importlib.import_module(module.name)
        logic = getattr(loaded, f"{module.name}Logic")
        made = StandInWorker(), NoInstaller(), StandInCatalogue()
        monkeypatch.setattr(loaded, logic.__name__, lambda logic=logic, made=made: logic(*made))
    yield running
    running.check()
    running.reset()


def test_every_line_for_slicers_console_runs(console, capsys):
    assert [language for language, _ in IN_SLICER] == ["python"] * 4
    names = {}
    for _, block in IN_SLICER:
        exec(compile(block, str(PAGE), "exec"), names)
    volumes, lesion, dreamt = capsys.readouterr().out.splitlines()[-3:]
    assert re.fullmatch(r"Liver volume \(ml\) \d+ \d+", volumes)
    assert lesion == "1 proposed both 0.9"
    assert dreamt == "4 All iterations are done."


def test_every_line_for_outside_slicer_runs(tmp_path, monkeypatch, capsys):
    from brightness_bundle import write_brightness_bundle
    from peak_detector import write_peak_bundle
    from peak_study import write_volumes

    from liverpair import cli
    from liverpair.core.lesions import read_lesions

    write_brightness_bundle(tmp_path / "models" / "liver-t1t2", name="liver-t1t2")
    write_peak_bundle(tmp_path / "models" / "lesion-pairs-t1t2", name="lesion-pairs-t1t2")
    monkeypatch.setattr("liverpair.bundle.catalogue.shipped_bundles_folder", lambda: tmp_path / "models")
    write_volumes(tmp_path, livers=False)
    monkeypatch.chdir(tmp_path)
    assert [language for language, _ in OUTSIDE] == ["python", "sh", "python"]
    names = {}
    for language, block in OUTSIDE:
        if language == "python":
            exec(compile(block, str(PAGE), "exec"), names)
        else:
            lines = [shlex.split(line) for line in block.splitlines()]
            assert [(line[0], cli.main(line[1:])) for line in lines] == [("liverpair", 0)] * 3
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("1.0 ") for line in lines)
    found = read_lesions(tmp_path / "found" / "lesions.json")
    assert lines[-len(found) :] == [f"{lesion.number} {lesion.state}" for lesion in found] != []


def test_the_page_says_what_a_script_gets_from_sample_data(console):
    import SampleData

    assert 'SampleData.SampleDataLogic().downloadSamples("LiverPairDemo")` returns an empty list' in PAGE.read_text()
    assert SampleData.SampleDataLogic().downloadSamples("LiverPairDemo") == []
