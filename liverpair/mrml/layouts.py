"""The T1 views above the T2 views, each row fitted to its own volume.

T1 is view group 0 and T2 view group 1, so that Slicer's linked views stay inside a row: the two volumes are not
registered, the same point in scanner space is another point of the patient.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from liverpair.core.errors import InputError
from liverpair.core.geometry import centroid_mm, mask_corners
from liverpair.core.sides import Side
from liverpair.mrml import frames
from liverpair.mrml.headless import running_application_logic
from liverpair.mrml.segmentations import liver_mask

PAIR_LAYOUT_ID = 7301
PAIR_TABLE_LAYOUT_ID = 7302
PAIR_PLOT_LAYOUT_ID = 7305
VISITS_LAYOUT_ID = 7306
TABLE_VIEW = "LiverPairTable"
PLOT_VIEW = "LiverPairPlot"
VIEWS_SHARE, TABLE_SHARE, PLOT_SHARE = 4200, 1600, 2800
"""Of the height: one row of slice views, and the table below both. More pixels than there are, of which Qt takes the
ratio: so many that the least height of a table does not count."""
ROOM = 1.25
"""How much more than a liver a view shows that is fitted to it."""
VIEW_MARGIN = 0.9
"""How much of a view counts as inside when something is jumped to."""


@dataclass(frozen=True)
class PairView:
    """One of the views of our own layouts: `name` is its singleton tag, which no view of Slicer has, so that Slicer's
    own layouts stay as they are."""

    name: str
    label: str
    orientation: str
    color: str


Row = Sequence[PairView]
Rows = Sequence[Row]
ORIENTATIONS = ("Axial", "Coronal", "Sagittal")
COLORS = (("#F34A33", "#6EB04B", "#EDD54C"), ("#F9A99F", "#C6E0B8", "#F6E9A2"))
"""Those of Slicer's three-over-three layout, by row."""
EARLIER_COLORS = ("#7A6FD0", "#B7B0EA")


def _row(names: Iterable[str], labels: Iterable[str], colors: Iterable[str]) -> Row:
    return tuple(PairView(*view) for view in zip(names, labels, ORIENTATIONS, colors))


ROWS = tuple(
    _row([f"{side.title}{o}" for o in ORIENTATIONS], [f"{side.title} {o.lower()}" for o in ORIENTATIONS], colors)
    for side, colors in zip(Side, COLORS)
)
"""Row 0 is T1, row 1 is T2; the row is also the view group."""
EARLIER_ROWS = tuple(
    _row(
        [f"Earlier{side.title}{o}" for o in ORIENTATIONS],
        [f"earlier {side.title}{which}" for which in ("", " coronal", " sagittal")],
        [color] * 3,
    )
    for side, color in zip(Side, EARLIER_COLORS)
)
"""The views of an earlier visit, view groups 2 and 3; the axial ones are in a layout, the others keep its place."""
SLICER_ROWS = tuple(
    _row([name + plus for name in ("Red", "Green", "Yellow")], [letter + plus for letter in "RGY"], colors)
    for plus, colors in zip(("", "+"), COLORS)
)
"""The views of Slicer's own three-over-three layout, which opens in any Slicer. Version 0.1.0 had no others."""


def layout_xml(with_table: bool = False, views: Rows = ROWS) -> str:
    """The layout description: T1 axial, coronal and sagittal above the same for T2, a table view below on request."""
    rows = [(row_xml(row, group), VIEWS_SHARE) for group, row in enumerate(views)]
    if with_table:
        table = (
            f'<view class="vtkMRMLTableViewNode" singletontag="{TABLE_VIEW}">'
            '<property name="viewlabel" action="default">T</property></view>'
        )
        rows.append((table, TABLE_SHARE))
    return stack_xml(rows)


def plot_layout_xml(views: Rows = ROWS) -> str:
    """The layout description with a plot view below the rows."""
    plot = (
        f'<view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">'
        '<property name="viewlabel" action="default">P</property></view>'
    )
    rows = [(row_xml(row, group), VIEWS_SHARE) for group, row in enumerate(views)]
    return stack_xml([*rows, (plot, PLOT_SHARE)])


def visits_layout_xml() -> str:
    """The layout description of two visits: the earlier one to the left, T1 above T2, axial."""
    rows = [(_beside([(earlier[0], group + 2), (now[0], group)]), VIEWS_SHARE)
            for group, (earlier, now) in enumerate(zip(EARLIER_ROWS, ROWS))]  # fmt: skip
    return stack_xml(rows)


