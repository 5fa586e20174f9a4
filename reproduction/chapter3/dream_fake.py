"""Realistic and fake lesions (Couteaux 2021, section 3.4, figures 3.10 and 3.11).

One network learned realistic lesions, one darker patches with sharp edges. What they dream should differ as what
they were shown: the realistic one goes farther to dark, and it cares more for size.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from liverpair.training.lesion_slices_data import each_object, mean_dice
from reproduction.chapter3.dream_comparison import DIAMETER, INTENSITY, Inequality, dream_all, write_comparison
from reproduction.chapter3.dream_networks import FAKE, REALISTIC
from reproduction.chapter3.dream_runs import inspected, options_of
from reproduction.chapter3.dream_scores import OBJECTS, TEST_SEED, test_volumes

NAME = "dream-fake"
NETWORKS = {"realistic": REALISTIC, "fake": FAKE}
ALIKE = 0.15
"""By which part the median diameters may differ."""
INEQUALITIES = (
    Inequality(
        "intensity",
        "The network of realistic lesions goes to lower intensity than that of fakes",
        INTENSITY,
        "realistic",
        "fake",
    ),
    Inequality(
        "diameter",
        "The network of fakes is less sensitive to diameter: its objects end smaller",
        DIAMETER,
        "fake",
        "realistic",
    ),
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, dream, write."""
    options, training = options_of(NAME, __doc__, arguments)
    dreams, spacing_mm = dream_all(NETWORKS, options, training)
    found = premises(options, training)
    title = "What networks of realistic and of fake lesions dream"
    write_comparison(NAME, title, dreams, INEQUALITIES, spacing_mm, options, arguments, found)


def premises(options: argparse.Namespace, training: Sequence[str]) -> dict[str, float | bool]:
    """What the thesis supposes of its fakes: the task is easier than that of lesions, and they are as large. Dice of
    both networks on what each was trained on, and median diameters."""
    dice, sizes = {}, {}
    for name, title in ((REALISTIC, "realistic"), (FAKE, "fake")):
        volumes = test_volumes(options, OBJECTS[name])
        dice[title] = mean_dice(inspected(name, options, training).network(), volumes, OBJECTS[name], TEST_SEED)
        sizes[title] = float(np.median([diameter_mm(*one) for one in each_object(volumes, OBJECTS[name], TEST_SEED)]))
    alike = abs(sizes["fake"] - sizes["realistic"]) <= ALIKE * sizes["realistic"]
    return {
        **{f"dice_{title}": value for title, value in dice.items()},
        **{f"diameter_mm_{title}": value for title, value in sizes.items()},
        "premises_hold": bool(alike and dice["fake"] > dice["realistic"]),
    }


def diameter_mm(image: np.ndarray, mask: np.ndarray, spacing_mm: Sequence[float]) -> float:
    """Of the disc of the same area."""
    return float(2 * np.sqrt(mask.sum() * np.prod(spacing_mm) / np.pi))
