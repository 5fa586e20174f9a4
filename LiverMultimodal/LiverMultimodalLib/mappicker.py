"""The row of the panel in which a map of the liver is chosen to lie over the images."""

from slicer.i18n import tr as _

from liverpair.mrml import maps
from LiverPairLib import inputs
from LiverPairLib.controls import KeyComboBox

NOTHING = ""
ENTRIES = {NOTHING: _("None"), "probability": _("Probability"), "uncertainty": _("Uncertainty")}


class MapPicker:
    """Binds `shownMapComboBox` to the parameter `shownMap`; it can be used where there is a map."""

    def __init__(self, ui, parameters):
        """`parameters()` is the parameter node on the screen."""
        self._ui, self._parameters = ui, parameters
        self._box = KeyComboBox(ui.shownMapComboBox, self._onChosen)

    def show(self):
        """Show which maps there are, and which lies over the images."""
        kinds = {kind for node in self._segmentations() for kind in maps.maps_of(node)}
        entries = {kind: text for kind, text in ENTRIES.items() if kind in {NOTHING, *kinds}}
        self._box.setEntries(entries)
        current = self._parameters().shownMap
        self._box.setCurrent(current if current in entries else NOTHING)
        self._ui.shownMapComboBox.enabled = bool(kinds)

    def _segmentations(self):
        return [node for node in inputs.segmentationsOf(self._parameters()).values() if node is not None]

    def _onChosen(self, kind):
        self._parameters().shownMap = kind
        maps.show_maps(self._segmentations(), kind)
