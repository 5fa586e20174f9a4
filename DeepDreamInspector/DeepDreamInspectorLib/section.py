"""What every section of the panel is."""

from pathlib import Path

from LiverPairLib import section


class Section(section.Section):
    """One collapsible part of the panel; `onChanged` hears the words of `DreamContext`."""

    uiFolder = Path(__file__).parents[1] / "Resources" / "UI"
