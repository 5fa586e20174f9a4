"""Where does the gambler bet? (Couteaux 2021, section 2.2.4, figure 2.8)

Its bets on the masks of the network that was trained against it; published: they concentrate on the liver's border.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.synthesis.paired_lesions_evaluation import RealPair, read_real_pair
from reproduction.arguments import command_of
from reproduction.chapter2.bets import BORDER_MM, Wager, wager_on
from reproduction.chapter2.loss_figures import bets_figure
from reproduction.chapter2.loss_networks import GAMBLER, kept_adversary
from reproduction.chapter2.strategy_arms import bundles_of
from reproduction.chapter2.table_2_1 import NOT_RUN, budget
from reproduction.pair_options import data_words, options_of
from reproduction.training.adversarial import AdversarialLiversTask

NAME = "figure-2-8"
EXPECTED_RATIO = 3.0

NOTES = (
    f"Mean bets; over a whole image they are 1. *border*: within {BORDER_MM:g} mm of the border that was drawn by "
    "hand, on the working grid; *inside*, *outside*: the rest of the liver and of the image; *ratio*: border over "
    "inside, for a gambler might know no more than that the body around is no liver; *wrong*, *right*: voxels where "
    "network and reference disagree and agree. All are means over seeds.",
    f"Published: a picture, in which bets concentrate on the border. *expected_ratio*: {EXPECTED_RATIO:.0f} is what we "
    "ask of it.",
    f'"{NOT_RUN}": the budget did not reach it.',
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, draw, write."""
    options, training = options_of(NAME, __doc__, arguments)
    pairs = {case: read_real_pair(options.data_root, case) for case in options.cases}
    found, seeds = [], []
    for seed in options.seeds:
        bundles = bundles_of(GAMBLER, seed, options, training)
        if bundles is not None:
            task = kept_adversary(GAMBLER, seed, options)
            seeds.append(seed)
            found.append(_wagers(pairs, bundles[0], task.to(choose_device(options.device))))
    rows = table(found, options.cases)
    notes = list(NOTES)
    if found:
        first = options.cases[0]
        bets_figure(
            [(f"case {first}, {side.title}", found[0][first, side]) for side in Side], options.results / f"{NAME}.png"
        )
        notes.append(
            f"Case {first}, seed {seeds[0]}; image, and below it bets, white where they are high; drawn by "
            f"hand red, network green:\n\n![Bets]({NAME}.png)"
        )
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=data_words(options),
        title="Bets of the gambler, beside figure 2.8 of the thesis",
        values={**budget(options), "expected_ratio": EXPECTED_RATIO, "ratio": rows[-1]["ratio"]},
        folder=options.results,
        notes=notes,
    )


def _wagers(pairs: Mapping[str, RealPair], bundle: Bundle, task: AdversarialLiversTask) -> dict[tuple[str, str], Wager]:
    return {
        (case, side): wager_on(*images, side, bundle, task, task.device)
        for case, pair in pairs.items()
        for side, images in zip(Side, ((pair.t1, pair.t1_liver), (pair.t2, pair.t2_liver)))
    }


def table(found: Sequence[Mapping[tuple[str, str], Wager]], cases: Sequence[str]) -> list[dict[str, Any]]:
    """One row for every image, and their mean; `found`: by seed, the wager of every case and side."""
    keys = [(case, side) for case in cases for side in Side]
    if not found:
        return [{"case": case, "image": side, "ratio": NOT_RUN} for case, side in [*keys, ("mean", "")]]
    scores = {key: [wagers[key].scores() for wagers in found] for key in keys}
    rows = [{"case": case, "image": side, **_mean(scores[case, side])} for case, side in keys]
    everything = [score for own in scores.values() for score in own]
    return [*rows, {"case": "mean", "image": "", **_mean(everything)}]


def _mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """The mean of every score over those that have it, and the ratio of border to inside."""
    known = {name: [s[name] for s in scores if np.isfinite(s[name])] for name in scores[0]}
    means = {name: float(np.mean(values)) if values else None for name, values in known.items()}
    return {**means, "ratio": means["border"] / means["inside"] if means["border"] and means["inside"] else None}
