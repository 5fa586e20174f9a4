"""Notices what anybody, most likely the Segment Editor, does to the masks of the lesions."""

from collections.abc import Callable, Iterable
from typing import Any

import qt
import slicer
from slicer import vtkMRMLSegmentationNode
from slicer.util import VTKObservationMixin

SETTLE_MS = 150
"""After a stroke of the brush, or of several that follow at once, they are one step."""
EVENTS = ("SourceRepresentationModified", "SegmentAdded", "SegmentRemoved")


class MaskWatch(VTKObservationMixin):
    """Calls `onEdited()` when a segment of the segmentations that it follows was changed, added or removed."""

    def __init__(self, onEdited: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._followed = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.connect("timeout()", onEdited)

    def follow(self, nodes: Iterable[vtkMRMLSegmentationNode | None]) -> None:
        """Follow these segmentations, and no others."""
        followed = [node.GetSegmentation() for node in nodes if node is not None]
        if followed != self._followed:
            self.removeObservers()
            self._followed = followed
            for segmentation in followed:
                for event in EVENTS:
                    self.addObserver(segmentation, getattr(slicer.vtkSegmentation, event), self._onChanged)

    def stop(self) -> None:
        """Follow nothing."""
        self._timer.stop()
        self.follow([])

    def _onChanged(self, caller: Any = None, event: Any = None) -> None:
        self._timer.start()
