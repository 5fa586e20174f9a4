"""The section "Inputs": which network dreams, on which volume."""

from slicer.i18n import tr as _

from DeepDreamInspectorLib.choices import LIVER, acceptedSides, dreamtSide, givenVolumes, noSliceModel
from DeepDreamInspectorLib.dreamcontext import DreamContext
from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.jobs.dream_request import dimensions_of
from LiverPairLib.controls import KeyComboBox
from LiverPairLib.modelandvolumes import ModelAndVolumesSection
from LiverPairLib.modellogic import ModelLogic

TASKS = {
    "slice-segmentation": _("{labels} in single slices of {inputs}: a dream changes one slice (2-D)."),
    "segmentation": _("{labels} in volumes of {inputs}: a dream changes the whole volume (3-D)."),
    "detection": _("{labels} as boxes in {inputs}: a dream raises the score of one box (3-D)."),
}
"""What a model finds and what a dream with it is, by task."""


class ModelAndImageSection(ModelAndVolumesSection):
    """Shows only the volumes that the chosen model can be given."""

    name = "ModelAndImage"

    def __init__(self, context: DreamContext, logic: ModelLogic) -> None:
        super().__init__(context, logic)
        self._sideBox = KeyComboBox(self.ui.sideComboBox, self.onSideChosen)

    def show(self) -> None:
        parameterNode = self.context.parameterNode
        self.logic.livers.follow(parameterNode)
        super().show()
        bundle = self.context.bundle
        accepted = acceptedSides(bundle) if bundle is not None else Side
        for side in Side:
            for name in ("VolumeLabel", "VolumeSelector", "LiverLabel", "LiverSelector"):
                getattr(self.ui, side + name).visible = side in accepted
        self._showSide(bundle)
        sentences = (
            [summary(bundle), noSliceModel(parameterNode, bundle, self.logic.bundles)] if bundle is not None else []
        )
        self.ui.modelSummaryLabel.text = " ".join(filter(None, sentences))

    def onSideChosen(self, side: Side) -> None:
        self.context.parameterNode.side = side.key

    def _showSide(self, bundle: Bundle) -> None:
        """Ask which image is dreamt on where both are given."""
        given = givenVolumes(self.context.parameterNode, bundle) if bundle is not None else {}
        self._sideBox.setEntries({side: side.title for side in given})
        if given:
            self._sideBox.setCurrent(dreamtSide(self.context.parameterNode, bundle))
        for widget in (self.ui.sideLabel, self.ui.sideComboBox):
            widget.visible = len(given) > 1


def summary(bundle: Bundle) -> str:
    """What a model finds and what a dream with it is, in a sentence."""
    labels = _(" and ").join(label["name"] for label in bundle.labels)
    return TASKS[bundle.task].format(labels=labels, inputs=_(" and ").join(bundle.inputs))


def explanation(bundle: Bundle, place: str) -> str:
    """What a neuron of a model is, in a sentence or two; `place` is where it is chosen (see `choices`)."""
    isSliced = dimensions_of(bundle) == 2
    if place == LIVER and isSliced:
        return _("Random places where the model sees nothing, in all slices that show much of the liver.")
    if place == LIVER:
        return _("Random places where the model sees nothing, far apart from each other.")
    if bundle.task == "detection":
        return _("The neuron is the anchor of the detector that is nearest to a point, or overlaps a box most.")
    if isSliced:
        return _("The model sees one slice, as the volume was acquired: the place of the neuron chooses it.")
    return _("The model sees the volume; the neuron is its output at a point, or the mean of its outputs in a box.")
