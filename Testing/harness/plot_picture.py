"""A vtkMRMLPlotChartNode drawn off screen and clicked into, as qMRMLPlotView does it on screen."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SERIES, VIEW = slicer.vtkMRMLPlotSeriesNode, slicer.vtkMRMLPlotViewNode
LINE_STYLES = {
    SERIES.LineStyleNone: vtk.vtkPen.NO_PEN,
    SERIES.LineStyleDash: vtk.vtkPen.DASH_LINE,
    SERIES.LineStyleDot: vtk.vtkPen.DOT_LINE,
    SERIES.LineStyleDashDot: vtk.vtkPen.DASH_DOT_LINE,
}
LEFT_DRAGS = {
    VIEW.InteractionModePanView: vtk.vtkChart.PAN,
    VIEW.InteractionModeSelectPoints: vtk.vtkChart.SELECT,
    VIEW.InteractionModeFreehandSelectPoints: vtk.vtkChart.SELECT_POLYGON,
    VIEW.InteractionModeMovePoints: vtk.vtkChart.CLICK_AND_DRAG,
}
"""What dragging with the left button does in a chart. A click selects the point under it in all modes but the last."""


class PlotPicture:
    """An off-screen window with one chart that follows a chart node."""

    def __init__(self):
        self._context = vtk.vtkContextView()
        self.window = self._context.GetRenderWindow()
        self.window.SetOffScreenRendering(1)
        self._context.GetRenderer().SetBackground(1, 1, 1)
        self.chart = vtk.vtkChartXY()
        self._context.GetScene().AddItem(self.chart)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        style = vtk.vtkContextInteractorStyle()
        style.SetScene(self._context.GetScene())
        self.interactor.SetInteractorStyle(style)
        self._plots: dict[str, vtk.vtkPlot] = {}

    def follow(self, chart_node, interaction_mode: int) -> None:
        """Show the series of a chart node as they are now (nothing for None), and react to the mouse by a mode."""
        self._set_actions(interaction_mode)
        series = {} if chart_node is None else {node.GetID(): node for node in _series_of(chart_node)}
        for node_id, plot in reversed(list(self._plots.items())):
            drawn = self._updated(series.get(node_id), plot)
            if drawn is not plot:
                self.chart.RemovePlotInstance(self._plots.pop(node_id))
                self._ask_bounds()
        for node_id, node in series.items():
            drawn = self._updated(node) if node_id not in self._plots else None
            if drawn is not None:
                self.chart.AddPlot(drawn)
                self._plots[node_id] = drawn
                self._ask_bounds()
        if chart_node is not None:
            self._set_titles(chart_node)
            self._set_ranges(chart_node)

    def fit(self) -> dict[int, tuple[float, float]]:
        """Make room for all content as it was last drawn, or updated; the new range of each axis (`vtkAxis.LEFT`…)."""
        bounds = np.full((len(self._plots), 4), np.nan)
        for row, plot in zip(bounds, self._plots.values(), strict=True):
            plot.GetBounds(row)
        bounds = bounds[bounds[:, 0] <= bounds[:, 1]]
        ranges = {}
        for place, columns in ((vtk.vtkAxis.BOTTOM, bounds[:, :2]), (vtk.vtkAxis.LEFT, bounds[:, 2:])):
            if len(columns):
                axis = self.chart.GetAxis(place)
                axis.SetUnscaledRange(columns[:, 0].min(), columns[:, 1].max())
                axis.AutoScale()
                ranges[place] = axis.GetUnscaledMinimum(), axis.GetUnscaledMaximum()
        return ranges

    def selected(self) -> list[tuple[str, vtk.vtkIdTypeArray]]:
        """IDs of the series with selected points, and the points."""
        selections = [(node_id, plot.GetSelection()) for node_id, plot in self._plots.items()]
        return [(node_id, points) for node_id, points in selections if points and points.GetNumberOfValues()]

    def forget_selection(self) -> None:
        """Select no point."""
        self.chart.RemovePlotSelections()

    def position(self, x: float, y: float) -> tuple[float, float]:
        """Where a value lies: pixels from the lower left corner. Not known before the first picture."""
        axes = (self.chart.GetAxis(vtk.vtkAxis.BOTTOM), self.chart.GetAxis(vtk.vtkAxis.LEFT))
        corners = zip(self.chart.GetPoint1(), self.chart.GetPoint2(), strict=True)
        return tuple(
            low + (high - low) * (value - axis.GetMinimum()) / (axis.GetMaximum() - axis.GetMinimum())
            for value, axis, (low, high) in zip((x, y), axes, corners, strict=True)
        )

    def grab(self, size: tuple[int, int]) -> np.ndarray:
        """Pixels (height, width, 3) of the chart at (width, height) `size`."""
        self.window.SetSize(*size)
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        width, height, _ = grabber.GetOutput().GetDimensions()
        pixels = vtk_to_numpy(grabber.GetOutput().GetPointData().GetScalars())
        return pixels.reshape(height, width, -1)[::-1].copy()

    def _set_actions(self, mode: int) -> None:
        mouse = vtk.vtkContextMouseEvent
        moves_points = mode == VIEW.InteractionModeMovePoints
        self.chart.SetClickActionToButton(vtk.vtkChart.SELECT, mouse.NO_BUTTON if moves_points else mouse.LEFT_BUTTON)
        pans = mode == VIEW.InteractionModePanView
        self.chart.SetActionToButton(LEFT_DRAGS[mode], mouse.LEFT_BUTTON)
        self.chart.SetActionToButton(vtk.vtkChart.ZOOM if pans else vtk.vtkChart.PAN, mouse.MIDDLE_BUTTON)
        self.chart.SetActionToButton(vtk.vtkChart.ZOOM_AXIS, mouse.RIGHT_BUTTON)

    def _set_titles(self, node) -> None:
        self.chart.SetTitle((node.GetTitle() or "") if node.GetTitleVisibility() else "")
        self.chart.GetTitleProperties().SetFontSize(node.GetTitleFontSize())
        self.chart.SetShowLegend(bool(node.GetLegendVisibility()))
        self.chart.GetLegend().GetLabelProperties().SetFontSize(node.GetLegendFontSize())
        shown = (
            (vtk.vtkAxis.BOTTOM, node.GetXAxisTitle(), node.GetXAxisTitleVisibility()),
            (vtk.vtkAxis.LEFT, node.GetYAxisTitle(), node.GetYAxisTitleVisibility()),
        )
        for place, title, is_shown in shown:
            axis = self.chart.GetAxis(place)
            axis.SetTitle((title or "") if is_shown else "")
            axis.SetGridVisible(bool(node.GetGridVisibility()))
            axis.GetTitleProperties().SetFontSize(node.GetAxisTitleFontSize())
            axis.GetTitleProperties().SetBold(False)
            axis.GetLabelProperties().SetFontSize(node.GetAxisLabelFontSize())

    def _set_ranges(self, node) -> None:
        ranges = (
            (vtk.vtkAxis.BOTTOM, node.GetXAxisRangeAuto(), node.GetXAxisRange()),
            (vtk.vtkAxis.LEFT, node.GetYAxisRangeAuto(), node.GetYAxisRange()),
        )
        for place, is_automatic, (low, high) in ranges:
            axis = self.chart.GetAxis(place)
            axis.SetBehavior(vtk.vtkAxis.AUTO if is_automatic else vtk.vtkAxis.FIXED)
            if not is_automatic:
                axis.SetUnscaledRange(low, high)
                axis.Update()

    def _ask_bounds(self) -> None:
        """As ctkVTKChartView::onChartUpdated does whenever a plot came or went, also of plots that are yet to go."""
        for plot in self._plots.values():
            plot.GetBounds([0.0] * 4)

    def _updated(self, series, plot=None):
        """The plot, or another one, as its series says now; None where there is none, or a column is missing."""
        if series is None or not is_drawable(series):
            return None
        is_bar = series.GetPlotType() in (SERIES.PlotTypeBar, SERIES.PlotTypeScatterBar)
        if plot is None or plot.IsA("vtkPlotBar") != is_bar:
            plot = vtk.vtkPlotBar() if is_bar else vtk.vtkPlotLine()
        _style(plot, series)
        table, x, y = series.GetTableNode().GetTable(), series.GetXColumnName(), series.GetYColumnName()
        by_index = not series.IsXColumnRequired()
        plot.SetUseIndexForXSeries(by_index)
        plot.SetInputData(table, y if by_index else x, y)
        labels = table.GetColumnByName(series.GetLabelColumnName() or "")
        plot.SetIndexedLabels(labels if isinstance(labels, vtk.vtkStringArray) else None)
        plot.SetTooltipLabelFormat(_tooltip(by_index, isinstance(labels, vtk.vtkStringArray)))
        return plot


def is_drawable(series) -> bool:
    """Whether qMRMLPlotView would draw a series: its table has the columns, and they hold numbers."""
    table_node = series.GetTableNode()
    if table_node is None or table_node.GetTable() is None:
        return False
    needed = [series.GetYColumnName()] + ([series.GetXColumnName()] if series.IsXColumnRequired() else [])
    columns = [table_node.GetTable().GetColumnByName(name or "") for name in needed]
    return all(column is not None and column.GetDataType() not in (vtk.VTK_STRING, vtk.VTK_BIT) for column in columns)


def _series_of(chart_node) -> list:
    nodes = [chart_node.GetNthPlotSeriesNode(index) for index in range(chart_node.GetNumberOfPlotSeriesNodes())]
    return [node for node in nodes if node is not None]


def _style(plot, series) -> None:
    plot.SetColorF(*series.GetColor())
    plot.SetOpacity(series.GetOpacity())
    plot.SetLabel(series.GetYColumnName() if series.GetName() is None else series.GetName())
    plot.GetPen().SetWidth(series.GetLineWidth())
    plot.GetPen().SetOpacityF(series.GetOpacity())
    plot.GetPen().SetLineType(LINE_STYLES.get(series.GetLineStyle(), vtk.vtkPen.SOLID_LINE))
    if plot.IsA("vtkPlotLine"):
        plot.SetMarkerStyle(series.GetMarkerStyle())
        plot.SetMarkerSize(series.GetMarkerSize())


def _tooltip(by_index: bool, has_labels: bool) -> str:
    """What hovering over a point says: %l the series, %x and %y the point, %i its label."""
    if by_index:
        return "%i: %l = %y" if has_labels else "%l = %y"
    return "%l = (%x, %y) %i" if has_labels else "%l = (%x, %y)"
