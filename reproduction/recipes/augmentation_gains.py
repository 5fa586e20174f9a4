"""Which changes of training images help on images that were not seen?

One training of the liver network without any change of `Augmentation`, from random weights; from there short ones with
all changes, with none, and with all but one. Measured on pairs held back from all of them (no test case): as scanned,
and changed in the ways that the training knows.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.evaluation.result_files import write_results
from liverpair.networks.padding import logits_of
from liverpair.training.augmentation import Augmentation
from liverpair.training.command import checkpoint_of
from liverpair.training.segmentation import batch_dice
from liverpair.training.tasks import SEGMENTATION
from reproduction.arguments import command_of
from reproduction.chapter2.strategy_arms import trained_bundle
from reproduction.pair_options import options_of, split_words
from reproduction.recipes.changed_images import CHANGES, NOTHING, changed, prepared_volumes
from reproduction.recipes.cross_validation import CONFIG, FROM_SCRATCH, SMOKE
from reproduction.trainings import from_here, words_of

NAME = "augmentation"
TRAIN, HELD_BACK = ("01", "02", "03", "13", "15", "19", "20", "31"), ("05", "33", "36", "38")
SEEDS = (0,)
START_STEPS, STEPS = 1200, 400
WARMUP = "--model.warmup_steps=20"
"""Of the short trainings, which start from a network that can already do something."""
RECIPE = Augmentation(0.25, 0.15, 0.2, 0.1, 0.2, 0.02, 0.1, 0.02, 0.15, 0.15)
"""The probabilities of the recipe."""

NOTES = (
    "*as scanned*: mean Dice over T1 and T2 of the cases held back, on the working grid. The other columns: the same "
    "images after one change, always the same draw. What would look good for the wrong reason: those changes are the "
    "very ones of the training, so a gain there shows that the network took them in, not that a real image of that "
    "kind is segmented; a loss *as scanned* is what they cost. At this budget no training has converged.",
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _extend, SEEDS)
    train, held_back = options.others or (TRAIN, HELD_BACK)
    if options.smoke:
        train, held_back = options.others or (("38",), ("38",))
        training, options.start_steps = [*SMOKE, *training], options.steps
    split = split_words(train, held_back)
    start = argparse.Namespace(**{**vars(options), "steps": options.start_steps})
    first = _trained(0, "start", NOTHING, start, [*training, *FROM_SCRATCH, *split])
    rows = []
    for name, augmentation in recipes(options.without).items():
        row: dict[str, Any] = {"training": name}
        scores = []
        for seed in options.seeds if first else ():
            going_on = f"--model.start_from={from_here(checkpoint_of(first.folder.parent))}"
            bundle = _trained(seed, name, augmentation, options, [*training, going_on, WARMUP, *split])
            if bundle is not None:
                scores.append(dice_under_changes(bundle, options.data_root, held_back, options))
        row |= {key: float(np.mean([score[key] for score in scores])) for key in scores[0]} if scores else {}
        rows.append(row if scores else {**row, "as scanned": "not run"})
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{options.data_name}, trained on {', '.join(train)}, measured on {', '.join(held_back)}",
        title="Augmentation of the liver network: with and without each change",
        values={"start_steps": options.start_steps, "steps": options.steps, "seeds": list(options.seeds)},
        folder=options.results,
        notes=NOTES,
    )


def _trained(
    seed: int, name: str, augmentation: Augmentation, options: argparse.Namespace, training: Sequence[str]
) -> Bundle | None:
    run = options.runs / "augmentation" / f"{name.replace(' ', '-')}-{options.steps}-{seed}"
    chosen = words_of({f"data.augmentation.{change}": p for change, p in asdict(augmentation).items()})
    return trained_bundle(CONFIG, run, seed, options, [*training, *chosen], SEGMENTATION)


def recipes(changes: Sequence[str] = CHANGES) -> dict[str, Augmentation]:
    """Name and probabilities of every training: with all, with none, and without each of `changes`."""
    without = {f"without {change}".replace("_", " "): replace(RECIPE, **{change: 0.0}) for change in changes}
    return {"all": RECIPE, "none": NOTHING, **without}


def dice_under_changes(
    bundle: Bundle, root: Path, cases: Sequence[str], options: argparse.Namespace
) -> dict[str, float]:
    """Mean Dice of the liver over the images of `cases`, as scanned and after each change."""
    volumes = prepared_volumes(bundle, root, cases, options.runs / "cache")
    device = choose_device(options.device)
    network = bundle.network(device)
    found = {}
    for change in (None, *CHANGES):
        dice = []
        for sample in changed(volumes, change):
            batch = {key: torch.as_tensor(sample[key])[None].to(device) for key in ("image", "target")}
            with torch.inference_mode():
                dice.append(float(batch_dice(logits_of(network, batch["image"]), batch)))
        found[change.replace("_", " ") if change else "as scanned"] = float(np.mean(dice))
    return found


def _extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--without", nargs="*", choices=CHANGES, default=list(CHANGES), help="changes to leave out, one at a time"
    )
    parser.add_argument(
        "--start-steps", type=int, default=START_STEPS, help=f"of the training that all go on from ({START_STEPS})"
    )
    parser.set_defaults(steps=STEPS)
