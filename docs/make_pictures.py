"""Make the pictures of README.md and of the tutorials anew: `python docs/make_pictures.py`, or with names after it only
those: `python docs/make_pictures.py LesionPairDetect`.

`demo.png`, `demo-lesions.png` and `demo-report.png` are the demo's pictures of the embedded
pair. `LiverMultimodal.png`,
`LesionPairDetect.png` and `DeepDreamInspector.png` are the modules after a run on that pair, with their real worker,
under the test harness (not a Slicer desktop); `tutorial/` has their panels after each step of the tutorials, which are
clicked here as they are told there. `visits` are those of masks, phases and two visits, with known lesions.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PICTURES = DOCS / "pictures"
TUTORIAL = PICTURES / "tutorial"
LONGEST_S = 600
ALONE = "--alone"
HEALTHY_RAS = (84.0, 11.0, -88.0)
"""A place in the liver of the sample pair's T1 without a lesion."""


def demo(folder: Path) -> None:
    """The demo's picture."""
    from liverpair.commands import demo as command
    from liverpair.commands import demo_followup, demo_lesions

    command.run([], folder)
    shutil.copy(folder / command.PAIR_PICTURE, PICTURES / "demo.png")
    shutil.copy(folder / demo_lesions.LESIONS_PICTURE, PICTURES / "demo-lesions.png")
    shutil.copy(folder / demo_followup.FOLDER / "report.png", PICTURES / "demo-report.png")


def segmented(folder: Path) -> None:
    """LiverMultimodal, step by step."""
    harness, _panel, step = opened("LiverMultimodal")
    step()
    harness.click(harness.widget("tryButton"))
    step()
    apply(harness)
    step()
    finish(harness, "LiverMultimodal")


def detected(folder: Path) -> None:
    """LesionPairDetect, step by step."""
    harness, panel, step = opened("LesionPairDetect")
    harness.click(harness.widget("tryButton"))
    step()
    apply(harness)
    step()
    harness.press("A")
    harness.press("S")
    step()
    harness.screenshot(PICTURES / "LesionPairDetect.png")
    harness.press("1")
    view = harness.slice_view("T1Axial")
    view.mrmlSliceNode().SetSliceOffset(HEALTHY_RAS[2])
    corners = [np.add(HEALTHY_RAS, (sign * 9.0, sign * 9.0, 0.0)) for sign in (1, -1)]
    harness.drag(view, *(harness.slice_position("T1Axial", corner) for corner in corners))
    harness.wait(until=lambda: panel.context.worker.idle, seconds=LONGEST_S)
    harness.wait(seconds=1.0)
    step()
    finish(harness)


def visited(folder: Path) -> None:
    """The window of LesionPairDetect from boxes to the report: the sample patient half a year later, with the lesions
    and livers that are known, and phases made of T1."""
    from liverpair.commands.demo_lesions import true_pairs
    from liverpair.synthesis.phantom import phantom_pair

    harness, panel, _step = opened("LesionPairDetect")
    numbers = count(1)
    before, now = phantom_pair(0), phantom_pair(0, later=True)
    earlier = write_study(folder / "March", before, true_pairs)
    load_study(panel, now, true_pairs)
    harness.wait(seconds=2.0)

    def keep() -> None:
        harness.wait(until=lambda: not panel.context.worker.busy, seconds=LONGEST_S)
        harness.wait(seconds=1.5)
        harness.screenshot(TUTORIAL / f"LesionPairDetect-visits-{next(numbers)}.png")

    panel.context.foldInputs()
    panel.context.select(panel.context.study.pairs()[0].uid)
    harness.press("N")
    keep()
    harness.click(harness.widget("visitsSectionButton"))
    harness.answer(str(earlier))
    harness.click(harness.widget("openEarlierButton"))
    harness.press("N")
    keep()
    harness.click(harness.widget("sideBySideButton"))
    keep()
    harness.click(harness.widget("sideBySideButton"))
    harness.click(harness.widget("visitsSectionButton"))
    add_phases(now)
    harness.click(harness.widget("phasesSectionButton"))
    harness.wait(seconds=0.5)
    harness.click(harness.widget("measurePhasesButton"))
    harness.wait(until=lambda: not panel.context.worker.busy, seconds=LONGEST_S)
    harness.wait(seconds=1.0)
    harness.click(harness.widget("plotPhasesButton"))
    harness.choose(harness.widget("washoutComboBox"), "present")
    keep()
    finish(harness)


def write_study(folder: Path, phantom: Any, pairs_of: Callable) -> Path:
    """Write a phantom with its livers, lesions and their masks as a study folder."""
    from liverpair.core.lesions import write_lesions
    from liverpair.core.sides import Side
    from liverpair.io.study import write_image

    for side in Side:
        for part in (side, f"{side}_liver", f"{side}_lesions"):
            write_image(getattr(phantom, part), folder / f"{part}.nii.gz")
    write_lesions(folder / "lesions.json", pairs_of({side: getattr(phantom, f"{side}_lesions") for side in Side}))
    return folder


