"""How well a mask drawn inside a box is the lesion: by networks, by brightness, and by other filters of SimpleITK.

On lesions of phantoms and on lesions painted into real MRI, in boxes as a hand draws them. The filter that the product
uses was chosen on the first half of the phantoms; none of the networks has seen these lesions, but lesion-in-box has
learned from lesions that the same program painted into the MRI of other people.
"""

import argparse
import itertools
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from liverpair.bundle import Catalogue
from liverpair.core.device import choose_device
from liverpair.core.errors import BundleError, InputError, MissingPackageError
from liverpair.core.geometry import Box, Grid, on_grid
from liverpair.core.sides import Side
from liverpair.detection.box_masks import BoxDrawer, BoxNetwork, network_in_boxes
from liverpair.detection.lite_medsam import LiteMedSam
from liverpair.detection.local_masks import LEAST_SHARE, Window, local_mask
from liverpair.evaluation.result_files import write_results
from liverpair.jobs.masks_request import DEFAULT_DRAWER, LITE_MEDSAM, REAL_DRAWER
from liverpair.measures.axial_lines import axial_lines
from liverpair.measures.boxes import label_boxes
from liverpair.synthesis.paired_lesions_evaluation import draw_case, read_real_pair, render_case
from liverpair.synthesis.phantom import phantom_pair
from reproduction.arguments import add_places, command_of, positive, results_folder
from reproduction.recipes.box_masks_figure import Shown, box_masks_figure

NAME = "box-masks"
FIRST_SEED = 100
OUTWARD = (-0.05, 0.2)
"""By what part of its side a hand sets each face of a box beyond the lesion; below 0 within it."""
SMALLEST_MM, LARGE_MM = 8.0, 15.0
SHOWN = 4
"""Lesions of each kind in the picture."""
PRODUCT = "half-way value (where no model is asked)"
CASES = ("01", "02", "03", "38")
"""Real pairs of which none is a test case: what is used by default is chosen here."""
NETWORKS = (DEFAULT_DRAWER, REAL_DRAWER, LITE_MEDSAM)
PHANTOMS, REAL = "phantoms", "real MRI"

NOTES = (
    "*lesions in*: phantoms, or real MRI of healthy livers with lesions painted in. "
    "*dice*: mean over the lesions of 8 mm or more; *low 10 %*: one in ten is below it; *diameter*, *volume*: median "
    "absolute error of those of 15 mm or more, *bias*: its median with sign; *by the network*: the boxes that it fills "
    "(IoU of the box and the block around its mask from 0.5), elsewhere the half-way value is taken. Boxes reach "
    "beyond the lesion by -5 to 20 % of their side on each of their faces, by chance. Seconds are those of a lesion, "
    "on one core.",
    "What would look good for the wrong reason: lesions of phantoms and painted ones have one brightness each, with a "
    "rim at most: brightness tells more here than it does in patients, where a network that has learned real lesions "
    f"may be the better one. {DEFAULT_DRAWER} has learned from lesions that the program of *real MRI* painted into "
    "other cases: it knows how they are made. It has seen no phantom.",
)


@dataclass(frozen=True)
class Drawn:
    """Two images with lesions whose labels are known, and the livers around them, by side."""

    where: str
    seed: int
    images: dict[Side, sitk.Image]
    labels: dict[Side, sitk.Image]
    livers: dict[Side, sitk.Image]


@dataclass(frozen=True)
class BoxedLesion:
    """A lesion with its truth and the box that a hand drew: `values` and `truth` (z, y, x) in its window of an image,
    and the liver around it."""

    seed: int
    side: Side
    number: int
    box: Box
    window: Window
    values: np.ndarray
    truth: np.ndarray
    image: sitk.Image
    liver: sitk.Image | None


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
    variances = [0.5 * spacing**2 for spacing in one.window.grid.spacing]
    steep = sitk.GradientMagnitude(sitk.DiscreteGaussian(_image(one), variances, useImageSpacing=True))
    seeds = on_grid(markers, one.window.grid)
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


