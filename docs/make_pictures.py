"""Make the pictures of README.md anew: `python docs/make_pictures.py`.

`demo.png`, `demo-lesions.png` and `demo-report.png` are the demo's pictures of the embedded
pair. `LiverMultimodal.png`,
`LesionPairDetect.png` and `DeepDreamInspector.png` are the modules after a run on that pair, with their real worker,
under the test harness (not a Slicer desktop): the pair is loaded, the module entered, its button clicked, and a lesion
chosen, or the last image of a dream.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PICTURES = DOCS / "pictures"
LONGEST_S = 600


def demo(folder: Path) -> None:
    """The demo's picture."""
    from liverpair.commands import demo as command
    from liverpair.commands import demo_followup, demo_lesions

    command.run([], folder)
    shutil.copy(folder / command.PAIR_PICTURE, PICTURES / "demo.png")
    shutil.copy(folder / demo_lesions.LESIONS_PICTURE, PICTURES / "demo-lesions.png")
    shutil.copy(folder / demo_followup.FOLDER / "report.png", PICTURES / "demo-report.png")


def segmented(folder: Path) -> None:
    """LiverMultimodal after a click on Apply."""
    harness, _panel = after_run("LiverMultimodal")
    finish(harness, "LiverMultimodal")


def detected(folder: Path) -> None:
    """LesionPairDetect after a click on Detect, with a lesion chosen in the table."""
    harness, panel = after_run("LesionPairDetect")
    pairs = [pair for pair in panel.context.study.pairs() if panel.context.study.is_shown(pair)]
    if pairs:
        panel.context.select(pairs[0].uid)
        harness.wait(seconds=1.0)
    finish(harness, "LesionPairDetect")


def dreamt(folder: Path) -> None:
    """DeepDreamInspector after a click on Run, with the sections that show what came of it open."""

    def choose(panel) -> None:
        choices = panel.context.parameterNode
        choices.model, choices.place, choices.randomStarts = "lesion-slices-t1", "liver", 3
        choices.iterations, choices.step, choices.framesEvery = 100, 0.0004, 10
        choices.randomDirection = True

    harness, panel = after_run("DeepDreamInspector", choose)
    for name in ("modelAndImageSectionButton", "neuronSectionButton", "featuresSectionButton", "runSectionButton"):
        harness.widget(name).collapsed = True
    panel.context.goTo(panel.context.dream.last_iteration)
    harness.wait(seconds=2.0)
    finish(harness, "DeepDreamInspector")


def after_run(name: str, choose: Callable = lambda panel: None):
    """The harness, and the panel of the module `name` when its job on the demo pair is done; `choose` sets what is
    not to be the default."""
    from liverpair.synthesis.phantom import phantom_pair
    from Testing.harness import start

    harness = start()
    harness.reset()
    harness.load_module(ROOT / name / f"{name}.py")
    from liverpair.mrml import volumes

    pair = phantom_pair(0)
    for title, image in (("LiverPairDemo T1", pair.t1), ("LiverPairDemo T2", pair.t2)):
        volumes.node_from_image(image, title).CreateDefaultDisplayNodes()
    panel = harness.panel(name)
    panel.exit()
    panel.enter()
    choose(panel)
    harness.wait(seconds=0.5)
    harness.click(harness.widget("applyButton"))
    cancel = harness.widget("cancelButton")
    harness.wait(until=lambda: not cancel.isVisible() or not cancel.enabled, seconds=LONGEST_S)
    harness.wait(seconds=1.0)
    return harness, panel


def finish(harness, name: str) -> None:
    """Save the window as a picture."""
    harness.screenshot(PICTURES / f"{name}.png")
    harness.check()
    harness.reset()


MAKERS: dict[str, Callable[[Path], None]] = {
    "demo": demo,
    "LiverMultimodal": segmented,
    "LesionPairDetect": detected,
    "DeepDreamInspector": dreamt,
}


def main() -> int:
    """Make every picture, each in a process of its own: only one application fits into one."""
    PICTURES.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as folder:
            MAKERS[sys.argv[1]](Path(folder))
        return 0
    codes = [subprocess.run([sys.executable, __file__, name], cwd=ROOT, check=False).returncode for name in MAKERS]
    return int(any(codes))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
