"""The module Segment Editor, as far as another module opens it on a segment."""

import sys

from PySide6 import QtWidgets

from .modules import Module
from .mrml_selectors import qMRMLWidget
from .standins import stand_in

NAME = "SegmentEditor"


@stand_in
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """Which segment of which segmentation is edited, over which volume; it draws nothing."""

    _segmentation = None
    _source = None
    _segment = ""

    def segmentationNode(self):
        return self._segmentation

    def setSegmentationNode(self, node) -> None:
        self._segmentation, self._segment = node, ""

    def sourceVolumeNode(self):
        return self._source

    def setSourceVolumeNode(self, node) -> None:
        self._source = node

    def currentSegmentID(self) -> str:
        return self._segment

    def setCurrentSegmentID(self, segment: str) -> None:
        """Raises `ValueError` for a segment that the segmentation does not have."""
        if self._segmentation is None or self._segmentation.GetSegmentation().GetSegment(segment) is None:
            raise ValueError(f"there is no segment '{segment}'")
        self._segment = segment


class SegmentEditorWidget:
    """The Python widget object of the module."""

    def __init__(self, parent: QtWidgets.QWidget):
        self.parent = parent

    def setup(self) -> None:
        self.editor = qMRMLSegmentEditorWidget()
        self.parent.layout().addWidget(self.editor)


def module() -> Module:
    """The module, which comes with the application."""
    sys.modules[NAME] = sys.modules[__name__]
    return Module(NAME, path=__file__)
