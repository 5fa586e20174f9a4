"""The dreams in the scene: which one is on the screen."""

from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.dreamfiles import removeFolder
from liverpair.mrml.dreams.dream_scene import MARK
from LiverPairLib.section import Section


class DreamsSection(Section):
    """Chooses and deletes dreams."""

    name = "Dreams"

    def __init__(self, context: DreamContext) -> None:
        super().__init__(context)
        self.ui.dreamSelector.addAttribute("vtkMRMLTableNode", MARK)
        self.ui.deleteDreamButton.connect("clicked(bool)", self.onDelete)
        self.show()

    def onChanged(self, what: str) -> None:
        if what in ("dream", "run"):
            self.show()

    def onDelete(self) -> None:
        """Take the shown dream out of the scene."""
        dream = self.context.dream
        if self.context.confirm(_("Delete the dream '{name}' from the scene?").format(name=dream.name)):
            removeFolder(dream)
            dream.remove()

    def show(self) -> None:
        """Show whether there is a dream that can be deleted."""
        dream = self.context.dream
        isBeingDreamt = self.context.running and self.context.run.dream is dream
        self.ui.deleteDreamButton.enabled = dream is not None and not isBeingDreamt
