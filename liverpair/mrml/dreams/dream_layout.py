"""The original beside the dreamt image, above the plot: one slice each, or three planes each.

The views of both are one view group and linked: they lie in the same space, so what is seen in one is seen in the
other.
"""

from collections.abc import Sequence

import slicer

from liverpair.core.geometry import centroid_mm
from liverpair.mrml import frames, layouts, volumes
from liverpair.mrml.headless import running_application_logic
from liverpair.mrml.layouts import PairView, composite_node_of, orient, slice_node_of, the_layout_node

SLICE_LAYOUT_ID = 7303
PLANES_LAYOUT_ID = 7304
PLOT_VIEW = "LiverPairDreamPlot"
VIEWS_SHARE, PLOT_SHARE = 6600, 3400
"""Of the height: all slice views together, and the plot below them; as many as in `layouts`."""
ORIGINAL = (
    PairView("LiverPairOriginal", "Original axial", "Axial", "#F34A33"),
    PairView("LiverPairOriginalGreen", "Original coronal", "Coronal", "#6EB04B"),
    PairView("LiverPairOriginalYellow", "Original sagittal", "Sagittal", "#EDD54C"),
)
DREAMT = (
    PairView("LiverPairDream", "Dreamt axial: not real", "Axial", "#F9A99F"),
    PairView("LiverPairDreamGreen", "Dreamt coronal: not real", "Coronal", "#C6E0B8"),
    PairView("LiverPairDreamYellow", "Dreamt sagittal: not real", "Sagittal", "#F6E9A2"),
)


def layout_xml(planes: bool = False) -> str:
    """The layout description: original and dreamt image side by side (with `planes`: three of each, below each other),
    and the plot below them."""
    rows = (ORIGINAL, DREAMT) if planes else ((ORIGINAL[0], DREAMT[0]),)
    plot = (
        f'<view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">'
        '<property name="viewlabel" action="default">P</property></view>'
    )
    parts = [*(layouts.row_xml(views, 0) for views in rows), plot]
    return layouts.stack_xml(zip(parts, shares(planes)))


def shares(planes: bool = False) -> list[int]:
    """How the rows of slice views and the plot share the height, from top to bottom."""
    rows = 2 if planes else 1
    return [VIEWS_SHARE // rows] * rows + [PLOT_SHARE]


def register_layout(layout_node) -> None:
    """Make both layouts known to Slicer; doing it again changes nothing."""
    layouts.describe_layout(layout_node, SLICE_LAYOUT_ID, layout_xml())
    layouts.describe_layout(layout_node, PLANES_LAYOUT_ID, layout_xml(planes=True))


def show_dream(volume_node, proxy_image=None, proxy_mask=None, chart_node=None, planes: bool | None = None) -> None:
    """Switch to the layout and show the original, the dreamt image with its object, and the plot.

    Any of them may be None. `planes`: three planes; by default when the dreamt image has more than one slice. Views are
    fitted to the dreamt image, turned into its plane when it is a single slice, and go through the object.
    """
    scene = slicer.mrmlScene
    is_flat = proxy_image is not None and proxy_image.GetImageData().GetDimensions()[2] == 1
    planes = planes if planes is not None else proxy_image is not None and not is_flat
    layout_node = the_layout_node(scene)
    register_layout(layout_node)
    layout_node.SetViewArrangement(PLANES_LAYOUT_ID if planes else SLICE_LAYOUT_ID)
    count = len(DREAMT) if planes else 1
    for views, background, labels in ((ORIGINAL, volume_node, None), (DREAMT, proxy_image, proxy_mask)):
        for view in views[:count]:
            slice_node = slice_node_of(scene, view)
            slice_node.SetViewGroup(0)
            orient(slice_node, view)
            slice_node.SetUseLabelOutline(True)
            composite = composite_node_of(scene, view)
            composite.SetLinkedControl(True)
            composite.SetBackgroundVolumeID(background.GetID() if background is not None else None)
            composite.SetForegroundVolumeID(None)
            composite.SetLabelVolumeID(labels.GetID() if labels is not None else None)
            composite.SetLabelOpacity(1.0)
    fit_dream(proxy_image or volume_node, planes, _middle_of(proxy_mask))
    if chart_node is not None:
        show_chart(chart_node)


def fit_dream(image_node, planes: bool = False, place: Sequence[float] | None = None) -> None:
    """Fit all views to an image, in the plane of its slices when it has only one; None changes nothing.

    The slices go through the world point `place` (RAS, mm); by default they stay where they are, or go through the
    middle of the image when they are outside of it. In the desktop, call it once more when new views have got their
    final size.
    """
    if image_node is None or image_node.GetImageData() is None:
        return
    logic = running_application_logic()
    is_flat = image_node.GetImageData().GetDimensions()[2] == 1
    for view in (*ORIGINAL, *DREAMT) if planes else (ORIGINAL[0], DREAMT[0]):
        slice_node = slice_node_of(slicer.mrmlScene, view)
        goal = place or _kept_place(slice_node, image_node)
        if is_flat and not planes:
            slice_node.RotateToVolumePlane(image_node)
        slice_logic = logic.GetSliceLogic(slice_node)
        if slice_logic is not None:
            slice_logic.FitSliceToVolume(image_node, *slice_node.GetDimensions()[:2])
        slice_node.JumpSliceByOffsetting(*goal)


def show_chart(chart_node) -> None:
    """Show a chart in the plot view of the layouts; made here when no layout manager has done it."""
    scene = slicer.mrmlScene
    view_node = scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
    if view_node is None:
        view_node = slicer.vtkMRMLPlotViewNode()
        view_node.SetLayoutName(PLOT_VIEW)
        view_node = scene.AddNode(view_node)
    view_node.SetPlotChartNodeID(chart_node.GetID() if chart_node is not None else None)


def _kept_place(slice_node, image_node) -> list[float]:
    """World point (RAS, mm) through which a view cuts now, moved to the middle of the image where it is outside."""
    bounds, to_ras = [0.0] * 6, slice_node.GetSliceToRAS()
    image_node.GetRASBounds(bounds)
    point = [to_ras.GetElement(axis, 3) for axis in range(3)]
    is_inside = all(bounds[2 * axis] <= point[axis] <= bounds[2 * axis + 1] for axis in range(3))
    return point if is_inside else [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]


def _middle_of(mask_node) -> tuple[float, float, float] | None:
    """World point (RAS, mm) of the centroid of a mask; None when there is nothing in it."""
    center = centroid_mm(volumes.world_image(mask_node)) if mask_node is not None else None
    return frames.flip(center) if center is not None else None