def register_layout(layout_node) -> None:
    """Make our layouts known to Slicer; doing it again changes nothing."""
    for layout_id, with_table in ((PAIR_LAYOUT_ID, False), (PAIR_TABLE_LAYOUT_ID, True)):
        describe_layout(layout_node, layout_id, layout_xml(with_table))
    describe_layout(layout_node, PAIR_PLOT_LAYOUT_ID, plot_layout_xml())
    describe_layout(layout_node, VISITS_LAYOUT_ID, visits_layout_xml())


def describe_layout(layout_node, layout_id: int, description: str) -> None:
    """Give a layout its description, whether it had none, another, or this one."""
    if not layout_node.IsLayoutDescription(layout_id):
        layout_node.AddLayoutDescription(layout_id, description)
    elif layout_node.GetLayoutDescription(layout_id) != description:
        layout_node.SetLayoutDescription(layout_id, description)


def show_pair(t1_node, t2_node, t1_segmentation=None, t2_segmentation=None, table_node=None, rows: Rows = ROWS) -> None:
    """Switch to the pair layout and show each volume with its segmentation in its own row, at the middle of its liver.

    Any node may be None; a row without a volume is empty. `table_node` adds the table view. `rows` are the views that
    are filled. In the desktop, call `fit_pair` once more when the new views have got their final size.
    """
    scene = slicer.mrmlScene
    layout_node = the_layout_node(scene)
    register_layout(layout_node)
    layout_node.SetViewArrangement(PAIR_LAYOUT_ID if table_node is None else PAIR_TABLE_LAYOUT_ID)
    volumes, segmentations = (t1_node, t2_node), (t1_segmentation, t2_segmentation)
    for group, (volume_node, segmentation_node) in enumerate(zip(volumes, segmentations)):
        _show_row(rows[group], group, volume_node)
        if segmentation_node is not None:
            show_only_in_row(segmentation_node, rows[group])
    if table_node is not None:
        _show_table(scene, table_node)
    fit_pair(t1_node, t2_node, t1_segmentation, t2_segmentation, rows)


def take_over(views: Sequence[PairView], former: Sequence[PairView]) -> None:
    """Show in views that show nothing what the `former` ones in their places show, at the same slices: of a scene that
    version 0.1.0 saved, in whose layouts these were."""
    scene = slicer.mrmlScene
    for view, before in zip(views, former):
        composite, source = composite_node_of(scene, view), composite_node_of(scene, before)
        if composite.GetBackgroundVolumeID() or not source.GetBackgroundVolumeID():
            continue
        for layer in ("Background", "Foreground", "Label"):
            getattr(composite, f"Set{layer}VolumeID")(getattr(source, f"Get{layer}VolumeID")())
        composite.SetForegroundOpacity(source.GetForegroundOpacity())
        node, old = slice_node_of(scene, view), slice_node_of(scene, before)
        node.GetSliceToRAS().DeepCopy(old.GetSliceToRAS())
        node.SetFieldOfView(*old.GetFieldOfView())
        node.UpdateMatrices()


def show_in_row(group: int, volume_node) -> None:
    """Show a volume in one row (0: T1, 1: T2) of the pair layout that is on the screen, in the middle of it. The other
    row keeps what it shows, unless that is the same volume."""
    for other in range(len(ROWS)):
        shown = composite_node_of(slicer.mrmlScene, ROWS[other][0]).GetBackgroundVolumeID()
        if other != group and shown == volume_node.GetID():
            _show_row(ROWS[other], other, None)
    _show_row(ROWS[group], group, volume_node)
    pair = [None, None]
    pair[group] = volume_node
    fit_pair(*pair)


def is_pair_layout() -> bool:
    """Whether one of our layouts of a pair is on the screen."""
    own = (PAIR_LAYOUT_ID, PAIR_TABLE_LAYOUT_ID, PAIR_PLOT_LAYOUT_ID)
    return the_layout_node(slicer.mrmlScene).GetViewArrangement() in own


def show_visits(earlier: Sequence, now: Sequence, livers: Sequence = (None, None, None, None)) -> None:
    """Switch to two visits side by side: the T1 and T2 volumes of the earlier one and of this one, any of which may be
    None, each fitted and at the middle of its liver; `livers` are their segmentations in the same order."""
    layout_node = the_layout_node(slicer.mrmlScene)
    register_layout(layout_node)
    layout_node.SetViewArrangement(VISITS_LAYOUT_ID)
    for rows, nodes, first in ((EARLIER_ROWS, earlier, 2), (ROWS, now, 0)):
        for group, (row, node) in enumerate(zip(rows, nodes)):
            _show_row(row, first + group, node)
    fit_pair(*earlier, *livers[:2], rows=EARLIER_ROWS)
    fit_pair(*now, *livers[2:])


