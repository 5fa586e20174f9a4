"""Are three views better than one, and do they know where they are wrong? (the proposal's second axis)

Two-dimensional networks on axial, coronal and sagittal slices, fused voxel by voxel by how sure each view is. The view
and the fusion that are compared are those that are best on the validation case.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liverpair.bundle import Bundle
from liverpair.core.sides import Side
from liverpair.evaluation.result_files import write_results
from liverpair.measures.summary import least_significant_difference
from liverpair.training.tasks import VIEWS
from reproduction.arguments import command_of
from reproduction.chapter2.strategy_arms import trained_bundle
from reproduction.memory_limit.view_figures import dice_of_views, disagreement
from reproduction.memory_limit.view_scores import FUSIONS, ViewScores, means
from reproduction.pair_options import data_words, options_of

NAME = "views"
SEEDS = (0, 1, 2)
STEPS = 400
VALIDATION = ("38",)
"""The case that chooses a view and a fusion, where the user names none."""
VIEW_NAMES = ("axial", "coronal", "sagittal")
SMOKE_LAYOUT = {"widths": [4, 8], "strides": [[1, 2, 2]], "normalization": "group", "passes": 2}
NOT_RUN = "not run"

Found = Mapping[tuple[str, Side], Mapping[str, Mapping[str, float]]]
"""Measures by view and fusion of each image."""

NOTES = (
    "*Dice*, *HD95* (mm): of the liver on the grids of the images, no part taken away; *sd*: between networks. Of what "
    "is decided on the working grid: *AUPR*: average precision of finding its wrong voxels by its uncertainty (1 at "
    "best); *AURC* × 1000: mean part that is wrong among the surest (0 at best); *ECE*: how far the stated probability "
    "of being right is from the part that is. *views' AUPR*: the same of each view's own decision, by how sure it is.",
    "A fusion's probability is Σ w p, with weights in proportion to how sure each view is: all alike (mean); |2p - 1|; "
    "1 - entropy in bits; 1 - variance over 10 passes with dropout; the true-class probability that a head of its own "
    "has learned of the frozen networks (ConfidNet), on the images that trained them.",
)


def main(arguments: Sequence[str]) -> None:
    """Train what is missing, measure, write."""
    options, training = options_of(NAME, __doc__, arguments, _own_options, seeds=SEEDS)
    if options.smoke:
        layout = {**SMOKE_LAYOUT, "fusion": "confidence"}
        training = [word for word in training if not word.startswith("--model.arguments=")]
        training = [f"--model.arguments={_json(layout)}", "--trainer.check_val_every_n_epoch=1", *training]
    choosing = tuple(options.others[1]) if options.others else VALIDATION
    bundles: list[Bundle] = []
    for seed in options.seeds:
        run = options.runs / "views" / f"liver-views-{options.steps}-{seed}"
        bundle = trained_bundle("liver-views", run, seed, options, training, VIEWS)
        bundles += [bundle] if bundle is not None else []
    scores = [ViewScores(bundle, options.data_root, options.device) for bundle in bundles]
    tested, chosen_on = ([_found(one, cases) for one in scores] for cases in (options.cases, choosing))
    view, fusion = (best_of(chosen_on, names) for names in (VIEW_NAMES, FUSIONS))
    pictures = []
    if tested:
        dice_of_views(
            {title(name): [means(one, name, "dice") for one in tested] for name in (*VIEW_NAMES, *FUSIONS)},
            options.results / f"{NAME}.png",
        )
        shown = [(case, side, scores[0].seen(case, side)) for case in options.cases[:1] for side in Side]
        disagreement(shown, fusion, options.results / f"{NAME}-disagreement.png")
        pictures = [
            "Where the views disagree, and where their fusion is wrong; drawn by hand in white, axial, coronal and "
            f"sagittal networks in color:\n\n![Disagreement]({NAME}-disagreement.png)",
            f"One dot for each network, bars through means:\n\n![Dice]({NAME}.png)",
        ]
    write_results(
        NAME,
        [row(name, tested) for name in (*VIEW_NAMES, *FUSIONS)],
        command_of(NAME, arguments),
        data=f"{data_words(options)}; view and fusion chosen on {', '.join(choosing)}",
        title="Three views of the liver, and their fusions",
        values={"steps": options.steps, "seeds": options.seeds, **values(tested, view, fusion)},
        folder=options.results,
        notes=[*pictures, *NOTES],
    )


def _own_options(parser: Any) -> None:
    parser.set_defaults(steps=STEPS)


def _json(content: Any) -> str:
    import json

    return json.dumps(content)


def _found(scores: ViewScores, cases: Sequence[str]) -> Found:
    return {(case, side): scores(case, side) for case in cases for side in Side}


def title(name: str) -> str:
    """Name of a row."""
    return f"fused: {FUSIONS[name]}" if name in FUSIONS else f"{name} alone"


def best_of(found: Sequence[Found], names: Sequence[str]) -> str | None:
    """Which of several has the highest mean Dice over networks; None when there is none."""
    if not found:
        return None
    return max(names, key=lambda name: np.mean([means(one, name, "dice") for one in found]))


def row(name: str, found: Sequence[Found]) -> dict[str, Any]:
    """One line of the table."""
    content: dict[str, Any] = {"liver": title(name)}
    if not found:
        return {**content, "Dice": NOT_RUN}
    all_of = np.array([means(one, name, "dice") for one in found])
    content |= {"Dice": float(all_of.mean()), "sd": float(all_of.std(ddof=1)) if len(found) > 1 else None}
    for side in Side:
        own = [{key: value for key, value in one.items() if key[1] is side} for one in found]
        content[side.title] = float(np.mean([means(one, name, "dice") for one in own]))

    def mean(measure: str) -> float:
        return float(np.nanmean([means(one, name, measure) for one in found]))

    content |= {"HD95": mean("hd95_mm"), "AUPR": mean("aupr"), "AURC × 1000": 1000 * mean("aurc"), "ECE": mean("ece")}
    return content | {"views' AUPR": mean("views_aupr") if name in FUSIONS else None, "networks": len(found)}


def values(found: Sequence[Found], view: str | None, fusion: str | None) -> dict[str, Any]:
    """The gain of the chosen fusion on the chosen view, and of every fusion, in mean Dice; what two rows must differ by
    to be two (5 %)."""
    if not found or view is None or fusion is None:
        return {}
    dice = {name: np.array([means(one, name, "dice") for one in found]) for name in (*VIEW_NAMES, *FUSIONS)}
    gains = {name: float((dice[name] - dice[view]).mean()) for name in FUSIONS}
    return {
        "chosen_view": view,
        "chosen_fusion": fusion,
        "fusion_gain": gains[fusion],
        "fusion_gain_by_seed": (dice[fusion] - dice[view]).tolist(),
        "between_seeds": least_significant_difference(list(dice.values())),
        **{f"fusion_gain_{name}": gain for name, gain in gains.items()},
    }
