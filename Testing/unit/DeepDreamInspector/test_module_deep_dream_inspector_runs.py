"""DeepDreamInspector from Run to a dream in the scene, and everything that may happen in between."""

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from deep_dream_inspector_factory import panel, window  # noqa: F401
from liver_multimodal_factory import liver_image

from liverpair.dreaming.interpretation import Reading
from liverpair.mrml.dreams.dream_scene import DreamScene


def iterations(dream) -> list[int]:
    """The iterations of the first start that are in the scene."""
    return np.flatnonzero(dream.curves["dream"].rows[0] >= 0).tolist()


def samples(panel, *numbers: int, **about) -> None:
    """Let the worker say some iterations, and the scene take them."""
    for number in numbers:
        panel.worker.sample(number, **about)
    panel.harness.wait(seconds=0.2)


def test_samples_come_into_the_scene_as_they_are_said(panel):
    panel.ready()
    before = slicer.util.arrayFromVolume(panel.context.volume("t1")).copy()
    panel.apply()
    assert panel.worker.request["model"].endswith("bright-around") and not panel.worker.request["resume"]
    dream = panel.dream
    assert dream.name == "AX T1 in phase dreamt by bright-around" and dream.volume is panel.context.volume("t1")
    assert panel.context.running and not panel["applyButton"].enabled
    samples(panel, 0, 1, 2, frame=True)
    panel.worker.progress(0.25, "Start 1 of 1")
    panel.harness.wait()
    assert iterations(dream) == [0, 1, 2]
    assert (panel["progressBar"].value, panel["progressLabel"].text) == (25, "Start 1 of 1 · Iteration 2")
    files = panel.context.frameFiles
    assert [file["iteration"] for file in files] == [0, 1, 2] and Path(files[0]["image"]).is_file()
    samples(panel, 3)
    panel.worker.finish(notes=["The GPU had too little memory."])
    panel.harness.wait()
    assert panel.status == "All 10 iterations are done. The GPU had too little memory."
    assert panel["provenanceText"].plainText == "Seconds: 1.0"
    assert dream.finished and dream.ranges["count"] == 12 and iterations(dream) == [0, 1, 2, 3]
    assert not panel["resumeButton"].enabled and panel["applyButton"].enabled
    assert np.array_equal(slicer.util.arrayFromVolume(panel.context.volume("t1")), before)


@pytest.mark.parametrize("direction", ["ascent", "descent"])
def test_a_dream_without_any_object_says_what_happened(panel, direction):
    panel.ready()
    panel.parameters.direction = direction
    panel.apply()
    samples(panel, 0, **dict.fromkeys(panel.worker.request["features"]))
    assert panel.text("plotLabel").startswith("Not drawn as standard scores"), "an object may yet appear"
    panel.worker.finish()
    panel.harness.wait()
    said = {
        "ascent": "The model saw no object at any iteration, so there is nothing to plot. Dream for more iterations, "
        "or begin at another place.",
        "descent": "The model saw no object there, so there was none to dream away, and there is nothing to plot. "
        "Begin on an object that the model sees.",
    }[direction]
    assert panel.status == f"All 10 iterations are done. {said}"
    assert panel.text("plotLabel") == said


def test_listeners_hear_what_changes(panel):
    heard = []
    panel.ready()
    panel.context.addListener(heard.append)
    panel.apply()
    assert heard[-2:] != [] and {"dream", "run"} <= set(heard)
    heard.clear()
    samples(panel, 0, 1)
    assert heard == ["samples"]
    panel.context.goTo(1)
    panel.context.goTo(1)
    assert heard == ["samples", "frame"]
    panel.worker.finish()
    panel.harness.wait()
    assert heard[-1] == "run"
    panel.context.removeListener(heard.append)


def test_pause_keeps_what_was_dreamt_and_resume_goes_on(panel):
    panel.ready().apply()
    asked, dream = panel.worker.request, panel.dream
    samples(panel, 0, 1, 2)
    panel.worker.save()
    panel.click("pauseButton")
    assert panel.worker.was_cancelled and not panel["pauseButton"].enabled
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "Paused. Resume goes on where it was left."
    assert iterations(dream) == [0, 1, 2] and not dream.finished
    panel.parameters.iterations = 7
    panel.click("resumeButton")
    assert panel.worker.request == {**asked, "resume": True}
    samples(panel, 3, 4)
    panel.worker.finish()
    panel.harness.wait()
    assert panel.dream is dream and dream.finished and iterations(dream) == [0, 1, 2, 3, 4]
    assert len(DreamScene.all_in_scene()) == 1


def test_stop_ends_a_dream_with_what_there_is(panel):
    panel.ready().apply()
    samples(panel, 0, 1)
    reading = Reading("glcm_Contrast", "no range", "Contrast rises.", 0.5, None, None)
    panel.worker.save(readings=[asdict(reading)])
    panel.click("cancelButton")
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "Stopped. What was dreamt so far is kept."
    assert panel.dream.finished and panel.dream.readings[0]["sentence"] == "Contrast rises."
    assert iterations(panel.dream) == [0, 1] and not panel["resumeButton"].enabled


