"""A lesion dreamt in both images at once, as far apart as asked (Couteaux 2021, section 5.1.2).

Both images of a healthy pair are changed so that one anchor of the detector answers in T1, another in T2 as far from it
as is asked, and the displacement that both predict is that. Does the network's displacement follow what it sees?
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.sides import Side
from liverpair.detection.anchors import Anchors, make_anchors
from liverpair.detection.detection_settings import DetectionSettings
from liverpair.dreaming.plot_style import draw_slice, figure_style, save_figure
from liverpair.dreaming.subject import Subject, prepare_subject
from liverpair.evaluation.result_files import write_results
from liverpair.networks.retina import RetinaNet, RetinaOutput
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES, read_real_pair
from reproduction.arguments import add_places, command_of, positive, results_folder
from reproduction.chapter3.dream_networks import data_root

NAME = "paired-dream"
MODEL = "lesion-pairs-t1t2"
DISTANCE_MM = 15.0
ASKED = {"none": (0, 0, 0), "x +": (0, 0, 1), "x −": (0, 0, -1), "y +": (0, 1, 0), "z +": (1, 0, 0)}
"""Directions (z, y, x)."""
WINDOW = (24, 48, 48)
"""Part of the pair that is dreamt in, voxels."""
SIZE_MM = 22.0
"""Largest side of the anchors, about."""
STEPS, STEP = 15, 0.012
"""Iterations, and the RMS change of both images at each."""
WEIGHT = 0.02
"""Of a squared millimeter of displacement, beside a logit of 1."""
NOTES = (
    "*asked*: where the lesion is to lie in T2, from its place in T1, after the livers were brought together; "
    f"{DISTANCE_MM:g} mm along an axis. *score*: of both anchors, before and after. *predicted*: error of the "
    "displacement that both anchors predict, before and after, mm. *changed*: error of the distance between the "
    "centers of what the dream changed in either image. *free*: only the two anchors are raised, nothing is asked of "
    "the displacement head; *asked for*: it is to predict the displacement too.",
    "*follows*: correlation over all dreams and axes of what the head predicts with what was asked. The network "
    "learned displacements of a few millimeters: 15 mm along an axis is more than it saw.",
)


@dataclass(frozen=True)
class Dreamt:
    """What a dream of a pair came to. `displacements` (2, 3): predicted by the anchors, from T1 to T2, mm, before and
    after; `scores` (2, 2): before and after, of T1 and T2; `change` (2, z, y, x)."""

    images: np.ndarray
    change: np.ndarray
    displacements: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Scene:
    """A pair in a window, the network, and its anchors there. `able` (2, z, y, x): what may be changed."""

    network: RetinaNet
    anchors: Anchors
    channels: np.ndarray
    able: np.ndarray
    spacing: np.ndarray

    def anchor_at(self, voxel: np.ndarray) -> int:
        """The row of the anchor nearest to a voxel (z, y, x) in the middle among those of the right size."""
        sides = ((self.anchors.boxes[:, 1] - self.anchors.boxes[:, 0]).numpy() * self.spacing).max(axis=1)
        distance = ((self.anchors.boxes.mean(dim=1).numpy() - voxel - 0.5) * self.spacing) ** 2
        return int((np.sqrt(distance.sum(axis=1)) + 2 * np.abs(sides - SIZE_MM)).argmin())


def main(arguments: Sequence[str]) -> None:
    """Dream, measure, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--case", default=TEST_CASES[0], help=f"healthy pair (default: {TEST_CASES[0]})")
    parser.add_argument("--iterations", type=positive, default=STEPS, help=f"of each dream (default: {STEPS})")
    parser.add_argument("--asked", nargs="+", choices=ASKED, default=list(ASKED), help="which directions")
    add_places(parser, "two short dreams")
    options = parser.parse_args(arguments)
    options.results = results_folder(options)
    if options.smoke:
        options.iterations, options.asked = 2, options.asked[:2]
    scene = scene_of(Catalogue().find(MODEL), data_root(options.data_root), options.case)
    rows, shown, pairs = [], {}, {True: [], False: []}
    for title in options.asked:
        wanted = DISTANCE_MM * np.array(ASKED[title], float)
        for told in (False, True):
            found = dream_pair(scene, wanted, options.iterations, WEIGHT if told else 0.0)
            pairs[told].append((wanted, found.displacements[1]))
            rows.append(
                {"asked": title, "displacement": "asked for" if told else "free", **measure(found, wanted, scene)}
            )
            print(rows[-1], flush=True)
            if told:
                shown[title] = found
    _draw(shown, scene, options.results / f"{NAME}.png")
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"CHAOS MR case {options.case}, healthy livers drawn by hand; model {MODEL}",
        title="A lesion dreamt in both images, as far apart as asked",
        values={
            "iterations": options.iterations,
            "follows_free": _follows(pairs[False]),
            "follows_asked_for": _follows(pairs[True]),
        },
        folder=options.results,
        notes=[*NOTES, f"T1 above T2; the crosses are where the lesion is asked for:\n\n![Dreams]({NAME}.png)"],
    )


