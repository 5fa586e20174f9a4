"""What the user reads when something fails, what stays in the scene, and that a second try works."""

from contextlib import nullcontext

import pytest
import slicer
from liver_multimodal_factory import nodes_of, panel  # noqa: F401


def scene_size() -> int:
    return slicer.mrmlScene.GetNumberOfNodes()


def test_the_sentence_of_the_worker_is_shown_and_nothing_is_left(panel):
    panel.add_pair()
    before = scene_size()
    panel.apply()
    folder = panel.folder()
    panel.worker.fail("memory", "There is not enough memory for this.", "Choose the CPU and try again.")
    panel.harness.wait()
    assert panel.status == "There is not enough memory for this. Choose the CPU and try again."
    assert panel["statusLabel"].styleSheet
    assert scene_size() == before and not folder.exists() and panel.harness.dialogs() == []
    panel.run()
    assert panel.status.startswith("Liver volume") and not panel["statusLabel"].styleSheet


def test_a_worker_that_dies_is_said_to_have_died_and_a_new_one_is_started(panel):
    panel.add_pair()
    panel.apply()
    panel.worker.progress(0.1, "T1: Computing")
    panel.worker.transport.die(-9)
    panel.harness.wait()
    assert panel.status.startswith("The worker process ended in the middle of the job (SIGKILL")
    assert nodes_of("vtkMRMLSegmentationNode") == []
    panel.run()
    assert panel.worker.transport.starts == 2


def test_a_worker_that_cannot_be_started_is_said_in_one_sentence(panel):
    panel.add_pair()
    panel.worker.transport.fails_to_start = True
    panel.click("applyButton")
    assert panel.status == "The worker process could not be started (no such program)."
    assert panel["applyButton"].enabled and not panel["cancelButton"].enabled
    panel.worker.transport.fails_to_start = False
    panel.run()
    assert panel.status.startswith("Liver volume")


def test_a_worker_busy_for_another_module_is_said_in_one_sentence(panel):
    panel.add_pair()
    panel.logic.worker.run("segment", {"output": "elsewhere"}, lambda event: None)
    panel.click("applyButton")
    assert panel.status == "LiverPair is busy with another task. Wait for it, or cancel it."


def test_a_result_that_cannot_be_read_leaves_nothing_behind(panel):
    panel.add_pair()
    before = scene_size()
    panel.apply()
    missing = {"liver": "/gone/t1_liver.nii.gz", "probability": None, "uncertainty": None, "volume_ml": 1.0}
    panel.worker.finish(t1=missing, t2=None)
    panel.harness.wait()
    assert panel.status.startswith("The mask of 'Liver' could not be read")
    assert scene_size() == before


def test_a_defect_of_ours_is_one_sentence_and_leaves_nothing_behind(panel, monkeypatch):
    panel.add_pair()
    before = scene_size()
    panel.click("probabilityMapCheckBox")

    def broken(*_arguments):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("liverpair.mrml.tables.show_measures", broken)
    with panel.harness.expecting("division by zero"):
        panel.run()
    assert panel.status.startswith("Something went wrong inside LiverPair")
    assert "Traceback" not in panel.status
    assert scene_size() == before
    monkeypatch.undo()
    panel.run()
    assert panel.status.startswith("Liver volume")


def test_a_result_that_cannot_be_shown_is_there_and_the_run_has_ended(panel, monkeypatch):
    from LiverPairLib import sourcedisplay as display

    def broken(*_arguments):
        raise ZeroDivisionError("division by zero")

    panel.add_pair()
    monkeypatch.setattr(display, "showResult", broken)
    with panel.harness.expecting("division by zero"):
        panel.run()
    assert panel.status.startswith("Something went wrong inside LiverPair")
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2
    assert panel["applyButton"].enabled and not panel["progressFrame"].visible


@pytest.mark.parametrize(("error", "sentence"), [
    (OSError(28, "No space left on device"), "The disk is full. Make room and try again."),
    (MemoryError(), "There is not enough memory for this."),
    (ZeroDivisionError("division by zero"), "Something went wrong inside LiverPair"),
])  # fmt: skip
def test_what_goes_wrong_before_the_worker_is_asked_is_one_sentence_too(panel, monkeypatch, error, sentence):
    panel.add_pair()
    before = scene_size()

    def fail(*_arguments):
        raise error

    monkeypatch.setattr("LiverPairLib.workerrun.WorkerRun.write", fail)
    panel.click("applyButton")
    assert panel.status.startswith(sentence)
    assert scene_size() == before and panel.worker.transport.commands == [] and panel.harness.dialogs() == []
    monkeypatch.undo()
    panel.run()
    assert panel.status.startswith("Liver volume")


