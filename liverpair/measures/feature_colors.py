"""The colors of trajectories: one per feature, told apart by color-blind readers too. Imports nothing."""

FEATURES = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"),
    *("#882255", "#999933", "#332288"),
)
"""Okabe and Ito's colors without their yellow, which is too light for a line on white, then three of Tol's."""

PLAIN = 7
"""How many of them differ enough to be told apart by color alone; the others are drawn with a broken line."""

BASELINES = {"random-weights": "#9a9a9a", "random-direction": "#b5844a"}
"""By kind of run, where a picture is of one feature."""
BAND = "#e4efe4"
"""The normal range."""


def color_of(number: int) -> str:
    """The color of the feature at place `number` (from 0) of those shown."""
    return FEATURES[number % len(FEATURES)]


def is_broken(number: int) -> bool:
    """Whether the line of the feature at place `number` is broken."""
    return number >= PLAIN
