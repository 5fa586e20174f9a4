"""Stand-ins for the widgets of Slicer's module Sequences, over a real vtkMRMLSequenceBrowserNode."""

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_selectors import qMRMLWidget
from .observing import Observers
from .standins import stand_in, stored_property

PLAYBACK_MS = 20
"""How often the module Sequences moves on what is played; proxy nodes show at most that many frames."""

BUTTON_WIDTH = 30


class SequencePlayer(QtCore.QObject):
    """What qSlicerSequencesModule does in the background: it moves browser nodes on that are played, and shows its tool
    bar when a scene with a browser was loaded."""

    def __init__(self, module):
        super().__init__()
        self._module, self._logic = module, module.logic()
        self._has_loaded_browser = False
        module.toolBarVisible = False
        slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._on_node_added)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(PLAYBACK_MS)
        self._timer.timeout.connect(self._move_on)
        self._timer.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_added(self, scene, _event, node) -> None:
        if node.IsA("vtkMRMLSequenceBrowserNode") and scene.IsImporting():
            self._has_loaded_browser = True

    def _move_on(self) -> None:
        if self._has_loaded_browser and not slicer.mrmlScene.IsImporting():
            self._has_loaded_browser = False
            self._module.toolBarVisible = True
        if slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode") is not None:
            self._logic.UpdateAllProxyNodes()


class BrowserWidget(qMRMLWidget):
    """A widget that follows a sequence browser node; gray without one, or when it has no sequence."""

    _node: slicer.vtkMRMLSequenceBrowserNode
    _observers: Observers
    _row: QtWidgets.QHBoxLayout

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._observers = None, Observers(self)
        self._row = QtWidgets.QHBoxLayout(self)

    def setMRMLSequenceBrowserNode(self, node) -> None:
        is_browser = node is not None and node.IsA("vtkMRMLSequenceBrowserNode")
        self._observers.clear()
        self._node = node if is_browser else None
        if self._node is not None:
            self._observers.watch(self._node, lambda *_: self._update())
        self._update()

    def _update(self) -> None:
        sequence = self._node.GetMasterSequenceNode() if self._node is not None else None
        self.setEnabled(sequence is not None)
        self._show(sequence)

    def _show(self, sequence) -> None:
        raise NotImplementedError


@stand_in
class qMRMLSequenceBrowserSeekWidget(BrowserWidget):
    """A slider over the items of a sequence, with the index of the selected one."""

    _name: QtWidgets.QLabel
    _slider: QtWidgets.QSlider
    _value: QtWidgets.QLabel

    def __init__(self, parent=None):
        super().__init__(parent)
        self._name, self._slider, self._value = QtWidgets.QLabel(), QtWidgets.QSlider(), QtWidgets.QLabel()
        self._slider.setOrientation(QtCore.Qt.Horizontal)
        self._slider.setObjectName("slider_IndexValue")
        self._value.setFont(QtGui.QFontDatabase.systemFont(QtGui.QFontDatabase.FixedFont))
        for part in (self._name, self._slider, self._value):
            self._row.addWidget(part)
        self._slider.valueChanged.connect(self.setSelectedItemNumber)
        self._update()

    def slider(self) -> QtWidgets.QSlider:
        return self._slider

    def setSelectedItemNumber(self, number: int) -> None:
        if self._node is not None and self._node.GetMasterSequenceNode() is not None:
            count = self._node.GetMasterSequenceNode().GetNumberOfDataNodes()
            self._node.SetSelectedItemNumber(number if 0 <= number < count else -1)

    def _show(self, sequence) -> None:
        self._name.setText(sequence.GetIndexName() if sequence is not None else "")
        count = sequence.GetNumberOfDataNodes() if sequence is not None else 0
        selected = self._node.GetSelectedItemNumber() if count else 0
        self._slider.blockSignals(True)
        self._slider.setEnabled(count > 0)
        self._slider.setRange(0, max(count - 1, 0))
        self._slider.setValue(max(selected, 0))
        self._slider.blockSignals(False)
        self._value.setText(self._formatted(sequence, selected, count))

    def _formatted(self, sequence, selected: int, count: int) -> str:
        if not 0 <= selected < count:
            return ""
        if self._node.GetIndexDisplayMode() == self._node.IndexDisplayAsIndexValue:
            return f"{self._node.GetFormattedIndexValue(selected)} {sequence.GetIndexUnit()}".strip()
        return f"{selected + 1}/{count}"


