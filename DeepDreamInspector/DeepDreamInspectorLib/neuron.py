"""The section "Neuron": where the dream begins. At points, in a box, or at random places inside the liver."""

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from DeepDreamInspectorLib.choices import BOX, LIVER, POINTS, dreamtSide, pointsOf
from DeepDreamInspectorLib.modelandimage import explanation
from DeepDreamInspectorLib.placing import Placer, newPoints
from DeepDreamInspectorLib.section import Section
from liverpair.mrml import frames
from liverpair.mrml.box_drawing import slice_views_of

BUTTONS = {POINTS: "pointsRadioButton", BOX: "boxRadioButton", LIVER: "liverRadioButton"}
MARKUPS_EVENTS = tuple(
    getattr(slicer.vtkMRMLMarkupsNode, f"Point{what}Event")
    for what in ("PositionDefined", "PositionUndefined", "Modified", "Removed")
)
FRAMES = {POINTS: "pointsFrame", BOX: "boxFrame", LIVER: "liverFrame"}


class NeuronSection(Section, VTKObservationMixin):
    """Places points and boxes by clicks in the slice views, and lists the points."""

    name = "Neuron"

    def __init__(self, context):
        VTKObservationMixin.__init__(self)
        Section.__init__(self, context)
        self._placer = Placer(self.show)
        self._followed, self._isFilling = [], False
        for place, name in BUTTONS.items():
            getattr(self.ui, name).connect("clicked(bool)", lambda checked=True, place=place: self.onPlace(place))
        self.ui.placePointsButton.connect("clicked(bool)", self.onPlacePoints)
        self.ui.deletePointButton.connect("clicked(bool)", self.onDeletePoint)
        self.ui.deleteAllPointsButton.connect("clicked(bool)", self.onDeleteAllPoints)
        self.ui.pointsList.connect("currentRowChanged(int)", self.onPointChosen)
        self.ui.placeBoxButton.connect("clicked(bool)", self.onPlaceBox)

    def enter(self):
        self._placer.watch()
        self.show()

    def exit(self):
        parameterNode = self.context.parameterNode
        for node in (parameterNode.points, parameterNode.box) if parameterNode is not None else (None,):
            self._placer.stop(node)
        self._followNodes([])

    def cleanup(self):
        self.exit()
        super().cleanup()

    def onChanged(self, what):
        if what in ("parameters", "neuron"):
            self.show()

    def onPlace(self, place):
        self.context.parameterNode.place = place

    def onPlacePoints(self, checked):
        """Begin or end placing points by clicks."""
        parameterNode = self.context.parameterNode
        if not checked:
            self._placer.end(parameterNode.points)
            return
        if parameterNode.points is None:
            parameterNode.points = newPoints(_("Dream starts"))
        self._showVolume()
        self._placer.begin(parameterNode.points, isPersistent=True)

    def onDeletePoint(self):
        self.context.parameterNode.points.RemoveNthControlPoint(self.ui.pointsList.currentRow)

    def onDeleteAllPoints(self):
        self.context.parameterNode.points.RemoveAllControlPoints()

    def onPointChosen(self, row):
        """Bring the slice views to a point."""
        points = pointsOf(self.context.parameterNode) if self.context.parameterNode is not None else []
        if not self._isFilling and 0 <= row < len(points):
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *frames.flip(points[row]))
        self._showButtons()

    def onPlaceBox(self, checked):
        """Begin or end placing a new box by clicks at two of its corners."""
        parameterNode = self.context.parameterNode
        if not checked:
            self._placer.end(parameterNode.box)
            return
        parameterNode.box = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", _("Dream box"))
        parameterNode.box.CreateDefaultDisplayNodes()
        self._showVolume()
        self._placer.begin(parameterNode.box, isPersistent=False)

    def show(self):
        """Show what is chosen, and what is being placed."""
        parameterNode = self.context.parameterNode
        self._followNodes([parameterNode.points, parameterNode.box] if parameterNode is not None else [])
        if parameterNode is None:
            return
        for place, name in BUTTONS.items():
            getattr(self.ui, name).checked = parameterNode.place == place
            getattr(self.ui, FRAMES[place]).visible = parameterNode.place == place
        bundle = self.context.bundle
        self.ui.neuronLabel.text = explanation(bundle, parameterNode.place) if bundle is not None else ""
        self._showPoints()
        isPlacing = self._placer.isPlacing(parameterNode.points)
        self.ui.placePointsButton.checked = isPlacing
        self.ui.placePointsButton.text = _("Click in a slice view…") if isPlacing else _("Place points")
        isPlacing = self._placer.isPlacing(parameterNode.box)
        self.ui.placeBoxButton.checked = isPlacing
        self.ui.placeBoxButton.text = _("Click at two corners…") if isPlacing else _("New box")

    def _followNodes(self, nodes):
        """Hear of changes of these nodes, and of no others; None stands for none."""
        nodes = [node for node in nodes if node is not None]
        if nodes != self._followed:
            self.removeObservers(self._onMarkupsModified)
            self._followed = nodes
            for node in nodes:
                for event in MARKUPS_EVENTS:
                    self.addObserver(node, event, self._onMarkupsModified)

    def _onMarkupsModified(self, caller=None, event=None):
        """Where the neurons are also decides whether a dream can be run, which is the business of others."""
        self.context.tell("neuron")

    def _showPoints(self):
        texts = [
            _("{number}:  R {:.1f}  A {:.1f}  S {:.1f}").format(*frames.flip(point), number=number)
            for number, point in enumerate(pointsOf(self.context.parameterNode), start=1)
        ]
        shown = self.ui.pointsList
        if [shown.item(row).text() for row in range(shown.count)] != texts:
            self._isFilling = True
            chosen = min(shown.currentRow, len(texts) - 1)
            shown.clear()
            shown.addItems(texts)
            shown.setCurrentRow(chosen)
            self._isFilling = False
        self._showButtons()

    def _showButtons(self):
        count = self.ui.pointsList.count
        self.ui.deletePointButton.enabled = 0 <= self.ui.pointsList.currentRow < count
        self.ui.deleteAllPointsButton.enabled = count > 0

    def _showVolume(self):
        """Show the volume that is dreamt on, unless a slice view does already."""
        bundle = self.context.bundle
        side = dreamtSide(self.context.parameterNode, bundle) if bundle is not None else None
        volume = self.context.volume(side) if side is not None else None
        if volume is not None and not slice_views_of(volume):
            slicer.util.setSliceViewerLayers(background=volume, fit=True)
