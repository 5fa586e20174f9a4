"""Which changes of training images help on images that were not seen?

Short trainings of the liver network with all changes of `Augmentation`, with none, and with all but one, measured on
pairs held back from training (no test case): as scanned, and changed in the ways that the training knows.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liverpair.bundle import Bundle
from liverpair.core.device import choose_device
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.networks.padding import logits_of
from liverpair.segmentation.prediction import grid_policy, normalization
from liverpair.training.augmentation import Augmentation, RandInvertd
from liverpair.training.preprocessing_cache import TrainingVolume
from liverpair.training.segmentation import batch_dice
from liverpair.training.segmentation_data import ImageKind, SegmentationData
from liverpair.training.tasks import SEGMENTATION
from reproduction.arguments import command_of
from reproduction.chapter2.strategy_arms import trained_bundle
from reproduction.pair_options import options_of, split_words
from reproduction.recipes.cross_validation import CONFIG, SMOKE
from reproduction.trainings import words_of

NAME = "augmentation"
TRAIN, HELD_BACK = ("01", "02", "03", "13", "15", "19", "20", "31"), ("05", "33", "36", "38")
SEEDS = (0,)
STEPS = 600
IMAGES = [ImageKind(f"{side}.nii.gz", f"{side}_organs.nii.gz", side.title) for side in Side]
LABELS = [1, 2, 3, 4]
RECIPE = Augmentation(0.25, 0.15, 0.2, 0.1, 0.2, 0.02, 0.1, 0.02, 0.15, 0.15)
"""The probabilities of the recipe."""
NOTHING = Augmentation(inversion=0.0)
CHANGES = tuple(field.name for field in fields(Augmentation))

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
        training = [*SMOKE, *training]
    split = split_words(train, held_back)
    rows = []
    for name, augmentation in recipes(options.without).items():
        row: dict[str, Any] = {"training": name}
        scores = []
        for seed in options.seeds:
            run = options.runs / "augmentation" / f"{name.replace(' ', '-')}-{options.steps}-{seed}"
            chosen = words_of({f"data.augmentation.{change}": p for change, p in asdict(augmentation).items()})
            bundle = trained_bundle(CONFIG, run, seed, options, [*training, *split, *chosen], SEGMENTATION)
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
        values={"steps": options.steps, "seeds": list(options.seeds)},
        folder=options.results,
        notes=NOTES,
    )


def recipes(changes: Sequence[str] = CHANGES) -> dict[str, Augmentation]:
    """Name and probabilities of every training: with all, with none, and without each of `changes`."""
    without = {f"without {change}".replace("_", " "): replace(RECIPE, **{change: 0.0}) for change in changes}
    return {"all": RECIPE, "none": NOTHING, **without}


def dice_under_changes(
    bundle: Bundle, root: Path, cases: Sequence[str], options: argparse.Namespace
) -> dict[str, float]:
    """Mean Dice of the liver over the images of `cases`, as scanned and after each change."""
    data = SegmentationData(
        root=str(root),
        train=[],
        validation=list(cases),
        images=IMAGES,
        label_values=LABELS,
        policy=grid_policy(bundle),
        normalization=normalization(bundle),
        cache=str(options.runs / "cache"),
    )
    data.setup("validate")
    device = choose_device(options.device)
    network = bundle.network(device)
    found = {"as scanned": _mean_dice(network, device, data.validation_volumes, None)}
    for change in CHANGES:
        found[change.replace("_", " ")] = _mean_dice(network, device, data.validation_volumes, change)
    return found


def _mean_dice(
    network: torch.nn.Module, device: torch.device, volumes: Sequence[TrainingVolume], change: str | None
) -> float:
    dice = []
    for number, volume in enumerate(volumes):
        sample = volume.tensors()
        if change:
            augmentation = replace(NOTHING, **{change: 1.0})
            inversion = RandInvertd("image", prob=augmentation.inversion)
            for transform in [*augmentation.anatomy(), inversion, *augmentation.scanner("image")]:
                transform.set_random_state(seed=number)
                sample = transform(sample)
        batch = {key: torch.as_tensor(sample[key])[None].to(device) for key in ("image", "target")}
        with torch.inference_mode():
            dice.append(float(batch_dice(logits_of(network, batch["image"]), batch)))
    return float(np.mean(dice))


def _extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--without", nargs="*", choices=CHANGES, default=list(CHANGES), help="changes to leave out, one at a time"
    )
    parser.set_defaults(steps=STEPS)
