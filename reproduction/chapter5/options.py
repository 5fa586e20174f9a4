"""Options that the experiments of the last chapter share."""

import argparse
from collections.abc import Callable, Sequence

from reproduction.arguments import add_places, add_seeds, positive, results_folder

SMOKE_STEPS = 3


def options_of(
    name: str,
    what: str,
    arguments: Sequence[str],
    steps: int,
    seeds: Sequence[int],
    extend: Callable[[argparse.ArgumentParser], None] = lambda _: None,
) -> argparse.Namespace:
    """The options of an experiment that trains small networks from so many `steps` and these `seeds` on."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {name}", description=what)
    add_seeds(parser, seeds)
    parser.add_argument("--steps", type=positive, default=steps, help=f"of every training (default: {steps})")
    add_places(parser, "a few steps and samples")
    extend(parser)
    options = parser.parse_args(arguments)
    if options.smoke:
        options.seeds, options.steps = options.seeds[:1], SMOKE_STEPS
    options.results = results_folder(options)
    return options
