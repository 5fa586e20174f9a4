"""Which loss? (Couteaux 2021, section 2.2.4, table 2.3)

The single, non-specialised network trained with each of six losses, all with equal steps.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.segmentation.adversarial_losses import ADVERSARIES
from reproduction.arguments import command_of
from reproduction.chapter2.loss_figures import gains_figure
from reproduction.chapter2.loss_networks import ALONE, LOSSES, kept_adversary, losses_of
from reproduction.chapter2.strategy_arms import REFERENCE, Arm
from reproduction.chapter2.table_2_1 import ByArm, budget, by_arm, noise, scores_of
from reproduction.chapter2.table_2_1 import row as strategy_row
from reproduction.pair_options import data_words, options_of
from reproduction.verdicts import noise_of

NAME = "table-2-3"
PICTURE_NOTE = "Each test image, its Dice less that with BCE; gray: means that differ by less are within the noise."
SMOKE_LOSSES = ("bce", "dice", "gan", "gambler")

NOTES = (
    "*published*: mean Dice of 12 test pairs, from 70 private pairs with lesions, 135,000 steps; the gambler's T2 is "
    'printed "0930". *ours*: mean over test images and seeds; *sd*: between seeds. *p*: two-sided Wilcoxon test of the '
    "Dice of each test image (mean over seeds) against BCE; *images*: how many there are, two of each patient. *HD95*: "
    "95th-percentile Hausdorff distance in mm, mean over test images and seeds; – where one was found empty.",
    "Losses are those of section 2.2.3 as voxel means, with its misprints set right: both parts of the cross-entropy, "
    "a sum in Dice's denominator, embeddings drawn together. Where the source is silent: GAN and embedding share a "
    "discriminator of four strided convolutions, whose last one is the embedding; the gambler is a small U-Net with a "
    "fixed budget. The first half of the steps are without discriminator, the first "
    f"1/{ALONE['gambler']} without gambler. λ = 1. The discriminator learns at a twentieth of the rate of the "
    "segmentation network and sees predicted masks as hard as drawn ones, with the gradient of the soft ones: a faster "
    "one, or one that sees soft masks, tells them at once.",
    "Masks are those at a probability of 0.5, holes filled, no part taken away. Each network has all its steps: with "
    "one validation case no epoch is chosen. Working grid and network are smaller than published, and start from "
    "random weights.",
    "*between_seeds*: the least significant difference (5 %) of two rows with so many seeds, from what differs between "
    "seeds in all rows; in the mean over both images, in T1 and in T2.",
    '"not run": the budget did not reach this row.',
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _own_options)
    wanted = losses_of(SMOKE_LOSSES if options.smoke else options.losses)
    scores = scores_of(wanted, LOSSES, options, training)
    dice, hd95 = (by_arm(scores, options.cases, measure) for measure in ("dice", "hd95_mm"))
    known = noise(dice, options)
    bands = {side: noise_of(known, side) for side in Side}
    trained = [loss for loss in wanted if loss.key in ADVERSARIES and dice[loss.key]]
    weights = {f"{loss.key}_weight": adversary_weight(loss, options) for loss in trained}
    gains_figure(LOSSES, dice, bands, options.results / f"{NAME}.png")
    write_results(
        NAME,
        [row(loss, dice, hd95) for loss in LOSSES],
        command_of(NAME, arguments),
        data=data_words(options),
        title="Losses, beside table 2.3 of the thesis",
        values={**budget(options), **gains(dice), **known, **weights},
        folder=options.results,
        notes=[*NOTES, f"{PICTURE_NOTE}\n\n![Gains]({NAME}.png)"],
    )


def _own_options(parser: argparse.ArgumentParser) -> None:
    keys = ["bce", *(loss.key for loss in LOSSES[1:])]
    parser.add_argument("--losses", nargs="+", help=f"only these rows; there are {', '.join(keys)}")


def row(loss: Arm, dice: ByArm, hd95: ByArm) -> dict[str, Any]:
    """One loss in the table, published figures first."""
    figures = strategy_row(loss, dice, hd95)
    del figures["strategy"]
    return {"loss": loss.strategy, **figures}


def adversary_weight(loss: Arm, options: argparse.Namespace) -> float:
    """λ of the adversary that a loss was trained with, for the first seed."""
    return kept_adversary(loss, options.seeds[0], options).hparams.adversary_weight


def gains(dice: ByArm) -> dict[str, float | list[float]]:
    """Mean Dice over both images less that with BCE, and the same seed by seed where both have the same seeds."""
    means = {key: np.mean([own[side].mean(axis=1) for side in Side], axis=0) for key, own in dice.items() if own}
    found: dict[str, float | list[float]] = {}
    for key in (loss.key for loss in LOSSES[1:] if {loss.key, REFERENCE.key} <= means.keys()):
        found[f"{key}_minus_bce"] = float(means[key].mean() - means[REFERENCE.key].mean())
        if len(means[key]) == len(means[REFERENCE.key]):
            found[f"{key}_minus_bce_by_seed"] = (means[key] - means[REFERENCE.key]).tolist()
    return found
