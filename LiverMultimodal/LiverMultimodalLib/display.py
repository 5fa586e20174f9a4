"""Showing a result: the pair in its layout, a single volume in the views that are there."""

import qt
import slicer

from LiverMultimodalLib.results import isInScene
from liverpair.mrml import layouts

FIT_DELAY_MS = 200


def showResult(run):
    """Show what a run made. A pair gets the T1-above-T2 layout; a single volume takes the current slice views."""
    taken = run.nodes.taken
    volumeNodes = [run.volume(side) if side in taken else None for side in ("t1", "t2")]
    segmentationNodes = [run.nodes.segmentations[side] if side in taken else None for side in ("t1", "t2")]
    if None in volumeNodes:
        slicer.util.setSliceViewerLayers(background=run.volume(taken[0]), fit=True)
        return
    showPair(volumeNodes, segmentationNodes, run.nodes.table)


def showPair(volumeNodes, segmentationNodes, tableNode=None, onFitted=lambda: None):
    """Show T1 above T2, each with its segmentation (or None); call `onFitted()` when the views have settled."""
    layouts.show_pair(*volumeNodes, *segmentationNodes, tableNode)
    nodes = [node for node in (*volumeNodes, *segmentationNodes) if node is not None]

    def fitAgain():  # the new views have their final size only now
        if all(map(isInScene, nodes)):
            layouts.fit_pair(*volumeNodes, *segmentationNodes)
            onFitted()

    qt.QTimer.singleShot(FIT_DELAY_MS, fitAgain)
