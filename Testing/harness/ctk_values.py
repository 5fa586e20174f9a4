"""CTK's slider with a spin box."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .standins import forwarded_property, stand_in, stored_property

SLIDER_STEPS = 1000


def _row(widget: QtWidgets.QWidget, *parts: QtWidgets.QWidget) -> None:
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)


@stand_in
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box that show one number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    _slider: QtWidgets.QSlider
    _spinbox: QtWidgets.QDoubleSpinBox

    def _set_value(self, value: float) -> None:
        # The same value again would rewrite the text under the hands of somebody who types.
        if value != self._spinbox.value:
            self._spinbox.setValue(value)

    value = Property(float, lambda self: self._spinbox.value, _set_value)
    minimum = forwarded_property(float, "_spinbox", "minimum")
    maximum = forwarded_property(float, "_spinbox", "maximum")
    singleStep = forwarded_property(float, "_spinbox", "singleStep")
    decimals = forwarded_property(int, "_spinbox", "decimals")
    suffix = forwarded_property(str, "_spinbox", "suffix")
    prefix = forwarded_property(str, "_spinbox", "prefix")
    pageStep = stored_property(float, "pageStep", 10.0)
    tickInterval = stored_property(float, "tickInterval", 0.0)
    tracking = stored_property(bool, "tracking", True)
    spinBoxVisible = stored_property(bool, "spinBoxVisible", True, lambda self, on: self._spinbox.setVisible(on))

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._slider.setRange(0, SLIDER_STEPS)
        self._spinbox = QtWidgets.QDoubleSpinBox()
        self._spinbox.setRange(0, 99)
        _row(self, self._slider, self._spinbox)
        self._spinbox.valueChanged.connect(self._on_number)
        self._slider.valueChanged.connect(self._on_slider)

    def _on_number(self, value: float) -> None:
        low, high = self.minimum, self.maximum
        self._slider.blockSignals(True)
        self._slider.setValue(round(SLIDER_STEPS * (value - low) / (high - low)) if high > low else 0)
        self._slider.blockSignals(False)
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    def _on_slider(self, position: int) -> None:
        self._spinbox.setValue(self.minimum + (self.maximum - self.minimum) * position / SLIDER_STEPS)

    def setValue(self, value: float) -> None:
        self.value = float(value)

    def reset(self) -> None:
        self.value = self.minimum
