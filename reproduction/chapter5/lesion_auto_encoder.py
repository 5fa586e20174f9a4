"""Lesions in fifteen numbers, the first of which is to be the diameter (Couteaux 2021, section 5.2.1, figure 5.3).

The thesis takes tumors in CT; here they are synthetic lesions in real MRI, each cropped in T1 and in T2.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from liverpair.evaluation.result_files import write_results
from liverpair.synthesis.paired_lesions_evaluation import TEST_CASES
from reproduction.arguments import command_of, positive
from reproduction.chapter3.dream_networks import data_root
from reproduction.chapter5.auto_encoder_figures import traversals
from reproduction.chapter5.lesion_crops import TRAIN_CASES, LesionCrops, lesion_crops
from reproduction.chapter5.options import options_of
from reproduction.training.auto_encoder import AutoEncoder, error_of, latents_of, trained_auto_encoder, traversal

NAME = "lesion-auto-encoder"
SEEDS, STEPS = (0,), 800
LATENT, SHOWN = 15, 5
WIDTHS = (16, 32, 64)
TRAVERSED = (-2.0, -1.0, 0.0, 1.0, 2.0)
SETS = 6
NOTES = (
    "*r(0, diameter)*: correlation of the first number with the diameter, in cases that no training saw; *largest of "
    "the others*: the highest size of such a correlation among the fourteen others. *decoded*: rank correlation of the "
    "first number, from −2 to 2, with the area that differs from the border of the decoded crop by half of the most. "
    "*error*: root mean squared error of a pixel in [0, 1].",
    "Wasserstein auto-encoder of fifteen numbers on crops of 64 × 64 mm of T1 and T2, each around the lesion's center "
    "there; diameter in place of the first number for a fifth of the samples.",
)


def main(arguments: Sequence[str]) -> None:
    """Paint what is missing, train, measure, write."""
    options = options_of(NAME, __doc__, arguments, STEPS, SEEDS, own_options)
    seen, unseen = crops_of(options)
    rows, networks = [], {}
    for title, told in (("without", False), ("diameter known", True)):
        for seed in options.seeds:
            known = seen.diameters_mm if told else None
            network = trained_auto_encoder(seen.images, LATENT, options.steps, seed, known, WIDTHS)
            networks.setdefault(title, network)
            rows.append({"quantity": title, "seed": seed, **measure(network, unseen)})
            print(rows[-1], flush=True)
    shown = networks["diameter known"]
    center = latents_of(shown, unseen.images).mean(axis=0)
    lines = {f"latent {axis}": traversal(shown, axis, TRAVERSED, center) for axis in range(SHOWN)}
    traversals(lines, TRAVERSED, options.results / f"{NAME}.png", ("T1", "T2"))
    told = [row for row in rows if row["quantity"] == "diameter known"]
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=data_words(seen, unseen),
        title="Lesions in fifteen numbers",
        values={
            "steps": options.steps,
            "seeds": options.seeds,
            "diameter_in_first": float(np.mean([row["r(0, diameter)"] for row in told])),
        },
        folder=options.results,
        notes=[*NOTES, f"Decoded along the first {SHOWN} numbers, diameter known:\n\n![Traversals]({NAME}.png)"],
    )


def own_options(parser: argparse.ArgumentParser) -> None:
    """Which lesions."""
    parser.add_argument("--data-root", help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--sets", type=positive, default=SETS, help=f"of lesions in each case (default: {SETS})")
    parser.add_argument("--cases", nargs="+", default=list(TRAIN_CASES), help="to train on")
    parser.add_argument("--test-cases", nargs="+", default=list(TEST_CASES), help="to measure on")


def crops_of(options: argparse.Namespace) -> tuple[LesionCrops, LesionCrops]:
    """The lesions to train on and to measure on; of one case each in a smoke run."""
    if options.smoke:
        options.cases, options.test_cases, options.sets = ["38"], options.test_cases[:1], 1
    root, cache = data_root(options.data_root), options.runs / "cache"
    return tuple(lesion_crops(root, cases, options.sets, cache) for cases in (options.cases, options.test_cases))


def data_words(seen: LesionCrops, unseen: LesionCrops) -> str:
    """What was trained and measured on."""
    cases = ", ".join(dict.fromkeys(unseen.cases))
    return (
        f"{len(seen)} synthetic lesions in {len(set(seen.cases))} real pairs (CHAOS MR) to train on, "
        f"{len(unseen)} in the cases {cases} to measure on"
    )


def areas_at_half(crops: np.ndarray) -> np.ndarray:
    """How much of each crop (n, images, y, x) is lesion: differs from the border by half of the most, mean of the
    images, each for itself (dark in one and bright in the other do not cancel)."""
    border = crops[:, :, [0, -1]].mean(axis=(2, 3), keepdims=True)
    apart = np.abs(crops - border)
    return (apart > apart.max(axis=(2, 3), keepdims=True) / 2).mean(axis=(1, 2, 3))


def measure(network: AutoEncoder, crops: LesionCrops) -> dict[str, Any]:
    """What the numbers of unseen lesions stand for."""
    latents = latents_of(network, crops.images)
    found = np.array([np.corrcoef(own, crops.diameters_mm)[0, 1] for own in latents.T])
    order = np.argsort(np.argsort(areas_at_half(traversal(network, 0, np.linspace(-2, 2, 9), latents.mean(axis=0)))))
    return {
        "r(0, diameter)": float(found[0]),
        "largest of the others": float(np.abs(found[1:]).max()),
        "decoded": float(np.corrcoef(np.arange(len(order)), order)[0, 1]),
        "error": error_of(network, crops.images),
    }
