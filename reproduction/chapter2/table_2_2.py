"""How much does a network use the auxiliary image? (Couteaux 2021, section 2.2.4, table 2.2)

The Dice that is lost when the auxiliary image is that of another pair: for every test image, Dice with its own partner
minus Dice with the image of the same modality of another case.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter2.strategy_arms import ARMS, SMOKE_ARMS, Arm, networks_of
from reproduction.chapter2.strategy_figures import lost_dice
from reproduction.chapter2.strategy_scores import PairScores
from reproduction.chapter2.table_2_1 import NOT_RUN, between_seeds, budget
from reproduction.pair_options import data_words, options_of
from reproduction.verdicts import OWN_TRANSFORM

NAME = "table-2-2"
REPEATS = 5
DERANGEMENT_SEED = 22

NOTES = (
    "*published*: mean over 12 test images; double-in's first T1 figure is printed as below 0.001. *ours*: mean over "
    f"test images, seeds and {REPEATS} fixed derangements of the test cases; *sd*: between seeds. *between_seeds*: the "
    "least significant difference (5 %) of two rows, from what differs between seeds in all rows.",
    "*use_and_dice*: rank correlation over networks of the Dice that a foreign partner costs and the Dice with their "
    "own, means over both images; published: the more a network uses the other image, the lower its Dice.",
    "The foreign image lies where it was scanned, farther off than its own. For the pre-registered network the "
    "base was registered beforehand: the foreign T1 comes as its own pair's registration warped it, placed where that "
    "pair was scanned; it is not registered to this T2.",
    '"not run": the budget did not reach this row.',
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments)
    if len(options.cases) < 2:
        raise InputError("A foreign image takes at least two test cases.", "Name more with --test-cases.")
    arms = [arm for arm in ARMS if arm.lost is not None]
    wanted = [arm for arm in arms if not options.smoke or arm.key in SMOKE_ARMS]
    partners = derangements(options.cases, 1 if options.smoke else REPEATS, DERANGEMENT_SEED)
    losses: dict[str, dict[str, list[np.ndarray]]] = {arm.key: {side: [] for side in Side} for arm in arms}
    both: list[tuple[float, float]] = []
    for arm, seed, bundles in networks_of(wanted, options, training):
        if bundles is None:
            continue
        scores = PairScores(bundles, options.data_root, options.device)
        for side in arm.sides:
            losses[arm.key][side].append(lost(scores, options.cases, partners, side))
            print(f"{arm.title}, seed {seed}: {losses[arm.key][side][-1].mean():+.3f} in {side.title}", flush=True)
        if len(arm.sides) == len(Side):
            means = [(losses[arm.key][s][-1].mean(), scores.matching(options.cases, s).mean()) for s in Side]
            both.append(tuple(np.mean(means, axis=0)))
    ours = {arm.key: {side: np.array(own) for side, own in losses[arm.key].items() if own} for arm in arms}
    lost_dice(
        [arm.title for arm in arms],
        {
            side: [(arm.lost[number], _mean(ours[arm.key].get(side))) for arm in arms]
            for number, side in enumerate(Side)
        },
        options.results / f"{NAME}.png",
    )
    compared = {f"between_seeds_{side}": between_seeds(list(ours.values()), (side,)) for side in Side}
    compared |= {**directions(ours), **use_and_dice(both)}
    write_results(
        NAME,
        [row(arm, ours[arm.key]) for arm in arms],
        command_of(NAME, arguments),
        data=data_words(options),
        title="Dice lost with a foreign auxiliary image, beside table 2.2 of the thesis",
        values={**budget(options), "foreign_t1": OWN_TRANSFORM, "derangement_seed": DERANGEMENT_SEED, **compared},
        folder=options.results,
        notes=[*NOTES, f"![Dice lost]({NAME}.png)"],
    )


def derangements(cases: Sequence[str], count: int, seed: int) -> list[list[str]]:
    """`count` different orders of `cases` in which none stays in its place, or all there are; the same for a seed."""
    rng = np.random.default_rng(seed)
    found: list[list[str]] = []
    all_there_are = round(math.factorial(len(cases)) / math.e)
    while len(found) < min(count, all_there_are):
        order = [cases[i] for i in rng.permutation(len(cases))]
        if all(a != b for a, b in zip(cases, order)) and order not in found:
            found.append(order)
    return found


def lost(scores: PairScores, cases: Sequence[str], partners: Sequence[Sequence[str]], side: Side) -> np.ndarray:
    """Dice with a case's own image minus Dice with that of its partner (derangements, cases)."""
    own = scores.matching(cases, side)
    return np.array([own - scores.foreign(cases, order, side) for order in partners])


def row(arm: Arm, ours: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """One arm in the table, published figures first; `ours` by side is (seeds, derangements, cases)."""
    content: dict[str, Any] = {"strategy": arm.title}
    for side, published in zip(Side, arm.lost or ()):
        own = ours.get(side)
        content[f"{side.title} published"] = published
        content[f"{side.title} ours"] = NOT_RUN if own is None and side in arm.sides else _mean(own)
        content[f"{side.title} sd"] = None if own is None else _between_seeds(own)
    return content


def directions(ours: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, float]:
    """What the thesis finds: the network with two masks out loses more than that with one; positive when ours does."""
    return {
        f"{one}_minus_{other}_{side}": float(ours[one][side].mean() - ours[other][side].mean())
        for kind in ("", "-specialised")
        for one, other in [(f"double-out{kind}", f"double-in{kind}")]
        for side in Side
        if side in ours[one] and side in ours[other]
    }


def use_and_dice(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Spearman's rank correlation of what networks lose with a foreign partner and their Dice, and its p; nothing for
    fewer than three networks."""
    if len(pairs) < 3:
        return {}
    correlation = spearmanr(*zip(*pairs))
    return {"use_and_dice": float(correlation.statistic), "use_and_dice_p": float(correlation.pvalue)}


def _between_seeds(own: np.ndarray) -> float | None:
    return float(own.mean(axis=(1, 2)).std(ddof=1)) if len(own) > 1 else None


def _mean(own: np.ndarray | None) -> float | None:
    return None if own is None else float(own.mean())
