"""How thick outlines and how large texts are drawn in slice views and charts.

Slicer sizes markups by the screen: points, the lines between them, and texts, these once more where the screen is
scaled. Outlines of segments it draws in pixels, of which a large screen has many. (The outlines of boxes are always 3
pixels thick.) A display node remembers what it was given: what a user has set in its place stays.
"""

import slicer

GIVEN = "LiverPair.Pen"
"""Attribute of a display node: the size that it was given last."""
SIZES = {
    "vtkMRMLSegmentationDisplayNode": ("SliceIntersectionThickness", "lines", 2, None),
    "vtkMRMLMarkupsDisplayNode": ("TextScale", "texts", 3.0, 1),
}
"""By class of display node: what is sized, with which factor, what it is where that is 1, and its digits."""
CHART_TEXTS = {"Title": 16, "AxisTitle": 14, "AxisLabel": 12, "Legend": 12}
"""Of the texts of a chart in points. VTK repeats a cut line of an axis title of 16 below it."""
_factors = {"lines": 1.0, "texts": 1.0}


def draw(display_node) -> None:
    """Give the outlines of a segmentation, or the texts of a markup, the size for the views as they are."""
    for class_name, (name, factor, usual, digits) in SIZES.items():
        if display_node.IsA(class_name):
            size = round(usual * _factors[factor], digits)
            getattr(display_node, f"Set{name}")(size)
            display_node.SetAttribute(GIVEN, str(size))


def letter(chart_node) -> None:
    """Give the texts of a chart their sizes."""
    for name, size in CHART_TEXTS.items():
        getattr(chart_node, f"Set{name}FontSize")(size)


def adapt(lines: float, texts: float) -> None:
    """Draw lines and texts so many times as large as usual from now on, also those that `draw` has sized before."""
    _factors.update(lines=lines, texts=texts)
    for class_name, (name, *_) in SIZES.items():
        for node in slicer.util.getNodesByClass(class_name):
            given = node.GetAttribute(GIVEN)
            if given is not None and float(given) == getattr(node, f"Get{name}")():
                draw(node)
