"""Every workflow, in a real Slicer when LIVERPAIR_SLICER names one, else in the harness.

    LIVERPAIR_SLICER=/path/to/Slicer python -m pytest Testing/slicer

starts Slicer anew for each workflow, under the display or, where there is none, under Xvfb. LIVERPAIR_SCREENSHOTS names
the folder for pictures, LIVERPAIR_WORKER=stand-in does without a network.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from logs import problems
from workflows import MODULES, ROOT, WORKFLOWS, run

SLICER = os.environ.get("LIVERPAIR_SLICER")
HERE = Path(__file__).resolve().parent
TIMEOUT_S = 1800


@pytest.fixture
def pictures(tmp_path, request):
    """The folder for the pictures of a workflow."""
    chosen = os.environ.get("LIVERPAIR_SCREENSHOTS")
    folder = Path(chosen) / request.node.callspec.params["name"] if chosen else tmp_path / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def baseline():
    """The log of a Slicer that starts with our modules and ends."""
    return slicer_run("", "")[1] if SLICER else ""


@pytest.fixture(scope="session")
def demo_pair():
    """The demo pair, which takes seconds to make, made once."""
    from liverpair.synthesis.phantom import phantom_pair

    return phantom_pair(0)


@pytest.fixture
def harness(tmp_path, monkeypatch, request):
    """The harness with the modules loaded, as Slicer is when it was started with `--testing`."""
    pytest.importorskip("PySide6", reason="without LIVERPAIR_SLICER the workflows need PySide6")
    pytest.importorskip("slicer", reason="without LIVERPAIR_SLICER the workflows need slicer-core")
    from Testing.harness import start

    pair = request.getfixturevalue("demo_pair")
    monkeypatch.setattr("liverpair.synthesis.phantom.phantom_pair", lambda seed: pair)
    monkeypatch.setenv("LIVERPAIR_CACHE", str(tmp_path / "cache"))
    running = start()
    running.reset()
    running.app.harness_set_testing(True)
    for name in MODULES:
        running.load_module(ROOT / name / f"{name}.py", show=False)
    yield running
    running.reset()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow(name, pictures, baseline, request, tmp_path, capfd):
    if SLICER:
        code, log = slicer_run(name, str(pictures))
        assert code == 0, log[-8000:]
    else:
        harness = request.getfixturevalue("harness")
        from harness_hands import HarnessHands

        run(name, HarnessHands(tmp_path, pictures))
        harness.check()
        log = "".join(capfd.readouterr())
    assert problems(log, baseline) == []
    assert any(pictures.glob("*.png"))


def slicer_run(name: str, pictures: str) -> tuple[int, str]:
    """Exit code and log of a Slicer that runs a workflow, or none."""
    has_display = os.environ.get("DISPLAY") or sys.platform != "linux"
    display = [] if has_display else ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24"]
    if display and shutil.which(display[0]) is None:
        pytest.skip("Slicer needs a display: set DISPLAY, or install xvfb.")
    words = ["--testing", "--no-splash", "--additional-module-paths", *(str(ROOT / module) for module in MODULES)]
    environment = {**os.environ, "LIVERPAIR_WORKFLOW": name, "LIVERPAIR_WORKFLOWS": str(HERE)}
    environment["LIVERPAIR_SCREENSHOTS"] = pictures
    for ours in ("QT_QPA_PLATFORM", "PYTHONPATH"):
        environment.pop(ours, None)
    done = subprocess.run(
        [*display, SLICER, *words, "--python-script", str(HERE / "driver.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "AttributeError: qMRMLPlotView has no attribute named 'mrmlPlotViewNode'",
        "2026-11-28 ( 1.2s) ERROR: In vtkPlotLine.cxx, line 90",
        "QSortFilterProxyModel: index from wrong model passed to mapFromSource",
        "qSlicerSubjectHierarchySegmentationsPlugin::updateAllSegmentsFromMRML: Unable to find subject hierarchy item",
        "vtkDebugLeaks has detected LEAKS!",
    ],
)
def test_what_a_real_desktop_logged_counts_as_a_problem(line):
    assert problems(f"Number of registered modules: 149\n{line}\n") == [line]
    assert problems(line, baseline=line.replace("90", "91")) == []
