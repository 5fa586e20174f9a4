"""Two or three networks that learned different objects, compared by what they dream."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from liverpair.evaluation.result_files import write_results
from liverpair.measures.feature_names import title_of
from reproduction.arguments import command_of
from reproduction.chapter3.dream_figures import FeaturePanel, feature_curves, picture_grid
from reproduction.chapter3.dream_runs import (
    Dreamt,
    data_words,
    dreams_of,
    inspected,
    median,
    settings_of,
    spread,
    starts_of,
)

ELONGATION, INTENSITY = "shape2D_Elongation", "firstorder_RootMeanSquared"
DIAMETER = "shape2D_MaximumDiameter"
FEATURES = (INTENSITY, DIAMETER, ELONGATION)
UNITS = {INTENSITY: "0 to 255", DIAMETER: "mm", ELONGATION: "0 elongated, 1 round"}

NOTES = (
    "Values of the dreamt object at the last iteration: median (quartiles) over the starts. Elongation is that of "
    "pyradiomics, the root of the ratio of the smaller to the larger eigenvalue; intensities go from 0 to 255.",
)


@dataclass(frozen=True)
class Inequality:
    """A published finding: the median of `feature` at the last iteration is lower in `lower` than in `higher`."""

    name: str
    finding: str
    feature: str
    lower: str
    higher: str


def dream_all(
    networks: Mapping[str, str],
    options: argparse.Namespace,
    training: Sequence[str],
    features: Sequence[str] = FEATURES,
) -> tuple[dict[str, Dreamt], tuple[float, ...]]:
    """The dreams of each network (title to name), all from the same places, and the spacing of the slices."""
    dreams, starts = {}, None
    for title, name in networks.items():
        bundle = inspected(name, options, training)
        starts = starts or starts_of(bundle, options)
        dreams[title] = dreams_of(bundle, starts, settings_of(options), features)
    return dreams, starts[0].subject.spacing_mm


def write_comparison(
    name: str,
    title: str,
    dreams: Mapping[str, Dreamt],
    inequalities: Sequence[Inequality],
    spacing_mm: Sequence[float],
    options: argparse.Namespace,
    arguments: Sequence[str],
    premises: Mapping[str, float | bool] | None = None,
) -> None:
    """Write table, figures, which of the published inequalities hold, and what they suppose."""
    folder = options.results
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"network": network, "starts with object": int(sum(dreamt.final(DIAMETER) > 0))}
        | {title_of(feature): spread(dreamt.final(feature)) for feature in FEATURES}
        for network, dreamt in dreams.items()
    ]
    values, found = dict(premises or {}), []
    for one in inequalities:
        low, high = (median(dreams[network].final(one.feature)) for network in (one.lower, one.higher))
        each = dreams[one.lower].final(one.feature) < dreams[one.higher].final(one.feature)
        values[f"{one.name}_holds"] = bool(low < high)
        values[f"{one.name}_starts"] = int(each.sum())
        found.append(
            f"{one.finding}: medians {low:.3g} and {high:.3g}, {'holds' if low < high else 'does not hold'}; from the "
            f"same place, in {each.sum()} of {len(each)} starts."
        )
    panels = [
        FeaturePanel(title_of(feature), UNITS[feature], {n: d.values(feature) for n, d in dreams.items()})
        for feature in FEATURES
    ]
    feature_curves(panels, folder / f"{name}.png")
    pictures = {network: dreamt.pictures(row == 0) for row, (network, dreamt) in enumerate(dreams.items())}
    picture_grid(pictures, folder / f"{name}-images.png", (0.0, 1.0), spacing_mm)
    write_results(
        name,
        rows,
        command_of(name, arguments),
        data=f"{data_words(options)}: {options.starts} starts",
        title=title,
        values=values,
        by_key={"starts": rows[0]["starts with object"]},
        folder=folder,
        notes=[
            *NOTES,
            "\n".join(f"- {line}" for line in found),
            f"![Features over the iterations; median and quartiles over the starts]({name}.png)",
            f"![What each network dreams]({name}-images.png)",
        ],
    )
