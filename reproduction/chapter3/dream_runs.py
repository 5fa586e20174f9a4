"""What the dream experiments share: their options, the places they start from, and the dreams themselves."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.core.geometry import IDENTITY_DIRECTION, Grid
from liverpair.core.sides import Side
from liverpair.core.trajectories import Trajectories
from liverpair.dreaming.ascent import dream
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.dreaming.dreamer import Dreamer
from liverpair.dreaming.neurons import Neuron, neuron_at
from liverpair.dreaming.starts import random_indices
from liverpair.dreaming.subject import Subject, prepare_subject
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES, read_real_pair
from reproduction.arguments import add_places, joined, positive, results_folder
from reproduction.chapter3.dream_figures import Picture
from reproduction.chapter3.dream_networks import SMOKE, data_root, network
from reproduction.training.own_slices import slices_of, split_of, without_objects

SETTINGS = DreamSettings(step=0.0003, iterations=200, minimum_gain=0.0)
"""Of every dream of the experiments. Published are neither step nor stop; figure 3.7 shows up to 600 iterations."""
STARTS = 12
CLOSE_UP_PIXELS = 72
LEAST_LIVER_SHARE = 0.4
"""Slices that show at least this part of the largest section of the liver are started from."""


@dataclass(frozen=True, eq=False)
class Start:
    """A healthy slice and a point of its liver."""

    case: str
    subject: Subject
    seed: int

    def neuron(self, dreamer: Dreamer) -> Neuron:
        """A voxel of the liver, the same for every network: without a lesion, whatever a network may call it."""
        ((y, x),) = random_indices(self.subject.liver, 1, self.subject.spacing_mm[::-1], self.seed)
        return neuron_at(dreamer, self.subject, self.subject.point_of((y, x)))


@dataclass(frozen=True, eq=False)
class Dreamt:
    """The dreams of one network: features by start and iteration; of the first start the neuron's pixel (y, x), and
    image and mask (y, x) at the frames."""

    trajectories: Trajectories
    center: tuple[int, ...]
    frames: Mapping[int, tuple[np.ndarray, np.ndarray]]

    def values(self, feature: str, kind: str = "dream") -> tuple[np.ndarray, np.ndarray]:
        """Iterations (n,) and values (starts, n), NaN where undefined."""
        return self.trajectories.values(feature, kind)

    def pictures(self, titled: bool = False, half: int = CLOSE_UP_PIXELS // 2) -> list[Picture]:
        """Close-ups of the frames around the neuron, with the object outlined."""
        shown = []
        for iteration, (image, mask) in sorted(self.frames.items()):
            window = tuple(
                slice(max(0, min(c - half, n - 2 * half)), max(0, min(c - half, n - 2 * half)) + 2 * half)
                for c, n in zip(self.center, image.shape)
            )
            shown.append(Picture(image[window], mask[window], f"iteration {iteration}" if titled else ""))
        return shown

    def first(self, feature: str, kind: str = "dream") -> np.ndarray:
        """The first value of each start that is defined, NaN where none is (starts,)."""
        return self._defined(feature, kind, 0)

    def final(self, feature: str, kind: str = "dream") -> np.ndarray:
        """The last value of each start that is defined, NaN where none is (starts,)."""
        return self._defined(feature, kind, -1)

    def _defined(self, feature: str, kind: str, at: int) -> np.ndarray:
        rows = [row[np.isfinite(row)] for row in self.values(feature, kind)[1]]
        return np.array([row[at] if len(row) else np.nan for row in rows])


def options_of(name: str, what: str, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of an experiment, and what else was given, which goes to the trainings."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {name}", description=what)
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument(
        "--own-data",
        type=Path,
        metavar="FOLDER",
        help="CT (volume-N.nii, segmentation-N.nii) or photographs (annotations.json in COCO's format) instead",
    )
    parser.add_argument("--starts", type=positive, default=STARTS, help=f"starts of each network (default {STARTS})")
    parser.add_argument("--iterations", type=positive, default=SETTINGS.iterations, help="steps of each dream")
    parser.add_argument("--train", action="store_true", help="train, or go on, even where the models are there")
    parser.add_argument("--bundles", type=Path, help="folder of the models; the shipped ones when left out")
    add_places(parser, "a few steps and starts")
    options, training = parser.parse_known_args(arguments)
    training, options.results = joined(training), results_folder(options)
    if options.smoke:
        options.starts, options.iterations = 2, 4
        training += SMOKE
    if options.own_data:
        split_of(options.own_data)
        training = [word for word in training if not word.startswith("--data.train=")]
    else:
        options.data_root = data_root(options.data_root)
    return options, training


def inspected(name: str, options: argparse.Namespace, training: Sequence[str]) -> Bundle:
    """The network `name`, trained first where it is not there."""
    own = options.own_data
    return network(name, options.data_root, options.runs, options.bundles, options.train, training, own)


def data_words(options: argparse.Namespace) -> str:
    """What was dreamt in."""
    if options.own_data:
        return f"{options.own_data.name}, {', '.join(split_of(options.own_data)[2])}, slices without objects"
    return f"CHAOS MR test cases {', '.join(TEST_CASES)}, T1 in-phase, healthy livers"


def starts_of(bundle: Bundle, options: argparse.Namespace) -> list[Start]:
    """Where dreams begin: healthy livers, or slices of the user's own without an object."""
    if options.own_data:
        return own_starts(options.own_data, options.starts)
    return healthy_starts(bundle, options.data_root, options.starts)


