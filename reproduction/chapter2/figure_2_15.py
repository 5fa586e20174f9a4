"""Does the similarity constraint make masks more alike? (Couteaux 2021, section 2.3.3, figures 2.14 and 2.15)

Thirty networks segment pairs of masks that differ a little and lie apart. The smaller the weight of the masks drawn by
hand, the more the second predicted mask should look like the first, moved.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import add_places, add_seeds, command_of, joined, positive, results_folder
from reproduction.chapter2.coded_masks_networks import Found, Steps, find, network_of
from reproduction.toys.coded_masks import CodedMasksSettings
from reproduction.training.generated_data import TEST, DrawnSamples
from reproduction.training.toy_data import drawn_masks

NAME = "figure-2-15"
SEEDS = (0, 1, 2)
REFERENCE_WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SMALL_WEIGHT = 0.3
"""Up to which λ_r a gain is expected."""
STEPS = Steps(1000, 500, 600)
NOT_RUN = "not run"
NOTES = (
    "λ_r: weight of the masks drawn by hand; λ_p = 1 - λ_r: weight of the similarity; λ_g = 1. *gain*: DS of the two "
    "predicted masks minus DS of those drawn, over translations, of every pair with every network.",
    'Published: 30 networks and a clear gain for "λ_p (= 1 - λ_r) < 0.5", where λ_r < 0.5 is probably meant; the '
    "figure has no numbers.",
    "The first two stages (the segmentation alone, the registration alone) are trained once for each seed; from there "
    "every network goes its own way.",
    "The generator is ours: the thesis does not say how the masks are drawn, nor how much they differ.",
)
PICTURE_NOTE = (
    "Beside the pair, with the smallest λ_r: what the first predicted mask, the same registered, and the second "
    "predicted mask have (red) or lack (blue) against the second one drawn, as in figure 2.14."
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    add_seeds(parser, SEEDS)
    parser.add_argument(
        "--steps",
        type=positive,
        nargs=3,
        default=[STEPS.segmentation, STEPS.registration, STEPS.both],
        metavar=("SEGMENTATION", "REGISTRATION", "BOTH"),
        help="of the three stages",
    )
    parser.add_argument("--pairs", type=positive, default=100, help="new pairs to measure on (default: 100)")
    parser.add_argument("--minutes", type=float, help="start no training later than so many minutes from now")
    add_places(parser, "a few steps and pairs")
    options, training = parser.parse_known_args(arguments)
    training, options.results = joined(training), results_folder(options)
    weights = REFERENCE_WEIGHTS
    if options.smoke:
        options.seeds, options.steps, options.pairs, weights = [0], [2, 2, 2], 3, (0.1, 1.0)
        training = ["--data.validation_samples=2", *training]
    options.deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    steps = Steps(*options.steps)
    samples = list(DrawnSamples(partial(drawn_masks, settings=CodedMasksSettings()), options.pairs, (TEST, 0)))
    found: dict[float, list[Found]] = {weight: [] for weight in weights}
    for seed in options.seeds:
        for weight in weights:
            task = network_of(weight, seed, steps, options, training)
            if task is not None:
                found[weight].append(find(task, samples))
    gains = {weight: np.array([one.gains() for one in own]) for weight, own in found.items()}
    pictures = []
    if any(found.values()):
        smallest = next(own[0] for own in found.values() if own)
        _draw_gains({weight: own for weight, own in gains.items() if own.size}, options.results / f"{NAME}.png")
        _draw_pairs(smallest, options.results / f"{NAME}-pairs.png")
        pictures = [f"![Gain by λ_r]({NAME}.png)", f"{PICTURE_NOTE}\n\n![Pairs]({NAME}-pairs.png)"]
    rows = [row(weight, own, gains[weight]) for weight, own in found.items()]
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{options.pairs} new pairs, 64 × 64, from our generator (reproduction.toys.coded_masks)",
        title="Similarity of predicted masks, beside figure 2.15 of the thesis",
        values={"steps": list(options.steps), "seeds": options.seeds, **directions(gains)},
        by_key={"dice_2": {f"{own['λ_r']:g}": own["Dice 2"] for own in rows if "Dice 2" in own}},
        folder=options.results,
        notes=[*NOTES, *pictures],
    )


def row(weight: float, found: Sequence[Found], gains: np.ndarray) -> dict[str, Any]:
    """What the table says of the networks with one λ_r; `gains` (networks, pairs)."""
    published = "gain" if weight < 0.5 else None
    content: dict[str, Any] = {"λ_r": weight, "λ_p": round(1 - weight, 6), "networks": len(found)}
    if not found:
        return {**content, "published": published, "median gain": NOT_RUN}
    dice = np.mean([one.dice() for one in found], axis=(0, 1))
    quarters = np.percentile(gains, [25, 50, 75])
    return {
        **content,
        "published": published,
        "median gain": float(quarters[1]),
        "lower quartile": float(quarters[0]),
        "upper quartile": float(quarters[2]),
        "Dice 1": float(dice[0]),
        "Dice 2": float(dice[1]),
    }


def directions(gains: Mapping[float, np.ndarray]) -> dict[str, float]:
    """The two findings as numbers: the smallest median gain up to λ_r = 0.3, which should be positive, and the rank
    correlation of each network's median gain with λ_p, which should be too.
    """
    small = [float(np.median(own)) for weight, own in gains.items() if weight <= SMALL_WEIGHT and own.size]
    points = [(1 - weight, float(np.median(one))) for weight, own in gains.items() for one in own]
    values = {"smallest_median_gain": min(small)} if small else {}
    if len({weight for weight, _ in points}) > 1:
        values["rank_correlation"] = float(spearmanr(*zip(*points)).statistic)
    return values


def _draw_gains(gains: Mapping[float, np.ndarray], path: Path) -> None:
    with figure_style():
        figure = Figure((6.4, 3.6), layout="constrained")
        axis = figure.subplots()
        axis.boxplot(
            [own.ravel() for own in gains.values()], tick_labels=[f"{weight:g}" for weight in gains], showfliers=False
        )
        axis.axhline(0, color="black", linewidth=0.6)
        axis.set_xlabel("λ_r (λ_p = 1 - λ_r)")
        axis.set_ylabel("gain in similarity")
        save_figure(figure, path)


def _draw_pairs(found: Found, path: Path, count: int = 3) -> None:
    count = min(count, len(found.images))
    figure = Figure((8.0, 1.7 * count), layout="constrained")
    axes = figure.subplots(count, 5, squeeze=False)
    titles = ("image 1", "image 2", "mask 1", "mask 1, registered", "mask 2")
    for pair, line in enumerate(axes):
        for axis, image in zip(line, found.images[pair]):
            axis.imshow(image, cmap="gray", vmin=-1.5, vmax=1.5)
        for axis, mask in zip(line[2:], (found.predicted[pair, 0], found.moved[pair], found.predicted[pair, 1])):
            axis.imshow(mask.astype(int) - found.drawn[pair, 1], cmap="coolwarm", vmin=-1, vmax=1)
            axis.contour(found.drawn[pair, 1], [0.5], colors="black", linewidths=0.5)
        for axis, title in zip(line, titles):
            axis.axis("off")
            axis.set_title(title if pair == 0 else "", fontsize=8)
    save_figure(figure, path)
