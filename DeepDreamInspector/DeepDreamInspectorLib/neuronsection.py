"""The section "Neuron": where the dream begins. At points, in a box, or at random places inside the liver."""

from typing import Any

import qt
import slicer
from slicer import vtkMRMLMarkupsNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from DeepDreamInspectorLib.choices import BOX, LIVER, POINTS, dreamtSide, pointsOf
from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.modelandimagesection import explanation
from DeepDreamInspectorLib.placing import Placer, newBox, newPoints, placed, volumeAt
from liverpair.mrml import frames
from liverpair.mrml.lesions.box_drawing import slice_views_of
from LiverPairLib.looks import labelStyle
from LiverPairLib.resultnodes import isInScene
from LiverPairLib.section import INPUTS, Section

BUTTONS = {POINTS: "pointsRadioButton", BOX: "boxRadioButton", LIVER: "liverRadioButton"}
MARKUPS_EVENTS = tuple(
    getattr(slicer.vtkMRMLMarkupsNode, f"Point{what}Event")
    for what in ("PositionDefined", "PositionUndefined", "Modified", "Removed")
)
FRAMES = {POINTS: "pointsFrame", BOX: "boxFrame", LIVER: "liverFrame"}


class NeuronSection(Section, VTKObservationMixin):
    """Places points and boxes by clicks in the slice views, and lists the points.

    They are hidden when a dream comes on the screen, which they would cover.
    """

    name = "Neuron"
    part = INPUTS
    caption = _("Neuron")

    def __init__(self, context: DreamContext) -> None:
        VTKObservationMixin.__init__(self)
        Section.__init__(self, context)
        self._placer = Placer(self.show)
        self._followed, self._isFilling = [], False
        self._before, self._hidden = set(), []
        for place, name in BUTTONS.items():
            getattr(self.ui, name).connect("clicked(bool)", lambda checked=True, place=place: self.onPlace(place))
        self.ui.placePointButton.connect("clicked(bool)", self.onPlacePoint)
        self.ui.deletePointButton.connect("clicked(bool)", self.onDeletePoint)
        self.ui.deleteAllPointsButton.connect("clicked(bool)", self.onDeleteAllPoints)
        self.ui.pointsList.connect("currentRowChanged(int)", self.onPointChosen)
        self.ui.placeBoxButton.connect("clicked(bool)", self.onPlaceBox)
        self.ui.placeProblemLabel.styleSheet = labelStyle()
        self._refuse("")

    def enter(self) -> None:
        self._placer.watch()
        self.show()
        self._hideOrReveal()

    def exit(self) -> None:
        self._reveal()
        self._refuse("")
        self._endPlacing()
        self._placer.stop()
        self._followNodes([])

    def onChanged(self, what: str) -> None:
        if what in ("parameters", "neuron"):
            self.show()
        elif what == "dream" or (what == "run" and self.context.running and not self.context.run.isCancelling):
            self._endPlacing()
            self._hideOrReveal()

    def onPlace(self, place: str) -> None:
        self.context.parameterNode.place = place

    def onPlacePoint(self, checked: bool) -> None:
        """Begin or end placing a point by a click."""
        parameterNode = self.context.parameterNode
        if not checked:
            self._placer.end(parameterNode.points)
            return
        if parameterNode.points is None:
            parameterNode.points = newPoints(_("Dream starts"))
        self._beginPlacing(parameterNode.points, isPersistent=True)  # until the click was in the right view

    def onDeletePoint(self) -> None:
        self.context.parameterNode.points.RemoveNthControlPoint(self.ui.pointsList.currentRow)

    def onDeleteAllPoints(self) -> None:
        self.context.parameterNode.points.RemoveAllControlPoints()

    def onPointChosen(self, row: int) -> None:
        """Bring the slice views to a point."""
        points = pointsOf(self.context.parameterNode) if self.context.parameterNode is not None else []
        if not self._isFilling and 0 <= row < len(points):
            self._reveal()
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *frames.flip(points[row]))
        self._showButtons()

    def onPlaceBox(self, checked: bool) -> None:
        """Begin or end placing a new box by clicks at two of its corners."""
        parameterNode = self.context.parameterNode
        if not checked:
            self._placer.end(parameterNode.box)
            return
        parameterNode.box = newBox(_("Dream box"))
        self._beginPlacing(parameterNode.box, isPersistent=False)

    def show(self) -> None:
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
        self.ui.placePointButton.checked = isPlacing
        self.ui.placePointButton.text = _("Click in a slice view…") if isPlacing else _("Place a point")
        isPlacing = self._placer.isPlacing(parameterNode.box)
        self.ui.placeBoxButton.checked = isPlacing
        self.ui.placeBoxButton.text = _("Click at two corners…") if isPlacing else _("New box")

    def _followNodes(self, nodes: list[vtkMRMLMarkupsNode | None]) -> None:
        """Hear of changes of these nodes, and of no others; None stands for none."""
        nodes = [node for node in nodes if node is not None]
        if nodes != self._followed:
            self.removeObservers(self._onMarkupsModified)
            self._followed = nodes
            for node in nodes:
                for event in MARKUPS_EVENTS:
                    self.addObserver(node, event, self._onMarkupsModified)

    def _onMarkupsModified(self, caller: Any = None, event: Any = None) -> None:
        """Where the neurons are also decides whether a dream can be run, which is the business of others."""
        self.context.tell("neuron")
        if self._placer.isPlacing(caller):
            qt.QTimer.singleShot(0, lambda: self._judge(caller))  # when Slicer has done its own part of a click

    def _beginPlacing(self, node: vtkMRMLMarkupsNode, isPersistent: bool) -> None:
        self._reveal()
        self._refuse("")
        self._before = {node.GetNthControlPointID(number) for number in placed(node)}
        self._showVolume()
        self._placer.begin(node, isPersistent)

    def _endPlacing(self) -> None:
        for node in self._followed:
            self._placer.end(node)

    def _judge(self, node: vtkMRMLMarkupsNode) -> None:
        """Keep what was placed in a view of the volume that is dreamt on, and end placing a point; take back what was
        placed in any other view, and go on."""
        if self.context.parameterNode is None or not isInScene(node) or not self._placer.isPlacing(node):
            return
        new = [number for number in placed(node) if node.GetNthControlPointID(number) not in self._before]
        if not new:
            return
        isBox, dreamt, shown = node is self.context.parameterNode.box, self._dreamtVolume(), volumeAt(node, new[0])
        if dreamt is None or shown is dreamt:
            self._refuse("")
            if not isBox:
                self._placer.end(node)
            return
        if isBox:
            self._placer.end(node)
            slicer.mrmlScene.RemoveNode(node)
            self.onPlaceBox(True)
        for number in [] if isBox else reversed(new):
            node.RemoveNthControlPoint(number)
        what = _("This view shows '{name}'.").format(name=shown.GetName()) if shown else _("This view shows no image.")
        self._refuse(
            _("{what} The dream is on '{name}': click in a view of that image.").format(
                what=what, name=dreamt.GetName()
            )
        )

    def _refuse(self, sentence: str) -> None:
        """Say beside the buttons why a click was not taken."""
        self.ui.placeProblemLabel.text = sentence
        self.ui.placeProblemLabel.visible = bool(sentence)

    def _hideOrReveal(self) -> None:
        """Hide points and box when there is a dream on the screen."""
        if self.context.dream is None:
            self._reveal()
            return
        for display in [node.GetDisplayNode() for node in self._followed]:
            if display is not None and display.GetVisibility():
                display.SetVisibility(False)
                self._hidden.append(display)

    def _reveal(self) -> None:
        """Show again what was hidden here."""
        hidden, self._hidden = self._hidden, []
        for display in hidden:
            if isInScene(display):
                display.SetVisibility(True)

    def _showPoints(self) -> None:
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

    def _showButtons(self) -> None:
        count = self.ui.pointsList.count
        self.ui.deletePointButton.enabled = 0 <= self.ui.pointsList.currentRow < count
        self.ui.deleteAllPointsButton.enabled = count > 0

    def _dreamtVolume(self) -> vtkMRMLScalarVolumeNode | None:
        bundle = self.context.bundle
        side = dreamtSide(self.context.parameterNode, bundle) if bundle is not None else None
        return self.context.volume(side) if side is not None else None

    def _showVolume(self) -> None:
        """Show the volume that is dreamt on, unless a slice view of the layout does already."""
        volume = self._dreamtVolume()
        widgets = map(slicer.app.layoutManager().sliceWidget, slice_views_of(volume) if volume is not None else ())
        isShown = any(widget.mrmlSliceNode().IsMappedInLayout() for widget in widgets if widget is not None)
        if volume is not None and not isShown:
            slicer.util.setSliceViewerLayers(background=volume, fit=True)