def is_visits_layout() -> bool:
    """Whether two visits are on the screen."""
    return the_layout_node(slicer.mrmlScene).GetViewArrangement() == VISITS_LAYOUT_ID


def show_plot(chart_node) -> None:
    """Show a chart below the rows, which stay as they are."""
    layout_node = the_layout_node(slicer.mrmlScene)
    register_layout(layout_node)
    layout_node.SetViewArrangement(PAIR_PLOT_LAYOUT_ID)
    view_node = slicer.mrmlScene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
    if view_node is None:
        view_node = slicer.vtkMRMLPlotViewNode()
        view_node.SetLayoutName(PLOT_VIEW)
        view_node = slicer.mrmlScene.AddNode(view_node)
    view_node.SetPlotChartNodeID(chart_node.GetID())


def fit_pair(t1_node, t2_node, t1_segmentation=None, t2_segmentation=None, rows: Rows = ROWS) -> None:
    """Fit each row to its liver and move it to the middle of that, or of the volume where there is no liver."""
    application_logic = running_application_logic()
    volumes, segmentations = (t1_node, t2_node), (t1_segmentation, t2_segmentation)
    for views, volume_node, segmentation_node in zip(rows, volumes, segmentations):
        if volume_node is None or volume_node.GetImageData() is None:
            continue
        liver = _liver(volume_node, segmentation_node)
        for view in views:
            slice_node = slice_node_of(slicer.mrmlScene, view)
            slice_logic = application_logic.GetSliceLogic(slice_node)
            if slice_logic is not None:
                slice_logic.FitSliceToBackground()
            if liver is not None:
                corners = [frames.to_world(volume_node, frames.flip(corner)) for corner in mask_corners(liver)]
                _zoom(slice_node, np.array(corners))
            slice_node.JumpSliceByOffsetting(*_middle(volume_node, liver))


def jump_row(group: int, ras: Sequence[float], rows: Rows = ROWS) -> None:
    """Show a world point (RAS, mm) in every view of a row (0: T1, 1: T2); a view is shifted only when the point would
    lie outside of it.
    """
    for view in rows[group]:
        slice_node = slice_node_of(slicer.mrmlScene, view)
        slice_node.JumpSliceByOffsetting(*ras)
        if not _is_in_view(slice_node, ras):
            slice_node.JumpSliceByCentering(*ras)


def show_only_in_row(segmentation_node, row: Sequence[PairView]) -> None:
    """Show a segmentation in the slice views of one row and in 3-D views, nowhere else."""
    views = [slice_node_of(slicer.mrmlScene, view) for view in row]
    views += slicer.util.getNodesByClass("vtkMRMLViewNode", slicer.mrmlScene)
    show_only_in(segmentation_node, [node.GetID() for node in views])


def show_only_in(segmentation_node, view_ids: Sequence[str]) -> None:
    """Show a segmentation in the views of these IDs, nowhere else."""
    segmentation_node.CreateDefaultDisplayNodes()
    display_node = segmentation_node.GetDisplayNode()
    if list(display_node.GetViewNodeIDs() or ()) == list(view_ids):
        return
    was_modifying = display_node.StartModify()
    display_node.RemoveAllViewNodeIDs()
    for view_id in view_ids:
        display_node.AddViewNodeID(view_id)
    display_node.EndModify(was_modifying)


def row_views(group: int, rows: Rows = ROWS) -> list:
    """The three slice nodes of one row (0: T1, 1: T2); made here where no layout manager has done it."""
    return [slice_node_of(slicer.mrmlScene, view) for view in rows[group]]


def liver_center(volume_node, segmentation_node=None, segment: str = "Liver") -> tuple[float, float, float]:
    """World point (RAS, mm) of a liver's centroid; the middle of the volume when it is not segmented or empty."""
    return _middle(volume_node, _liver(volume_node, segmentation_node, segment))


def _liver(volume_node, segmentation_node, segment: str = "Liver") -> sitk.Image | None:
    """The mask of a liver; None where it is not segmented or empty."""
    try:
        mask = liver_mask(segmentation_node, volume_node, segment) if segmentation_node is not None else None
    except InputError:
        return None
    return mask if mask is not None and sitk.GetArrayViewFromImage(mask).any() else None


def _middle(volume_node, mask: sitk.Image | None) -> tuple[float, float, float]:
    if mask is not None:
        return frames.to_world(volume_node, frames.flip(centroid_mm(mask)))
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    return tuple((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3))


