"""How to dream: what is asked for most above the buttons of the run, the rest among the details."""

from slicer.i18n import tr as _

from DeepDreamInspectorLib.dreamcontext import DreamContext
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.section import DETAILS, RUN, Section


class SettingsSection(Section):
    """`choices` are, by parameter, what can be chosen in a combo box of that name, and how it is called."""

    name = "Settings"
    part = RUN
    choices = {"direction": {"ascent": _("Dream an object (ascent)"), "descent": _("Dream it away (descent)")}}

    def __init__(self, context: DreamContext) -> None:
        super().__init__(context)
        self._boxes = {name: self._comboBox(name, entries) for name, entries in self.choices.items()}

    def onChanged(self, what: str) -> None:
        if what == "parameters":
            self.show()

    def show(self) -> None:
        """Show what is chosen."""
        if self.context.parameterNode is not None:
            for name, box in self._boxes.items():
                box.setCurrent(getattr(self.context.parameterNode, name))

    def _comboBox(self, name: str, entries: dict[str, str]) -> KeyComboBox:
        box = KeyComboBox(
            getattr(self.ui, f"{name}ComboBox"), lambda key: setattr(self.context.parameterNode, name, key)
        )
        box.setEntries(entries)
        return box


class MoreSettingsSection(SettingsSection):
    """The settings that few people change."""

    name = "MoreSettings"
    part = DETAILS
    caption = _("Dream")
    choices = {
        "activation": {"logit": _("Logit"), "probability": _("Probability")},
        "gradient": {"normalized": _("Normalized"), "raw": _("Raw")},
    }

    def show(self) -> None:
        super().show()
        if self.context.parameterNode is not None:
            isRaw = self.context.parameterNode.gradient == "raw"
            self.ui.stepLabel.text = _("Factor:") if isRaw else _("Step:")
