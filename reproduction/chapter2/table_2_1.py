"""Which input/output strategy? (Couteaux 2021, section 2.2.4, table 2.1)

One image in and its mask out, both images in with one or both masks out, or T1 registered to T2 first; each with fixed
sides (specialised) or without, all trained with equal steps.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.measures.summary import least_significant_difference, wilcoxon
from reproduction.arguments import command_of
from reproduction.chapter2.noise_floor import measured_floor
from reproduction.chapter2.strategy_arms import REFERENCE, SMOKE_ARMS, Arm, arms_of, networks_of
from reproduction.chapter2.strategy_figures import contour_panels
from reproduction.chapter2.strategy_scores import PairScores
from reproduction.pair_options import data_words, options_of

NAME = "table-2-1"
PANELS = {"single": NAME, "double-out-specialised": f"{NAME}-double-out"}
"""Arms whose outlines are shown, as in figures 2.9 and 2.10, and the names of the pictures."""
NOT_RUN = "not run"

ByArm = Mapping[str, Mapping[str, np.ndarray]]
"""A measure (seeds, cases) by arm and side; sides that an arm does not mask are left out."""

NOTES = (
    "*published*: mean Dice of 12 test pairs, from 70 private pairs with lesions, 135,000 steps. *ours*: mean over "
    "test images and seeds; *sd*: between seeds. *p*: two-sided Wilcoxon test of the Dice of each test image (mean "
    "over seeds) against the single, non-specialised network; *images*: how many there are, two of each patient (one "
    "in the last row, where p cannot fall below 0.125; nor could it elsewhere if patients were counted). *HD95*: "
    "95th-percentile Hausdorff distance in mm, mean over test images and seeds; – where one was found empty.",
    "Masks are those at a probability of 0.5, holes filled, no part taken away. Each network has all its steps, the "
    "same for all: with one validation case no epoch is chosen. Weights are averaged over the last steps. A "
    "specialised strategy with one mask out has two networks. Working grid and network are smaller than published, "
    "and start from random weights.",
    "*between_seeds*: the least significant difference (5 %) of two rows with so many seeds, from what differs between "
    "seeds in all rows; in the mean over both images, in T1 and in T2.",
    '"not run": the budget did not reach this row.',
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _own_options)
    arms = arms_of(SMOKE_ARMS if options.smoke else options.arms)
    scores = scores_of(arms, arms_of(None), options, training)
    dice, hd95 = (by_arm(scores, options.cases, measure) for measure in ("dice", "hd95_mm"))
    pictures = [
        _panels(scores[key][0], options.cases, title, options.results / f"{name}.png")
        for key, name in PANELS.items()
        for title in [next(arm.title for arm in arms_of([key]))]
        if scores[key]
    ]
    write_results(
        NAME,
        [row(arm, dice, hd95) for arm in arms_of(None)],
        command_of(NAME, arguments),
        data=data_words(options),
        title="Input and output strategies, beside table 2.1 of the thesis",
        values={**budget(options), **directions(dice), **noise(dice, options)},
        by_key={"strategies": {arm.key: {"title": arm.title, **_by_side(dice[arm.key])} for arm in arms_of(None)}},
        folder=options.results,
        notes=[*NOTES, *pictures],
    )


def scores_of(
    arms: Sequence[Arm], rows: Sequence[Arm], options: argparse.Namespace, training: Sequence[str]
) -> dict[str, list[PairScores]]:
    """The scores of every network of `arms` by the key of its row, one for each seed; `rows` are all there may be."""
    scores: dict[str, list[PairScores]] = {arm.key: [] for arm in rows}
    for arm, seed, bundles in networks_of(arms, options, training):
        if bundles is not None:
            scores[arm.key].append(PairScores(bundles, options.data_root, options.device))
            means = {side: scores[arm.key][-1].matching(options.cases, side).mean() for side in arm.sides}
            print(arm.title, f"seed {seed}", {side: round(float(mean), 3) for side, mean in means.items()}, flush=True)
    return scores


def _own_options(parser: argparse.ArgumentParser) -> None:
    keys = [arm.key for arm in arms_of(None)]
    parser.add_argument("--arms", nargs="+", help=f"only these rows; there are {', '.join(keys)}")


def budget(options: argparse.Namespace) -> dict[str, Any]:
    """What a table was made with."""
    return {"steps": options.steps, "seeds": options.seeds}


def by_arm(scores: Mapping[str, Sequence[PairScores]], cases: Sequence[str], measure: str) -> ByArm:
    """A measure of every arm on the images of these cases."""
    return {
        key: {
            side: np.array([one.matching(cases, side, measure) for one in own])
            for side in Side
            if own and side in own[0](cases[0], cases[0])
        }
        for key, own in scores.items()
    }


def row(arm: Arm, dice: ByArm, hd95: ByArm) -> dict[str, Any]:
    """One arm in the table, published figures first."""
    own = dice[arm.key]
    content: dict[str, Any] = {"strategy": arm.title}
    for side, published in zip(Side, arm.published):
        content[f"{side.title} published"] = published
        content[f"{side.title} ours"] = NOT_RUN if not own and side in arm.sides else _mean(own, side)
        content[f"{side.title} sd"] = _between_seeds(own[side]) if side in own else None
    content |= {"p published": arm.published[2], "p ours": None, "images": None}
    reference = dice[REFERENCE.key]
    if own and reference and arm.key != REFERENCE.key:
        test = wilcoxon(*(image_dice(one, tuple(own)) for one in (own, reference)))
        content |= {"p ours": test["p"], "images": test["n"]}
    return content | {f"{side.title} HD95": _mean(hd95[arm.key], side) for side in Side}


def image_dice(own: Mapping[str, np.ndarray], sides: Sequence[str]) -> np.ndarray:
    """The Dice of every test image, its mean over seeds, T1 first (sides × cases,)."""
    return np.concatenate([own[side].mean(axis=0) for side in sides])


def noise(dice: ByArm, options: argparse.Namespace) -> dict[str, float | None]:
    """Which difference between mean Dice of two arms is nothing: the measured noise floor, and the least significant
    differences between seeds, in the mean over both images and in each; None where there is none.
    """
    found = {"noise_floor": measured_floor(options), "between_seeds": between_seeds(list(dice.values()), Side)}
    return found | {f"between_seeds_{side}": between_seeds(list(dice.values()), (side,)) for side in Side}


def between_seeds(arms: Sequence[Mapping[str, np.ndarray]], sides: Sequence[str]) -> float | None:
    """The least significant difference of the means over these sides of two arms; arms that lack one take no part.

    `arms`: by side an array of which the first axis are seeds.
    """
    groups = [
        np.mean([own[side].reshape(len(own[side]), -1).mean(axis=1) for side in sides], axis=0)
        for own in arms
        if all(side in own for side in sides)
    ]
    return least_significant_difference(groups)


def directions(dice: ByArm) -> dict[str, float]:
    """What the thesis concludes, as differences of mean Dice that should be negative.

    Where several arms have run, double in and double out are the mean over non-specialised and specialised.
    """
    lost = {}
    for name, side in itertools.product(("double-in", "double-out"), Side):
        ours = [dice[key][side].mean() for key in (name, f"{name}-specialised") if side in dice[key]]
        if ours and side in dice[REFERENCE.key]:
            lost[f"{name}_minus_single_{side}"] = float(np.mean(ours) - dice[REFERENCE.key][side].mean())
    return lost


def _by_side(own: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The mean Dice by side, and that of every seed."""
    return {
        "dice": {side.title: float(dice.mean()) for side, dice in own.items()},
        "by_seed": {side.title: dice.mean(axis=1).tolist() for side, dice in own.items()},
    }


def _mean(own: Mapping[str, np.ndarray], side: Side) -> float | None:
    return float(own[side].mean()) if side in own else None


def _between_seeds(dice: np.ndarray) -> float | None:
    return float(dice.mean(axis=1).std(ddof=1)) if len(dice) > 1 else None


def _panels(scores: PairScores, cases: Sequence[str], title: str, path: Path) -> str:
    """Save the outlines of an arm's first network; the line that shows them."""
    contour_panels([(case, *scores.found(case, case)) for case in cases], path)
    return f"{title}; T1 above T2, drawn by hand red, network green:\n\n![Outlines]({path.name})"
