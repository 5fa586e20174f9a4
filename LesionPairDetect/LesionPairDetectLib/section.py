"""What every section of the panel is."""

from pathlib import Path

import slicer

UI_FOLDER = Path(__file__).parents[1] / "Resources" / "UI"


class Section:
    """One collapsible part of the panel, loaded from `Resources/UI/<name>.ui`.

    `widget` is what the panel shows, `ui` its named children. Names of children are unique over all sections. Children
    with the property `SlicerParameterName` are bound to the parameter node by the panel.
    """

    name = ""

    def __init__(self, context):
        self.context = context
        self.widget = slicer.util.loadUI(str(UI_FOLDER / f"{self.name}.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        context.addListener(self.onChanged)

    def onChanged(self, what):
        """Show what changed in the context: "study", "boxes", "selection", "history" or "parameters"."""

    def enter(self):
        """The module came on screen: install what must be there only then."""

    def exit(self):
        """The module went off screen."""

    def cleanup(self):
        """The panel is going away."""
        self.context.removeListener(self.onChanged)
