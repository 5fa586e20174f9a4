"""Draws a vtkMRMLPlotChartNode off screen, as qMRMLPlotView does on screen."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

LINE_STYLES = {
    slicer.vtkMRMLPlotSeriesNode.LineStyleNone: vtk.vtkPen.NO_PEN,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDash: vtk.vtkPen.DASH_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDot: vtk.vtkPen.DOT_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDashDot: vtk.vtkPen.DASH_DOT_LINE,
}


class PlotPicture:
    """An off-screen window with one chart."""

    def __init__(self):
        self._context = vtk.vtkContextView()
        self._window = self._context.GetRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._context.GetRenderer().SetBackground(1, 1, 1)
        self._chart = vtk.vtkChartXY()
        self._context.GetScene().AddItem(self._chart)

    def grab(self, chart_node, size: tuple[int, int]) -> np.ndarray:
        """Pixels (height, width, 3) of the chart at (width, height) `size`; an empty chart for None."""
        self._window.SetSize(*size)
        self._chart.ClearPlots()
        if chart_node is not None:
            self._set_titles(chart_node)
            for index in range(chart_node.GetNumberOfPlotSeriesNodes()):
                self._add_series(chart_node.GetNthPlotSeriesNode(index))
            self._chart.RecalculateBounds()
        self._window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self._window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        width, height, _ = grabber.GetOutput().GetDimensions()
        pixels = vtk_to_numpy(grabber.GetOutput().GetPointData().GetScalars())
        return pixels.reshape(height, width, -1)[::-1].copy()

    def _set_titles(self, node) -> None:
        self._chart.SetTitle((node.GetTitle() or "") if node.GetTitleVisibility() else "")
        self._chart.SetShowLegend(bool(node.GetLegendVisibility()))
        self._chart.GetAxis(vtk.vtkAxis.BOTTOM).SetTitle(node.GetXAxisTitle() or "")
        self._chart.GetAxis(vtk.vtkAxis.LEFT).SetTitle(node.GetYAxisTitle() or "")

    def _add_series(self, series) -> None:
        table_node = series.GetTableNode()
        if table_node is None or not series.GetYColumnName():
            return
        is_bar = series.GetPlotType() in (series.PlotTypeBar, series.PlotTypeScatterBar)
        plot = self._chart.AddPlot(vtk.vtkChart.BAR if is_bar else vtk.vtkChart.LINE)
        by_index = series.GetPlotType() in (series.PlotTypeLine, series.PlotTypeBar) or not series.GetXColumnName()
        plot.SetUseIndexForXSeries(by_index)
        across = series.GetYColumnName() if by_index else series.GetXColumnName()
        plot.SetInputData(table_node.GetTable(), across, series.GetYColumnName())
        plot.SetColorF(*series.GetColor())
        plot.SetLabel(series.GetName())
        plot.GetPen().SetWidth(series.GetLineWidth())
        plot.GetPen().SetLineType(LINE_STYLES.get(series.GetLineStyle(), vtk.vtkPen.SOLID_LINE))
        if not is_bar:
            plot.SetMarkerStyle(series.GetMarkerStyle())
            plot.SetMarkerSize(series.GetMarkerSize())
