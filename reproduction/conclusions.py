"""What the thesis concludes, and whether it is so here: one line for each finding, from the results in a folder."""

import argparse
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverpair.core.errors import InputError
from liverpair.evaluation.result_files import RESULTS_FOLDER, write_results
from reproduction import figure_verdicts, verdicts
from reproduction.arguments import command_of
from reproduction.judging import EQUIVALENT_DICE
from reproduction.verdicts import Judged, Result

NAME = "conclusions"
NOT_MEASURED, UNDECIDED = "not measured", "cannot be told"
PUBLISHED_BOXES = {"sensitivity": 0.72, "precision": 0.92, "iou": 0.89, "moved_iou": 0.73}
"""Section 4.3."""

NOTES = (
    "*holds*: whether our figures say the same; *cannot be told* where they show neither. Published figures are from "
    "private data with lesions and far longer trainings; compare directions, not values.",
    "*yes* and *no* of differences in Dice: the paired test of the source (Wilcoxon, over images, its mean over seeds) "
    "and the trained networks (seeds are blocks, or the least significant difference of 5 % from what differs between "
    "seeds in all rows) must both show it, and it must be above the noise floor of a cross-validation. That there is "
    "no difference is said only by two one-sided tests (TOST): the interval of 90 % over networks must lie within "
    f"{EQUIVALENT_DICE:g} of Dice, which the thesis found to be nothing; that one is no better than another, by one of "
    "the two.",
    "*noise*: the least significant difference, or the noise floor where that is larger.",
)


@dataclass(frozen=True)
class Conclusion:
    """A finding of the thesis.

    Attributes:
        place: where in the thesis.
        finding: what was found.
        published: its figures.
        source: name of the result in which ours stand.
        judge: reads them; a `KeyError` tells that they were not measured.
    """

    place: str
    finding: str
    published: str
    source: str
    judge: Callable[[Result], Judged]


def main(arguments: Sequence[str]) -> None:
    """Read the results, judge, write."""
    parser = argparse.ArgumentParser(prog=f"python -m reproduction {NAME}", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS_FOLDER, help="folder of the results, read and written")
    options = parser.parse_args(arguments)
    write_results(
        NAME,
        [row(conclusion, options.results) for conclusion in CONCLUSIONS],
        command_of(NAME, arguments),
        data="the results beside this one, each with its own data and command",
        title="The findings of the thesis, and ours",
        folder=options.results,
        notes=NOTES,
    )


def row(conclusion: Conclusion, results: Path) -> dict[str, Any]:
    """One line of the table. Raises `InputError` when the result is damaged."""
    path = results / f"{conclusion.source}.json"
    ours, holds = NOT_MEASURED, None
    if path.is_file():
        with suppress(KeyError):
            ours, holds = conclusion.judge(_known(path))
    return {
        "thesis": conclusion.place,
        "finding": conclusion.finding,
        "published": conclusion.published,
        "ours": ours,
        "holds": NOT_MEASURED if ours == NOT_MEASURED else verdicts.in_words(holds) or UNDECIDED,
        "result": conclusion.source,
    }


def _known(path: Path) -> Result:
    """What a result holds, but for figures that could not be computed. Raises `InputError` when it is damaged."""
    try:
        return {key: value for key, value in json.loads(path.read_text(encoding="utf-8")).items() if value is not None}
    except (ValueError, AttributeError) as error:
        raise InputError(f"The result '{path}' is damaged.", "Run its experiment again.") from error


