"""The section "Plot": the trajectories of the dream, live, and what is drawn of them."""

import math
from dataclasses import replace
from typing import Any

import qt
from slicer import vtkMRMLPlotViewNode
from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.dreamrun import noObject
from DeepDreamInspectorLib.featuretable import FeatureRow, FeatureTable
from DeepDreamInspectorLib.plotclicks import PlotClicks
from DeepDreamInspectorLib.views import showViews
from liverpair.core.trajectories import RUN_KINDS
from liverpair.measures.feature_names import title_of
from liverpair.mrml.dreams import dream_layout
from liverpair.mrml.dreams.dream_lines import z_scale
from liverpair.mrml.dreams.dream_plot import DreamPlot
from liverpair.mrml.dreams.dream_scene import MARK, DreamScene
from LiverPairLib.section import Section

REFRESH_MS = 150
"""How long samples gather before they are drawn: as often as one can look at them."""
DREAM, *BASELINES = RUN_KINDS
DREAM_ALONE = (DREAM,)
LISTED = 3
"""How many features are named in a sentence; of more, the number is said."""
UNDEFINED = "\u2013"


class PlotSection(Section):
    """Checks and a list over the `DreamPlot` of the context, which keeps what is chosen here with the scene."""

    name = "Plot"
    caption = _("Plot")

    def __init__(self, context: DreamContext) -> None:
        super().__init__(context)
        self.ui.secondSelector.addAttribute("vtkMRMLTableNode", MARK)
        self._table = FeatureTable(self.ui.featureTable, self.onFeatureChosen, self.onFeatureShown)
        self._clicks = PlotClicks(self._isOurView, self.onPointSelected)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.connect("timeout()", self.refresh)
        for name, slot in {
            "normalizedCheckBox": lambda checked: self._show(normalized=checked),
            "baselinesCheckBox": lambda checked: self._show(kinds=RUN_KINDS if checked else DREAM_ALONE),
            "fitPlotButton": lambda checked: self._show(),
            "showViewsButton": self.onShowViews,
        }.items():
            getattr(self.ui, name).connect("clicked(bool)", slot)
        self._showChoices()

    def enter(self) -> None:
        self._clicks.start()
        self._follow()

    def exit(self) -> None:
        self._clicks.stop()
        self._timer.stop()

    def onChanged(self, what: str) -> None:
        if what == "dream":
            self._follow()
        elif what == "samples":
            if not self._timer.isActive():
                self._timer.start()
        elif what == "run":
            self.refresh()
        elif what == "parameters":
            self._showChoices()
        elif what == "frame" and self.context.plot is not None:
            with self.context.attempt():
                self.context.plot.mark(self.context.iteration)
            self._showChoices()

    def onFeatureChosen(self, name: str) -> None:
        """See a feature alone; the same again: all."""
        self._show(solo=None if self.context.plot.shown.solo == name else name)

    def onFeatureShown(self, name: str, isShown: bool) -> None:
        """Draw a feature, or leave it out; one has to stay."""
        plot, features = self.context.plot, self.context.dream.features
        drawn = plot.shown.features or features
        wanted = tuple(each for each in features if (isShown if each == name else each in drawn))
        if wanted:
            self._show(features=None if wanted == features else wanted, solo=None)
        else:
            self.context.say(_("One feature has to stay in the plot."))
            self._showChoices()

    def onPointSelected(self, seriesId: str, row: int) -> None:
        """Look at the iteration of a point, and say what it is."""
        plot = self.context.plot
        iteration = plot.iteration_of(seriesId, row) if plot is not None else None
        if iteration is not None:
            self.context.say(plot.describe(seriesId, row))
            self.context.goTo(iteration)

    def onShowViews(self, checked: bool = False) -> None:
        """Show original and dreamt image above the plot."""
        with self.context.attempt():
            showViews(self.context)
        self.context.tell("parameters")

    def refresh(self) -> None:
        """Draw what came since the last time."""
        if self.context.plot is not None:
            with self.context.attempt():
                self.context.plot.update()
        self._showChoices()

    def _follow(self) -> None:
        """Plot the dream of the context as it was plotted last."""
        context = self.context
        if context.dream is None:
            context.plot = None
        elif context.plot is None or context.plot.dream is not context.dream:
            context.plot = DreamPlot(context.dream)
        self._show()
        if context.plot is not None and context.plot.chart_node is not None:
            dream_layout.show_chart(context.plot.chart_node)
        self._clicks.watch()

    def _show(self, **changes: Any) -> None:
        """Draw what is chosen, with changes of `Shown`."""
        plot = self.context.plot
        if plot is not None:
            with self.context.attempt():
                shown = replace(plot.shown, **changes)
                plot.show(shown.features, shown.solo, shown.kinds, self._second(), shown.normalized)
        self._showChoices()

    def _second(self) -> DreamScene | None:
        """The dream to compare with; a dream is not compared with itself."""
        return self.context.second if self.context.second is not self.context.dream else None

    def _showChoices(self) -> None:
        """Show what is drawn, and what can be."""
        plot, dream, ui = self.context.plot, self.context.dream, self.ui
        hasPlot = plot is not None and dream is not None and dream.alive
        for name in ("featureTable", "baselinesCheckBox", "fitPlotButton", "showViewsButton", "secondSelector"):
            getattr(ui, name).enabled = hasPlot
        ui.normalizedCheckBox.enabled = hasPlot and dream.ranges is not None
        ui.plotLabel.text = self._sentence(hasPlot)
        if not hasPlot:
            self._table.show([])
            return
        shown = plot.shown
        ui.normalizedCheckBox.checked = plot.normalized
        ui.baselinesCheckBox.checked = any(kind in BASELINES for kind in shown.kinds)
        ui.baselinesCheckBox.enabled = any(kind in BASELINES for kind in dream.kinds)
        drawn = shown.features or dream.features
        rows = [
            FeatureRow(name, title_of(name), plot.color(name), name in drawn, self._valueText(name))
            for name in dream.features
        ]
        self._table.show(rows, shown.solo, self._valueTitle())

    def _sentence(self, hasPlot: bool) -> str:
        if not hasPlot:
            return _("The trajectories are plotted here as soon as a dream begins.")
        plot, dream = self.context.plot, self.context.dream
        if not self.context.running and noObject(dream):
            return noObject(dream)
        if dream.ranges is None:
            return _("There are no normal ranges to compare with: the values themselves are drawn.")
        if plot.left_out:
            titles = ", ".join(title_of(name) for name in plot.left_out[:LISTED])
            if len(plot.left_out) > LISTED:
                titles = _("{count} features").format(count=len(plot.left_out))
            return _("Not drawn as standard scores, for their normal range is not known: {features}.").format(
                features=titles
            )
        return _("Click a feature to see it alone, a point of the plot to see its picture.")

    def _iteration(self) -> int:
        """The iteration whose values are listed: the one looked at, else the last."""
        if self.context.iteration is not None:
            return self.context.iteration
        curves = self.context.dream.curves.get(DREAM)
        return curves.rows.shape[1] - 1 if curves is not None else -1

    def _valueTitle(self) -> str:
        iteration = self._iteration()
        if iteration < 0:
            return ""
        what = _("z at {iteration}") if self.context.plot.normalized else _("at {iteration}")
        return what.format(iteration=iteration)

    def _valueText(self, name: str) -> str:
        """The median of a feature over the starts at the iteration that is looked at, as it is drawn."""
        dream, iteration = self.context.dream, self._iteration()
        curves = dream.curves.get(DREAM)
        if curves is None or not 0 <= iteration < curves.rows.shape[1]:
            return ""
        medians = (curves.final_quartiles() if dream.finished else curves.quartiles())[1]
        value = float(medians[iteration, dream.columns.index(name)])
        if not math.isfinite(value):
            return UNDEFINED
        if not self.context.plot.normalized:
            return f"{value:.4g}"
        scale = z_scale(dream.ranges, name)
        return f"{(value - scale[0]) / scale[1]:.2f}" if scale is not None else UNDEFINED

    def _isOurView(self, viewNode: vtkMRMLPlotViewNode) -> bool:
        """Whether a plot view shows the chart of the dream."""
        chart = self.context.plot.chart_node if self.context.plot is not None else None
        return chart is not None and viewNode.GetPlotChartNodeID() == chart.GetID()