def stack_xml(parts: Iterable[tuple[str, int]]) -> str:
    """Parts of a layout description below each other, with a splitter between them and the share of the height that
    each gets: without it, Slicer gives a table or a plot nearly all.
    """
    items = "".join(f'<item splitSize="{share}">{part}</item>' for part, share in parts)
    return f'<layout type="vertical" split="true">{items}</layout>'


def row_xml(views: Iterable[PairView], group: int) -> str:
    """Slice views of a layout description beside each other."""
    return _beside([(view, group) for view in views])


def _beside(views: Iterable[tuple[PairView, int]]) -> str:
    return f'<layout type="horizontal">{"".join(_view_xml(*view) for view in views)}</layout>'


def _view_xml(view: PairView, group: int) -> str:
    return (
        f'<item><view class="vtkMRMLSliceNode" singletontag="{view.name}">'
        f'<property name="orientation" action="default">{view.orientation}</property>'
        f'<property name="viewlabel" action="default">{view.label}</property>'
        f'<property name="viewcolor" action="default">{view.color}</property>'
        f'<property name="viewgroup" action="default">{group}</property></view></item>'
    )


def the_layout_node(scene):
    """The layout node of the scene; made here when no layout manager has done it."""
    return scene.GetFirstNodeByClass("vtkMRMLLayoutNode") or scene.AddNewNodeByClass("vtkMRMLLayoutNode")


def slice_node_of(scene, view: PairView):
    """The slice node of a view; made here when no layout manager has done it."""
    node = scene.GetSingletonNode(view.name, "vtkMRMLSliceNode")
    if node is None:
        # By the scene, which gives a new slice node its orientation presets.
        node = scene.CreateNodeByClass("vtkMRMLSliceNode")
        node.UnRegister(None)
        node.SetName(view.name)
        node.SetLayoutName(view.name)
        node.SetLayoutLabel(view.label)
        node.SetLayoutColor(*(int(view.color[i : i + 2], 16) / 255 for i in (1, 3, 5)))
        node = scene.AddNode(node)
        node.SetOrientation(view.orientation)
    return node


def composite_node_of(scene, view: PairView):
    """The composite node of a view, which says what is shown in it; made here when no layout manager has done it."""
    for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", scene):
        if node.GetLayoutName() == view.name:
            return node
    node = slicer.vtkMRMLSliceCompositeNode()
    node.SetLayoutName(view.name)
    return scene.AddNode(node)


def orient(slice_node, view: PairView) -> None:
    """Turn a view as it is called, and mark in its corner where the patient's right, front and head are."""
    slice_node.SetOrientation(view.orientation)
    slice_node.SetOrientationMarkerType(slice_node.OrientationMarkerTypeAxes)
    slice_node.SetOrientationMarkerSize(slice_node.OrientationMarkerSizeMedium)


def _show_row(views: Sequence[PairView], group: int, volume_node) -> None:
    for view in views:
        slice_node = slice_node_of(slicer.mrmlScene, view)
        slice_node.SetViewGroup(group)
        orient(slice_node, view)
        composite = composite_node_of(slicer.mrmlScene, view)
        composite.SetBackgroundVolumeID(volume_node.GetID() if volume_node else None)
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)


def _zoom(slice_node, corners: np.ndarray) -> None:
    """Show a block in the middle of a view, with some room around it; `corners` (8, 3) are its own (RAS, mm)."""
    rotation = slicer.util.arrayFromVTKMatrix(slice_node.GetSliceToRAS())[:3, :2]
    pixels = np.array(slice_node.GetDimensions()[:2])
    width, height = pixels * (ROOM * np.ptp(corners @ rotation, axis=0) / pixels).max()
    slice_node.SetFieldOfView(width, height, slice_node.GetFieldOfView()[2])
    slice_node.JumpSliceByCentering(*corners.mean(axis=0))


def _is_in_view(slice_node, ras: Sequence[float]) -> bool:
    """Whether a point of the shown plane lies well inside a view."""
    to_view = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(slice_node.GetSliceToRAS(), to_view)
    place = to_view.MultiplyPoint((*ras, 1.0))
    return all(abs(place[axis]) <= VIEW_MARGIN * slice_node.GetFieldOfView()[axis] / 2 for axis in (0, 1))


def _show_table(scene, table_node) -> None:
    view_node = scene.GetSingletonNode(TABLE_VIEW, "vtkMRMLTableViewNode")
    if view_node is None:
        view_node = slicer.vtkMRMLTableViewNode()
        view_node.SetLayoutName(TABLE_VIEW)
        view_node = scene.AddNode(view_node)
    view_node.SetTableNodeID(table_node.GetID())
