"""The module `ctk` of Slicer, as far as the modules use it."""

from .ctk_controls import ctkCollapsibleButton, ctkMessageBox, ctkPathLineEdit  # noqa: F401
from .ctk_values import ctkSliderWidget  # noqa: F401
