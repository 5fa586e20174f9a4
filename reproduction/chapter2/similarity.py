"""Does the similarity constraint help on real pairs? (Couteaux 2021, section 2.3.4, figure 2.16)

The liver of one patient has one shape. How alike are, up to a smooth deformation, the masks drawn by hand in T1 and T2,
those of networks that were trained without the constraint, and those of one trained with it?
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.measures.summary import wilcoxon
from reproduction.arguments import command_of
from reproduction.chapter2.similarity_scores import SimilarityScores
from reproduction.chapter2.strategy_arms import arms_of, bundles_of, trained_bundle
from reproduction.chapter2.strategy_figures import contour_panels
from reproduction.chapter2.strategy_scores import PairScores
from reproduction.chapter2.table_2_1 import NOT_RUN, between_seeds, budget
from reproduction.pair_options import data_words, options_of
from reproduction.training import SIMILARITY
from reproduction.trainings import words_of

NAME = "similarity"
DRAWN, SINGLE, DOUBLE_OUT, CONTROL, CONSTRAINED = "drawn", "single", "double-out-specialised", "control", "similarity"


@dataclass(frozen=True)
class SimilarityArm:
    """A row: its title and what is published of it: DS, p of DS against the masks drawn by hand, Dice in T1 and T2, and
    Dice of the two masks as scanned."""

    title: str
    similarity: float | None
    p: float | None
    dice: tuple[float | None, float | None]
    scanned: float | None = None


ARMS = {
    DRAWN: SimilarityArm("drawn by hand", 0.955, None, (None, None), 0.751),
    SINGLE: SimilarityArm("single, non-specialised", 0.959, 0.08, (0.961, 0.938)),
    DOUBLE_OUT: SimilarityArm("double-in double-out, specialised", 0.954, None, (0.942, 0.897)),
    CONTROL: SimilarityArm("its three stages without the constraint", None, None, (None, None)),
    CONSTRAINED: SimilarityArm("the same with the similarity constraint", 0.966, 0.0028, (0.946, 0.918)),
}
NOTES = (
    "*DS*: the largest Dice of the liver in T1, deformed, with that in T2; the deformation is linear between points 24 "
    "× 24 × 48 mm apart and is found by descent. *Dice T1, T2*: with the liver drawn by hand. *p*: two-sided Wilcoxon "
    "test of the DS of each case (mean over seeds) against that of the masks drawn by hand; *sd*: between seeds.",
    "*as scanned*: Dice of the liver in T1 with that in T2, nothing deformed. Livers do not lie at one place in both "
    "images; masks that are more alike there than those drawn by hand are one mask drawn twice, whose DS is near 1 "
    "whatever its shape.",
    "Published: 12 test pairs, from 70 private pairs with lesions, 150,000 steps, λ_r 0.1, λ_p 1, λ_g 1. Ours: the "
    "same weights; each segmentation network has the same number of steps; under the constraint half of them alone, "
    "then as many steps of the registration alone on masks drawn by hand, then the other half together. *its three "
    "stages without the constraint*: the same with λ_p = 0, a control that the thesis does not have.",
    "*between_seeds*: the least significant difference (5 %) of two networks' rows, from what differs between seeds in "
    "all of them; of Dice in T1 and in T2.",
    f'"{NOT_RUN}": the budget did not reach this row.',
)

Measured = dict[str, list[dict[str, np.ndarray]]]
"""By row and seed: "scanned" and "similarity" (cases,) and, of networks, by side Dice (cases,)."""


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments)
    drawn = SimilarityScores(options.runs / NAME / "drawn.json", options.data_root)(options.cases)
    measured: Measured = {key: [] for key in ARMS}
    measured[DRAWN].append({"scanned": drawn[:, 0], "similarity": drawn[:, 1]})
    networks: dict[str, PairScores] = {}
    for seed in options.seeds:
        for key in list(ARMS)[1:]:
            bundle = network(key, seed, options, training)
            if bundle is not None:
                scores = PairScores([bundle], options.data_root, options.device)
                networks.setdefault(key, scores)
                measured[key].append(measure(bundle, scores, options))
                shown = {name: round(float(values.mean()), 3) for name, values in measured[key][-1].items()}
                print(ARMS[key].title, f"seed {seed}", shown, flush=True)
    smallest = f"With {len(options.cases)} cases p cannot fall below {2.0 ** (1 - len(options.cases)):g}."
    pictures = []
    if CONSTRAINED in networks:
        found = [(case, *networks[CONSTRAINED].found(case, case)) for case in options.cases]
        contour_panels(found, options.results / f"{NAME}.png")
        pictures = [
            f"With the constraint; T1 above T2, drawn by hand red, network green:\n\n![Outlines]({NAME}.png)",
        ]
    write_results(
        NAME,
        [row(key, measured) for key in ARMS],
        command_of(NAME, arguments),
        data=data_words(options),
        title="The similarity constraint, beside the figures of section 2.3.4 of the thesis",
        values={**budget(options), **directions(measured), **noise(measured)},
        by_key={"masks": {key: {"title": ARMS[key].title, "ds": _ds(own)} for key, own in measured.items() if own}},
        folder=options.results,
        notes=[*NOTES, smallest, *pictures],
    )


def network(key: str, seed: int, options: argparse.Namespace, training: Sequence[str]) -> Bundle | None:
    """The network of a row and a seed, trained first where it is not there; None when time is over."""
    if key not in (CONTROL, CONSTRAINED):
        found = bundles_of(*arms_of([key]), seed, options, training)
        return found and found[0]
    half = options.steps // 2
    own: dict[str, Any] = {"model.segmentation_steps": half, "model.registration_steps": half}
    stages = argparse.Namespace(**{**vars(options), "steps": options.steps + half})
    if key == CONTROL:
        own |= {"model.weights.similarity": 0.0, "bundle.name": "liver-similarity-control"}
    run = options.runs / NAME / f"{key}-{options.steps}-{seed}"
    return trained_bundle(CONSTRAINED, run, seed, stages, [*words_of(own), *training], SIMILARITY)


def measure(bundle: Bundle, scores: PairScores, options: argparse.Namespace) -> dict[str, np.ndarray]:
    """What a network reaches on each case."""
    alike = SimilarityScores(bundle.folder.parent / "similarity.json", options.data_root, scores, bundle.sha256)
    dice = {side: scores.matching(options.cases, side) for side in Side}
    return {**dict(zip(("scanned", "similarity"), alike(options.cases).T)), **dice}


def row(key: str, measured: Mapping[str, Sequence[Mapping[str, np.ndarray]]]) -> dict[str, Any]:
    """One row of the table, published figures first."""
    arm, own = ARMS[key], measured[key]
    content: dict[str, Any] = {"masks": arm.title, "DS published": arm.similarity, "DS ours": NOT_RUN, "DS sd": None}
    if own:
        means = [float(one["similarity"].mean()) for one in own]
        content |= {"DS ours": _ds(own), "DS sd": float(np.std(means, ddof=1)) if len(own) > 1 else None}
    content |= {"p published": arm.p, "p ours": None}
    if own and key != DRAWN:
        content["p ours"] = wilcoxon(*(_by_case(measured[k]) for k in (key, DRAWN)))["p"]
    content |= {
        "as scanned published": arm.scanned,
        "as scanned ours": float(np.mean([one["scanned"] for one in own])) if own else None,
    }
    for side, published in zip(Side, arm.dice):
        ours = float(np.mean([one[side] for one in own])) if own and key != DRAWN else None
        content |= {f"Dice {side.title} published": published, f"Dice {side.title} ours": ours}
    return content


def directions(measured: Mapping[str, Sequence[Mapping[str, np.ndarray]]]) -> dict[str, float]:
    """Differences that decide what the thesis concludes; it finds all but those as scanned positive."""
    alike, scanned = (
        {key: np.mean([one[name] for one in own]) for key, own in measured.items() if own}
        for name in ("similarity", "scanned")
    )
    first, second = (
        {key: np.mean([one[side] for one in own]) for key, own in measured.items() if own and key != DRAWN}
        for side in Side
    )
    compared = {
        "constrained_minus_drawn_ds": (alike, CONSTRAINED, DRAWN),
        "drawn_minus_double_out_ds": (alike, DRAWN, DOUBLE_OUT),
        "constrained_minus_drawn_scanned": (scanned, CONSTRAINED, DRAWN),
        "double_out_minus_drawn_scanned": (scanned, DOUBLE_OUT, DRAWN),
        "constrained_minus_double_out_t1": (first, CONSTRAINED, DOUBLE_OUT),
        "constrained_minus_double_out_t2": (second, CONSTRAINED, DOUBLE_OUT),
        "constrained_minus_control_t1": (first, CONSTRAINED, CONTROL),
        "constrained_minus_control_t2": (second, CONSTRAINED, CONTROL),
        "single_minus_constrained_t2": (second, SINGLE, CONSTRAINED),
    }
    return {
        name: float(values[more] - values[less])
        for name, (values, more, less) in compared.items()
        if more in values and less in values
    }


def noise(measured: Mapping[str, Sequence[Mapping[str, np.ndarray]]]) -> dict[str, float | None]:
    """The least significant difference of mean Dice between two networks' rows, by side."""
    networks = [own for key, own in measured.items() if own and key != DRAWN]
    arms = [{side: np.array([one[side] for one in own]) for side in Side} for own in networks]
    return {f"between_seeds_{side}": between_seeds(arms, (side,)) for side in Side}


def _ds(own: Sequence[Mapping[str, np.ndarray]]) -> float:
    return float(np.mean([one["similarity"].mean() for one in own]))


def _by_case(own: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    return np.mean([one["similarity"] for one in own], axis=0)
