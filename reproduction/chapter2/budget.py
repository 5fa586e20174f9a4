"""Are the trainings of tables 2.1 and 2.3 long enough to tell their rows apart? Some of them with more steps.

Every number of steps is a training of its own, from random weights, with the same schedule stretched to its length.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.measures.summary import wilcoxon
from reproduction.arguments import Different, command_of, positive
from reproduction.chapter2.loss_networks import LOSSES
from reproduction.chapter2.strategy_arms import ARMS, REFERENCE, Arm, bundles_of
from reproduction.chapter2.strategy_figures import dice_by_steps
from reproduction.chapter2.strategy_scores import PairScores
from reproduction.chapter2.table_2_1 import NOT_RUN, ByArm, between_seeds, by_arm, image_dice
from reproduction.pair_options import STEPS, data_words, options_of

NAME = "budget"
NETWORKS = {arm.key: arm for arm in (*ARMS, *LOSSES)}
CHOSEN = ("single", "double-in", "double-out", "dice")
SMOKE_CHOSEN = ("single", "dice")
LONGER = 4 * STEPS
SMOKE_STEPS = (1, 2)

NOTES = (
    "*T1*, *T2*: mean Dice over test images and networks; *sd*: between networks, which differ in their seed. "
    "*published*: after 135,000 steps on 70 pairs, from the weights of Models Genesis.",
    "Trained and measured as in tables 2.1 and 2.3. *between_seeds_N*: the least significant difference (5 %) of two "
    "rows of N steps with so many seeds, in the mean over both images; *X_minus_single_N*: mean Dice less that of the "
    "single network with cross-entropy, and so seed by seed; its p is that of the Wilcoxon test over images.",
    '"not run": the budget did not reach this row.',
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _own_options)
    budgets = SMOKE_STEPS if options.smoke else options.budgets
    chosen = [_network(key) for key in (SMOKE_CHOSEN if options.smoke else options.networks)]
    scores: dict[int, dict[str, list[PairScores]]] = {steps: {own.key: [] for own in chosen} for steps in budgets}
    for seed in options.seeds:
        for steps in budgets:
            own_options = argparse.Namespace(**{**vars(options), "steps": steps})
            for arm in chosen:
                bundles = bundles_of(arm, seed, own_options, training)
                if bundles is not None:
                    scores[steps][arm.key].append(PairScores(bundles, options.data_root, options.device))
    dice = {steps: by_arm(own, options.cases, "dice") for steps, own in scores.items()}
    names = {arm.key: title(arm) for arm in chosen}
    dice_by_steps(names, dice, options.results / f"{NAME}.png")
    write_results(
        NAME,
        [row(arm, steps, dice[steps][arm.key]) for arm in chosen for steps in budgets],
        command_of(NAME, arguments),
        data=data_words(options),
        title="Longer trainings of the networks of tables 2.1 and 2.3",
        values={"budgets": list(budgets), "seeds": options.seeds} | differences(dice),
        folder=options.results,
        notes=[*NOTES, f"One dot for each network, lines through means:\n\n![Dice]({NAME}.png)"],
    )


def _own_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--steps",
        dest="budgets",
        type=positive,
        nargs="+",
        action=Different,
        default=[STEPS, LONGER],
        help=f"numbers of steps, a training each (default: {STEPS} {LONGER})",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        action=Different,
        default=list(CHOSEN),
        help=f"which (default: {' '.join(CHOSEN)}); there are {', '.join(NETWORKS)}",
    )


def _network(key: str) -> Arm:
    """Raises `InputError` when there is none of this name."""
    if key not in NETWORKS:
        raise InputError(f"There is no network '{key}'.", f"There are: {', '.join(NETWORKS)}.")
    return NETWORKS[key]


def title(arm: Arm) -> str:
    """Name of a row: the strategy, with cross-entropy, or the loss of the single network."""
    if arm.key == REFERENCE.key:
        return "single, BCE"
    return f"single, {arm.strategy}" if arm in LOSSES else arm.title


def row(arm: Arm, steps: int, own: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """One line of the table. `own`: Dice (seeds, cases) by side."""
    content: dict[str, Any] = {"network": title(arm), "steps": steps}
    for side, published in zip(Side, arm.published):
        means = own[side].mean(axis=1) if side in own else None
        missing = NOT_RUN if side in arm.sides and not own else None
        content[side.title] = missing if means is None else float(means.mean())
        content[f"{side.title} sd"] = float(means.std(ddof=1)) if means is not None and len(means) > 1 else None
        content[f"{side.title} published"] = published
    return content | {"networks": max((len(dice) for dice in own.values()), default=0)}


def differences(dice: Mapping[int, ByArm]) -> dict[str, float | list[float] | None]:
    """By number of steps: what two rows must differ by to be two, and what each is above the reference, in all and
    seed by seed where both have the same; all in the mean over both images.
    """
    found: dict[str, float | list[float] | None] = {}
    for steps, own in dice.items():
        found[f"between_seeds_{steps}"] = between_seeds(list(own.values()), Side)
        means = {key: _means(one) for key, one in own.items() if all(side in one for side in Side)}
        reference = means.pop(REFERENCE.key, None)
        for key, mean in means.items() if reference is not None else ():
            found[f"{key}_minus_single_{steps}"] = float(mean.mean() - reference.mean())
            if len(mean) == len(reference):
                found[f"{key}_minus_single_{steps}_by_seed"] = (mean - reference).tolist()
            images = [image_dice(own[name], tuple(Side)) for name in (key, REFERENCE.key)]
            found[f"{key}_minus_single_{steps}_p"] = wilcoxon(*images)["p"]
    return found


def _means(own: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean of every network over both images (seeds,)."""
    return np.mean([own[side].mean(axis=1) for side in Side], axis=0)
