"""How well a mask drawn inside a box is the lesion: the network, what takes its place, and other filters of SimpleITK.

On lesions of phantoms, in boxes as a hand draws them. The filter that the product uses was chosen on the first half of
the phantoms, and is measured on the other half; the network has seen neither.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Catalogue
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side
from liverpair.detection.box_masks import BoxDrawer
from liverpair.detection.local_masks import LEAST_SHARE, Window, local_mask
from liverpair.evaluation.result_files import write_results
from liverpair.jobs.masks_request import DEFAULT_DRAWER
from liverpair.measures.axial_lines import axial_lines
from liverpair.measures.boxes import label_boxes
from liverpair.synthesis.phantom import PhantomPair, phantom_pair
from reproduction.arguments import add_places, command_of, positive, results_folder

NAME = "box-masks"
FIRST_SEED = 100
OUTWARD = (-0.05, 0.2)
"""By what part of its side a hand sets each face of a box beyond the lesion; below 0 within it."""
SMALLEST_MM, LARGE_MM = 8.0, 15.0
PRODUCT = "half-way value (used without a model)"

NOTES = (
    "*dice*: mean over the lesions of 8 mm or more; *low 10 %*: one in ten is below it; *diameter*, *volume*: median "
    "absolute error of those of 15 mm or more, *bias*: its median with sign; *by the network*: the boxes that it fills "
    "(IoU of the box and the block around its mask from 0.5). Boxes reach beyond the lesion by -5 to 20 % of "
    "their side on each of their faces, by chance. Seconds are those of a lesion, on one core.",
    "What would look good for the wrong reason: lesions of phantoms have one brightness each, with a rim at most, and "
    "the liver around them is even: brightness tells more here than it does in patients.",
)


@dataclass(frozen=True)
class BoxedLesion:
    """A lesion with its truth and the box that a hand drew: `values` and `truth` (z, y, x) in its window."""

    seed: int
    side: Side
    number: int
    box: Box
    window: Window
    values: np.ndarray
    truth: np.ndarray
    part: Grid


Draw = Callable[[BoxedLesion], np.ndarray]


def ellipsoid(one: BoxedLesion) -> np.ndarray:
    """What the box alone says."""
    return one.window.ellipsoid


def otsu(one: BoxedLesion) -> np.ndarray:
    """Two classes of the whole window; the one that fills the middle."""
    found = sitk.GetArrayFromImage(sitk.OtsuThreshold(_image(one), 0, 1)) > 0
    return _or_ellipsoid(one, found if found[_core(one)].mean() >= 0.5 else ~found)


def confidence_connected(one: BoxedLesion) -> np.ndarray:
    """Grown from the middle as long as values are within two standard deviations."""
    seeds = [tuple(map(int, place[::-1])) for place in np.argwhere(_core(one))]
    smooth = sitk.CurvatureFlow(_image(one), 0.06, 5)
    return _or_ellipsoid(one, sitk.GetArrayFromImage(sitk.ConfidenceConnected(smooth, seeds, 1, 2.0, 0, 1)) > 0)


def watershed(one: BoxedLesion) -> np.ndarray:
    """Where the gradient is largest between the middle of the box and what lies outside of it."""
    markers = np.where(one.window.inside & (one.window.distance <= 1.05), 0, 2).astype(np.uint8)
    markers[_core(one)] = 1
    variances = [0.5 * spacing**2 for spacing in one.window.spacing]
    steep = sitk.GradientMagnitude(sitk.DiscreteGaussian(_image(one), variances, useImageSpacing=True))
    seeds = on_grid(markers, one.part)
    found = sitk.MorphologicalWatershedFromMarkers(steep, seeds, markWatershedLine=False, fullyConnected=False)
    return one.window.kept(sitk.GetArrayFromImage(found) == 1)


def product(one: BoxedLesion) -> np.ndarray:
    """What the product draws without a network."""
    return local_mask(one.values, one.window)


METHODS: dict[str, Draw] = {
    "ellipsoid in the box": ellipsoid,
    "Otsu": otsu,
    "confidence connected": confidence_connected,
    "watershed from markers": watershed,
    PRODUCT: product,
}


def boxed_lesions(seed: int, phantom: PhantomPair) -> list[BoxedLesion]:
    """The lesions of a phantom in boxes as a hand draws them."""
    rng, found = np.random.default_rng(seed), []
    for side in Side:
        image, labels = getattr(phantom, side), getattr(phantom, f"{side}_lesions")
        grid, values = Grid.of(image), sitk.GetArrayViewFromImage(image)
        for number, tight in label_boxes(labels).items():
            box = _as_drawn(tight, grid, rng)
            window = Window.around(grid, box)
            if max(tight.size_mm[:2]) < SMALLEST_MM or window is None:
                continue
            first = [part.start for part in window.part][::-1]
            size = tuple(part.stop - part.start for part in window.part)[::-1]
            part = Grid(size, grid.spacing, tuple(map(float, grid.point(first))), grid.direction)
            truth = sitk.GetArrayViewFromImage(labels)[window.part] == number
            own = values[window.part].astype(np.float32)
            found.append(BoxedLesion(seed, side, number, box, window, own, truth, part))
    return found


def main(arguments: Sequence[str]) -> None:
    """Draw, measure, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--phantoms", type=positive, default=24, help="how many (default: 24)")
    parser.add_argument("--model", default=DEFAULT_DRAWER, help=f"network (default: {DEFAULT_DRAWER}), or none")
    add_places(parser, "two phantoms")
    options = parser.parse_args(arguments)
    folder, count = results_folder(options), 2 if options.smoke else options.phantoms
    try:
        drawer = None if options.model == "none" else BoxDrawer(Catalogue().find(options.model), choose_device("cpu"))
    except BundleError:
        drawer = None
    scores: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    asked: list[dict[str, float]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        if seed < FIRST_SEED + count // 2:
            continue
        phantom = phantom_pair(seed)
        lesions = boxed_lesions(seed, phantom)
        for one in lesions:
            for name, draw in METHODS.items():
                started = time.perf_counter()
                scores[name].append(score(one, draw(one), time.perf_counter() - started))
        if drawer is not None:
            asked += network_scores(drawer, phantom, lesions)
    rows = [{"method": name, **row_of(own)} for name, own in scores.items()]
    if drawer is not None:
        found = [one["found"] for one in asked]
        name = f"{drawer.bundle.name} where it fills the box, else the half-way value (used)"
        rows.append(
            {"method": name, **row_of(asked), "by the network %": 100 * float(np.mean(found)) if found else None}
        )
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"the lesions of phantoms {FIRST_SEED + count // 2} to {FIRST_SEED + count - 1}, in T1 and T2",
        title="Masks from boxes",
        by_key={row["method"]: row for row in rows},
        values=headline(rows),
        notes=[*NOTES, *([f"{drawer.bundle.name} {drawer.bundle.version}."] if drawer is not None else [])],
        folder=folder,
    )


