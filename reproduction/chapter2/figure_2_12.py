"""Why masks are filtered before a registration compares them (Couteaux 2021, section 2.3.2, figure 2.12).

A mask is compared with itself translated. The gradient of their mean squared difference should point along the
translation: without a filter, interpolation between voxels turns it aside.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as functional
from matplotlib.figure import Figure

from liverpair.core.errors import InputError
from liverpair.core.geometry import resample, to_lps, working_grid
from liverpair.dreaming.plot_style import figure_style, save_figure
from liverpair.evaluation.result_files import write_results
from liverpair.io.study import read_image
from liverpair.synthesis.paired_lesions_evaluation import read_real_pair
from reproduction.arguments import add_places, command_of, natural, positive, results_folder
from reproduction.chapter3.dream_networks import data_root
from reproduction.pair_options import DATA_NAME
from reproduction.training.registration_network import binomial_blur, warp

NAME = "figure-2-12"
LENGTHS = (1, 3, 5, 7)
"""Of the binomial filters; 1 is none."""
DESCENTS, ITERATIONS, ARRIVED = (2.0, 5.0, 10.0), 60, 0.5
"""Distances from which descents start, their iterations, and how near the end must be, voxels."""
FARTHEST, STEP = 20.0, 0.1
"""Translations in voxels."""
ALIGNED = 0.9
"""Cosine from which on a gradient counts as pointing the right way."""
PUBLISHED = {1: "some large and misaligned", 3: "aligned", 5: "aligned", 7: "aligned"}
NOTES = (
    "*cosine*: between the gradient and the translation, over all translations and directions. *misaligned*: part of "
    f"the translations with a cosine below {ALIGNED:g}. *largest misaligned*: the largest gradient among them, as a "
    "multiple of the median of all gradients with that filter.",
    "A liver is no ball: with any filter, the steepest way back from far off is not the straight one. *against length "
    f"{LENGTHS[-1]}*: the smallest cosine with the gradient that the longest filter gives, which leaves this aside.",
    "The thesis shows curves and no numbers; it goes on with length 3.",
    f"*descents*: of those that start {', '.join(f'{d:g}' for d in DESCENTS)} voxels away along each direction, how "
    f"many end within {ARRIVED:g} voxels: steps along the gradient, the steepest of the curve being one voxel long, "
    f"{ITERATIONS} of them.",
)

Gradients = Mapping[int, np.ndarray]


def main(arguments: Sequence[str]) -> None:
    """Compute the gradients, draw, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--mask", type=Path, help="a mask; the liver in T1 of --case when left out")
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--case", default="10", help="whose liver (default: 10)")
    parser.add_argument("--spacing", type=_spacing, default=3.0, help="of the voxels, mm along every axis (default: 3)")
    parser.add_argument(
        "--directions", type=positive, default=3, help="random directions; the first is drawn (default: 3)"
    )
    parser.add_argument("--seed", type=natural, default=0, help="of the directions")
    add_places(parser, "a few translations")
    options = parser.parse_args(arguments)
    options.results = results_folder(options)
    step = 4.3 if options.smoke else STEP
    mask = cropped(_mask(options), options.spacing, int(FARTHEST) + 4)
    distances = np.arange(step, FARTHEST + step / 2, step)
    directions = random_directions(options.directions, options.seed)
    gradients = [translation_gradients(mask, direction, distances) for direction in directions]
    _draw(distances, directions[0], gradients[0], options.results / f"{NAME}.png")
    iterations = 2 if options.smoke else ITERATIONS
    ends = {length: descents(mask, directions, length, gradients, iterations) for length in LENGTHS}
    arrived = {length: {"arrived": int(sum(own < ARRIVED)), "of": len(own)} for length, own in ends.items()}
    rows = [
        row(length, directions, gradients) | {"descents": f"{arrived[length]['arrived']} of {arrived[length]['of']}"}
        for length in LENGTHS
    ]
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"{_mask_name(options)}, voxels of {options.spacing:g} mm, {options.directions} directions, "
        f"seed {options.seed}",
        title="Gradients of the registration with and without a filter, beside figure 2.12 of the thesis",
        values={f"minimum_cosine_length_{row['length']}": row["smallest cosine"] for row in rows},
        by_key={
            **{f"cosine_{row['length']}_with_{LENGTHS[-1]}": row[f"against length {LENGTHS[-1]}"] for row in rows},
            "descents": arrived,
        },
        folder=options.results,
        notes=[*NOTES, f"![Cosine and size of the gradient]({NAME}.png)"],
    )


def _spacing(text: str) -> float:
    spacing = float(text)
    if not 0 < spacing < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a length above 0 mm")
    return spacing


def _mask_name(options: argparse.Namespace) -> str:
    if options.mask:
        return options.mask.name
    data = Path(options.data_root).name if options.data_root else DATA_NAME
    return f"{data} case {options.case}, liver in T1"


def _mask(options: argparse.Namespace) -> sitk.Image:
    if options.mask:
        return read_image(options.mask) != 0
    return read_real_pair(data_root(options.data_root), options.case).t1_liver != 0


