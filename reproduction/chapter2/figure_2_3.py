"""Can a network use channels that are not aligned? (Couteaux 2021, section 2.2.1, figure 2.3)

One channel shows where blobs are, the other, translated, which of them are wanted. A network is trained with
translations of 10 to 30 pixels and tested on all; others are trained with longer ones until training fails.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import table_text, write_results
from reproduction.arguments import add_places, add_seeds, command_of, joined, positive, results_folder
from reproduction.chapter2.shape_figures import Example, map_figure, sweep_figure
from reproduction.chapter2.shape_findings import (
    NOT_RUN,
    PUBLISHED_LIMIT,
    REACH,
    WANTED_ACCURACY,
    WANTED_DICE,
    findings,
    measure,
)
from reproduction.chapter2.shape_networks import FIGURE, SMOKE, WIDTHS, ShapeArm, ShapeNetwork, shape_network
from reproduction.chapter2.shape_scores import (
    answer,
    dice,
    dice_over_shifts,
    nearest_rule,
    unseen_images,
    unseen_scenes,
)
from reproduction.toys.striped_blobs import nearest_right
from reproduction.verdicts import in_words

NAME = "figure-2-3"
SEEDS = (0, 1)
STEPS = 1500
AMPLITUDES = (20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0)
EXAMPLES = {"shift of 20 pixels": (12, 16), "no shift": (0, 0)}
"""Examples in the figure, with their translations (y, x)."""

NOTES = (
    "Dice at a probability of 0.5, over all test images together; blobs of which the striped channel shows too little "
    "to tell are left out. *ours*: mean over seeds; *sd*: between seeds.",
    'a: *misled* are blobs for which the nearest striped blob, by its center, is of the other kind. "Well above 0.5" '
    f"is taken as {WANTED_ACCURACY:g}. *The kind of the nearest striped blob* is the answer of a rule that compares no "
    "shapes. b: blobs of which nothing is in the striped channel; *distance from 0.5* tells a network that does not "
    "know from one that guesses. d: the ring are translations of 20 pixels in 16 directions.",
    f"c: where Dice falls below {WANTED_DICE:g}, interpolated between amplitudes. The amplitude is the longest "
    "translation of training and test, all shorter ones being as likely. *levels*: the stem "
    "counts as one. *receptive field*: side in pixels of the square that every output sees. *nearest*: Dice of the "
    "kind of the nearest striped blob.",
    '"not run": the budget did not reach this row.',
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(arguments)
    arms = [ShapeArm(levels, amplitude) for levels in options.levels for amplitude in options.amplitudes]
    arms = [FIGURE, *arms]
    scores: dict[ShapeArm, list[float]] = {arm: [] for arm in arms}
    fields: dict[ShapeArm, int] = {}
    nearest: dict[float, float] = {}
    measured: list[dict[str, float]] = []
    right: float | None = None
    shown: ShapeNetwork | None = None
    for seed in options.seeds:
        for arm in arms:
            network = shape_network(arm, seed, options, training)
            if network is None:
                continue
            images = unseen_images(network.shifted(arm.shift), options.images)
            scores[arm].append(dice(images, answer(network.task, images)))
            fields[arm] = network.receptive_field
            if arm != FIGURE and arm.amplitude not in nearest:
                nearest[arm.amplitude] = dice(images, nearest_rule(images, network.blobs.smallest))
            print(f"{arm.levels} levels, {arm.amplitude:g} pixels, seed {seed}: {scores[arm][-1]:.3f}", flush=True)
            if arm == FIGURE:
                measured.append(measure(network, options.images))
                shown = shown or network
                right = nearest_right(network.shifted(FIGURE.shift)) if right is None else right
    sweep = {levels: _points(scores, levels) for levels in options.levels}
    pictures = _pictures(shown, sweep, nearest, options)
    rows = findings(measured, sweep)
    write_results(
        NAME,
        [{**row, "holds": in_words(row["holds"])} for row in rows.values()],
        command_of(NAME, arguments),
        data=f"{options.images} new images of striped blobs for every network, from our generator "
        "(reproduction.toys.striped_blobs)",
        title="Channels that are not aligned, beside figure 2.3 of the thesis",
        values={"steps": options.steps, "seeds": options.seeds, "nearest_right": right},
        by_key={"lines": rows},
        folder=options.results,
        notes=[*NOTES, f"Dice by amplitude:\n\n{table_text(_sweep_rows(arms, scores, fields, nearest))}", *pictures],
    )


def options_of(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of the experiment, and what else was given, which goes to the trainings."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    add_seeds(parser, SEEDS)
    parser.add_argument("--steps", type=positive, default=STEPS, help=f"of every training (default: {STEPS})")
    parser.add_argument("--minutes", type=float, help="start no training later than so many minutes from now")
    parser.add_argument(
        "--amplitudes", type=float, nargs="*", default=list(AMPLITUDES), help="longest translations to train with"
    )
    parser.add_argument(
        "--levels", type=int, nargs="+", default=[FIGURE.levels], help=f"of the networks (default: {FIGURE.levels})"
    )
    parser.add_argument("--images", type=positive, default=128, help="test images of every network")
    parser.add_argument("--map-images", type=positive, default=4, help="test images of every point of the map")
    parser.add_argument("--map-step", type=int, default=4, help="pixels between the points of the map")
    add_places(parser, "a few steps and images")
    options, training = parser.parse_known_args(arguments)
    training = joined(training)
    if options.smoke:
        options.seeds, options.steps, options.amplitudes = [0], 2, [40.0]
        options.images, options.map_images, options.map_step = 4, 1, REACH
        training = [*SMOKE, *training]
    options.amplitudes, options.levels = sorted(set(options.amplitudes)), sorted(set(options.levels))
    options.deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    _check(options)
    options.results = results_folder(options)
    return options, training


def _check(options: argparse.Namespace) -> None:
    if any(amplitude <= 0 for amplitude in options.amplitudes):
        raise InputError("Every amplitude must be above 0 pixels.")
    if not all(2 <= levels <= len(WIDTHS) + 1 for levels in options.levels):
        raise InputError(f"A network has 2 to {len(WIDTHS) + 1} levels.")
    if options.map_step < 1 or REACH % options.map_step:
        raise InputError(f"The step of the map must divide its reach of {REACH} pixels, so that it holds no shift.")


def _points(scores: Mapping[ShapeArm, Sequence[float]], levels: int) -> list[tuple[float, Sequence[float]]]:
    """Amplitude and Dice of every seed of the networks with so many levels, where there are any."""
    own = [(arm.amplitude, dice) for arm, dice in scores.items() if arm != FIGURE and arm.levels == levels and dice]
    return sorted(own, key=lambda point: point[0])


def _sweep_rows(
    arms: Sequence[ShapeArm],
    scores: Mapping[ShapeArm, Sequence[float]],
    fields: Mapping[ShapeArm, int],
    nearest: Mapping[float, float],
) -> list[dict[str, Any]]:
    return [
        {
            "levels": arm.levels,
            "receptive field": fields.get(arm),
            "amplitude": arm.amplitude,
            "Dice": float(np.mean(scores[arm])) if scores[arm] else NOT_RUN,
            "nearest": nearest.get(arm.amplitude),
            "by seed": ", ".join(f"{one:.3f}" for one in scores[arm]) or None,
        }
        for arm in sorted(set(arms) - {FIGURE}, key=lambda arm: (arm.levels, arm.amplitude))
    ]


def _pictures(
    shown: ShapeNetwork | None,
    sweep: Mapping[int, Sequence],
    nearest: Mapping[float, float],
    options: argparse.Namespace,
) -> list[str]:
    """Save the figures of what has run; the lines that show them."""
    lines = []
    if shown is not None:
        settings = shown.shifted(FIGURE.shift)
        offsets = list(range(-REACH, REACH + 1, options.map_step))
        scenes = unseen_scenes(settings, options.map_images, REACH)
        shifts = [(dy, dx) for dy in offsets for dx in offsets]
        over_shifts = dice_over_shifts(shown.task, scenes, shifts).reshape((len(offsets),) * 2)
        images = [scenes[0].seen(shift) for shift in EXAMPLES.values()]
        outputs = answer(shown.task, images)[:, 0].sigmoid().numpy()
        examples = [Example(*one) for one in zip(EXAMPLES, images, outputs)]
        map_figure(examples, offsets, over_shifts, FIGURE.shift, options.results / f"{NAME}.png")
        lines.append(
            "Position channel magenta, striped one green; below, the network's output, wanted blobs outlined. "
            f"First seed:\n\n![Examples and Dice over translations]({NAME}.png)"
        )
    if any(sweep.values()):
        curves = {levels: points for levels, points in sweep.items() if points}
        sweep_figure(curves, nearest, WANTED_DICE, PUBLISHED_LIMIT, options.results / f"{NAME}-amplitudes.png")
        lines.append(f"![Dice by amplitude]({NAME}-amplitudes.png)")
    return lines