def load_study(panel: Any, phantom: Any, pairs_of: Callable) -> None:
    """Put a phantom with its livers and accepted lesions into the scene, and show it."""
    from dataclasses import replace

    import slicer

    from liverpair.core.labels import LIVER
    from liverpair.core.sides import Side
    from liverpair.mrml import segmentations, volumes

    chosen = panel.context.parameterNode
    for side in Side:
        node = volumes.node_from_image(getattr(phantom, side), f"September {side.title}")
        node.CreateDefaultDisplayNodes()
        liver = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{node.GetName()} liver")
        segmentations.put_segment(liver, getattr(phantom, f"{side}_liver"), node, LIVER, {"bundle": "phantom"})
        setattr(chosen, f"{side}Liver", liver)
        setattr(chosen, f"{side}Volume", node)
    found = pairs_of({side: getattr(phantom, f"{side}_lesions") for side in Side})
    panel.context.study.replace_all([replace(pair, state="accepted") for pair in found])
    next(section for section in panel.sections if section.name == "Reading").onShowPair()


def add_phases(phantom: Any) -> None:
    """Further series of a phantom: its T1 with liver and lesions enhanced by known factors."""
    import SimpleITK as sitk

    from liverpair.core.geometry import like
    from liverpair.mrml import volumes

    liver, lesions = (sitk.GetArrayFromImage(image) > 0 for image in (phantom.t1_liver, phantom.t1_lesions))
    for name, of_liver, of_lesion in (("arterial", 1.2, 2.6), ("portal", 1.7, 2.0), ("delayed", 1.6, 1.7)):
        values = sitk.GetArrayFromImage(phantom.t1) * np.where(lesions, of_lesion, np.where(liver, of_liver, 1.0))
        volumes.node_from_image(like(values.astype(np.float32), phantom.t1), f"AX VIBE {name}")


def dreamt(folder: Path) -> None:
    """DeepDreamInspector, step by step."""
    harness, panel, step = opened("DeepDreamInspector")
    harness.click(harness.widget("tryButton"))
    harness.choose(harness.widget("modelComboBox"), panel_entry(harness, "modelComboBox", "lesion-slices-t1"))
    harness.click(harness.widget("placePointButton"))
    harness.slice_view("T1Axial").mrmlSliceNode().SetSliceOffset(HEALTHY_RAS[2])
    harness.move_in_slice("T1Axial", HEALTHY_RAS)
    harness.click_slice("T1Axial", HEALTHY_RAS)
    step()
    choices = panel.context.parameterNode
    choices.iterations, choices.step, choices.framesEvery = 100, 0.0004, 10
    harness.click(harness.widget("randomDirectionCheckBox"))
    apply(harness)
    panel.context.goTo(panel.context.dream.last_iteration)
    harness.wait(seconds=2.0)
    step()
    finish(harness, "DeepDreamInspector")


def opened(name: str):
    """The harness, the panel of the module `name` without any volume, and a function that keeps a picture of the panel
    as it is after the next step.
    """
    from Testing.harness import start

    harness = start()
    harness.reset()
    harness.load_module(ROOT / name / f"{name}.py")
    TUTORIAL.mkdir(exist_ok=True)
    numbers = count(1)

    def step() -> None:
        harness.wait(seconds=1.0)
        harness.screenshot(TUTORIAL / f"{name}-{next(numbers)}.png", harness.main_window.harness_panel())

    return harness, harness.panel(name), step


def panel_entry(harness, name: str, start: str) -> str:
    """The entry of a combo box that begins with a text."""
    box = harness.widget(name)
    return next(text for row in range(box.count) if (text := box.itemText(row)).startswith(start))


def apply(harness) -> None:
    """Press Apply, and wait until the job is done."""
    harness.wait(seconds=0.5)
    harness.click(harness.widget("applyButton"))
    cancel = harness.widget("cancelButton")
    harness.wait(until=lambda: not cancel.enabled, seconds=LONGEST_S)
    harness.wait(seconds=1.0)


def finish(harness, name: str | None = None) -> None:
    """Save the window as a picture of that name, if any, and close the module."""
    if name is not None:
        harness.screenshot(PICTURES / f"{name}.png")
    harness.check()
    harness.reset()


MAKERS: dict[str, Callable[[Path], None]] = {
    "demo": demo,
    "LiverMultimodal": segmented,
    "LesionPairDetect": detected,
    "visits": visited,
    "DeepDreamInspector": dreamt,
}


def main() -> int:
    """Make the pictures, each kind in a process of its own: only one application fits into one."""
    PICTURES.mkdir(exist_ok=True)
    if sys.argv[1:2] == [ALONE]:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LIVERPAIR_CACHE"] = str(Path(folder) / "cache")  # without what was left behind by a crash
            MAKERS[sys.argv[2]](Path(folder))
        return 0
    names = sys.argv[1:] or MAKERS
    commands = [[sys.executable, __file__, ALONE, name] for name in names]
    codes = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands]
    return int(any(codes))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
