"""Paired detection of synthetic lesions in real MRI (Couteaux 2021, section 4.4), on the committed evaluation set.

The shipped detector looks in livers that the liver model drew, brings the pair together by their offset and links by
their registration; beside it stand the same network with livers drawn by hand, with a T2 image that was deformed at
random, with the links that it predicts itself, and on images where they were scanned, as published; with
`--train-published` also a network trained on these. No public MRI has lesions linked across sequences: the lesions are
synthetic, written into the real livers of test cases.
"""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from liverpair.bundle import Bundle, Catalogue
from liverpair.core.device import choose_device
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.detection.box_masks import BoxDrawer, network_in_boxes
from liverpair.detection.inference import DetectionResult, DetectOptions, detect
from liverpair.detection.preparation import liver_offset
from liverpair.evaluation.result_files import table_text, write_results
from liverpair.evaluation.score_detection import ScoredCase, score_cases
from liverpair.jobs.masks_request import DEFAULT_DRAWER
from liverpair.measures.overlap import label_dice
from liverpair.registration.livers import cached_registration
from liverpair.synthesis.paired_lesions_evaluation import (
    LesionCase,
    RealPair,
    read_lesion_cases,
    read_real_pair,
    render_case,
)
from liverpair.synthesis.paired_lesions_rendering import SyntheticPair
from liverpair.training.tasks import DETECTION
from reproduction.arguments import add_places, command_of, joined, results_folder
from reproduction.chapter3.lesion_slices import lesion_slices
from reproduction.chapter4.deformed_pairs import deformed_pair
from reproduction.chapter4.froc_figure import froc_figure
from reproduction.recipes import SPLIT_MODEL as LIVER_MODEL
from reproduction.trainings import trained

NAME = "lesion-pairs"
SHIPPED = "lesion-pairs-t1t2"
PUBLISHED = "lesion-pairs-as-scanned"
LOWEST_SCORE = 0.01
PICTURES = "pictures"

DATA = (
    "synthetic lesions in real MRI: the evaluation set (liverpair/synthesis/evaluation_lesions.json) in CHAOS MR cases "
    "10, 21, 32 and 34, which no training saw"
)
COLUMNS_NOTE = (
    "*sensitivity*, *by own scores*, *pairing accuracy* and the errors are those of lesions from 10 mm on, at an "
    "IoU of 0.1 and 2 false boxes per volume. A box counts with the score of its pair, the higher of two, as a "
    "reader filters them; *by own scores*: boxes that the network found in their image, each with its score there. "
    "*froc* (mean sensitivity at 1/8 to 8 false boxes per volume) and *AP* (at an IoU of 0.1 and of 0.3) are of all "
    "lesions. *displacement error* is that of the way by which boxes were linked: the registration of the livers, or "
    "where a row says so, what the network itself predicts; not of the way between two boxes that were found. *none*, "
    "*liver centroids* and *registration* are what would remain for the same boxes "
    "if they were not moved, or moved by the offset or the registration of the livers that were used. The true places "
    "in T2 were made by an earlier registration of the drawn livers and up to 1.5 mm of noise, so that *registration* "
    "may look better in drawn livers than it is. *T2 deformed*: the painted T2 image and its liver went through a "
    "smooth random deformation (8 mm along each axis, smooth over 40 mm), a new one in each study; there the truth is "
    "nobody's registration. The network was trained on deformations of that kind. *mask Dice* is the mean over the "
    "lesions that were found, in the images in which they were found: it would rise if only easy ones were; of a "
    f"detector that finds boxes, of what {DEFAULT_DRAWER} draws in those that are shown at first. A box on a "
    "lesion that an image does not show is neither found nor false there. *false boxes healthy* are those shown at "
    "first (from the display threshold on) per volume of the four cases as they were scanned, without any lesion."
)


