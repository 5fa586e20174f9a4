"""What a real Slicer runs: one workflow, named by LIVERPAIR_WORKFLOW; see test_workflows.py.

    Slicer --testing --no-splash --additional-module-paths … --python-script driver.py

Slicer ends with 0 when the workflow came to its end, else with 1. LIVERPAIR_WORKFLOWS is this folder,
LIVERPAIR_SCREENSHOTS the one for pictures.
"""

import os
import sys
import tempfile
import traceback

import slicer

sys.path.insert(0, os.environ["LIVERPAIR_WORKFLOWS"])

from workflows import run  # noqa: E402


def main():
    name = os.environ["LIVERPAIR_WORKFLOW"]
    if not name:  # Slicer alone, whose log is the one to compare with
        return 0
    from slicer_hands import SlicerHands

    slicer.util.mainWindow().showMaximized()
    pictures = os.environ.get("LIVERPAIR_SCREENSHOTS") or tempfile.mkdtemp(prefix="liverpair-screenshots-")
    with tempfile.TemporaryDirectory() as folder:
        hands = SlicerHands(folder, pictures)
        hands.until(lambda: "LiverPair" in slicer.modules.sampleDataSources, "Slicer has started", seconds=60)
        try:
            run(name, hands)
        except Exception:
            traceback.print_exc()
            hands.picture(f"{name}-failed")
            return 1
    return 0


slicer.util.exit(main())