@stand_in
class qMRMLSequenceBrowserPlayWidget(BrowserWidget):
    """First, previous, play, next, last, frames per second, loop: the buttons have the object names of Slicer's."""

    _controls: list
    _play: QtWidgets.QPushButton
    _loop: QtWidgets.QPushButton
    _rate: QtWidgets.QDoubleSpinBox

    RecordingControlsVisible = stored_property(bool, "recordingControlsVisible", True)
    PlayPauseShortcut = stored_property(str, "playPauseShortcut", "")
    PreviousFrameShortcut = stored_property(str, "previousFrameShortcut", "")
    NextFrameShortcut = stored_property(str, "nextFrameShortcut", "")

    def __init__(self, parent=None):
        super().__init__(parent)
        style = QtWidgets.QStyle
        self._controls = []
        self._add("VcrFirst", style.SP_MediaSkipBackward).clicked.connect(lambda: self._node.SelectFirstItem())
        self._add("VcrPrevious", style.SP_MediaSeekBackward).clicked.connect(lambda: self._node.SelectNextItem(-1))
        self._play = self._add("VcrPlayPause", style.SP_MediaPlay, checkable=True)
        self._play.toggled.connect(self.setPlaybackEnabled)
        self._add("VcrNext", style.SP_MediaSeekForward).clicked.connect(lambda: self._node.SelectNextItem(1))
        self._add("VcrLast", style.SP_MediaSkipForward).clicked.connect(lambda: self._node.SelectLastItem())
        self._rate = QtWidgets.QDoubleSpinBox()
        self._rate.setObjectName("doubleSpinBox_VcrPlaybackRate")
        self._rate.setSuffix("fps")
        self._rate.setDecimals(1)
        self._rate.setRange(0.0, 1000.0)
        self._rate.valueChanged.connect(self.setPlaybackRateFps)
        self._row.addWidget(self._rate)
        self._loop = self._add("VcrLoop", style.SP_BrowserReload, checkable=True)
        self._loop.toggled.connect(self.setPlaybackLoopEnabled)
        self._update()

    def setPlaybackEnabled(self, play: bool) -> None:
        if self._node is not None:
            self._node.SetPlaybackActive(play)

    def setPlaybackLoopEnabled(self, loop: bool) -> None:
        if self._node is not None:
            self._node.SetPlaybackLooped(loop)

    def setPlaybackRateFps(self, rate: float) -> None:
        if self._node is not None:
            self._node.SetPlaybackRateFps(rate)

    def _add(self, name: str, icon, checkable: bool = False) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(self.style().standardIcon(icon), "")
        button.setObjectName(f"pushButton_{name}")
        button.setCheckable(checkable)
        button.setMaximumWidth(BUTTON_WIDTH)
        self._row.addWidget(button)
        self._controls.append(button)
        return button

    def _show(self, sequence) -> None:
        if sequence is None:
            return
        for part, value in ((self._play, self._node.GetPlaybackActive()), (self._loop, self._node.GetPlaybackLooped())):
            part.blockSignals(True)
            part.setChecked(bool(value))
            part.blockSignals(False)
        self._rate.blockSignals(True)
        self._rate.setValue(self._node.GetPlaybackRateFps())
        self._rate.blockSignals(False)
        for control in self._controls:
            control.setEnabled(sequence.GetNumberOfDataNodes() > 0)


WIDGETS = (qMRMLSequenceBrowserPlayWidget, qMRMLSequenceBrowserSeekWidget)
