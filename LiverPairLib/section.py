"""What every section of a panel is that is made of sections."""

from pathlib import Path

import slicer


class Section:
    """One collapsible part of a panel, loaded from `<uiFolder>/<name>.ui`.

    `widget` is what the panel shows, `ui` its named children. Names of children are unique over all sections. Children
    with the property `SlicerParameterName` are bound to the parameter node by the panel. A subclass sets `uiFolder` and
    `name`.
    """

    uiFolder = Path()
    name = ""

    def __init__(self, context):
        self.context = context
        self.widget = slicer.util.loadUI(str(self.uiFolder / f"{self.name}.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        context.addListener(self.onChanged)

    def onChanged(self, what):
        """Show what changed in the context, in one of the words that the context knows."""

    def enter(self):
        """The module came on screen: install what must be there only then."""

    def exit(self):
        """The module went off screen."""

    def cleanup(self):
        """The panel is going away."""
        self.context.removeListener(self.onChanged)