CONCLUSIONS = (
    Conclusion(
        "2.2.1",
        "a network can use channels that are not aligned",
        "correct",
        "figure-2-3",
        figure_verdicts.shape("dice", "nearest"),
    ),
    Conclusion("2.2.1", "also where a wrong shape is nearer", "correct", "figure-2-3", figure_verdicts.shape("misled")),
    Conclusion(
        "2.2.1",
        "where the shape has left the image the output is 0.5",
        "0.5",
        "figure-2-3",
        figure_verdicts.shape("gone", "striped"),
    ),
    Conclusion(
        "2.2.1", "above some amplitude training fails", "35 pixels", "figure-2-3", figure_verdicts.shape("limit")
    ),
    Conclusion(
        "2.2.1",
        "trained with shifts, it fails without any",
        "a hole",
        "figure-2-3",
        figure_verdicts.shape("aligned", "hole"),
    ),
    Conclusion(
        "table 2.1",
        "one image in, its mask out is best",
        "T1 0.961, T2 0.938; best other T1 0.956, T2 0.932",
        "table-2-1",
        verdicts.single_is_best,
    ),
    Conclusion(
        "table 2.1",
        "a second image as input costs Dice, less than both masks out",
        "non-specialised, one mask out -0.006, two -0.027",
        "table-2-1",
        verdicts.double_in_costs_little,
    ),
    Conclusion(
        "table 2.1",
        "both masks out costs more than noise",
        "-0.028; noise floor 0.005",
        "table-2-1",
        verdicts.double_out_costs_much,
    ),
    Conclusion(
        "table 2.1",
        "and more so in T2",
        "non-specialised T1 -0.023, T2 -0.031; specialised T1 -0.019, T2 -0.041",
        "table-2-1",
        verdicts.double_out_costs_more_in_t2,
    ),
    Conclusion(
        "table 2.1",
        "a single network for one kind of image is equal to that for both",
        "T1 -0.002, T2 -0.009, p 0.4",
        "table-2-1",
        verdicts.specialised_is_equal,
    ),
    Conclusion(
        "table 2.1",
        "the Hausdorff distance orders the strategies as Dice does",
        "said, no figures",
        "table-2-1",
        verdicts.hausdorff_orders_alike,
    ),
    Conclusion(
        "table 2.1",
        "registering T1 to T2 first does not help T2",
        "T2 0.925, single 0.938",
        "table-2-1",
        verdicts.registering_first_does_not_help,
    ),
    Conclusion(
        "table 2.1",
        "a second image as input costs Dice, non-specialised, after longer trainings",
        "-0.006 after 135,000 steps",
        "budget",
        verdicts.costs_after_longer("double-in"),
    ),
    Conclusion(
        "table 2.1",
        "both masks out costs more than noise, non-specialised, after longer trainings",
        "-0.027 after 135,000 steps",
        "budget",
        verdicts.costs_after_longer("double-out"),
    ),
    Conclusion(
        "table 2.2",
        "with both masks out a foreign partner costs most",
        "two masks out less one: non-specialised T1 +0.041, T2 +0.067, specialised T1 +0.022, T2 +0.073",
        "table-2-2",
        verdicts.double_out_uses_the_other_most,
    ),
    Conclusion(
        "table 2.2",
        "the more a network uses the other image, the lower its Dice",
        "a trend",
        "table-2-2",
        verdicts.use_goes_with_lower_dice,
    ),
    Conclusion(
        "table 2.2",
        "registered first, a network uses the other image more than as scanned",
        "T2 0.054 against 0.030",
        "table-2-2",
        verdicts.registering_first_uses_the_other_more,
    ),
    Conclusion(
        "table 2.3",
        "no loss beats cross-entropy by more than noise",
        "best: embedding -0.002; noise floor 0.005",
        "table-2-3",
        verdicts.no_loss_beats_cross_entropy,
    ),
    Conclusion(
        "table 2.3",
        "nor does Dice beat it after longer trainings",
        "T1 -0.002, T2 -0.007 after 135,000 steps",
        "budget",
        verdicts.still_no_gain("dice"),
    ),
    Conclusion(
        "table 2.3",
        "all losses but the GAN are equal to cross-entropy",
        "-0.001 to -0.005, p 0.13 to 0.74",
        "table-2-3",
        verdicts.other_losses_are_equal,
    ),
    Conclusion(
        "table 2.3", "only the plain GAN is clearly worse", "GAN -0.010", "table-2-3", verdicts.only_the_gan_is_worse
    ),
    Conclusion(
        "figure 2.8", "the gambler bets on the border", "a picture", "figure-2-8", figure_verdicts.bets_on_the_border
    ),
    Conclusion(
        "figure 2.12",
        "gradients are misaligned without a filter, aligned with one",
        "curves",
        "figure-2-12",
        figure_verdicts.a_filter_aligns,
    ),
    Conclusion(
        "figure 2.15",
        "the similarity constraint makes masks more alike",
        "a gain",
        "figure-2-15",
        figure_verdicts.similarity_gains,
    ),
    Conclusion(
        "2.3.4",
        "masks are more alike with the constraint than drawn by hand, and less without it",
        "drawn 0.955; single 0.959; double-out 0.954; constrained 0.966",
        "similarity",
        verdicts.masks_are_more_alike,
    ),
    Conclusion(
        "2.3.4",
        "the constraint raises Dice in T2, not at the cost of T1, still below single",
        "T1 +0.004, T2 +0.021; single less it T2 +0.020",
        "similarity",
        verdicts.constraint_raises_t2,
    ),
    Conclusion(
        "figure 3.9",
        "the worse a network does without the marking, the more of it it dreams",
        "a trend",
        "dream-marking",
        figure_verdicts.marking,
    ),
    Conclusion(
        "figure 3.9",
        "with up to 20 % of marked lesions the marking stays where it is",
        "a picture",
        "dream-marking",
        figure_verdicts.marking_stays,
    ),
    Conclusion(
        "figure 3.11",
        "realistic lesions are dreamt darker than fakes",
        "yes",
        "dream-fake",
        figure_verdicts.in_starts("intensity"),
    ),
    Conclusion("figure 3.11", "fakes are dreamt smaller", "yes", "dream-fake", figure_verdicts.in_starts("diameter")),
    Conclusion(
        "figure 3.12",
        "elongated fakes are dreamt elongated",
        "yes",
        "dream-elongated",
        figure_verdicts.in_starts("elongation"),
    ),
    Conclusion(
        "figure 3.13",
        "intensity moves into the normal range",
        "a curve",
        "dream-radiomics",
        figure_verdicts.radiomic("Root mean squared", "toward"),
    ),
    Conclusion(
        "figure 3.13",
        "sphericity moves into the normal range",
        "a curve",
        "dream-radiomics",
        figure_verdicts.radiomic("Sphericity", "toward"),
    ),
    Conclusion(
        "figure 3.13",
        "the perimeter changes little, within the normal range",
        "a curve",
        "dream-radiomics",
        figure_verdicts.radiomic("Perimeter", "within", "flat inside"),
    ),
    Conclusion(
        "figure 3.13",
        "GLCM contrast stays outside of the normal range",
        "a curve",
        "dream-radiomics",
        figure_verdicts.radiomic("Contrast (GLCM)", "flat outside"),
    ),
    Conclusion(
        "figure 3.13",
        "entropy stays outside of the normal range",
        "a curve",
        "dream-radiomics",
        figure_verdicts.radiomic("Entropy", "flat outside"),
    ),
    Conclusion(
        "figure 3.13",
        "large dependence emphasis leaves the normal range fast",
        "a curve",
        "dream-radiomics",
        figure_verdicts.radiomic("Large dependence emphasis", "leaves"),
    ),
    Conclusion(
        "4.3",
        "paired boxes: sensitivity, precision, IoU, IoU of moved boxes",
        ", ".join(f"{value:.2f}" for value in PUBLISHED_BOXES.values()),
        "detection-2d",
        figure_verdicts.paired_boxes(PUBLISHED_BOXES),
    ),
    Conclusion(
        "4.4", "the displacement brings a box nearer to its partner", "–", "lesion-pairs", figure_verdicts.moved_boxes
    ),
)
