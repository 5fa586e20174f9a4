"""Does DeepDream tell how much a network relies on a marking? (Couteaux 2021, section 3.3, figure 3.9)

Seven networks learned to segment lesions of which a part, other for each, carried strokes at 135 degrees. How much a
network relies on the strokes is known: by the Dice that it loses on lesions without. DeepDream should tell the same
from healthy slices alone: by how far the strokes rise in what it dreams.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage, stats

from liverpair.bundle import Bundle
from liverpair.evaluation.result_files import write_results
from liverpair.synthesis.slice_objects import Marking, stroke_kernel
from liverpair.training.lesion_slices_data import SliceObjects, mean_dice
from reproduction.arguments import command_of
from reproduction.chapter3.dream_figures import FeaturePanel, feature_curves, ordered_colors, picture_grid
from reproduction.chapter3.dream_networks import MARKED, marked_name
from reproduction.chapter3.dream_runs import (
    Dreamt,
    data_words,
    dreams_of,
    inspected,
    median,
    options_of,
    settings_of,
    spread,
    starts_of,
)
from reproduction.chapter3.dream_scores import TEST_SEED, TEST_VARIANTS, test_volumes
from reproduction.chapter3.marking_figure import against_dice

NAME = "dream-marking"
FEATURE, ACROSS = "marking", "across"
FEW, MANY = 0.20, 0.90
"""Published: the marking stays where it is up to the first probability and climbs from the second on."""

NOTES = (
    "*Dice unmarked* and *marked*: mean over test volumes, inside the liver, of lesions without and with strokes. "
    "*Marking at first* and *at last*: largest correlation of the dreamt object with a stroke, at the first iteration "
    "that has an object and at the last; median (quartiles) over the starts. *across*: the same at last with a stroke "
    "at 45°, which no network was shown: contrast that is no marking. *climb*: what the marking gains on it from the "
    "first to the last iteration.",
    "spearman: rank correlation of Dice unmarked with the marking at last, over the networks; the thesis finds that "
    "the worse the Dice, the higher the marking.",
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, dream, write."""
    options, training = options_of(NAME, __doc__, arguments)
    settings = settings_of(options)
    volumes = test_volumes(options)
    rows, dreams = [], {}
    starts = None
    for probability in MARKED:
        bundle = inspected(marked_name(probability), options, training)
        starts = starts or starts_of(bundle, options)
        name = f"p = {probability:.0%}"
        dreams[name] = dreams_of(bundle, starts, settings, (FEATURE, ACROSS), marking_of)
        rows.append({"network": name, **_dice(bundle, volumes), **_marking(dreams[name])})
        print(rows[-1], flush=True)
    climbs = {p: specific_climbs(dreamt) for p, dreamt in zip(MARKED, dreams.values())}
    finals = [row.pop("final") for row in rows]
    dice = [row["dice_unmarked"] for row in rows]
    values = {
        "spearman": float(stats.spearmanr(dice, finals).statistic),
        "largest_climb_up_to_20_percent": max(median(climbs[p]) for p in MARKED if p <= FEW),
        "smallest_climb_from_90_percent": min(median(climbs[p]) for p in MARKED if p >= MANY),
    }
    _figures(options.results, dreams, dice, finals, starts[0].subject.spacing_mm)
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{data_words(options)}: {options.starts} starts; "
        f"synthetic lesions ({TEST_VARIANTS} sets a case) for Dice",
        title="What networks dream that relied on a marking, more or less",
        values=values,
        by_key={"climbs": {f"{p:g}": own[np.isfinite(own)].tolist() for p, own in climbs.items()}},
        folder=options.results,
        notes=[
            *NOTES,
            f"![The marking over the iterations]({NAME}.png)",
            f"![Dice without marking against the marking dreamt]({NAME}-dice.png)",
            f"![What each network dreams]({NAME}-images.png)",
        ],
    )


def marking_of(
    image: np.ndarray, mask: np.ndarray, spacing_mm: Sequence[float], names: Sequence[str], settings: Any
) -> dict[str, float]:
    """max over pixels of (X ⋆ s135) M, of an image X (y, x) and the mask M (y, x) of its object; ⋆ is correlation and
    s135 a stroke without its mean (Couteaux 2021, section 3.3). Across: the same with a stroke at 45°."""
    stroke = stroke_kernel(Marking().length)
    kernels = {FEATURE: stroke, ACROSS: stroke[::-1]}
    answers = {name: ndimage.correlate(image.astype(np.float32), own, mode="nearest") for name, own in kernels.items()}
    return {name: float(answer[mask].max()) for name, answer in answers.items()}


def specific_climbs(dreamt: Dreamt) -> np.ndarray:
    """By how much the marking rises beyond strokes across it, for every start; NaN without an object."""
    first, last = (getattr(dreamt, when)(FEATURE) - getattr(dreamt, when)(ACROSS) for when in ("first", "final"))
    return last - first


def _dice(bundle: Bundle, volumes: Sequence) -> dict[str, float]:
    return {
        f"dice_{name}": mean_dice(bundle.network(), volumes, SliceObjects(marking_probability=part), TEST_SEED)
        for name, part in (("unmarked", 0.0), ("marked", 1.0))
    }


def _marking(dreamt: Dreamt) -> dict[str, Any]:
    first, last = dreamt.first(FEATURE), dreamt.final(FEATURE)
    return {
        "marking_at_first": spread(first),
        "marking_at_last": spread(last),
        "across_at_last": spread(dreamt.final(ACROSS)),
        "climb": spread(specific_climbs(dreamt)),
        "final": median(last),
    }


def _figures(folder, dreams: dict[str, Dreamt], dice: Sequence[float], finals: Sequence[float], spacing_mm) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    colors = ordered_colors(list(dreams))
    curves = {name: dreamt.values(FEATURE) for name, dreamt in dreams.items()}
    feature_curves([FeaturePanel("Marking", "correlation with a stroke", curves)], folder / f"{NAME}.png", colors)
    against_dice(dice, finals, list(dreams), colors, folder / f"{NAME}-dice.png")
    pictures = {name: dreamt.pictures(titled=row == 0) for row, (name, dreamt) in enumerate(dreams.items())}
    picture_grid(pictures, folder / f"{NAME}-images.png", (0.0, 1.0), spacing_mm)
