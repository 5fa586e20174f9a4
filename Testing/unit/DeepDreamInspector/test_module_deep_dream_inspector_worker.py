"""DeepDreamInspector with the true worker and a network that finds what is bright around a voxel."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from deep_dream_inspector_factory import panel, window  # noqa: F401
from dream_job_factory import GRID, PEAK, POINT
from peak_detector import image_and_liver

from liverpair.mrml import frames

pytest.importorskip("radiomics", reason="dreams are measured with pyradiomics")

LONG_S = 300
ITERATIONS = 250
"""So many that no machine is done before the click on Pause."""


@pytest.fixture
def ready(panel):
    """The true worker, a volume with a bright spot, and a point far from it."""
    from LiverPairLib.workersession import sessionWorker

    panel.logic.worker = panel.context.worker = sessionWorker()
    image, _liver = image_and_liver(GRID, [PEAK])
    panel.add_volume("AX T1 in phase", image)
    panel.enter()
    panel.click("placePointButton")
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *frames.flip(POINT))
    panel.click_at(frames.flip(POINT))
    panel.parameters.device = "cpu"
    panel.parameters.step, panel.parameters.minimumGainPercent = 0.01, 0.0
    panel.parameters.frames = "0, 10, 30"
    return panel


def test_a_dream_is_dreamt_paused_resumed_and_read(ready):
    panel = ready
    before = slicer.util.arrayFromVolume(panel.context.volume("t1")).copy()
    panel.parameters.iterations = ITERATIONS
    panel.click("randomDirectionCheckBox")
    panel.click("applyButton")
    assert panel["pauseButton"].enabled, panel.status
    dream = panel.dream
    panel.harness.wait(until=lambda: dream.last_iteration >= 1, seconds=LONG_S)
    panel.click("pauseButton")
    panel.harness.wait(until=lambda: not panel.context.running, seconds=LONG_S)
    assert panel.status == "Paused. Resume goes on where it was left." and not dream.finished
    left_at = dream.last_iteration
    panel.click("resumeButton")
    panel.harness.wait(until=lambda: not panel.context.running, seconds=LONG_S)
    assert dream.finished and dream.last_iteration == ITERATIONS > left_at, panel.status
    assert dream.kinds == ("dream", "random-direction")
    assert panel.status.startswith(f"All {ITERATIONS} iterations are done.")

    activation = dream.curves["dream"].values[0, :, dream.columns.index("activation")]
    assert np.isfinite(activation).all() and activation[-1] > activation[0]
    assert dream.ranges["count"] == 12 and dream.readings
    again = dream.trajectories().values("activation")[1]
    assert np.allclose(again[0], activation)

    kept = [file for file in panel.context.frameFiles if file["run"] == "dream"]
    assert [file["iteration"] for file in kept] == [0, 10, 30, ITERATIONS]
    assert (Path(panel.context.folder) / "trajectories.csv").is_file()
    first, last = (sitk.ReadImage(kept[place]["image"]) for place in (0, -1))
    assert first.GetSize() == last.GetSize() and np.any(sitk.GetArrayFromImage(first) != sitk.GetArrayFromImage(last))
    assert np.array_equal(slicer.util.arrayFromVolume(panel.context.volume("t1")), before)


def test_what_the_worker_refuses_is_one_sentence(ready):
    panel = ready
    panel.click("boxRadioButton")
    box = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Far away")
    box.SetSize(10, 10, 10)
    box.SetCenter(900, 0, 0)
    panel.parameters.box = box
    panel.click("applyButton")
    panel.harness.wait(until=lambda: not panel.context.running, seconds=LONG_S)
    assert panel.status.startswith("The point (-900.0") and "lies outside" in panel.status
    assert panel.dream is None
