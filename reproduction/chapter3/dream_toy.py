"""Steepest ascent in two dimensions (Couteaux 2021, figure 3.5): what trajectories tell of a classifier that accuracy
does not.

Points of two classes lie along an oblique line. f1 is the position along it, which separates the classes, f2 the
distance from it, which does not. A classifier across the line and a tilted one answer alike for every point; ascent
from a negative point raises f1 with both, but with the tilted one it leaves the line, for nothing taught it that f2
does not matter.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liverpair.evaluation.result_files import RESULTS_FOLDER, write_results
from reproduction.arguments import command_of
from reproduction.chapter3.dream_toy_climbs import CENTER, LINE_DEGREES, Climb, Points, axes_of_line, climb, draw_points
from reproduction.chapter3.dream_toy_figure import toy_figure

NAME = "dream-toy"
CLASSIFIERS = {"across the line": 0.0, "tilted": 35.0}
"""Degrees by which the weights of each classifier lie beside the line."""

NOTES = (
    "f1: position along the line; f2: distance from it, with its sign; both as z-scores over the positive points, at "
    "the first and at the last step. The network is linear, so the path must be a straight line along its weights: "
    "*bend* is the path's largest distance from the straight line between its ends, and *angle* the one between "
    "path and weights.",
    "The path is that of `liverpair.dreaming.ascent`, on an image of two pixels, the coordinates of the point.",
)


def main(arguments: Sequence[str]) -> None:
    """Climb on both classifiers, write table and figure."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--points", type=int, default=80, help="points of each class")
    parser.add_argument("--steps", type=int, default=380, help="steps of the ascent")
    parser.add_argument("--results", type=Path, help="folder of the results; docs/results when left out")
    options = parser.parse_args(arguments)
    folder = options.results or RESULTS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    points = draw_points(options.points)
    climbs = [climb(name, tilt, points, options.steps) for name, tilt in CLASSIFIERS.items()]
    toy_figure(points, climbs, axes_of_line(), CENTER, folder / f"{NAME}.png")
    tilted = climbs[-1]
    write_results(
        NAME,
        [row(c, points) for c in climbs],
        command_of(NAME, arguments),
        data=f"{options.points} points of each class, drawn along a line at {LINE_DEGREES:g}°",
        title="Steepest ascent on two linear classifiers",
        values={"bend": tilted.bend, "angle_degrees": tilted.angle_degrees, "drift_z": tilted.z[-1, 1]},
        folder=folder,
        notes=[
            *NOTES,
            *(f"Readings of the classifier {c.name}: {' '.join(r.sentence for r in c.readings)}" for c in climbs),
            f"![Points, classifiers, paths and trajectories]({NAME}.png)",
        ],
    )


def row(found: Climb, points: Points) -> dict[str, Any]:
    """What the table says of one classifier."""
    right = [sign * ((own - CENTER) @ found.weights) > 0 for sign, own in ((1, points.positive), (-1, points.negative))]
    table = {
        "classifier": found.name,
        "accuracy": float(np.concatenate(right).mean()),
        "bend": found.bend,
        "angle °": found.angle_degrees,
    }
    for k, reading in enumerate(found.readings):
        table |= {f"f{k + 1} from": found.z[0, k], f"f{k + 1} to": found.z[-1, k], f"f{k + 1} reading": reading.rule}
    return table
