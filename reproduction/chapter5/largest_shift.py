"""How far may images lie apart for a network to regress it? (Couteaux 2021, sections 5.2.2 and 2.2.1)

The thesis supposes that the receptive field is the limit. Networks of two to five levels, otherwise alike, regress
translations of up to 24 pixels; from which length on do they err?
"""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from reproduction.arguments import command_of
from reproduction.chapter5.displacement_networks import errors_by_length, field_of_cell, trained_displacements
from reproduction.chapter5.options import options_of
from reproduction.toys.shifted_pairs import ShiftedPairSettings
from reproduction.training.registration_network import RegistrationNetwork

NAME = "largest-shift"
SEEDS, STEPS = (0,), 1000
WIDTHS = (16, 32, 48, 64, 64)
LEVELS = (2, 3, 4, 5)
SETTINGS = ShiftedPairSettings(size=64, shift=24.0, texture=6.0)
"""With finer textures no network had learned anything after so many steps."""
PAIRS, BIN = 800, 4.0
GOOD = 0.5
NOTES = (
    "*largest shift*: the longest translations whose median error is below half of the length (upper end of a bin of "
    f"{BIN:g} pixels): beyond, the answer is hardly better than none; the mean over networks. Short ones do not count, "
    "since what a network errs by at least is more than half of them. "
    "*error below 8*: median error of translations shorter than 8 pixels. *receptive field*: side of what each cell "
    "of the coarse grid sees; the displacement is the mean over the cells.",
    f"Translations of up to {SETTINGS.shift:g} pixels along each axis, textures of {SETTINGS.texture:g} pixels, 64 × "
    "64 pixels; the second image holds what comes in. All networks have the same number of steps: a limit may be one "
    "of training.",
)


def main(arguments: Sequence[str]) -> None:
    """Train, measure, write."""
    options = options_of(NAME, __doc__, arguments, STEPS, SEEDS)
    count, levels = (32, LEVELS[:2]) if options.smoke else (PAIRS, LEVELS)
    rows, curves = [], {}
    for depth in levels:
        lengths, errors = [], []
        for seed in options.seeds:
            torch.manual_seed(seed)
            network = RegistrationNetwork(2, WIDTHS[:depth], translation=True)
            trained_displacements(network, SETTINGS, options.steps, seed)
            own = errors_by_length(network, SETTINGS, count)
            lengths.append(own[0])
            errors.append(own[1])
        binned = [medians(*own) for own in zip(lengths, errors)]
        curves[depth] = np.mean(binned, axis=0)
        near = [float(np.median(e[length < 8])) if (length < 8).any() else np.nan for length, e in zip(lengths, errors)]
        rows.append(
            {
                "levels": depth,
                "receptive field": field_of_cell(WIDTHS[:depth]),
                "parameters": sum(p.numel() for p in network.parameters()),
                "largest shift": float(np.mean([limit_of(own) for own in binned])),
                "error below 8": float(np.mean(near)),
            }
        )
        print(rows[-1], flush=True)
    _draw(curves, options.results / f"{NAME}.png")
    order = spearmanr([row["receptive field"] for row in rows], [row["largest shift"] for row in rows])
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{count} new pairs of textures for every network, from our generator (reproduction.toys.shifted_pairs)",
        title="How far apart images may lie for a network to regress it",
        values={"steps": options.steps, "seeds": options.seeds, "field_and_limit": float(order.statistic)},
        folder=options.results,
        notes=[*NOTES, f"![Error by length of the translation]({NAME}.png)"],
    )


def medians(lengths: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The median error in each bin of lengths up to the largest shift; NaN in an empty one."""
    edges = np.arange(0.0, SETTINGS.shift + BIN, BIN)
    inside = [(lengths >= low) & (lengths < low + BIN) for low in edges[:-1]]
    return np.array([np.median(errors[own]) if own.any() else np.nan for own in inside])


def limit_of(binned: np.ndarray) -> float:
    """The upper end of the last bin in which the median error is below half of the middle; 0 when there is none."""
    middles = BIN * (np.arange(len(binned)) + 0.5)
    good = np.flatnonzero(binned < GOOD * middles)
    return float(BIN * (good[-1] + 1)) if len(good) else 0.0


def _draw(curves: dict[int, np.ndarray], path) -> None:
    with figure_style():
        figure = Figure((5.2, 3.4), layout="constrained")
        axis = figure.subplots()
        for number, (depth, binned) in enumerate(curves.items()):
            middles = BIN * (np.arange(len(binned)) + 0.5)
            label = f"{depth} levels, sees {field_of_cell(WIDTHS[:depth])} pixels"
            axis.plot(middles, binned, "o-", color=f"C{number}", markersize=4, label=label)
        far = np.array([0, SETTINGS.shift])
        axis.plot(far, far, color="0.5", linestyle=":", label="no answer at all")
        axis.plot(far, GOOD * far, color="0.5", linestyle="--", linewidth=0.8, label="half of it")
        axis.set(
            xlabel="translation (pixels)", ylabel="median error (pixels)", xlim=(0, SETTINGS.shift), ylim=(0, None)
        )
        axis.legend(loc="upper left")
        save_figure(figure, path)
