"""Which difference of Dice is nothing? (Couteaux 2021, section 2.2.4)

Repetitions of a four-fold cross-validation of the reference, the single non-specialised network: its mean Dice would
be the same each time if chance played no part. Test cases take no part. A repetition is named by its seed.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter2.strategy_arms import REFERENCE, trained_bundle
from reproduction.chapter2.strategy_scores import PairScores
from reproduction.pair_options import options_of, split_words

NAME = "noise-floor"
CASES = ("01", "02", "03", "05", "13", "15", "19", "20", "31", "33", "36", "38")
FOLDS, SEEDS = 4, (0, 1, 2)
LEAST_CASES = 3
"""One each to train on, to look at and to measure on."""
SPLIT_SEED = 4
PUBLISHED = 0.005

NOTES = (
    "*Dice*: mean over all images of all folds, each measured by the network that did not see its case. "
    f"*noise_floor*: largest difference between repetitions; published: at most {PUBLISHED}, and 0.983 in the "
    "easiest fold. Each repetition has folds of its own. Of the cases that a fold leaves, the first is looked at "
    "during training and chooses nothing: the network of the last step is measured, as in the tables. A network is "
    "trained on 8 pairs here, on 11 there, and a mean here is over 24 images, there over 8: there it varies more.",
)


@dataclass(frozen=True)
class Fold:
    """Cases by their use in one training."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, seeds=SEEDS)
    cases = tuple(case for use in options.others for case in use) if options.others else CASES
    count, seeds = FOLDS, options.seeds
    if options.smoke:
        cases, count, seeds = cases if options.others else (*options.cases, "38"), 3, SEEDS[:2]
    if len(cases) < max(count, LEAST_CASES):
        raise InputError(f"A cross-validation of {count} folds needs at least {max(count, LEAST_CASES)} pairs.")
    rows = []
    for seed in seeds:
        dice = []
        for number, fold in enumerate(folds(cases, count, SPLIT_SEED + seed)):
            run = options.runs / "paired-livers" / f"noise-floor-{options.steps}-{seed}-{number}"
            split = split_words(fold.train, fold.validation)
            bundle = trained_bundle(REFERENCE.networks[0], run, seed, options, [*training, *split])
            if bundle is None:
                break
            scores = PairScores([bundle], options.data_root, options.device)
            dice.append(np.concatenate([scores.matching(fold.test, side) for side in Side]))
        else:
            means = [float(fold.mean()) for fold in dice]
            rows.append(
                {"seed": seed, "Dice": float(np.concatenate(dice).mean())}
                | {f"fold {number + 1}": mean for number, mean in enumerate(means)}
            )
            continue
        rows.append({"seed": seed, "Dice": "not run"})
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{options.data_name} cases {', '.join(cases)}",
        title="The noise floor of mean Dice",
        values={"noise_floor": floor(rows), "published_noise_floor": PUBLISHED, "steps": options.steps},
        folder=options.results,
        notes=NOTES,
    )


def folds(cases: Sequence[str], count: int, seed: int) -> list[Fold]:
    """Each case in the test part of one of `count` folds."""
    order = np.random.default_rng(seed).permutation(len(cases))
    found = []
    for part in np.array_split(order, count):
        left = [case for number, case in enumerate(cases) if number not in part]
        test = tuple(case for number, case in enumerate(cases) if number in part)
        found.append(Fold(tuple(left[1:]), tuple(left[:1]), test))
    return found


def floor(rows: Sequence[dict]) -> float | None:
    """The largest difference of mean Dice between repetitions; None when fewer than two have run."""
    dice = [row["Dice"] for row in rows if isinstance(row["Dice"], float)]
    return max(dice) - min(dice) if len(dice) > 1 else None


def measured_floor(options: argparse.Namespace) -> float | None:
    """The noise floor that stands among the results; None when it was not measured, or with another number of steps or
    on other data than `options` say."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads((options.results / f"{NAME}.json").read_text(encoding="utf-8"))
        if content["steps"] == options.steps and content["data"].startswith(f"{options.data_name} cases "):
            return content["noise_floor"]
    return None