def own_starts(folder: Path, count: int) -> list[Start]:
    """Slices without objects of cases that no training saw, those with much liver first, in turn."""
    cases = split_of(folder)[2]
    slices = {case: without_objects(slices_of(folder, case)) for case in cases if _has_empty(folder, case)}
    if not slices:
        raise InputError(f"Of the test cases in '{folder}', every slice shows an object.", "Add healthy ones.")
    starts = []
    for number in range(count):
        case = list(slices)[number % len(slices)]
        own = slices[case]
        order = np.argsort(-own.livers.sum(axis=(1, 2)), kind="stable")
        row = order[(number // len(slices)) % len(order)]
        height, width = own.images.shape[1:]
        grid = Grid((width, height, 1), (*own.spacing_mm, 1.0), (0.0, 0.0, 0.0), IDENTITY_DIRECTION)
        image = own.images[row].astype(np.float32)[None]
        starts.append(Start(case, Subject(image, grid, ((0.0, 1.0),), 2, Side.T1, own.livers[row]), number))
    return starts


def _has_empty(folder: Path, case: str) -> bool:
    return bool((~slices_of(folder, case).labels.any(axis=(1, 2))).any())


def healthy_starts(bundle: Bundle, root: Path, count: int, cases: Sequence[str] = TEST_CASES) -> list[Start]:
    """Slices without lesions of cases that no training saw, in turn, and a seed for a point in each."""
    starts = []
    for turn, case in enumerate(cases[:count]):
        real = read_real_pair(root, case)
        images, livers = dict(zip(Side, (real.t1, real.t2))), dict(zip(Side, (real.t1_liver, real.t2_liver)))
        own = range(turn, count, len(cases))
        for seed, point in zip(own, _points(livers[Side(bundle.inputs[0])], len(own))):
            starts.append(Start(case, prepare_subject(bundle, images, livers, point), seed))
    return sorted(starts, key=lambda start: start.seed)


def _points(liver: sitk.Image, count: int) -> list[tuple[float, float, float]]:
    """A point in each of `count` slices that show much liver, spread evenly, LPS mm."""
    inside = sitk.GetArrayViewFromImage(liver) > 0
    area = inside.sum(axis=(1, 2))
    large = np.flatnonzero(area >= LEAST_LIVER_SHARE * area.max())
    rows = large[np.linspace(0, len(large) - 1, count + 2).round().astype(int)[1:-1]]
    points = []
    for row in rows:
        y, x = np.argwhere(inside[row]).mean(axis=0)
        points.append(liver.TransformContinuousIndexToPhysicalPoint((float(x), float(y), float(row))))
    return points


def dreams_of(
    bundle: Bundle,
    starts: Sequence[Start],
    settings: DreamSettings,
    features: Sequence[str],
    features_of: Callable | None = None,
    kinds: Sequence[str] = ("dream",),
    device: str = "auto",
) -> Dreamt:
    """Every start of every kind of run, with the features of each iteration."""
    dreamer = Dreamer(bundle, device)
    trajectories, frames = Trajectories(tuple(features)), {}
    neurons = [start.neuron(dreamer) for start in starts]
    for kind in kinds:
        for number, (start, neuron) in enumerate(zip(starts, neurons)):
            steps = dream(dreamer, start.subject, neuron, settings, features, kind=kind, features_of=features_of)
            for step in steps:
                trajectories.add(
                    {
                        "run": kind,
                        "start": number,
                        "neuron": neuron.as_dict(),
                        "iteration": step.iteration,
                        "activation": step.activation,
                        "probability": step.probability,
                        "voxels": step.voxels,
                        "features": step.features,
                    }
                )
                if number == 0 and kind == "dream" and step.image is not None:
                    frames[step.iteration] = step.image, step.mask
    return Dreamt(trajectories, neurons[0].position, frames)


def settings_of(options: argparse.Namespace) -> DreamSettings:
    """The settings of every dream, with frames at four iterations as in figure 3.7."""
    last = options.iterations
    return replace(SETTINGS, iterations=last, frames=(0, last // 5, last // 2, last))


def spread(values: np.ndarray) -> str:
    """Median and quartiles over starts, for a table."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "no object"
    low, middle, high = np.percentile(known, (25, 50, 75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def median(values: np.ndarray) -> float:
    """Over the starts where it is defined; NaN where it is nowhere."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