@dataclass(frozen=True)
class Arm:
    """A way to detect: with which bundle, whether the livers are those drawn by hand, how the images are brought
    together and boxes linked when not as the bundle says, and whether T2 is deformed."""

    title: str
    bundle: Bundle
    drawn_livers: bool = True
    alignment: str | None = None
    linked_by: str | None = None
    deformed: bool = False


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--data", default="${LIVERPAIR_DATA}/chaos_mr", help="folder of the real pairs")
    parser.add_argument("--bundle", default=SHIPPED, help="name or folder of the detector that aligns the livers")
    parser.add_argument("--also", nargs="+", default=[], metavar="MODEL", help="detectors to set beside it")
    parser.add_argument("--cases", type=int, help="only so many of the evaluation set's studies")
    parser.add_argument("--train-published", action="store_true", help="add a network trained on images as scanned")
    parser.add_argument("--write", action="store_true", help="write figures and pictures into the detector's card")
    add_places(parser, "one study")
    options, training = parser.parse_known_args(arguments)
    results_there = results_folder(options)
    folder = Path(os.path.expandvars(options.data))
    if not folder.is_dir():
        raise InputError(f"The folder of real pairs '{folder}' does not exist.", "Set LIVERPAIR_DATA, or give --data.")
    lesion_cases = read_lesion_cases()[: 1 if options.smoke else options.cases]
    shipped = Catalogue().find(options.bundle)
    arms = [
        Arm(f"livers drawn by {LIVER_MODEL}", shipped, drawn_livers=False),
        Arm("livers drawn by hand", shipped),
        Arm(f"T2 deformed, livers drawn by {LIVER_MODEL}", shipped, drawn_livers=False, deformed=True),
        Arm(f"linked by the network, livers drawn by {LIVER_MODEL}", shipped, False, linked_by="network"),
        Arm("linked by the network, livers drawn by hand", shipped, linked_by="network"),
        Arm("linked by the network, T2 deformed", shipped, False, linked_by="network", deformed=True),
        Arm("as scanned (published), same weights", shipped, alignment="published", linked_by="network"),
    ]
    arms += [Arm(f"{name}, livers drawn by {LIVER_MODEL}", Catalogue().find(name), False) for name in options.also]
    if options.train_published:
        arms.append(Arm("as scanned (published), trained so", trained_as_published(options.runs, training)))
    scored = {arm.title: detect_all(arm, folder, lesion_cases) for arm in arms}
    results = {title: score_cases(cases) for title, cases in scored.items()}
    for arm in arms:
        cases = dict.fromkeys(one.case for one in lesion_cases)
        results[arm.title]["values"]["false_boxes_healthy"] = false_boxes(arm, folder, list(cases))
    command = command_of(NAME, arguments)
    write(results, scored, arms, results_there, command)
    if options.write:
        write_card(arms[0], results[arms[0].title], scored[arms[0].title], folder, lesion_cases, command)


def trained_as_published(runs: Path, extra: Sequence[str]) -> Bundle:
    """The network for images where they were scanned, trained now where it is not yet."""
    run = runs / PUBLISHED
    trained(DETECTION, PUBLISHED, run, {"bundle.folder": str(run / "bundle")}, joined(extra))
    return Bundle.load(run / "bundle")


def detect_all(arm: Arm, folder: Path, lesion_cases: Sequence[LesionCase]) -> list[ScoredCase]:
    """What an arm finds in every study."""
    scored = []
    for number, lesion_case in enumerate(lesion_cases, start=1):
        print(f"{arm.title}: study {number} of {len(lesion_cases)}", end="\r", file=sys.stderr)
        painted, real = render_case(folder, lesion_case), _real_pair(folder, lesion_case.case)
        t2_liver = real.t2_liver
        if arm.deformed:
            painted, t2_liver = deformed_pair(painted, t2_liver, lesion_case.seed)
        found = arm_detect(arm, (painted.t1, painted.t2), (real.t1_liver, t2_liver))
        scored.append(scored_case(lesion_case, found, painted))
    print(file=sys.stderr)
    return scored


def arm_detect(arm: Arm, images: Sequence[sitk.Image], drawn_livers: Sequence[sitk.Image]) -> DetectionResult:
    """What an arm finds in a pair of images, at the lowest score."""
    options = DetectOptions(score_floor=LOWEST_SCORE, alignment=arm.alignment, linked_by=arm.linked_by)
    if arm.drawn_livers:
        return detect(*images, arm.bundle, drawn_livers, (), options)
    return detect(*images, arm.bundle, (None, None), (Catalogue().find(LIVER_MODEL),), options)


def false_boxes(arm: Arm, folder: Path, cases: Sequence[str]) -> float:
    """Boxes that a reader is shown at first, per volume of pairs without a lesion: each pair of boxes is one in either
    image."""
    shown = 0
    for case in cases:
        real = _real_pair(folder, case)
        found = arm_detect(arm, (real.t1, real.t2), (real.t1_liver, real.t2_liver))
        shown += sum(pair.score >= found.provenance["display_threshold"] for pair in found.pairs)
    return shown / len(cases)


def scored_case(lesion_case: LesionCase, found: DetectionResult, painted: SyntheticPair) -> ScoredCase:
    """A study with the kind and the diameter of every lesion; its baselines are those of the livers that were used."""
    masks = found.masks or drawn_masks(found, (painted.t1, painted.t2))
    return ScoredCase(
        name=lesion_case.name,
        predicted=found.pairs,
        truth=painted.pairs,
        kinds={lesion.uid: lesion.kind for lesion in lesion_case.lesions},
        sizes_mm={lesion.uid: lesion.diameter_mm for lesion in lesion_case.lesions},
        offset_t1_to_t2_mm=liver_offset(*found.livers),
        correspondence=cached_registration(*found.livers),
        mask_dice={
            (side, *numbers): value
            for side, drawn, true in zip(Side, masks, (painted.t1_labels, painted.t2_labels))
            for numbers, value in label_dice(drawn, true).items()
        },
    )