def phantoms(count: int) -> Iterator[Drawn]:
    """The second half of so many phantoms; on the first the filter was chosen."""
    for seed in range(FIRST_SEED + count // 2, FIRST_SEED + count):
        one = phantom_pair(seed)
        yield Drawn(
            PHANTOMS, seed, *({s: getattr(one, f"{s}{what}") for s in Side} for what in ("", "_lesions", "_liver"))
        )


def painted(folder: Path, cases: Sequence[str]) -> Iterator[Drawn]:
    """Real pairs with a set of lesions painted in each."""
    for case in cases:
        seed = FIRST_SEED + int(case)
        real, one = read_real_pair(folder, case), render_case(folder, draw_case(folder, case, seed))
        labels = {side: getattr(one, f"{side}_labels") for side in Side}
        yield Drawn(
            REAL, seed, {s: getattr(one, s) for s in Side}, labels, {s: getattr(real, f"{s}_liver") for s in Side}
        )


def boxed_lesions(drawn: Drawn) -> list[BoxedLesion]:
    """The lesions of two images in boxes as a hand draws them."""
    seed, found = drawn.seed, []
    rng = np.random.default_rng(seed)
    for side in Side:
        image, labels = drawn.images[side], drawn.labels[side]
        grid, values = Grid.of(image), sitk.GetArrayViewFromImage(image)
        for number, tight in label_boxes(labels).items():
            box = _as_drawn(tight, grid, rng)
            window = Window.around(grid, box)
            if max(tight.size_mm[:2]) < SMALLEST_MM or window is None:
                continue
            truth = sitk.GetArrayViewFromImage(labels)[window.part] == number
            own = values[window.part].astype(np.float32)
            found.append(BoxedLesion(seed, side, number, box, window, own, truth, image, drawn.livers.get(side)))
    return found


def main(arguments: Sequence[str]) -> None:
    """Draw, measure, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--phantoms", type=positive, default=24, help="how many (default: 24)")
    parser.add_argument("--data", default="${LIVERPAIR_DATA}/chaos_mr", help="folder of the real pairs")
    parser.add_argument("--cases", nargs="*", default=CASES, help=f"real pairs (default: {' '.join(CASES)}), or none")
    parser.add_argument(
        "--models",
        nargs="*",
        default=list(NETWORKS),
        help=f"networks (default: {' '.join(NETWORKS)}); those that are not installed are left out",
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write figures and picture into the card of {DEFAULT_DRAWER}"
    )
    add_places(parser, "four phantoms")
    options = parser.parse_args(arguments)
    real, count = Path(os.path.expandvars(options.data)), 4 if options.smoke else options.phantoms
    cases = () if options.smoke else tuple(options.cases)
    if cases and not real.is_dir():
        raise InputError(f"The folder of real pairs '{real}' does not exist.", "Give --data, or --cases without any.")
    folder, networks = results_folder(options), _networks(options.models)
    scores: dict[tuple[str, str], list[dict[str, float]]] = {}
    shown: list[Shown] = []
    for drawn in itertools.chain(phantoms(count), painted(real, cases)):
        for one in boxed_lesions(drawn):
            masks = {}
            for name, draw in {
                **METHODS,
                **{network.name: partial(by_network, network) for network in networks},
            }.items():
                started = time.perf_counter()
                found = draw(one)
                masks[name], who = found if isinstance(found, tuple) else (found, None)
                row = score(one, masks[name], time.perf_counter() - started)
                own = scores.setdefault((drawn.where, name), [])
                own.append(row if who is None else {**row, "by_network": float(who == name)})
            if row["true_mm"] >= LARGE_MM and sum(title.startswith(drawn.where) for title, *_ in shown) < SHOWN:
                kept = {name: masks[name] for name in masks if name == PRODUCT or name not in METHODS}
                shown.append((f"{drawn.where}, {one.side.title}", one.values, one.truth, one.window.inside, kept))
    if shown:
        box_masks_figure(shown, folder / f"{NAME}.png")
    rows = [{"lesions in": where, "method": name, **row_of(own)} for (where, name), own in scores.items()]
    data = f"the lesions of phantoms {FIRST_SEED + count // 2} to {FIRST_SEED + count - 1}"
    data += f", and lesions painted into CHAOS MR cases {', '.join(cases)}; in T1 and T2" if cases else ", in T1 and T2"
    command = command_of(NAME, arguments)
    if options.write:
        write_card(rows, data, command, folder)
    write_results(
        NAME,
        rows,
        command,
        data=data,
        title="Masks from boxes",
        by_key={f"{row['lesions in']}, {row['method']}": row for row in rows},
        values=headline(rows),
        notes=[f"![Masks in the boxes of some lesions]({NAME}.png)", *NOTES, *(f"{n.name}." for n in networks)],
        folder=folder,
    )


def write_card(rows: Sequence[dict[str, Any]], data: str, command: str, folder: Path) -> None:
    """The figures of the network that draws unasked, those of brightness, and the picture, in the network's card."""
    bundle = Catalogue().find(DEFAULT_DRAWER)
    picture = bundle.folder / "pictures" / f"{NAME}.png"
    picture.parent.mkdir(exist_ok=True)
    shutil.copyfile(folder / picture.name, picture)
    metrics = {
        "description": f"{data[:1].upper()}{data[1:]}, in boxes as a hand draws them.",
        "command": command,
        "cases": [row for row in rows if row["method"] == PRODUCT or row["method"].startswith(DEFAULT_DRAWER)],
        "summary": headline(rows),
        "pictures": [f"pictures/{picture.name}"],
    }
    bundle.update(metrics={**bundle.metrics, NAME: metrics})


def _networks(names: Sequence[str]) -> list[BoxNetwork]:
    """Those that are installed."""
    found: list[BoxNetwork] = []
    for name in names:
        try:
            lite = name == LITE_MEDSAM
            found.append(LiteMedSam() if lite else network_in_boxes(Catalogue().find(name), choose_device("cpu")))
        except (BundleError, MissingPackageError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def headline(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a sentence says: of what the product does unasked, in real MRI where that was measured."""
    where = rows[-1]["lesions in"]
    own = {row["method"]: row for row in rows if row["lesions in"] == where}
    first, bright = own[next(iter(METHODS))], own[PRODUCT]
    used = next((row for method, row in own.items() if method.startswith(DEFAULT_DRAWER)), bright)
    return {
        "lesions": used["lesions"],
        "lesions_in": where,
        "dice": used["dice"],
        "ellipsoid_dice": first["dice"],
        "brightness_dice": bright["dice"],
        "diameter_mm": used["diameter mm"],
        "volume_percent": used["volume %"],
    }


def by_network(network: BoxNetwork, one: BoxedLesion) -> tuple[np.ndarray, str]:
    """What the network draws, or what takes its place; and who it was."""
    labels, made_by, _ = BoxDrawer(network).draw(one.image, {one.number: one.box}, one.liver)
    return sitk.GetArrayFromImage(labels)[one.window.part] == one.number, made_by[one.number]


def score(one: BoxedLesion, mask: np.ndarray, seconds: float) -> dict[str, float]:
    """The errors of one mask."""
    true, own = (axial_lines(each, one.window.grid) for each in (one.truth, mask))
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
    dice, asked = [one["dice"] for one in scores], [one["by_network"] for one in scores if "by_network" in one]
    return {
        "lesions": len(scores),
        "dice": float(np.mean(dice)),
        "low 10 %": float(np.percentile(dice, 10)),
        "diameter mm": _median_size(large, "diameter_mm"),
        "volume %": _median_size(large, "volume_percent"),
        "volume bias %": float(np.median([one["volume_percent"] for one in large])),
        "seconds": float(np.mean([one["seconds"] for one in scores])),
        **({"by the network %": 100 * float(np.mean(asked))} if asked else {}),
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
    return on_grid(one.values, one.window.grid)


def _or_ellipsoid(one: BoxedLesion, found: np.ndarray) -> np.ndarray:
    kept = one.window.kept(found)
    return kept if kept.sum() >= LEAST_SHARE * one.window.ellipsoid.sum() else one.window.ellipsoid
