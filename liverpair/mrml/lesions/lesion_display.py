"""How the boxes of lesions look: number and color the same in both rows, handles on the selected pair alone, and there
only while the pointer is near: a lesion is looked at more often than its box is moved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import slicer

from liverpair.core.lesions import LesionBox, State, is_shown
from liverpair.core.sides import Side
from liverpair.mrml import pen
from liverpair.mrml.layouts import row_views
from liverpair.mrml.lesions.lesion_boxes import ROI_CLASS, VOLUME, BoxRecord, Key, keys_of, side_of, uid_of

COLORS = (
    (0.902, 0.624, 0.000),
    (0.337, 0.706, 0.914),
    (0.000, 0.620, 0.451),
    (0.941, 0.894, 0.259),
    (0.800, 0.475, 0.655),
    (0.835, 0.369, 0.000),
    (0.000, 0.447, 0.698),
)
"""The colors of Okabe and Ito (https://jfly.uni-koeln.de/color/) without black: told apart by the color-blind."""

REJECTED_OPACITY = 0.3
LINE_THICKNESS = 0.2
SELECTED_LINE_THICKNESS = 0.4
"""In 3-D views; in slice views Slicer draws every box in the same thickness."""
DIMMED_OPACITY = 0.45
"""Of the outlines of all other boxes while one lesion is selected."""
DRAWN_OPACITY = 0.4
"""Of the outline of a box whose lesion is drawn itself, as far as the box reaches beyond it."""
LABEL_BACKGROUND = (0.0, 0.0, 0.0)
LABEL_OPACITY = 0.85
LABEL_GAP_MM = 4.0
HANDLE_PART = 0.08
"""Size of a handle, relative to the box: Slicer draws it about twice as large."""
LARGEST_HANDLE_MM = 2.0
FACES = (True, True, True, False)
"""Which handles for the size are shown: those of the faces, without those of the edges between them."""
CENTER = (False, False, False, True)
"""Which handles for the place are shown: the one in the middle, without arrows."""


def color_of(number: int) -> tuple[float, float, float]:
    """RGB, 0 to 1, of the lesion with this number."""
    return COLORS[(number - 1) % len(COLORS)]


@dataclass(frozen=True)
class LesionFilter:
    """Which lesions are shown; those whose uids are `kept`, whatever their scores."""

    display_threshold: float = 0.0
    hide_rejected: bool = False
    kept: frozenset[str] = frozenset()

    def passes(self, uid: str, state: State, boxes: Iterable[LesionBox | BoxRecord]) -> bool:
        """Whether a lesion with these boxes is shown, which `liverpair.core.lesions.is_shown` says."""
        marks = ((box.origin, box.score) for box in boxes)
        return is_shown(state, marks, 0.0 if uid in self.kept else self.display_threshold, self.hide_rejected)


class LesionDisplay:
    """The display nodes of one study's boxes: which pair is selected, which are shown."""

    def __init__(self):
        self.selected: str | None = None
        self.drawn: frozenset[Key] = frozenset()
        self.handles = False
        self.filter = LesionFilter()

    def style(self, nodes: Mapping[Key, object], records: Mapping[Key, BoxRecord], uids: Iterable[str]) -> None:
        """Style all boxes of the lesions `uids`, from scratch."""
        views = BoxViews()
        for uid in uids:
            keys = keys_of(uid, nodes)
            shown = bool(keys) and self._passes(uid, [records[key] for key in keys])
            for key in keys:
                _style(_display_node(nodes[key]), records[key])
                views.show(nodes[key], key[1])
                self._bring_out(nodes, key)
                _display_node(nodes[key]).SetVisibility(shown)

    def select(self, nodes: Mapping[Key, object], uid: str | None) -> None:
        """Bring out the boxes of the lesion `uid`, or of none; they have no handles yet."""
        before, self.selected, self.handles = self.selected, uid, False
        changed = {before, uid} if None not in (before, uid) else {key[0] for key in nodes}
        for key in nodes:
            if key[0] in changed:
                self._bring_out(nodes, key)

    def mark_drawn(self, nodes: Mapping[Key, object], keys: Iterable[Key]) -> None:
        """Let the boxes step back whose lesions are drawn themselves, and no others."""
        before, self.drawn = self.drawn, frozenset(keys)
        for key in before ^ self.drawn:
            if key in nodes:
                self._bring_out(nodes, key)

    def show_handles(self, nodes: Mapping[Key, object], shown: bool) -> None:
        """Give handles to the boxes of the selected lesion, or take them away."""
        if shown == self.handles:
            return
        self.handles = shown
        for key in keys_of(self.selected, nodes):
            self._bring_out(nodes, key)

    def filtered(
        self, nodes: Mapping[Key, object], records: Mapping[Key, BoxRecord], wanted: LesionFilter
    ) -> list[tuple[object, bool]]:
        """Take over a filter; the nodes that are to be shown (True) or hidden now, and are not yet."""
        self.filter = wanted
        changed = []
        for uid in {uid for uid, _side in nodes}:
            keys = keys_of(uid, nodes)
            shown = self._passes(uid, [records[key] for key in keys])
            changed += [(nodes[key], shown) for key in keys if bool(_display_node(nodes[key]).GetVisibility()) != shown]
        return changed

    def _bring_out(self, nodes: Mapping[Key, object], key: Key) -> None:
        """Bring a box out, or let it step back; that of the selected lesion has handles where they are on."""
        opacity = 1.0 if self.selected in (None, key[0]) else DIMMED_OPACITY
        opacity *= DRAWN_OPACITY if key in self.drawn else 1.0
        _select(nodes[key], key[0] == self.selected, self.handles, opacity)

    def _passes(self, uid: str, records: list[BoxRecord]) -> bool:
        return self.filter.passes(uid, records[0].state, records)


class BoxViews:
    """The slice views as they are now, to show boxes over their own volume: T1 and T2 are not registered, a box over
    another image is a wrong one."""

    def __init__(self):
        self._rows = {side: [node.GetID() for node in row_views(group)] for group, side in enumerate(Side)}
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        shown = {node.GetLayoutName(): node.GetBackgroundVolumeID() for node in composites}
        slice_nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        self._shown = {node.GetID(): shown.get(node.GetLayoutName()) for node in slice_nodes}

    def show(self, node, side: Side) -> None:
        """Show a box in the views that have its volume in the background, and in those of its row that are empty."""
        volume, row, display_node = node.GetNodeReferenceID(VOLUME), self._rows[side], _display_node(node)
        views = [view for view, shown in self._shown.items() if (shown == volume if shown else view in row)]
        views = views or ["none"]  # A display node without any view is displayed in all of them.
        if list(display_node.GetViewNodeIDs() or ()) != views:
            display_node.SetViewNodeIDs(views)


def show_boxes_over_volumes() -> None:
    """Show each box of the scene in the views of its own volume, after other volumes were shown in them."""
    views = BoxViews()
    for node in slicer.util.getNodesByClass(ROI_CLASS):
        side = side_of(node)
        if side is not None and uid_of(node):
            views.show(node, side)


def _display_node(node):
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()


def _style(display_node, record: BoxRecord) -> None:
    color = color_of(record.number)
    was_modifying = display_node.StartModify()
    try:
        display_node.SetColor(*color)
        display_node.SetSelectedColor(*color)
        display_node.SetActiveColor(*color)
        display_node.SetOpacity(REJECTED_OPACITY if record.state == "rejected" else 1.0)
        display_node.SetFillVisibility(False)
        display_node.SetPropertiesLabelVisibility(False)
        pen.draw(display_node)
        text = display_node.GetTextProperty()
        text.SetShadow(False)
        text.SetBackgroundColor(*LABEL_BACKGROUND)
        text.SetBackgroundOpacity(LABEL_OPACITY)
        # A point drawn in the middle of a small lesion would hide it.
        display_node.SetGlyphType(display_node.GlyphTypeInvalid)
        display_node.SetUseGlyphScale(False)
        display_node.SetRotationHandleVisibility(False)
        display_node.SetTranslationHandleVisibility(True)
        display_node.SetTranslationHandleComponentVisibility(CENTER)
        display_node.SetScaleHandleVisibility(True)
        display_node.SetScaleHandleComponentVisibility(FACES)
    finally:
        display_node.EndModify(was_modifying)


def _select(node, selected: bool, handles: bool, opacity: float) -> None:
    """Bring a box out, or not; with handles on, or off; its outline as opaque as that. A box without handles is locked:
    nobody moves it by mistake while scrolling over it."""
    display_node, handles = _display_node(node), selected and handles
    was_modifying = display_node.StartModify()
    try:
        display_node.SetHandlesInteractive(handles)
        display_node.SetLineThickness(SELECTED_LINE_THICKNESS if selected else LINE_THICKNESS)
        display_node.SetOutlineOpacity(opacity)
        display_node.SetPointLabelsVisibility(not handles)
        display_node.SetGlyphSize(_glyph_size(node, handles))
    finally:
        display_node.EndModify(was_modifying)
    if bool(node.GetLocked()) == handles:
        node.SetLocked(not handles)


def _glyph_size(node, handles: bool) -> float:
    """In mm: what Slicer sizes handles by, and how far from the middle of the box it puts the number. In every view one
    of the two sides is not longer than the middle one of the three: there the number is beside the box."""
    side = sorted(node.GetSize())[1]
    return min(HANDLE_PART * side, LARGEST_HANDLE_MM) if handles else (side + LABEL_GAP_MM) * 2**0.5