def scene_of(bundle: Bundle, root, case: str) -> Scene:
    """The middle of the liver of a pair as the detector sees it."""
    real = read_real_pair(root, case)
    images, livers = {Side.T1: real.t1, Side.T2: real.t2}, {Side.T1: real.t1_liver, Side.T2: real.t2_liver}
    subject = prepare_subject(bundle, images, livers, None, Side.T1)
    settings = DetectionSettings.read(bundle.section("detection"), bundle.name)
    network = bundle.network().requires_grad_(False).eval()
    middle = np.argwhere(subject.liver).mean(axis=0)
    size = np.minimum(WINDOW, subject.space) // network.multiple_of * network.multiple_of
    start = np.clip(np.rint(middle - size / 2), 0, np.subtract(subject.space, size)).astype(int)
    window = tuple(slice(a, a + n) for a, n in zip(start, size))
    part = (slice(None), *window)
    anchors = make_anchors(tuple(size), network.strides, settings.anchor_sizes, settings.growth)
    channels = subject.channels[part].astype(np.float32)
    return Scene(network, anchors, channels, _able(subject)[part], np.array(subject.grid.spacing[::-1]))


def _able(subject: Subject) -> np.ndarray:
    """(channels, z, y, x): the images, where the network is shown something."""
    able = np.ones(subject.channels.shape, bool) if subject.shown is None else np.array(subject.shown, bool)
    able[len(Side) :] = False
    return able


def dream_pair(scene: Scene, wanted_mm: np.ndarray, iterations: int, weight: float) -> Dreamt:
    """Raise an anchor in the middle of T1 and the one in T2 that lies `wanted_mm` (z, y, x) from it."""
    middle = np.array(scene.channels.shape[1:]) / 2
    rows = [scene.anchor_at(middle), scene.anchor_at(middle + wanted_mm / scene.spacing)]
    wanted = torch.from_numpy(wanted_mm).float()
    able = torch.from_numpy(scene.able).float()
    image = torch.from_numpy(scene.channels)
    length = STEP * float(able.sum()) ** 0.5
    told = []
    for step in range(iterations + 1):
        image = image.detach().requires_grad_()
        logits, ways = _answers(scene, image, rows)
        if step in (0, iterations):
            told.append((ways.mean(dim=0).detach().numpy(), logits.sigmoid().detach().numpy()))
        value = logits.sum() - weight * (ways - wanted).square().sum()
        (gradient,) = torch.autograd.grad(value, image)
        gradient = gradient * able
        image = image + gradient * (length / gradient.norm().clamp(min=1e-12))
    images = image.detach().numpy()[: len(Side)]
    ways, scores = (np.array(values) for values in zip(*told))
    return Dreamt(images, images - scene.channels[: len(Side)], ways, scores)


def _answers(scene: Scene, image: torch.Tensor, rows: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits (2,) of an anchor in each image, and the displacement from T1 to T2 that each predicts (2, 3), mm."""
    output = RetinaOutput.of(scene.network(image[None]), 3)[0]
    logits = torch.stack([output.logits[side, row, 0] for side, row in enumerate(rows)])
    millimeters = torch.from_numpy(scene.spacing).float()
    ways = [
        sign * output.displacement[side, row] * scene.anchors.strides[row] * millimeters
        for side, (row, sign) in enumerate(zip(rows, (1, -1)))
    ]
    return logits, torch.stack(ways)


def measure(found: Dreamt, wanted: np.ndarray, scene: Scene) -> dict[str, Any]:
    """One dream in the table."""
    errors = np.linalg.norm(found.displacements - wanted, axis=1)
    apart = np.subtract(*(center_of(own) for own in found.change[::-1])) * scene.spacing
    return {
        "score before": float(found.scores[0].mean()),
        "score after": float(found.scores[1].mean()),
        "predicted before": float(errors[0]),
        "predicted after": float(errors[1]),
        "changed": float(np.linalg.norm(apart - wanted)),
    }


def center_of(change: np.ndarray) -> np.ndarray:
    """Center (z, y, x) of what changed, by its squares."""
    squares = change**2
    return np.array(
        [
            (squares.sum(axis=tuple(a for a in range(3) if a != axis)) @ np.arange(n)) / squares.sum()
            for axis, n in enumerate(change.shape)
        ]
    )


def _follows(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float | None:
    asked, found = (np.array(values).ravel() for values in zip(*pairs))
    return float(np.corrcoef(asked, found)[0, 1]) if asked.std() > 0 else None


def _draw(shown: dict[str, Dreamt], scene: Scene, path) -> None:
    """A column for each dream: the slice through the middle in T1, and through the place asked for in T2."""
    middle = np.array(scene.channels.shape[1:]) / 2
    with figure_style():
        figure = Figure((1.75 * len(shown), 4.0), layout="constrained")
        axes = figure.subplots(2, len(shown), squeeze=False)
        for line, (title, found) in zip(axes.T, shown.items()):
            wanted = DISTANCE_MM * np.array(ASKED[title]) / scene.spacing
            for axis, image, place in zip(line, found.images, (middle, middle + wanted)):
                z = int(np.clip(round(place[0]), 0, image.shape[0] - 1))
                draw_slice(axis, image[z], scene.spacing[::-1][:2], tuple(np.percentile(image, (1, 99.8))))
                axis.plot(place[2], place[1], "+", color="#40d8ff", markersize=9)
            line[0].set_title(title if title == "none" else f"{DISTANCE_MM:g} mm {title}", fontsize=8)
        save_figure(figure, path)
