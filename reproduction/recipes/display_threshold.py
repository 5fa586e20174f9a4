"""From which score on a reader is shown a lesion at first: few false boxes on pairs that no test case is among.

Measured on the validation case of the detectors, with synthetic lesions drawn for this alone and as it was scanned.
`--write` puts the threshold into the model.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from liverpair.bundle import Catalogue
from liverpair.bundle.catalogue import DEFAULT_DETECTOR
from liverpair.core.sides import Side
from liverpair.detection.inference import TASK
from liverpair.evaluation.result_files import write_results
from liverpair.evaluation.score_detection import ScoredCase, measurable, score_at_rate
from liverpair.measures.froc import FALSE_RATES, froc
from liverpair.synthesis.paired_lesions_evaluation import draw_case, read_real_pair
from reproduction.arguments import add_places, command_of, results_folder
from reproduction.chapter3.dream_networks import default_root
from reproduction.chapter4.paired_detection import Arm, arm_detect, detect_all
from reproduction.recipes import SPLIT_MODEL

NAME = "display-threshold"
CASE, FIRST_SEED, SETS = "38", 900, 12
WANTED_RATE = 0.5
"""False boxes per volume that a reader is asked to bear."""

NOTES = (
    "*sensitivity*: of the lesions from 10 mm on, in the images that show them. False boxes are counted over all "
    "volumes, those without a lesion included. What would look good for the wrong reason: one patient's vessels, on "
    "which the threshold is chosen, need not be those of the next.",
)


def main(arguments: Sequence[str]) -> None:
    """Detect, find the threshold of each rate, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--model", default=DEFAULT_DETECTOR, help=f"default: {DEFAULT_DETECTOR}")
    parser.add_argument("--data-root", type=Path, help="folder of real pairs; LIVERPAIR_DATA/chaos_mr when left out")
    parser.add_argument("--write", action="store_true", help=f"put the threshold of {WANTED_RATE} into the model")
    add_places(parser, "one set of lesions")
    options = parser.parse_args(arguments)
    folder, root = results_folder(options), options.data_root or default_root()
    bundle = Catalogue().find(options.model)
    arm = Arm(f"livers drawn by {SPLIT_MODEL}", bundle, drawn_livers=False)
    seeds = range(FIRST_SEED, FIRST_SEED + (1 if options.smoke else SETS))
    scored = detect_all(arm, root, [draw_case(root, CASE, seed) for seed in seeds])
    real = read_real_pair(root, CASE)
    healthy = arm_detect(arm, (real.t1, real.t2), (real.t1_liver, real.t2_liver))
    scored.append(ScoredCase("as scanned", healthy.pairs, []))
    matches = [measurable(case.image(side)) for case in scored for side in Side]
    rates = froc(matches, FALSE_RATES)
    rows = [
        {"false boxes per volume": rate, "score from": score_at_rate(matches, rate), "sensitivity": rates[f"{rate:g}"]}
        for rate in FALSE_RATES
    ]
    chosen = max(score_at_rate(matches, WANTED_RATE), bundle.section(TASK)["score_floor"])
    shown = sum(pair.score >= chosen for pair in healthy.pairs)
    write_results(
        NAME,
        rows,
        command_of(NAME, arguments),
        data=f"CHAOS MR case {CASE}, with {len(seeds)} sets of synthetic lesions and as scanned",
        title="From which score on a lesion is shown at first",
        values={"display_threshold": chosen, "wanted_false_boxes": WANTED_RATE, "shown_as_scanned": shown},
        folder=folder,
        notes=NOTES,
    )
    if options.write:
        bundle.update(**{TASK: {**bundle.section(TASK), "display_threshold": round(chosen, 3)}})
