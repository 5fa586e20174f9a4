"""Elongated lesions (Couteaux 2021, section 3.4, figure 3.12).

Of the fakes that this network was shown, only those more than twice as high as wide were to be found. It should be the
one that dreams elongated objects.
"""

from collections.abc import Sequence

from reproduction.chapter3.dream_comparison import ELONGATION, Inequality, dream_all, write_comparison
from reproduction.chapter3.dream_networks import ELONGATED, FAKE, REALISTIC
from reproduction.chapter3.dream_runs import options_of

NAME = "dream-elongated"
NETWORKS = {"elongated fakes": ELONGATED, "fakes": FAKE, "realistic": REALISTIC}
INEQUALITIES = (
    Inequality(
        "elongation",
        "The network of elongated fakes drives the elongation farther down than that of all fakes",
        ELONGATION,
        "elongated fakes",
        "fakes",
    ),
    Inequality(
        "elongation_realistic", "... and than that of realistic lesions", ELONGATION, "elongated fakes", "realistic"
    ),
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, dream, write."""
    options, training = options_of(NAME, __doc__, arguments)
    dreams, spacing_mm = dream_all(NETWORKS, options, training)
    title = "What a network of elongated lesions dreams"
    write_comparison(NAME, title, dreams, INEQUALITIES, spacing_mm, options, arguments)
