"""Showing a dream in the layout: original, dreamt image and plot."""

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSliceCompositeNode

from DeepDreamInspectorLib.dreamcontext import DreamContext
from liverpair.mrml import layouts
from liverpair.mrml.dreams import dream_layout
from liverpair.mrml.dreams.dream_folders import OWNER

FIT_DELAY_MS = 200


def showViews(context: DreamContext) -> None:
    """Show the original beside the dreamt image, as far as there is one, above the plot of the dream."""
    dream, frames, plot = context.dream, context.frames, context.plot
    image, mask = (frames.proxy_image, frames.proxy_mask) if frames is not None else (None, None)
    chart = plot.chart_node if plot is not None else None
    dream_layout.show_dream(dream.volume, image, mask, chart)

    def fitAgain() -> None:  # the new views have their final size only now
        shown = image or dream.volume
        if areViewsShown() and slicer.mrmlScene.IsNodePresent(shown):
            dream_layout.fit_dream(shown, arrangement() == dream_layout.PLANES_LAYOUT_ID)

    qt.QTimer.singleShot(FIT_DELAY_MS, fitAgain)


def settleLoadedScene() -> None:
    """To be called when a scene was loaded: fill today's views from one of version 0.1.0. A little later, give views
    and plot their shares of the height again, and hide the tool bar that Slicer shows for the pictures of dreams,
    unless it was there before or others need it.
    """
    sequences = slicer.modules.sequences
    wasVisible = sequences.toolBarVisible
    if areViewsShown():
        layouts.take_over(dream_layout.ORIGINAL, layouts.SLICER_ROWS[0])

    def settle() -> None:
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        if browsers and all(node.GetNodeReferenceID(OWNER) for node in browsers):
            sequences.toolBarVisible = wasVisible
        if areViewsShown() and slicer.app.layoutManager() is not None:
            shareHeight()

    qt.QTimer.singleShot(FIT_DELAY_MS, settle)


def shareHeight() -> None:
    """Give the rows of views and the plot the heights that the layout for dreams is described with."""
    manager = slicer.app.layoutManager()
    shares = dream_layout.shares(arrangement() == dream_layout.PLANES_LAYOUT_ID)
    for plot in map(manager.plotWidget, range(manager.plotViewCount)):  # those of other layouts are among them
        splitter = plot.parent()
        isOurs = plot.mrmlPlotViewNode().GetLayoutName() == dream_layout.PLOT_VIEW
        if isOurs and splitter is not None and splitter.inherits("QSplitter") and splitter.count() == len(shares):
            splitter.setSizes([share * splitter.height // sum(shares) for share in shares])


def areViewsShown() -> bool:
    """Whether the layout is one of those for dreams."""
    return arrangement() in (dream_layout.SLICE_LAYOUT_ID, dream_layout.PLANES_LAYOUT_ID)


def arrangement() -> int:
    """The number of the layout."""
    return layouts.the_layout_node(slicer.mrmlScene).GetViewArrangement()


def viewsOf(imageNode: vtkMRMLScalarVolumeNode | None) -> list[vtkMRMLSliceCompositeNode]:
    """The composite nodes of the slice views that show a volume in the background."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode") if imageNode is not None else []
    return [node for node in nodes if node.GetBackgroundVolumeID() == imageNode.GetID()]