def test_a_dream_cancelled_before_its_first_iteration_leaves_nothing(panel):
    panel.ready()
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.apply()
    panel.click("cancelButton")
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "Cancelled before the first iteration; the scene is as it was."
    assert panel.dream is None and slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_failure_is_shown_in_the_words_of_the_worker(panel):
    panel.ready().apply()
    panel.worker.fail("input", "There is no liver in T1.", "Choose another volume.")
    panel.harness.wait()
    assert panel.status == "There is no liver in T1. Choose another volume."
    assert DreamScene.all_in_scene() == [] and panel["applyButton"].enabled
    panel.apply()
    samples(panel, 0, 1)
    panel.worker.save()
    panel.worker.fail("memory", "There is not enough memory.", "Close other programs.")
    panel.harness.wait()
    assert panel.status == (
        "There is not enough memory. Close other programs. What was dreamt so far is kept; Resume goes on with it."
    )
    assert iterations(panel.dream) == [0, 1] and panel["resumeButton"].enabled


def test_what_a_run_said_is_gone_with_what_it_spoke_of(panel):
    panel.ready().apply()
    panel.worker.fail("input", "The point lies outside.")
    panel.harness.wait()
    panel.enter()
    assert panel.status == "The point lies outside."
    panel.parameters.points.SetNthControlPointPosition(0, 1.0, 2.0, 60.0)
    panel.harness.wait()
    assert panel.status == ""
    panel.apply()
    samples(panel, 0)
    panel.worker.finish()
    panel.harness.wait()
    panel.parameters.iterations = 7
    assert panel.status == "All 10 iterations are done."
    panel.context.show(None)
    panel.harness.wait()
    assert panel.status == ""


def test_a_worker_that_cannot_be_started_leaves_nothing(panel):
    panel.ready()
    panel.worker.transport.fails_to_start = True
    panel.click("applyButton")
    assert "could not be started" in panel.status and panel["applyButton"].enabled
    assert DreamScene.all_in_scene() == []


def test_a_worker_that_dies_can_be_followed_by_a_resumed_dream(panel):
    panel.ready().apply()
    samples(panel, 0)
    panel.worker.save()
    panel.worker.transport.die()
    panel.harness.wait()
    assert panel.status.endswith("Resume goes on with it.")
    panel.click("resumeButton")
    assert panel.worker.request["resume"]


def test_two_dreams_are_kept_apart_and_chosen_between(panel):
    panel.ready().apply()
    samples(panel, 0, 1)
    panel.worker.finish()
    first = panel.dream
    panel.apply()
    second = panel.dream
    assert second is not first and second.name != first.name
    panel.harness.choose(panel["dreamSelector"], first.name)
    assert panel.dream is first
    heard = []
    panel.context.addListener(heard.append)
    samples(panel, 0, 1, 2, frame=True)
    panel.context.removeListener(heard.append)
    assert "samples" not in heard and iterations(first) == [0, 1] and iterations(second) == [0, 1, 2]
    assert panel.context.frameFiles == []
    panel.context.compare(second)
    assert panel.context.second is second
    panel.context.show(second)
    assert len(panel.context.frameFiles) == 3


def test_a_dream_is_deleted_with_its_files(panel):
    panel.ready().apply()
    samples(panel, 0, frame=True)
    assert not panel["deleteDreamButton"].enabled
    panel.worker.finish()
    panel.harness.wait()
    folder = panel.context.folder
    panel.harness.answer("cancel")
    panel.click("deleteDreamButton")
    assert panel.dream is not None
    panel.harness.answer("ok")
    panel.click("deleteDreamButton")
    assert panel.dream is None and DreamScene.all_in_scene() == [] and not folder.exists()


def test_a_dream_deleted_while_it_is_dreamt_is_cancelled(panel):
    panel.ready().apply()
    samples(panel, 0)
    panel.dream.remove()
    samples(panel, 1)
    assert panel.dream is None and panel.worker.was_cancelled
    panel.worker.cancelled()
    panel.harness.wait()
    assert panel.status == "The dream was deleted; it was cancelled."


@pytest.mark.parametrize("what", ["scene", "volume"])
def test_the_scene_may_change_while_it_is_dreamt(panel, what):
    panel.ready().apply()
    samples(panel, 0)
    if what == "scene":
        slicer.mrmlScene.Clear(0)
    else:
        slicer.mrmlScene.RemoveNode(panel.context.volume("t1"))
    assert panel.worker.was_cancelled
    panel.worker.cancelled()
    panel.harness.wait()
    expected = "The scene was closed" if what == "scene" else "The volume was deleted"
    assert panel.status.startswith(expected) and not panel.context.running
    assert len(DreamScene.all_in_scene()) == (0 if what == "scene" else 1)


