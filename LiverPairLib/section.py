"""What every section of a panel is."""

import inspect
from pathlib import Path

import slicer

from LiverPairLib.panelcontext import PanelContext


class Section:
    """One collapsible part of a panel, loaded from the file `Resources/UI/<name>.ui` of its module.

    `widget` is what the panel shows, `ui` its named children. Names of children are unique over all sections. Children
    with the property `SlicerParameterName` are bound to the parameter node by the panel. A subclass, in a file of the
    module's Lib folder, sets `name`.
    """

    name = ""

    def __init__(self, context: PanelContext) -> None:
        self.context = context
        module = Path(inspect.getfile(type(self))).parents[1]
        self.widget = slicer.util.loadUI(str(module / "Resources" / "UI" / f"{self.name}.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        context.addListener(self.onChanged)

    def onChanged(self, what: str) -> None:
        """Show what changed in the context, in one of the words that the context knows."""

    def show(self) -> None:
        """Show what is chosen and what can be done."""

    def enter(self) -> None:
        """The module came on screen: install what must be there only then, and show what there is."""
        self.show()

    def exit(self) -> None:
        """The module went off screen."""

    def cleanup(self) -> None:
        """The panel is going away."""
        self.exit()
        self.context.removeListener(self.onChanged)
