"""What every section of a panel is."""

import inspect
from pathlib import Path

import slicer

from LiverPairLib.panelcontext import PanelContext

SHARED = Path(__file__).parent / "Resources" / "UI"
TOP, INPUTS, RUN, RESULT, DETAILS = "top", "inputs", "run", "result", "details"
"""The parts of every panel, from top to bottom; above the others stands what nobody may miss, which nothing folds."""


class Section:
    """A group of widgets in one part of a panel, loaded from the file `<name>.ui` of its module, or else from the one
    that the modules share.

    `widget` is what the panel shows, `ui` its named children. Names of children are unique over all sections. Children
    with the property `SlicerParameterName` are bound to the parameter node by the panel. A subclass, in a file of the
    module's Lib folder, sets `name`, the `part` of the panel, and a `caption` where the part has several sections.
    """

    name = ""
    part = RESULT
    caption = ""

    def __init__(self, context: PanelContext) -> None:
        self.context = context
        self.widget = slicer.util.loadUI(str(self._file()))
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

    def _file(self) -> Path:
        """Once installed, all modules lie in one folder: each has a folder of its own for its .ui files."""
        library = Path(inspect.getfile(type(self))).parent
        module = library.name.removesuffix("Lib")
        own = library.parent / "Resources" / "UI" / module / f"{self.name}.ui"
        return own if own.is_file() else SHARED / own.name
