"""Make the pictures of README.md anew: `python docs/make_pictures.py`.

`demo.png` is the demo's picture of the embedded pair. `LiverMultimodal.png` is the module after a run on that pair,
with its real worker, under the
test harness (not a Slicer desktop): the pair is loaded, the module entered, Apply clicked.
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
    from liverpair import demo as command

    command.run([], folder, command.DEFAULT_MODEL)
    shutil.copy(folder / command.PAIR_PICTURE, PICTURES / "demo.png")


def module(folder: Path) -> None:
    """The module's panel and views after a click on Apply."""
    from liverpair.synthesis.phantom import phantom_pair
    from Testing.harness import start

    harness = start()
    harness.reset()
    harness.load_module(ROOT / "LiverMultimodal" / "LiverMultimodal.py")
    from liverpair.mrml import volumes

    pair = phantom_pair(0)
    for name, image in (("LiverPairDemo T1", pair.t1), ("LiverPairDemo T2", pair.t2)):
        volumes.node_from_image(image, name).CreateDefaultDisplayNodes()
    panel = harness.panel("LiverMultimodal")
    panel.exit()
    panel.enter()
    harness.wait(seconds=0.5)
    harness.click(harness.widget("applyButton"))
    cancel = harness.widget("cancelButton")
    harness.wait(until=lambda: not cancel.isVisible() or not cancel.enabled, seconds=LONGEST_S)
    harness.wait(seconds=1.0)
    harness.screenshot(PICTURES / "LiverMultimodal.png")
    harness.check()
    harness.reset()


MAKERS: dict[str, Callable[[Path], None]] = {"demo": demo, "module": module}


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
