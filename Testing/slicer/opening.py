"""Every module is there, and opens."""

import slicer
from workflows import MODULES

FEWEST_WIDGETS = 15


def every_module_opens(hands):
    for name in MODULES:
        hands.open(name)
        hands.expect(slicer.util.selectedModule() == name, f"{name} is selected")
        children = slicer.util.findChildren(hands.panel())
        shown = [child for child in children if child.inherits("QWidget") and child.visible]
        hands.expect(len(shown) >= FEWEST_WIDGETS, f"{name} shows a panel, not {len(shown)} widgets")
        hands.expect(not hands["applyButton"].enabled, f"{name} cannot be run without volumes")
        hands.expect(bool(hands.read("reasonLabel")), f"{name} says why it cannot be run")
        hands.picture(name)
