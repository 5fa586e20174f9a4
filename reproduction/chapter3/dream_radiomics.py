"""Radiomic reading of a network that segments lesions (Couteaux 2021, section 3.5, figures 3.7 and 3.13).

Which features does it drive into the range of the lesions that it learned, which out of it, and which does it not care
for? With two baselines beside it: random weights, and a random direction of equal steps.
"""

from collections.abc import Sequence

from liverpair.core.trajectories import RUN_KINDS
from liverpair.dreaming.figures import trajectory_figure
from liverpair.dreaming.interpretation import readings
from liverpair.dreaming.normal_ranges import NormalRanges
from liverpair.evaluation.result_files import write_results
from liverpair.measures.feature_names import default_features, title_of
from reproduction.arguments import command_of
from reproduction.chapter3.dream_figures import picture_grid
from reproduction.chapter3.dream_networks import REALISTIC
from reproduction.chapter3.dream_runs import (
    data_words,
    dreams_of,
    inspected,
    options_of,
    settings_of,
    spread,
    starts_of,
)

NAME = "dream-radiomics"
NOTES = (
    "z-scores against the lesions of training: median (quartiles) over the starts at the last iteration with an "
    "object. Rules of reading: Couteaux 2021, section 3.2.",
)


def main(arguments: Sequence[str]) -> None:
    """Train the network where it is missing, dream, write."""
    options, training = options_of(NAME, __doc__, arguments)
    bundle = inspected(REALISTIC, options, training)
    ranges = NormalRanges.of_bundle(bundle)
    starts = starts_of(bundle, options)
    features = default_features(2)
    dreamt = dreams_of(bundle, starts, settings_of(options), features, kinds=RUN_KINDS)
    rows = []
    for reading in readings(dreamt.trajectories, ranges):
        row = {"feature": title_of(reading.feature), "rule": reading.rule}
        for kind in RUN_KINDS:
            values = dreamt.final(reading.feature, kind)
            mean, sd = (ranges.features[reading.feature][key] for key in ("mean", "sd"))
            row[f"z, {kind.replace('-', ' ')}"] = spread((values - mean) / sd)
        rows.append({**row, "what it says": reading.sentence})
    folder = options.results
    folder.mkdir(parents=True, exist_ok=True)
    trajectory_figure(dreamt.trajectories, ranges, features, path=folder / f"{NAME}.png")
    pictures = {bundle.name: dreamt.pictures(titled=True)}
    picture_grid(pictures, folder / f"{NAME}-images.png", (0.0, 1.0), starts[0].subject.spacing_mm)
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{data_words(options)}: {options.starts} starts; ranges of {ranges.count} synthetic lesions of training",
        title=f"What {bundle.name} looks for, read from its dreams",
        folder=folder,
        notes=[
            *NOTES,
            f"![Features over the iterations]({NAME}.png)",
            f"![A dream]({NAME}-images.png)",
        ],
    )
