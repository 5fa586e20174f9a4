"""Among the details of a panel: with which model, checksum and engine its result was made."""

from collections.abc import Callable, Mapping

from slicer.i18n import tr as _

from liverpair.mrml import provenance
from LiverPairLib.panelcontext import PanelContext
from LiverPairLib.section import DETAILS, Section

Sources = Callable[[], Mapping[str, Mapping]]


class ProvenanceSection(Section):
    """Shows what is kept with a result. `sources()` are the provenances by what they are of, such as "T1"."""

    name = "Provenance"
    part = DETAILS
    caption = _("Computed with")

    def __init__(self, context: PanelContext, sources: Sources) -> None:
        super().__init__(context)
        self._sources = sources

    def onChanged(self, what: str) -> None:
        if self.context.parameterNode is not None:
            self.show()

    def show(self) -> None:
        known = {of: text for of, made in self._sources().items() if (text := "\n".join(provenance.lines(made)))}
        texts = [f"{of}\n{text}" if len(known) > 1 else text for of, text in known.items()]
        if len(set(known.values())) == 1:
            texts = list(known.values())[:1]
        text = "\n\n".join(texts) or _("There is no result of a model.")
        if self.ui.provenanceText.plainText != text:
            self.ui.provenanceText.plainText = text
