"""Points of two classes in the plane, linear classifiers, and the ascent on each (Couteaux 2021, figure 3.5)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from liverpair.core.geometry import IDENTITY_DIRECTION, Grid
from liverpair.core.sides import Side
from liverpair.dreaming.ascent import dream
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.interpretation import Reading, read_trajectory
from liverpair.dreaming.neurons import Neuron
from liverpair.dreaming.subject import Subject

CENTER = np.array([0.5, 0.5])
LINE_DEGREES = 25.0
GAIN = 20.0
HALF_DISTANCE, SPREAD_ALONG, SPREAD_ASIDE = 0.25, 0.07, 0.02
"""Of the points: half the distance of the classes' means, and their standard deviations."""
FEATURES = ("position along the line", "distance from the line")


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
    subject = Subject(start.astype(np.float32)[None, None], grid, ((0.0, 1.0),), 2, Side.T1)
    settings = DreamSettings(iterations=steps, minimum_gain=0.0, every=1, precision="fp32")
    run = dream(Dreamer.of_network(linear_network(weights)), subject, Neuron("point", (0, 0)), settings)
    path = np.array([step.image[0] for step in run], float)
    positive = features_at(points.positive)
    z = (features_at(path) - positive.mean(axis=0)) / positive.std(axis=0)
    iterations = np.arange(len(path))
    return Climb(name, weights, path, z, tuple(read_trajectory(iterations, z[:, [k]].T, FEATURES[k]) for k in range(2)))
