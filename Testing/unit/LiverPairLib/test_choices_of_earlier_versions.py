"""What users of earlier versions had chosen in a module is still chosen when their scene is opened."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the harness needs PySide6")
pytest.importorskip("slicer", reason="the harness needs slicer-core")

from liverpair.mrml.headless import load_scene_mrb  # noqa: E402
from Testing.harness import start  # noqa: E402

ROOT = Path(__file__).parents[3]
SCENE = ROOT / "Testing" / "data" / "v0.1.0" / "scenes" / "choices.mrb"
CHOICES = {
    "LiverMultimodal": {
        "model": "brightness",
        "device": "cpu",
        "probabilityMap": True,
        "uncertaintyMap": True,
        "shownMap": "uncertainty",
        "largestComponent": False,
        "mirroredEnsemble": True,
    },
    "LesionPairDetect": {
        "model": "peaks",
        "device": "cpu",
        "displayThreshold": 0.25,
        "lastDisplayThreshold": 0.25,
        "hideRejected": True,
        "recistTargets": 3,
        "recistMinimumMm": 12.5,
        "linkedCursor": False,
    },
    "DeepDreamInspector": {
        "model": "bright-around",
        "device": "cpu",
        "side": "t2",
        "place": "liver",
        "randomStarts": 7,
        "seed": 11,
        "features": "firstorder_Mean shape2D_Sphericity",
        "direction": "descent",
        "activation": "probability",
        "gradient": "raw",
        "step": 0.002,
        "iterations": 123,
        "minimumGainPercent": 5.0,
        "patience": 17,
        "frames": "0, 10, 100",
        "framesEvery": 20,
        "randomWeights": True,
        "randomDirection": True,
    },
}


@pytest.fixture(scope="module")
def harness():
    running = start()
    running.reset()
    for name in CHOICES:
        running.load_module(ROOT / name / f"{name}.py", show=False)
    load_scene_mrb(SCENE)
    yield running
    running.check()
    running.reset()


@pytest.mark.parametrize("module", CHOICES)
def test_the_choices_in_a_module_come_back_with_the_scene(harness, module):
    chosen = getattr(sys.modules[module], f"{module}Logic")().getParameterNode()
    assert {name: getattr(chosen, name) for name in CHOICES[module]} == CHOICES[module]
    assert (chosen.t1Volume.GetName(), chosen.t2Volume.GetName()) == ("T1", "T2")
