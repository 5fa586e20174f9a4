"""Realistic and fake lesions (Couteaux 2021, section 3.4, figures 3.10 and 3.11).

One network learned realistic lesions, one darker patches with sharp edges. What they dream should differ as what
they were shown: the realistic one goes farther to dark, and it cares more for size.
"""

from collections.abc import Sequence

from reproduction.chapter3.dream_comparison import DIAMETER, INTENSITY, Inequality, dream_all, write_comparison
from reproduction.chapter3.dream_networks import FAKE, REALISTIC
from reproduction.chapter3.dream_runs import options_of

NAME = "dream-fake"
NETWORKS = {"realistic": REALISTIC, "fake": FAKE}
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
    title = "What networks of realistic and of fake lesions dream"
    write_comparison(NAME, title, dreams, INEQUALITIES, spacing_mm, options, arguments)
