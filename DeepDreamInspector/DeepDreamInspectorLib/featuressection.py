"""The section "Features": which radiomic features are measured at every iteration."""

import math
from collections.abc import Iterable

from slicer.i18n import tr as _

from DeepDreamInspectorLib.choices import featuresOf
from DeepDreamInspectorLib.dreamcontext import DreamContext
from DeepDreamInspectorLib.featuretree import FeatureTree
from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.jobs.dream_request import dimensions_of
from liverpair.measures.feature_names import default_features, feature_groups
from LiverPairLib.section import DETAILS, Section


class FeaturesSection(Section):
    """Keeps the tree of features and the parameter `features` alike."""

    name = "Features"
    part = DETAILS
    caption = _("Features")

    def __init__(self, context: DreamContext) -> None:
        super().__init__(context)
        self._tree = FeatureTree(self.ui.featureTree, self.onChecked)
        self._shown = None
        self.ui.featureSearchLineEdit.connect("textChanged(QString)", self._tree.search)
        self.ui.defaultFeaturesButton.connect("clicked(bool)", self.onDefaults)

    def onChanged(self, what: str) -> None:
        if what == "parameters":
            self.show()

    def onChecked(self, names: list[str]) -> None:
        """The user has checked or unchecked some; one has to stay."""
        if not names:
            self.context.say(_("One feature has to stay."))
            self._tree.check(self._chosen())
            return
        here = {name for group in feature_groups(self._dimensions()).values() for name in group}
        others = [name for name in self.context.parameterNode.features.split() if name not in here]
        self.context.parameterNode.features = " ".join([*names, *others])

    def onDefaults(self) -> None:
        self.context.parameterNode.features = ""

    def show(self) -> None:
        """Show the features there are for the chosen model, those that are chosen, and what is normal."""
        if self.context.parameterNode is None:
            return
        bundle, dimensions = self.context.bundle, self._dimensions()
        shown = (bundle.name, bundle.version) if bundle is not None else None, dimensions
        ranges, problem = rangesOf(bundle)
        if shown != self._shown:
            self._shown = shown
            self._tree.fill(feature_groups(dimensions), {name: rangeText(ranges, name) for name in known(ranges)})
            self._tree.check(self._chosen())
            self._tree.search(self.ui.featureSearchLineEdit.text)
        chosen = self._chosen()
        self._tree.check(chosen)
        self.ui.defaultFeaturesButton.enabled = set(chosen) != set(default_features(dimensions))
        self.ui.featuresLabel.text = problem or sentence(chosen, ranges, bundle)

    def _chosen(self) -> list[str]:
        return featuresOf(self.context.parameterNode, self._dimensions())

    def _dimensions(self) -> int:
        bundle = self.context.bundle
        return dimensions_of(bundle) if bundle is not None else 3


def rangesOf(bundle: Bundle | None) -> tuple[NormalRanges | None, str]:
    """The normal ranges of a model or None, and a sentence when they are damaged."""
    try:
        return (NormalRanges.of_bundle(bundle) if bundle is not None else None), ""
    except InputError as error:
        return None, str(error)


def known(ranges: NormalRanges | None) -> Iterable[str]:
    """The features whose normal range is known."""
    return ranges.features if ranges is not None else ()


def rangeText(ranges: NormalRanges, name: str) -> str:
    """Mean and standard deviation of a feature over lesions."""
    band = ranges.features[name]
    digits = max(0, 2 - math.floor(math.log10(abs(band["sd"])))) if band["sd"] else 2
    return f"{band['mean']:.{min(digits, 6)}f} \u00b1 {band['sd']:.{min(digits, 6)}f}"


def sentence(chosen: list[str], ranges: NormalRanges | None, bundle: Bundle | None) -> str:
    """How many features are chosen, and what is known of their normal ranges."""
    count = _("Features measured: {count}.").format(count=len(chosen))
    if bundle is None:
        return count
    if ranges is None:
        return _("{count} Model '{name}' has no normal ranges: the values themselves will be plotted.").format(
            count=count, name=bundle.name
        )
    with_range = sum(name in ranges.features for name in chosen)
    return _("{count} The normal range of {known} of them is known, from {lesions} lesions.").format(
        count=count, known=with_range, lesions=ranges.count
    )
