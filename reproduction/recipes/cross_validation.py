"""How good is the recipe of the shipped liver network on livers that it has not seen?

Five trainings of the recipe from random weights, each without a fifth of all pairs, test cases included, and measured
on that fifth. The recipe was chosen before on the fixed split; here nothing is chosen any more.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from liverpair.bundle import Bundle
from liverpair.evaluation.result_files import write_results
from liverpair.evaluation.score_segmentation import References, score, spread
from liverpair.segmentation.inference import SegmentOptions
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES
from liverpair.training.tasks import SEGMENTATION
from reproduction.arguments import command_of
from reproduction.chapter2.noise_floor import folds
from reproduction.chapter2.strategy_arms import trained_bundle
from reproduction.pair_options import options_of, split_words
from reproduction.recipes.dice_calibration import Judged, calibrated, judged_masks

NAME = "cross-validation"
CONFIG = "liver-t1t2-robust"
CASES = ("01", "02", "03", "05", "10", "13", "15", "19", "20", "21", "31", "32", "33", "34", "36", "38")
ORGANS = References(t1_labels="t1_organs.nii.gz", t2_labels="t2_organs.nii.gz", label_value="1")
FOLDS = 5
SPLIT_SEED = 5
SEEDS = (0,)
FROM_SCRATCH = ("--model.start_from=null", "--model.learning_rate=0.002")
"""The recipe without the weights it starts from: those have seen most cases, and a fold must have seen none of its."""
SMOKE = ("--data.label_values=[1]",)
"""Options of the recipe's trainings that only show that everything runs."""

NOTES = (
    "Every image is measured by the network that did not see its case. Of the cases that a fold leaves, one is looked "
    "at during training and the weights of its best epoch are kept. What would look good for the wrong reason: one "
    "hospital's healthy livers in every fold, so the spread is that of patients, not of hospitals. Both images of a "
    "patient lie in one fold.",
    "expected_dice: the line from soft Dice (`measures.overlap.soft_dice`) to Dice, fitted on the same images, as "
    "scanned and after each change of the augmentation, on the working grid; its error is measured on each fold by the "
    "line of the others. What would look good for the wrong reason: changes that ruin every mask alike, so that the "
    "line separates changes and not masks.",
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _extend, SEEDS)
    cases = tuple(case for use in options.others for case in use) + options.cases if options.others else CASES
    count = FOLDS
    if options.smoke:
        cases, count = cases if options.others else (*TEST_CASES[:2], "38"), 3
        training = [*SMOKE, *training]
    training = [*FROM_SCRATCH, *training]
    rows: list[dict[str, Any]] = []
    judged: list[Judged] = []
    for seed in options.seeds:
        for number, fold in enumerate(folds(cases, count, SPLIT_SEED)):
            run = options.runs / "cross-validation" / f"{options.config}-{options.steps}-{seed}-{number}"
            split = split_words(fold.train, fold.validation)
            bundle = trained_bundle(options.config, run, seed, options, [*training, *split], SEGMENTATION)
            if bundle is None:
                rows += [{"fold": number + 1, "case": case, "side": "–", "dice": "not run"} for case in fold.test]
                continue
            scored = score([bundle], options.data_root, fold.test, ORGANS, SegmentOptions(options.device))
            rows += [{"fold": number + 1, **row} for row in scored]
            judged += judged_masks(bundle, options.data_root, fold.test, options.runs / "cache", number)
    calibration = calibrated(judged, f"{options.data_name}, {count}-fold cross-validation") if judged else None
    if calibration and options.calibrate:
        Bundle.load(options.calibrate).update(expected_dice=asdict(calibration))
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{options.data_name} cases {', '.join(cases)}",
        title="Cross-validation of the liver network's recipe",
        values={
            "config": options.config,
            "steps": options.steps,
            **spread(rows),
            "expected_dice": asdict(calibration) if calibration else None,
        },
        folder=options.results,
        notes=NOTES,
    )


def _extend(parser: argparse.ArgumentParser) -> None:
    names = sorted(path.stem for path in SEGMENTATION.configs.glob("*.yaml"))
    parser.add_argument("--config", choices=names, default=CONFIG, help=f"the recipe (default: {CONFIG})")
    parser.add_argument(
        "--calibrate", type=Path, metavar="MODEL", help="folder of a model that gets the calibration of expected Dice"
    )
