"""The demo pair in the module Sample Data: two volumes of a phantom, made by code when they are asked for."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _

from liverpair.mrml import volumes
from LiverPairLib.sourcedisplay import showPair

CATEGORY = "LiverPair"
SAMPLE_NAME = "LiverPairDemo"
NODE_NAMES = ("Demo T1", "Demo T2")
THUMBNAIL = Path(__file__).parent / "Resources" / "Icons" / "LiverPairDemo.png"


def registerSampleData() -> None:
    """Add the demo pair to the module Sample Data."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(THUMBNAIL),
        # Nothing is downloaded, but Slicer wants one address and file name per node.
        uris=["", ""],
        fileNames=["LiverPairDemo-T1.nrrd", "LiverPairDemo-T2.nrrd"],
        nodeNames=list(NODE_NAMES),
        customDownloader=loadDemoPair,
    )


def loadDemoPair(source: Any = None) -> list[vtkMRMLScalarVolumeNode]:
    """Make the demo pair, show it, and return its two volume nodes (T1, T2)."""
    slicer.util.showStatusMessage(_("Making the demo pair…"))
    slicer.app.setOverrideCursor(qt.Qt.WaitCursor)
    try:
        pair = _computed(_demoPair)
    finally:
        slicer.app.restoreOverrideCursor()
        slicer.util.showStatusMessage("")
    nodes = [volumes.node_from_image(image, name) for image, name in zip((pair.t1, pair.t2), NODE_NAMES)]
    for node in nodes:
        node.CreateDefaultDisplayNodes()
    showPair(nodes)
    return nodes


def _demoPair() -> Any:
    from liverpair.synthesis.phantom import phantom_pair

    return phantom_pair(0)


def _computed(function: Callable[[], Any]) -> Any:
    """The value of a function that takes seconds; the windows are redrawn meanwhile."""
    outcome = {}

    def compute() -> None:
        try:
            outcome["value"] = function()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    while thread.is_alive():
        slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)
        thread.join(0.05)
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]