def drawn_masks(found: DetectionResult, images: Sequence[sitk.Image]) -> list[sitk.Image]:
    """What the product draws in the boxes that a reader is shown at first, for a detector that draws no masks."""
    drawer = BoxDrawer(network_in_boxes(Catalogue().find(DEFAULT_DRAWER), choose_device("cpu")))
    shown = [pair for pair in found.pairs if pair.is_shown(found.provenance["display_threshold"])]
    boxes = [{one.number: box for one in shown if (box := one.seen(side)) is not None} for side in Side]
    return [drawer.draw(image, own)[0] for image, own in zip(images, boxes)]


def write(
    results: dict[str, dict[str, Any]],
    scored: dict[str, list[ScoredCase]],
    arms: Sequence[Arm],
    folder: Path,
    command: str,
) -> None:
    """The tables and figures of all arms; the single figures are those of the first, and beside them those of the
    second, with livers drawn by hand; those of the displacement are of what the network predicts in these livers."""
    rows = [
        {
            "detector": title,
            "sensitivity at 2 FP": values["sensitivity_at_2fp"],
            "at 1/2 FP": values["sensitivity_at_half_fp"],
            "by own scores": values["sensitivity_at_2fp_own_scores"],
            "froc": own["detection"][0]["froc"],
            "AP 0.1": own["detection"][0]["ap_0.1"],
            "AP 0.3": own["detection"][0]["ap_0.3"],
            "pairing accuracy": values["pairing_accuracy"],
            "mask Dice": values["mask_dice"],
            "false boxes healthy": values["false_boxes_healthy"],
            "displacement error mm": values["displacement_error_mm"],
            "none mm": values["displacement_error_none_mm"],
            "liver centroids mm": values["displacement_error_centroid_mm"],
            "registration mm": values["displacement_error_registration_mm"],
        }
        for title, own in results.items()
        for values in [own["values"]]
    ]
    first, second, _, *by_network = (results[arm.title] for arm in arms)
    froc_figure(
        {title: [case.image(side) for case in cases for side in Side] for title, cases in scored.items()},
        folder / f"{NAME}.png",
    )
    write_results(
        NAME,
        rows,
        command,
        data=DATA,
        title="Paired detection of synthetic lesions in real MRI",
        values={
            **_with_predicted_ways(first, by_network[0]),
            **{f"{key}_by_hand": value for key, value in _with_predicted_ways(second, by_network[1]).items()},
        },
        folder=folder,
        notes=[
            COLUMNS_NOTE,
            *(
                f"## {title}: by size and kind\n\n{table_text(own['detection'])}\n\n{table_text(own['pairing'])}"
                for title, own in results.items()
            ),
            f"## {arms[0].title}: by study, all lesions\n\n{table_text(first['cases'])}",
            f"![FROC curves]({NAME}.png)",
            *(
                f"{arm.title}: {arm.bundle.name} {arm.bundle.version}, weights {arm.bundle.sha256[:12]}."
                for arm in arms
            ),
        ],
    )


def _with_predicted_ways(shipped: dict[str, Any], by_network: dict[str, Any]) -> dict[str, Any]:
    """The figures of an arm, with the errors of the displacement that the network predicts in the same livers, and of
    what stands beside it, in place of its own."""
    ways = {key: value for key, value in by_network["values"].items() if key.startswith("displacement_")}
    return {**shipped["values"], **ways}


def write_card(
    arm: Arm,
    results: dict[str, Any],
    scored: Sequence[ScoredCase],
    folder: Path,
    lesion_cases: Sequence[LesionCase],
    command: str,
) -> None:
    """The figures of an arm, and a picture of the first study of every real pair, in its bundle's card."""
    threshold = results["values"]["score_threshold"]
    pictures = []
    (arm.bundle.folder / PICTURES).mkdir(exist_ok=True)
    for case in dict.fromkeys(lesion_case.case for lesion_case in lesion_cases):
        row = [lesion_case.case for lesion_case in lesion_cases].index(case)
        painted = render_case(folder, lesion_cases[row])
        found = [pair for pair in scored[row].predicted if pair.score >= threshold]
        pictures.append(f"{PICTURES}/synthetic_{lesion_cases[row].name}.png")
        title = f"case {case}, synthetic lesions of seed {lesion_cases[row].seed}"
        lesion_slices((painted.t1, painted.t2), painted.pairs, found, title, arm.bundle.folder / pictures[-1])
    test = {
        "description": f"{DATA[:1].upper()}{DATA[1:]}. Lesions from 10 mm on in the single figures.",
        "command": command,
        "cases": results["detection"],
        "summary": {key: value for key, value in results["values"].items() if not math.isnan(value)},
        "pictures": pictures,
    }
    arm.bundle.update(metrics={**arm.bundle.metrics, "synthetic_lesions": test})


@lru_cache(maxsize=1)
def _real_pair(folder: Path, case: str) -> RealPair:
    return read_real_pair(folder, case)
