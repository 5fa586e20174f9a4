"""CTK widgets that hold numbers: sliders, spin boxes, ranges."""

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
class ctkDoubleSpinBox(QtWidgets.QDoubleSpinBox):
    """A spin box; CTK's options for its number of decimals are not drawn."""

    decimalsOption = stored_property(int, "decimalsOption", 0)


@stand_in
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box that show one number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    cpp_signals = {"valueChanged(double)", "valueIsChanging(double)"}
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

    def setMinimum(self, value: float) -> None:
        self.minimum = float(value)

    def setMaximum(self, value: float) -> None:
        self.maximum = float(value)

    def setRange(self, minimum: float, maximum: float) -> None:
        self._spinbox.setRange(float(minimum), float(maximum))

    def setDecimals(self, decimals: int) -> None:
        self.decimals = decimals

    def reset(self) -> None:
        self.value = self.minimum


@stand_in
class ctkDoubleSlider(QtWidgets.QSlider):
    """A slider of real numbers, in steps of `singleStep`."""

    valueChanged = Signal(float)
    cpp_signals = {"valueChanged(double)"}
    singleStep = stored_property(float, "singleStep", 1.0)


@stand_in
class ctkRangeWidget(QtWidgets.QWidget):
    """Two numbers, the lower and the upper end of a range."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    cpp_signals = {"valuesChanged(double,double)", "minimumValueChanged(double)", "maximumValueChanged(double)"}
    _lower: QtWidgets.QDoubleSpinBox
    _upper: QtWidgets.QDoubleSpinBox

    minimumValue = forwarded_property(float, "_lower", "value")
    maximumValue = forwarded_property(float, "_upper", "value")
    tracking = stored_property(bool, "tracking", True)
    suffix = stored_property(str, "suffix", "")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._lower, self._upper = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        self.setRange(0, 99)
        self._upper.setValue(99)
        _row(self, self._lower, self._upper)
        self._lower.valueChanged.connect(self.minimumValueChanged)
        self._upper.valueChanged.connect(self.maximumValueChanged)
        for part in (self._lower, self._upper):
            part.valueChanged.connect(lambda _: self.valuesChanged.emit(self.minimumValue, self.maximumValue))

    def _both(kind, name: str):  # noqa: N805 (used in the class body only)
        def write(self, value):
            setattr(self._lower, name, value)
            setattr(self._upper, name, value)

        return Property(kind, lambda self: getattr(self._lower, name), write)

    minimum, maximum = _both(float, "minimum"), _both(float, "maximum")
    singleStep, decimals = _both(float, "singleStep"), _both(int, "decimals")
    del _both

    def setRange(self, minimum: float, maximum: float) -> None:
        self._lower.setRange(float(minimum), float(maximum))
        self._upper.setRange(float(minimum), float(maximum))

    def setValues(self, minimum: float, maximum: float) -> None:
        self._lower.setValue(minimum)
        self._upper.setValue(maximum)

    def setMinimumValue(self, value: float) -> None:
        self._lower.setValue(value)

    def setMaximumValue(self, value: float) -> None:
        self._upper.setValue(value)