def test_reloading_the_module_cancels_what_runs_and_forgets_it(panel):
    panel.add_pair()
    panel.apply()
    folder = panel.folder()
    old = panel.widget
    old.onReload()
    assert panel.widget is not old
    assert panel.worker.was_cancelled and not folder.exists()
    panel.worker.cancelled()
    panel.connect()
    panel.harness.wait()
    assert panel["applyButton"].enabled
    panel.run()
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2


def test_closing_the_application_in_mid_run_is_quiet(panel):
    panel.add_pair()
    panel.apply()
    folder = panel.folder()
    panel.logic.worker.stop()
    assert {"command": "quit"} in panel.worker.transport.commands
    assert panel.worker.transport.kills == 1
    panel.widget.cleanup()
    assert not folder.exists()


def test_the_user_may_be_in_another_module_when_it_ends(panel):
    panel.add_pair()
    panel.apply()
    panel.widget.exit()
    panel.worker.finish()
    panel.harness.wait()
    assert len(nodes_of("vtkMRMLSegmentationNode")) == 2
    panel.widget.enter()
    assert panel.parameters.t1Segmentation is not None
    assert panel["applyButton"].enabled


@pytest.fixture
def installing(panel):
    """The panel with the real installer over the harness's packaging."""
    from LiverPairLib.installer import Installer

    panel.logic.installer = Installer()
    panel.add_pair()
    return panel


def test_nothing_is_asked_when_everything_is_there(installing):
    installing.run()
    (request,) = slicer.packaging.requests
    assert request.missing == () and request.requester == "LiverPair"


def test_missing_packages_are_installed_at_apply_with_one_request(installing):
    slicer.packaging.set_outcome("installed", missing=("safetensors", "psutil"))
    assert slicer.packaging.requests == []
    installing.run()
    (request,) = slicer.packaging.requests
    assert sorted(one.split(">")[0] for one in request.missing) == ["psutil", "safetensors"]
    assert installing.status.startswith("Liver volume")


@pytest.mark.parametrize(("outcome", "sentence"), [
    ("refused", "LiverPair cannot run without these Python packages: safetensors>=0.5. Press Apply"),
    ("no network", "The Python packages that LiverPair needs could not be downloaded (safetensors>=0.5). Check"),
])  # fmt: skip
def test_packages_that_are_not_installed_are_one_sentence_and_a_second_try_works(installing, outcome, sentence):
    slicer.packaging.set_outcome(outcome, missing=("safetensors",))
    installing.click("applyButton")
    assert installing.status.startswith(sentence)
    assert installing.worker.transport.commands == []
    slicer.packaging.set_outcome("installed", missing=("safetensors",))
    installing.run()
    assert installing.status.startswith("Liver volume")


def test_in_testing_mode_nothing_is_installed_and_that_is_said(installing):
    installing.harness.app.harness_set_testing(True)
    slicer.packaging.set_outcome("installed", missing=("safetensors",))
    installing.click("applyButton")
    assert installing.status.startswith("These Python packages are not installed: safetensors>=0.5.")


def test_without_pytorch_the_extension_that_brings_it_is_named(installing, monkeypatch):
    monkeypatch.setattr(installing.logic.installer, "hasTorch", lambda: False)
    installing.click("applyButton")
    assert installing.status == (
        "PyTorch is not installed. "
        "Install the extension 'PyTorch' in the Extensions Manager, restart Slicer, and press Apply again."
    )
    assert slicer.packaging.requests == []


@pytest.mark.parametrize("succeeds", [True, False])
def test_pytorch_is_installed_by_its_extension(installing, monkeypatch, succeeds):
    import sys
    from types import ModuleType

    asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, askConfirmation=False):
            asked.append(askConfirmation)
            if not succeeds:
                raise ValueError("no network")

    module = ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = PyTorchUtilsLogic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    monkeypatch.setattr(installing.logic.installer, "hasTorch", lambda: succeeds and bool(asked))
    with nullcontext() if succeeds else installing.harness.expecting("no network"):
        installing.click("applyButton")
    assert asked == [True]
    if succeeds:
        assert installing.worker.request["t1"]
    else:
        assert installing.status.startswith("PyTorch was not installed.")
