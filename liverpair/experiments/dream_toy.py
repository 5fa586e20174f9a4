"""Steepest ascent in two dimensions (Couteaux 2021, figure 3.5): what trajectories tell of a classifier that accuracy
does not.

Points of two classes lie along an oblique line. f1 is the position along it, which separates the classes, f2 the
distance from it, which does not. A classifier across the line and a tilted one answer alike for every point; ascent
from a negative point raises f1 with both, but with the tilted one it leaves the line, for nothing taught it that f2
does not matter.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from liverpair.dreaming.ascent import dream
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.reading import Reading, read_trajectory
from liverpair.dreaming.settings import DreamSettings
from liverpair.dreaming.subject import Subject
from liverpair.experiments.dream_toy_figure import toy_figure
from liverpair.geometry import IDENTITY_DIRECTION, Grid
from liverpair.measures.results import RESULTS_FOLDER, write_results

NAME = "dream-toy"
CENTER = np.array([0.5, 0.5])
LINE_DEGREES = 25.0
CLASSIFIERS = {"across the line": 0.0, "tilted": 35.0}
"""Degrees by which the weights of each classifier lie beside the line."""
GAIN = 20.0
HALF_DISTANCE, SPREAD_ALONG, SPREAD_ASIDE = 0.25, 0.07, 0.02
"""Of the points: half the distance of the classes' means, and their standard deviations."""
FEATURES = ("position along the line", "distance from the line")

NOTES = (
    "f1: position along the line; f2: distance from it, with its sign; both as z-scores over the positive points, at "
    "the first and at the last step. The network is linear, so the path must be a straight line along its weights: "
    "*bend* is the path's largest distance from the straight line between its ends, and *angle* the one between "
    "path and weights.",
    "The path is that of `liverpair.dreaming.ascent`, on an image of two pixels, the coordinates of the point.",
)


@dataclass(frozen=True, eq=False)
class Points:
    """Points (n, 2) of both classes."""

    negative: np.ndarray
    positive: np.ndarray


@dataclass(frozen=True, eq=False)
class Climb:
    """The path (steps + 1, 2) of an ascent on one classifier, its features (steps + 1, 2), and their readings."""

    name: str
    weights: np.ndarray
    path: np.ndarray
    z: np.ndarray
    readings: tuple[Reading, ...]

    @property
    def bend(self) -> float:
        """The largest distance of the path from the straight line between its ends."""
        along = self.path[-1] - self.path[0]
        aside = np.array([-along[1], along[0]]) / np.linalg.norm(along)
        return float(np.abs((self.path - self.path[0]) @ aside).max())

    @property
    def angle_degrees(self) -> float:
        """Between the path and the weights."""
        along = self.path[-1] - self.path[0]
        cosine = along @ self.weights / np.linalg.norm(along) / np.linalg.norm(self.weights)
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def main(arguments: Sequence[str]) -> None:
    """Climb on both classifiers, write table and figure."""
    parser = argparse.ArgumentParser(prog=f"python -m liverpair.experiments {NAME}", description=__doc__)
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
        shlex.join(["python", "-m", "liverpair.experiments", NAME, *arguments]),
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


def axes_of_line() -> np.ndarray:
    """Unit vectors (2, 2) along the line and aside from it: the directions of f1 and f2."""
    angle = np.radians(LINE_DEGREES)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def features_at(points: np.ndarray) -> np.ndarray:
    """f1 and f2 (n, 2) of points (n, 2)."""
    return (points - CENTER) @ axes_of_line().T


def draw_points(count: int, seed: int = 0) -> Points:
    """`count` points of each class."""
    random = np.random.default_rng(seed)
    classes = []
    for side in (-1, 1):
        along = random.normal(side * HALF_DISTANCE, SPREAD_ALONG, count)
        aside = random.normal(0.0, SPREAD_ASIDE, count)
        classes.append(CENTER + np.stack([along, aside], axis=1) @ axes_of_line())
    return Points(*classes)


def weights_of(tilt_degrees: float) -> np.ndarray:
    """The weights (2,) of the classifier whose direction lies `tilt_degrees` beside the line."""
    tilt = np.radians(tilt_degrees)
    return GAIN * np.array([np.cos(tilt), np.sin(tilt)]) @ axes_of_line()


def linear_network(weights: np.ndarray) -> nn.Module:
    """A network on images of 1 × 2 pixels, the point: its output at the first pixel is the classifier's logit."""
    network = nn.Conv2d(1, 1, (1, 3), padding=(0, 1))
    network.weight.data = torch.tensor([[[[0.0, *weights]]]], dtype=torch.float32)
    network.bias.data = torch.tensor([-float(weights @ CENTER)])
    return network


def climb(name: str, tilt_degrees: float, points: Points, steps: int) -> Climb:
    """Ascend the logit of a classifier from the middle of the negative points, and read both features."""
    weights = weights_of(tilt_degrees)
    start = CENTER - HALF_DISTANCE * axes_of_line()[0]
    grid = Grid((2, 1, 1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), IDENTITY_DIRECTION)
    subject = Subject(start.astype(np.float32)[None, None], grid, ((0.0, 1.0),), 2, "T1")
    settings = DreamSettings(iterations=steps, minimum_gain=0.0, every=1, precision="fp32")
    run = dream(Dreamer.of_network(linear_network(weights)), subject, Neuron("point", (0, 0)), settings)
    path = np.array([step.image[0] for step in run], float)
    positive = features_at(points.positive)
    z = (features_at(path) - positive.mean(axis=0)) / positive.std(axis=0)
    iterations = np.arange(len(path))
    return Climb(name, weights, path, z, tuple(read_trajectory(iterations, z[:, [k]].T, FEATURES[k]) for k in range(2)))


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
