"""Showing a result: the pair in its layout, a single volume in the views that are there."""

from collections.abc import Callable, Sequence

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode

from liverpair.core.sides import Side
from liverpair.mrml import layouts
from liverpair.mrml.companions import Companions, show_over_source
from LiverPairLib.resultnodes import isInScene
from LiverPairLib.workerrun import WorkerRun

LOOK_MS = 50
LAST_LOOK = 60
"""Then the views are taken as they are: a window may not be shown at all."""

TABLE_ROW, TABLE_FRAME = 20, 4
LEAST_VIEWS_PERCENT = 80
"""Of the height, however much stands in the table."""

_waiting = None
_companions = None


def start() -> None:
    """At Slicer's start: make the layouts known, so that a scene saved in one of them opens in it, and keep results
    with their volumes until Slicer ends.
    """
    global _companions
    if slicer.app.layoutManager() is not None:
        layouts.register_layout(slicer.app.layoutManager().layoutLogic().GetLayoutNode())
    if _companions is None:
        _companions = Companions()
        _companions.start()
        slicer.app.connect("aboutToQuit()", _companions.stop)


def showResult(run: WorkerRun) -> None:
    """Show what a run made. A pair gets the T1-above-T2 layout, a single volume its row of it when it is on the screen,
    else the current slice views.
    """
    taken = run.nodes.taken
    volumeNodes = [run.volume(side) if side in taken else None for side in Side]
    segmentationNodes = [run.nodes.segmentations[side] if side in taken else None for side in Side]
    if None not in volumeNodes:
        showPair(volumeNodes, segmentationNodes, run.nodes.table)
    elif layouts.is_pair_layout():
        layouts.show_in_row(list(Side).index(taken[0]), run.volume(taken[0]))
    else:
        slicer.util.setSliceViewerLayers(background=run.volume(taken[0]), fit=True)
    for node in filter(None, segmentationNodes):
        show_over_source(node)


def showPair(
    volumeNodes: Sequence[vtkMRMLScalarVolumeNode | None],
    segmentationNodes: Sequence[vtkMRMLSegmentationNode | None] = (None, None),
    tableNode: vtkMRMLTableNode | None = None,
    onFitted: Callable[[], None] = lambda: None,
) -> None:
    """Show T1 above T2, each with its segmentation (or None); call `onFitted()` when the views have settled."""
    layouts.show_pair(*volumeNodes, *segmentationNodes, tableNode)
    nodes = [node for node in (*volumeNodes, *segmentationNodes) if node is not None]

    def fitAgain() -> None:
        if all(map(isInScene, nodes)):
            layouts.fit_pair(*volumeNodes, *segmentationNodes)
            onFitted()
        if tableNode is not None:
            fitTable()

    whenSettled(fitAgain, [view for row in layouts.ROWS for view in row])


def fitTable() -> None:
    """Give the table below the rows the height of what stands in it, and the rows all the rest."""
    manager = slicer.app.layoutManager()
    for widget in map(manager.tableWidget, range(manager.tableViewCount)):
        node, splitter = widget.mrmlTableViewNode(), widget.parent()
        isOurs = node is not None and node.GetLayoutName() == layouts.TABLE_VIEW
        view = widget.tableView()
        table = view.mrmlTableNode()  # none once the scene is closed
        if not isOurs or table is None or splitter is None or not splitter.inherits("QSplitter"):
            continue
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(TABLE_ROW)
        view.resizeColumnsToContents()
        view.horizontalHeader().setStretchLastSection(True)
        rows, heading = table.GetNumberOfRows(), view.horizontalHeader().height
        needed = rows * TABLE_ROW + heading + TABLE_FRAME + widget.height - view.height
        rest = max(splitter.height - needed, splitter.height * LEAST_VIEWS_PERCENT // 100)
        splitter.setSizes([rest // 2, rest // 2, splitter.height - rest])


def whenSettled(callback: Callable[[], None], views: Sequence[layouts.PairView]) -> None:
    """Call `callback()` once these views are there and have kept their size from one look to the next: Slicer makes
    new views, and gives them their size, after the layout was asked for. Only what was asked last is called.
    """
    global _waiting
    _waiting = callback
    sizes = _viewSizes(views)

    def look(before: list | None, number: int) -> None:
        global _waiting
        if _waiting is not callback:
            return
        now = _viewSizes(views)
        if (now is None or now != before) and number < LAST_LOOK:
            qt.QTimer.singleShot(LOOK_MS, lambda: look(now, number + 1))
        else:
            _waiting = None
            callback()

    qt.QTimer.singleShot(LOOK_MS, lambda: look(sizes, 1))


def _viewSizes(views: Sequence[layouts.PairView]) -> list[tuple[int, ...]] | None:
    """Of the views in pixels; None while one is missing or has no size yet."""
    widgets = [slicer.app.layoutManager().sliceWidget(view.name) for view in views]
    if any(widget is None for widget in widgets):
        return None
    sizes = [widget.mrmlSliceNode().GetDimensions()[:2] for widget in widgets]
    return sizes if min(map(min, sizes)) > 1 else None