def cropped(mask: sitk.Image, spacing_mm: float, margin: int) -> torch.Tensor:
    """A mask on voxels of equal sides, cut to what it covers and `margin` voxels around: float32 (1, 1, z, y, x).

    Raises `InputError` for an empty mask.
    """
    upright = to_lps(mask)
    fraction = resample(sitk.Cast(upright, sitk.sitkFloat32), working_grid(upright, (spacing_mm,) * 3))
    inside = sitk.GetArrayFromImage(fraction) > 0.5
    places = np.argwhere(inside)
    if not len(places):
        raise InputError("The mask is empty on voxels of this size.", "Take another mask, or a smaller --spacing.")
    window = tuple(slice(low, high + 1) for low, high in zip(places.min(axis=0), places.max(axis=0)))
    return torch.from_numpy(np.pad(inside[window], margin).astype(np.float32))[None, None]


def random_directions(count: int, seed: int) -> np.ndarray:
    """Unit vectors (count, 3), (z, y, x)."""
    vectors = np.random.default_rng(seed).standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def translation_gradients(mask: torch.Tensor, direction: np.ndarray, distances: np.ndarray) -> Gradients:
    """By length of the filter f the gradients (distances, 3) of mean((m * f - m(t) * f)²) with respect to t.

    m is the mask (1, 1, z, y, x), m(t) the mask moved by t voxels with trilinear interpolation, t the direction times
    each of the distances.
    """
    still = {length: binomial_blur(mask, length) for length in LENGTHS}
    found: dict[int, list[np.ndarray]] = {length: [] for length in LENGTHS}
    for distance in distances:
        for length, gradient in gradients_at(mask, still, distance * direction).items():
            found[length].append(gradient)
    return {length: np.array(gradients) for length, gradients in found.items()}


def gradients_at(mask: torch.Tensor, still: Mapping[int, torch.Tensor], place: np.ndarray) -> dict[int, np.ndarray]:
    """By length of the filter the gradient (3,) where the mask is moved by `place` (3,); `still`: the mask filtered,
    where it is, by the lengths that are asked for."""
    translation = torch.tensor(place, dtype=torch.float32, requires_grad=True)
    moved = warp(mask, -translation.reshape(1, 3, 1, 1, 1))
    losses = {length: functional.mse_loss(binomial_blur(moved, length), own) for length, own in still.items()}
    return {
        length: torch.autograd.grad(loss, translation, retain_graph=True)[0].numpy() for length, loss in losses.items()
    }


def descents(
    mask: torch.Tensor, directions: np.ndarray, length: int, gradients: Sequence[Gradients], iterations: int
) -> np.ndarray:
    """How far from no translation descents with a filter end, voxels, from each distance along each direction."""
    still = {length: binomial_blur(mask, length)}
    rate = 1 / max(float(np.linalg.norm(one[length], axis=1).max()) for one in gradients)
    ends = []
    for direction in directions:
        for distance in DESCENTS:
            place = distance * direction
            for _ in range(iterations):
                place = place - rate * gradients_at(mask, still, place)[length]
            ends.append(float(np.linalg.norm(place)))
    return np.array(ends)


def cosines(gradients: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Cosine of each gradient (n, 3) with a direction (3,), or each with its own (n, 3); 0 where one of them is 0."""
    size = np.linalg.norm(gradients, axis=1) * np.linalg.norm(directions, axis=-1)
    return np.divide((gradients * directions).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0)


def row(length: int, directions: np.ndarray, gradients: Sequence[Gradients]) -> dict[str, Any]:
    """What the table says of one filter; `gradients` along each of the directions."""
    own, longest = (np.concatenate([one[key] for one in gradients]) for key in (length, LENGTHS[-1]))
    cosine = np.concatenate([cosines(one[length], direction) for one, direction in zip(gradients, directions)])
    size = np.linalg.norm(own, axis=1)
    misaligned = cosine < ALIGNED
    return {
        "filter": "none" if length == 1 else "binomial",
        "length": length,
        "published": PUBLISHED[length],
        "smallest cosine": float(cosine.min()),
        "mean cosine": float(cosine.mean()),
        "misaligned": float(misaligned.mean()),
        "largest misaligned": float(size[misaligned].max() / np.median(size)) if misaligned.any() else None,
        f"against length {LENGTHS[-1]}": float(cosines(own, longest).min()),
    }


def _draw(distances: np.ndarray, direction: np.ndarray, gradients: Gradients, path: Path) -> None:
    with figure_style():
        figure = Figure((9.0, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for length, own in gradients.items():
            label = "no filter" if length == 1 else f"length {length}"
            left.plot(distances, cosines(own, direction), label=label, linewidth=1.0)
            right.plot(distances, np.linalg.norm(own, axis=1), label=label, linewidth=1.0)
        left.set_ylabel("cosine of gradient and translation")
        right.set_ylabel("size of the gradient")
        for axis in (left, right):
            axis.set_xlabel("translation (voxels)")
        right.legend()
        save_figure(figure, path)