def headline(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a sentence says: of the last row, which is what the product does."""
    last, first = rows[-1], rows[0]
    return {
        "lesions": last["lesions"],
        "dice": last["dice"],
        "ellipsoid_dice": first["dice"],
        "diameter_mm": last["diameter mm"],
        "volume_percent": last["volume %"],
    }


def network_scores(drawer: BoxDrawer, phantom: PhantomPair, lesions: Sequence[BoxedLesion]) -> list[dict[str, float]]:
    """The scores of what the network draws, or what takes its place."""
    rows = []
    for one in lesions:
        image, liver = getattr(phantom, one.side), getattr(phantom, f"{one.side}_liver")
        started = time.perf_counter()
        labels, made_by, _ = drawer.draw(image, {one.number: one.box}, liver)
        seconds = time.perf_counter() - started
        mask = sitk.GetArrayFromImage(labels)[one.window.part] == one.number
        who = made_by[one.number]
        rows.append({**score(one, mask, seconds), "found": float(who.startswith(drawer.bundle.name))})
    return rows


def score(one: BoxedLesion, mask: np.ndarray, seconds: float) -> dict[str, float]:
    """The errors of one mask."""
    true, own = (axial_lines(each, one.part) for each in (one.truth, mask))
    return {
        "dice": float(2 * (mask & one.truth).sum() / (mask.sum() + one.truth.sum())),
        "true_mm": true.long_mm,
        "diameter_mm": own.long_mm - true.long_mm,
        "volume_percent": 100 * float(mask.sum() / one.truth.sum() - 1),
        "seconds": seconds,
    }


def row_of(scores: Sequence[dict[str, float]]) -> dict[str, float | int | None]:
    """One row of the table."""
    if not scores:
        return {"lesions": 0}
    large = [one for one in scores if one["true_mm"] >= LARGE_MM] or scores
    dice = [one["dice"] for one in scores]
    return {
        "lesions": len(scores),
        "dice": float(np.mean(dice)),
        "low 10 %": float(np.percentile(dice, 10)),
        "diameter mm": _median_size(large, "diameter_mm"),
        "volume %": _median_size(large, "volume_percent"),
        "volume bias %": float(np.median([one["volume_percent"] for one in large])),
        "seconds": float(np.mean([one["seconds"] for one in scores])),
    }


def _median_size(scores: Sequence[dict[str, float]], key: str) -> float:
    return float(np.median([abs(one[key]) for one in scores]))


def _as_drawn(tight: Box, grid: Grid, rng: np.random.Generator) -> Box:
    low, high = (rng.uniform(*OUTWARD, 3) * tight.size_mm for _ in range(2))
    center = np.add(tight.center_mm, grid.axes @ ((high - low) / 2))
    return Box(tuple(map(float, center)), tuple(map(float, np.add(tight.size_mm, low + high))), tight.direction)


def _core(one: BoxedLesion) -> np.ndarray:
    """The middle of the box; at least the voxel nearest to it."""
    distance = np.where(one.window.inside, one.window.distance, np.inf)
    return distance <= max(0.5, float(distance.min()))


def _image(one: BoxedLesion) -> sitk.Image:
    return on_grid(one.values, one.part)


def _or_ellipsoid(one: BoxedLesion, found: np.ndarray) -> np.ndarray:
    kept = one.window.kept(found)
    return kept if kept.sum() >= LEAST_SHARE * one.window.ellipsoid.sum() else one.window.ellipsoid
