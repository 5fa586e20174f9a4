"""How the boxes of lesions look: number and color the same in both rows, handles on the selected pair alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from liverpair.lesions import LesionPair
from liverpair.mrml.layouts import row_views
from liverpair.mrml.lesion_boxes import SIDES, BoxRecord, Key

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
TEXT_SCALE = 4.0
GLYPH_SCALE = 0.1
"""Percent of the view: too small to be drawn, for a point in its middle hides a small lesion. The number stays."""
HANDLE_SCALE = 1.2


def color_of(number: int) -> tuple[float, float, float]:
    """RGB, 0 to 1, of the lesion with this number."""
    return COLORS[(number - 1) % len(COLORS)]


@dataclass(frozen=True)
class LesionFilter:
    """Which lesions are shown. Boxes that no network scored were drawn by a person, and always are; so are accepted
    lesions."""

    minimum_score: float = 0.0
    hide_rejected: bool = False

    def passes(self, pair: LesionPair) -> bool:
        """Whether a lesion is shown: the better of its two scores counts."""
        sides = [(pair.t1, pair.t1_score, pair.t1_origin), (pair.t2, pair.t2_score, pair.t2_origin)]
        present = [(score, origin) for box, score, origin in sides if box is not None]
        return self._passes(pair.state, present)

    def passes_records(self, records: Iterable[BoxRecord]) -> bool:
        """The same for what the nodes of a lesion say."""
        records = list(records)
        return self._passes(records[0].state, [(record.score, record.origin) for record in records])

    def _passes(self, state: str, boxes: list[tuple[float | None, str]]) -> bool:
        if state == "rejected" and self.hide_rejected:
            return False
        scores = [score for score, _origin in boxes if score is not None]
        drawn = any(origin == "drawn" and score is None for score, origin in boxes)
        return state == "accepted" or drawn or not scores or max(scores) >= self.minimum_score


class LesionDisplay:
    """The display nodes of one study's boxes: which pair is selected, which are shown."""

    def __init__(self):
        self.selected: str | None = None
        self.filter = LesionFilter()

    def style(self, nodes: Mapping[Key, object], records: Mapping[Key, BoxRecord], uids: Iterable[str]) -> None:
        """Style all boxes of the lesions `uids`, from scratch."""
        views = {side: [node.GetID() for node in row_views(group)] for group, side in enumerate(SIDES)}
        for uid in uids:
            keys = [key for side in SIDES if (key := (uid, side)) in nodes]
            shown = bool(keys) and self.filter.passes_records(records[key] for key in keys)
            for key in keys:
                _style(_display_node(nodes[key]), records[key], views[key[1]])
                _select(nodes[key], uid == self.selected)
                _display_node(nodes[key]).SetVisibility(shown)

    def select(self, nodes: Mapping[Key, object], uid: str | None) -> None:
        """Move the handles to the boxes of the lesion `uid`, or take them away."""
        before, self.selected = self.selected, uid
        for changed, selected in ((before, False), (uid, True)):
            for side in SIDES:
                if changed is not None and changed != (uid if not selected else None) and (changed, side) in nodes:
                    _select(nodes[changed, side], selected)

    def filtered(
        self, nodes: Mapping[Key, object], records: Mapping[Key, BoxRecord], wanted: LesionFilter
    ) -> list[tuple[object, bool]]:
        """Take over a filter; the nodes that are to be shown (True) or hidden now, and are not yet."""
        self.filter = wanted
        changed = []
        for uid in {uid for uid, _side in nodes}:
            keys = [key for side in SIDES if (key := (uid, side)) in nodes]
            shown = wanted.passes_records(records[key] for key in keys)
            changed += [(nodes[key], shown) for key in keys if bool(_display_node(nodes[key]).GetVisibility()) != shown]
        return changed


def _display_node(node):
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return node.GetDisplayNode()


def _style(display_node, record: BoxRecord, views: list[str]) -> None:
    color = color_of(record.number)
    was_modifying = display_node.StartModify()
    try:
        display_node.SetColor(*color)
        display_node.SetSelectedColor(*color)
        display_node.SetActiveColor(*color)
        display_node.SetOpacity(REJECTED_OPACITY if record.state == "rejected" else 1.0)
        display_node.SetFillVisibility(False)
        display_node.SetPropertiesLabelVisibility(False)
        display_node.SetPointLabelsVisibility(True)
        display_node.SetTextScale(TEXT_SCALE)
        display_node.SetGlyphTypeFromString("Sphere3D")
        display_node.SetUseGlyphScale(True)
        display_node.SetGlyphScale(GLYPH_SCALE)
        display_node.SetInteractionHandleScale(HANDLE_SCALE)
        display_node.SetRotationHandleVisibility(False)
        display_node.SetTranslationHandleVisibility(True)
        display_node.SetScaleHandleVisibility(True)
        if list(display_node.GetViewNodeIDs() or ()) != views:
            display_node.RemoveAllViewNodeIDs()
            for view in views:
                display_node.AddViewNodeID(view)
    finally:
        display_node.EndModify(was_modifying)


def _select(node, selected: bool) -> None:
    """Handles on or off. A box without handles is locked: nobody moves it by mistake while scrolling over it."""
    display_node = _display_node(node)
    was_modifying = display_node.StartModify()
    try:
        display_node.SetHandlesInteractive(selected)
        display_node.SetLineThickness(SELECTED_LINE_THICKNESS if selected else LINE_THICKNESS)
    finally:
        display_node.EndModify(was_modifying)
    if bool(node.GetLocked()) == selected:
        node.SetLocked(not selected)
