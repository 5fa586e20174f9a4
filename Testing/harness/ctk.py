"""The module `ctk` of Slicer, as far as scripted modules use it."""

from .ctk_controls import (  # noqa: F401
    ctkCheckablePushButton,
    ctkCheckBox,
    ctkCollapsibleButton,
    ctkCollapsibleGroupBox,
    ctkColorPickerButton,
    ctkComboBox,
    ctkDirectoryButton,
    ctkDynamicSpacer,
    ctkFittedTextBrowser,
    ctkMenuButton,
    ctkMessageBox,
    ctkPathLineEdit,
    ctkPushButton,
)
from .ctk_values import ctkDoubleSlider, ctkDoubleSpinBox, ctkRangeWidget, ctkSliderWidget  # noqa: F401
