"""The trajectories of a dream as a plot chart that follows the run.

Chart, series and tables are derived: who deletes one loses nothing, `show` makes it again.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import slicer

from liverpair.core.trajectories import RUN_KINDS
from liverpair.measures.feature_colors import color_of
from liverpair.measures.feature_names import title_of
from liverpair.mrml.dreams import dream_folders, dream_lines, dream_series
from liverpair.mrml.dreams.dream_lines import SECOND, Scale, Shown
from liverpair.mrml.dreams.dream_scene import DreamScene

SHOWN = "LiverPair.DreamShown"
COMPARED = "liverPairDreamCompared"
FAR_Z = 8.0
"""z-scores beyond this are cut off, so that the normal range stays readable."""
ROOM = 0.05
"""Space above and below what is drawn, as a fraction of its height."""


@dataclass(frozen=True)
class PlotPoint:
    """A point of the plot: `what` it belongs to ("median", "quartiles", "second" or a kind of baseline), of what (the
    title of its feature, or the quartile), at which iteration, and the value drawn there."""

    what: str
    title: str
    iteration: int
    value: float


class DreamPlot:
    """The plot of one dream. What is shown is kept in the chart node, so that a loaded scene goes on with it."""

    def __init__(self, dream: DreamScene):
        self.dream = dream
        self.left_out: tuple[str, ...] = ()
        self._marked: int | None = None
        self._drawn: tuple = ()
        self._ranges: tuple[float, ...] = ()

    @property
    def chart_node(self):
        """The chart of the dream; None before the first `show`, and when it was deleted."""
        return dream_series.chart_of(self.dream.table) if self.dream.alive else None

    @property
    def shown(self) -> Shown:
        """What is to be seen; what a damaged chart does not say is the default."""
        chart = self.chart_node
        with suppress(AttributeError, TypeError, ValueError):
            said = json.loads((chart.GetAttribute(SHOWN) if chart is not None else None) or "{}")
            listed = {name: tuple(said[name]) for name in ("features", "kinds") if said.get(name) is not None}
            return Shown(**{**said, **listed})
        return Shown()

    @property
    def compared_with(self) -> DreamScene | None:
        """The dream drawn in dashed lines beside this one."""
        chart = self.chart_node
        table = chart.GetNodeReference(COMPARED) if chart is not None else None
        return next((dream for dream in DreamScene.all_in_scene() if dream.table is table), None) if table else None

    @property
    def normalized(self) -> bool:
        """Whether z-scores are drawn; without normal ranges there are none."""
        return bool(self._scale().of)

    @property
    def series(self) -> list:
        """The series nodes that are drawn, the lowest first."""
        chart = self.chart_node
        count = chart.GetNumberOfPlotSeriesNodes() if chart is not None else 0
        return [node for node in (chart.GetNthPlotSeriesNode(number) for number in range(count)) if node is not None]

    def color(self, feature: str) -> str:
        """The color of a feature, "#rrggbb"; the same whatever else is shown."""
        return color_of(self.dream.features.index(feature))

    def show(
        self,
        features: Sequence[str] | None = None,
        solo: str | None = None,
        kinds: Sequence[str] = RUN_KINDS,
        compare_with: DreamScene | None = None,
        normalized: bool = True,
    ):
        """Draw features (None: all) of some kinds of run; `solo` draws this feature alone until it is None again.

        `normalized` draws z-scores between the lines of the normal range. Features without a range are left out then
        (`left_out`); when none has one, raw values are drawn, and the axis says so. Returns the chart node.

        Raises:
            InputError: when the dream is no longer in the scene.
        """
        self.dream.check_alive()
        chart = self.chart_node or dream_series.make_chart(self.dream.table)
        shown = Shown(None if features is None else tuple(features), solo, tuple(kinds), normalized)
        with dream_series.one_event(chart):
            chart.SetAttribute(SHOWN, json.dumps(asdict(shown)))
            chart.SetNodeReferenceID(COMPARED, compare_with.table.GetID() if compare_with is not None else None)
            self._draw(chart)
        return chart

    def solo(self, feature: str | None) -> None:
        """Draw one feature alone; None draws all those chosen again."""
        shown = replace(self.shown, solo=feature)
        self.show(shown.features, shown.solo, shown.kinds, self.compared_with, shown.normalized)

    def update(self) -> None:
        """Draw what was recorded since the last time, with one event of the chart; nothing when nothing was."""
        chart = self.chart_node
        if chart is not None and self._drawn != self._state():
            with dream_series.one_event(chart):
                self._draw(chart)

    def mark(self, iteration: int | None) -> None:
        """Mark one iteration with a vertical line; None takes the line away."""
        self._marked = iteration
        self.update()

    def point_of(self, series_id: str, point_index: int) -> PlotPoint | None:
        """What a point of a series of this plot shows; None when there is no such point."""
        series = self._own_series(series_id)
        place = dream_series.point_of(series, point_index) if series is not None else None
        if place is None:
            return None
        what, feature = dream_series.read_key(series)
        title = title_of(feature) if feature else dream_series.label_of(series, point_index)
        return PlotPoint(what, title, *place)

    def iteration_of(self, series_id: str, point_index: int) -> int | None:
        """The iteration of a point of a series of this plot; None when there is no such point."""
        point = self.point_of(series_id, point_index)
        return point.iteration if point is not None else None

    def describe(self, series_id: str, point_index: int) -> str:
        """A point in words, as "Sphericity, iteration 140: z = 0.83"; "" when there is none."""
        point = self.point_of(series_id, point_index)
        if point is None or point.what in (dream_lines.BAND, dream_lines.MARK):
            return ""
        second = self.compared_with
        whose = dream_lines.BASELINE_NAMES.get(point.what, "").lower()
        if point.what == SECOND and second is not None:
            whose = second.name
        value = f"z = {point.value:.2f}" if self.normalized else f"{point.value:.4g}"
        return f"{', '.join(filter(None, (point.title, whose)))}, iteration {point.iteration}: {value}"

    def _draw(self, chart) -> None:
        self._drawn = self._state()
        shown, second, scale = self.shown, self.compared_with, self._scale()
        chosen = self._chosen(shown)
        features = [name for name in chosen if not scale.of or name in scale.of]
        self.left_out = tuple(name for name in chosen if name not in features)
        parts = dream_lines.parts_of(self.dream, features, shown, scale, second)
        low, high = dream_lines.extent(parts) or (0.0, 1.0)
        band = self._band(features, scale)
        last = max(1, self.dream.last_iteration, second.last_iteration if second is not None else 0)
        if band is not None:
            low, high = min(low, band[0]), max(high, band[1])
            parts.insert(0, dream_lines.band_part(*band, last))
        is_cut = bool(scale.of) and max(-low, high) > FAR_Z
        if is_cut:
            low, high = max(low, -FAR_Z), min(high, FAR_Z)
        if self._marked is not None:
            parts.insert(0, dream_lines.mark_part(self._marked, low, high))
        dream_series.write(self.dream.table, chart, parts)
        chart.SetYAxisTitle(self._axis_title(features, scale, is_cut))
        chart.SetXAxisTitle(dream_lines.iteration_title(parts))
        chart.SetLegendVisibility(False)  # the list beside the plot names the features, the axis what else is drawn
        self._set_ranges(chart, last if self.dream.finished else max(last, self._asked()), low, high)

    def _chosen(self, shown: Shown) -> list[str]:
        features = self.dream.features if shown.features is None else shown.features
        return [name for name in features if name in self.dream.features and shown.solo in (None, name)]

    def _scale(self) -> Scale:
        """How the chosen features become z-scores; empty when raw values are asked for, or nothing has a range."""
        shown, ranges = self.shown, self.dream.ranges
        if not shown.normalized:
            return Scale()
        found = {name: dream_lines.z_scale(ranges, name) for name in self._chosen(shown)}
        return Scale({name: scale for name, scale in found.items() if scale is not None})

    def _band(self, features: Sequence[str], scale: Scale) -> tuple[float, float] | None:
        """Where the normal range lies: around 0 for z-scores, around the mean for one feature with raw values."""
        if scale.of:
            return -1.0, 1.0
        raw = dream_lines.z_scale(self.dream.ranges, features[0]) if len(features) == 1 else None
        return (raw[0] - raw[1], raw[0] + raw[1]) if raw is not None else None

    def _set_ranges(self, chart, last: int, low: float, high: float) -> None:
        """Make room for all that is drawn; as long as that stays, so does the user's zoom."""
        room = ROOM * (high - low) or 1.0
        ranges = (0.0, float(last), low - room, high + room)
        if ranges != self._ranges:
            self._ranges = ranges
            chart.SetXAxisRangeAuto(False)
            chart.SetYAxisRangeAuto(False)
            chart.SetXAxisRange(ranges[:2])
            chart.SetYAxisRange(ranges[2:])

    def _axis_title(self, features: Sequence[str], scale: Scale, is_cut: bool) -> str:
        if scale.of:
            notes = [f"cut off at \N{PLUS-MINUS SIGN}{FAR_Z:g}"] * is_cut
            notes += [f"{len(self.left_out)} without normal range"] * bool(self.left_out)
            return f"z-score ({'; '.join(notes)})" if notes else "z-score"
        name = title_of(features[0]) if len(features) == 1 else "raw values"
        if not dream_lines.has_any(self.dream.ranges):
            return f"{name} (the model has no normal ranges)"
        return f"{name} (without normal range)" if features and self.shown.normalized else name

    def _asked(self) -> int:
        """How many iterations the dream was asked for."""
        asked = (self.dream.about.get("request") or {}).get("iterations")
        return asked if isinstance(asked, int) else 0

    def _own_series(self, series_id: str):
        series = slicer.mrmlScene.GetNodeByID(series_id)
        nodes = dream_folders.nodes_of(self.dream.table, dream_series.SERIES) if self.dream.alive else []
        return series if series in nodes else None

    def _state(self) -> tuple:
        """What the picture depends on, and the user does not choose with `show`."""
        second = self.compared_with
        return self.dream.version, second.version if second is not None else None, self._marked
