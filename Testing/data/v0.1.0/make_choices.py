"""Make `scenes/choices.mrb`: a scene with the choices of the three modules' users (see README.md).

Kept as a record: a later version need not be able to run it. Run it with pytest, for the harness.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(HERE.parents[1] / "unit")]

import slicer  # noqa: E402

from liverpair.mrml.headless import save_scene_mrb  # noqa: E402
from liverpair.mrml.volumes import node_from_image  # noqa: E402
from liverpair.study import read_image  # noqa: E402
from Testing.harness import start  # noqa: E402

CHOICES = {
    "LiverMultimodal": {"model": "brightness", "device": "cpu", "probabilityMap": True, "uncertaintyMap": True,
                        "shownMap": "uncertainty", "largestComponent": False, "mirroredEnsemble": True},
    "LesionPairDetect": {"model": "peaks", "device": "cpu", "scoreThreshold": 0.25, "lastScoreThreshold": 0.25,
                         "hideRejected": True, "recistTargets": 3, "recistMinimumMm": 12.5, "linkedCursor": False},
    "DeepDreamInspector": {"model": "bright-around", "device": "cpu", "side": "t2", "place": "liver",
                           "randomStarts": 7, "seed": 11, "features": "firstorder_Mean shape2D_Sphericity",
                           "direction": "descent", "activation": "probability", "gradient": "raw", "step": 0.002,
                           "iterations": 123, "minimumGainPercent": 5.0, "patience": 17, "frames": "0, 10, 100",
                           "framesEvery": 20, "randomWeights": True, "randomDirection": True},
}  # fmt: skip


def test_make():
    """Choose in every module, and save."""
    running = start()
    running.reset()
    for name in CHOICES:
        running.load_module(ROOT / name / f"{name}.py", show=False)
    t1, t2 = (node_from_image(read_image(HERE / "study" / f"{side}.nii.gz"), side.upper()) for side in ("t1", "t2"))
    for name, choices in CHOICES.items():
        node = getattr(sys.modules[name], f"{name}Logic")().getParameterNode()
        node.t1Volume, node.t2Volume = t1, t2
        for key, value in choices.items():
            setattr(node, key, value)
    for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
        print(node.GetName(), node.GetSingletonTag(), node.GetParameterNamesAsCommaSeparatedList())
    save_scene_mrb(HERE / "scenes" / "choices.mrb")
    running.reset()