def test_the_module_may_be_left_while_it_is_dreamt(panel):
    panel.ready().apply()
    dream = panel.dream
    samples(panel, 0)
    panel.widget.exit()
    samples(panel, 1)
    panel.worker.finish()
    panel.widget.enter()
    assert panel.dream is dream and dream.finished and iterations(dream) == [0, 1]
    assert panel.status == "All 10 iterations are done."


def test_dreams_and_choices_are_saved_and_loaded(panel, tmp_path):
    panel.ready()
    panel.parameters.iterations, panel.parameters.randomDirection = 123, True
    panel.parameters.features = "glcm_Contrast firstorder_Mean"
    panel.apply()
    samples(panel, 0, 1, 2)
    panel.worker.finish()
    panel.harness.wait()
    points, name = panel.points(), panel.dream.name
    values = panel.dream.curves["dream"].values.copy()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    panel.harness.wait()
    assert panel.dream is None and panel.points() == []
    slicer.util.loadScene(path)
    panel.harness.wait()
    assert panel.dream.name == name and panel.dream.finished and panel.points() == points
    assert np.allclose(panel.dream.curves["dream"].values, values, rtol=1e-5, equal_nan=True)
    assert panel["iterationsSpinBox"].value == 123 and panel["randomDirectionCheckBox"].checked
    assert panel.checked() == ["firstorder_Mean", "glcm_Contrast"] and panel["t1VolumeSelector"].currentNode()


def test_a_busy_worker_is_said_and_nothing_is_left(panel):
    panel.ready()
    panel.context.worker.run("other", {}, lambda event: None)
    panel.click("applyButton")
    assert panel.status == "LiverPair is busy with another task. Wait for it, or cancel it."
    assert DreamScene.all_in_scene() == []


def test_missing_pyradiomics_is_said_with_the_way_out(panel, monkeypatch):
    from DeepDreamInspectorLib.radiomicsinstaller import DreamInstaller

    monkeypatch.setattr(DreamInstaller, "hasRadiomics", lambda self: False)
    panel.logic.installer = DreamInstaller()
    panel.ready()
    panel.click("applyButton")
    assert panel.status.startswith("pyradiomics is not installed. Install the extension 'SlicerRadiomics'")


def test_a_model_that_fits_the_volume_dreams_where_none_is_named(panel, monkeypatch):
    import DeepDreamInspector
    from LiverPairLib.standins import StandInCatalogue, StandInWorker

    fitting = StandInCatalogue.bundles[0]
    double = SimpleNamespace(**{**vars(fitting), "name": "double-in", "inputs": ["T1 or T2", "T1 or T2"]})

    class TwoModels(StandInCatalogue):
        def list(self):
            return [double, fitting]

        def find(self, name):
            return {"double-in": double, fitting.name: fitting}[name]

    asked = []

    class Logic(DeepDreamInspector.DeepDreamInspectorLogic):
        def __init__(self):
            installer = SimpleNamespace(isComplete=lambda: True, ensure=lambda: None)
            super().__init__(StandInWorker(), installer, TwoModels())

        def dream(self, volume, points, model=None, **options):
            asked.append(model)
            return super().dream(volume, points, model, **options)

    pair = SimpleNamespace(t1=liver_image(), t2=liver_image(6))
    monkeypatch.setattr("LiverPairLib.sampledata._demoPair", lambda: pair)
    monkeypatch.setattr(DeepDreamInspector, "DeepDreamInspectorLogic", Logic)
    panel.harness.app.harness_set_testing(True)
    DeepDreamInspector.DeepDreamInspectorTest().runTest()
    panel.harness.app.harness_set_testing(False)
    assert asked == [fitting.name]
    volume = panel.add_volume("AX T1 in phase")
    assert Logic().dream(volume, [(30.0, 25.0, 95.0)], iterations=3).about["bundle"] == fitting.name


def test_a_loaded_scene_has_views_of_their_size_and_no_tool_bar_of_sequences(panel, tmp_path):
    panel.ready().apply()
    samples(panel, 0, frame=True)
    panel.worker.finish()
    panel.harness.wait()
    panel.click("showViewsButton")
    splitter = slicer.app.layoutManager().plotWidget(0).parent()
    shared = splitter.sizes()
    assert len(shared) == 3 and min(shared) > 200, "two rows of views, and the plot"
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    for was_visible in (False, True):
        splitter.setSizes([35, 35, 800])
        slicer.modules.sequences.toolBarVisible = was_visible
        slicer.util.loadScene(path)
        panel.harness.wait(seconds=0.4)
        splitter = slicer.app.layoutManager().plotWidget(0).parent()
        assert splitter.sizes() == pytest.approx(shared, abs=10)
        assert slicer.modules.sequences.toolBarVisible == was_visible
    slicer.modules.sequences.toolBarVisible = False
    splitter.setSizes([35, 35, 800])
    panel.widget.onSceneEndImport()
    panel.harness.wait(seconds=0.4)
    assert splitter.sizes() == pytest.approx(shared, abs=10), "though the layout is not made anew"
